"""The main job on a simulated system: history, training, an incident in the live loop, and the story of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from analysis.findings import RootCauseAnalysis
from analysis.incidents import Incident, IncidentStatus
from models.bundle import Bundle
from models.errors import ConfigurationError, UnknownNameError
from models.frames import MetricFrame
from models.simulator import Fault, FaultKind, SimulatedSystem, SimulatorSettings, pick_fault
from models.training import TrainingResult, TrainingSettings, train
from service.bootstrap import Application, simulated
from service.config import Settings
from service.records import Record
from service.store.codec import encode
from service.store.sql import SqlStore

CALM_ROWS = 30
"""Rows of normal life before the fault."""
MOST_ROWS = 240
"""The replay ends after so many rows, resolved or not."""

Count = Callable[[int, int], None]
Stage = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """What is simulated and what goes wrong.

    Parameters
    ----------
    simulator
        The system.
    fault
        Injected after the calm rows.
    days
        Of history.
    """

    simulator: SimulatorSettings
    fault: Fault
    days: int

    @classmethod
    def of(cls, kind: str, component: str = "", *, seed: int = 0, days: int = 7) -> "ReplayPlan":
        """Plan one incident.

        Parameters
        ----------
        kind
            Name of a fault kind, in any case.
        component
            Where; empty lets the seed choose one that the fault makes sense for.
        seed
            Of the system, of its noise and of the choice.
        days
            Of history.

        Returns
        -------
        ReplayPlan
            Checked; ConfigurationError if there is no such kind.

        Raises
        ------
        UnknownNameError
            If there is no such component.
        """
        simulator, wanted = SimulatorSettings(seed=seed), fault_kind(kind)
        if not component:
            return cls(simulator=simulator, fault=pick_fault(simulator, wanted), days=days)
        names = SimulatedSystem(simulator).topology.names
        if component not in names:
            raise UnknownNameError("component", component, names)
        fault = Fault(kind=wanted, component=component)
        return cls(simulator=simulator, fault=fault, days=days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened in a replay.

    Parameters
    ----------
    fault
        The truth, which nothing but this story knows.
    fault_at
        First row of the fault, UTC.
    incident
        The first one after that; None if the fault was not noticed.
    analysis
        The one that was decided on; None if there was none.
    records
        Ledger from the fault on.
    """

    fault: Fault
    fault_at: datetime
    incident: Incident | None
    analysis: RootCauseAnalysis | None
    records: tuple[Record, ...]

    @property
    def detected_after_s(self) -> float | None:
        """From the first faulty row to the incident, seconds."""
        if self.incident is None:
            return None
        first = min(a.start for a in self.incident.anomalies if a.start >= self.fault_at)
        return (max(self.incident.opened_at, first) - self.fault_at).total_seconds()

    @property
    def resolved_after_s(self) -> float | None:
        """From the first faulty row to the resolution, seconds."""
        resolved = self.incident.resolved_at if self.incident else None
        return None if resolved is None else (resolved - self.fault_at).total_seconds()

    @property
    def is_cause_first(self) -> bool:
        """Whether the injected component leads the ranking."""
        return self.analysis is not None and self.analysis.ranking[:1] == (self.fault.component,)

    def to_json(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "injected": {"kind": self.fault.kind, "component": self.fault.component, "at": encode(self.fault_at)},
            "incident": encode(self.incident),
            "analysis": encode(self.analysis),
            "is_cause_first": self.is_cause_first,
            "detected_after_s": self.detected_after_s,
            "resolved_after_s": self.resolved_after_s,
            "records": encode(self.records),
        }


class Replay:
    """A simulated system under the live loop.

    Parameters
    ----------
    system
        At the end of its history.
    app
        The wired loop.
    fault
        To be injected.
    """

    def __init__(self, system: SimulatedSystem, app: Application, fault: Fault) -> None:
        self.app = app
        self._system = system
        self._fault = fault

    @classmethod
    def wired(
        cls, plan: ReplayPlan, system: SimulatedSystem, bundle: Bundle, recent: MetricFrame, settings: Settings
    ) -> "Replay":
        """Put the loop around a system whose bundle is trained.

        Parameters
        ----------
        plan
            With the fault.
        system
            At the end of its history.
        bundle
            Trained on that history.
        recent
            Its last rows.
        settings
            In force.

        Returns
        -------
        Replay
            Ready to play.
        """
        return cls(system, simulated(system, bundle, recent, settings), plan.fault)

    def play(self, count: Count | None = None) -> Story:
        """Live through the calm, the fault, its repair, and some calm after it.

        Parameters
        ----------
        count
            Told of rows done and the most that there can be.

        Returns
        -------
        Story
            What happened.
        """
        for row in range(CALM_ROWS):
            self._live(row, count)
        fault_at = self._system.now
        self._system.inject(replace(self._fault, start=fault_at))
        for row in range(CALM_ROWS, MOST_ROWS):
            self._live(row, count)
            incident = self._incident(fault_at)
            if incident is not None and incident.status is IncidentStatus.RESOLVED:
                break
        incident = self._incident(fault_at)
        store = self.app.store
        return Story(
            fault=self._fault,
            fault_at=fault_at,
            incident=incident,
            analysis=None if incident is None else store.analysis(incident.id),
            records=tuple(r for r in _all_records(store) if r.at >= fault_at),
        )

    def _live(self, row: int, count: Count | None) -> None:
        self.app.engine.step()
        if count is not None:
            count(row + 1, MOST_ROWS)

    def _incident(self, fault_at: datetime) -> Incident | None:
        """The incident with most anomalies since the fault; it may have been open before."""
        found = self.app.store.incidents(limit=500).items
        since = {i.id: sum(anomaly.start >= fault_at for anomaly in i.anomalies) for i in found}
        return min((i for i in found if since[i.id]), key=lambda i: (-since[i.id], i.id), default=None)


def fault_kind(name: str) -> FaultKind:
    """Find a kind of fault.

    Parameters
    ----------
    name
        In any case, words joined by ``-`` or ``_``.

    Returns
    -------
    FaultKind
        The one.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    try:
        return FaultKind(name.upper().replace("-", "_"))
    except ValueError:
        raise ConfigurationError(
            f"There is no fault kind {name!r}.", remedy=f"use one of: {', '.join(FaultKind)}"
        ) from None


def _all_records(store: SqlStore) -> Iterator[Record]:
    """The whole ledger, in order."""
    records = store.records(limit=500)
    while records:
        yield from records
        records = store.records(after=records[-1].seq, limit=500)


def history_of(plan: ReplayPlan) -> tuple[SimulatedSystem, MetricFrame]:
    """Let the system live through its history.

    Parameters
    ----------
    plan
        What is simulated.

    Returns
    -------
    tuple of SimulatedSystem and MetricFrame
        The system at the end of its history, and the history.
    """
    system = SimulatedSystem(plan.simulator)
    return system, system.advance(round(plan.days * 86_400 / plan.simulator.step_s))


def learn(history: MetricFrame, created: datetime, stage: Stage | None = None) -> TrainingResult:
    """Train the default detectors on a history.

    Parameters
    ----------
    history
        Of the system.
    created
        UTC.
    stage
        Told of the progress.

    Returns
    -------
    TrainingResult
        The bundle and the report.
    """
    return train(history, TrainingSettings(), created=created, progress=stage)
