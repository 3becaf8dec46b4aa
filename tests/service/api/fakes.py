"""A backend without an engine: a real store in memory, everything else fixed values that can be changed."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from analysis.correlation import correlate
from analysis.event_graph import EventGraph
from analysis.events import from_anomalies
from analysis.topology import from_edges
from models.anomalies import AnomalySeverity
from models.errors import UnknownNameError
from models.frames import SeriesKey, to_datetime64
from service.api.backend import Chart, ComponentState, ConflictError, EngineStatus, Judgement, RunSummary, StepSummary
from service.checks.runner import CheckRunner
from service.clock import SystemClock
from service.degradations import DegradationKeeper
from service.past import history_of, latest_incidents
from service.policies import PolicyDesk, load_policies
from service.ports import ActionKind
from service.recovery.breakers import BreakerSnapshot, CircuitState
from service.recovery.checkup import Check, CheckSet, CheckType
from service.recovery.degradation_file import read_degradations
from service.recovery.guard_settings import GuardSettings
from service.recovery.isolations import Isolation, Isolations
from service.recovery.runs import RecoveryStatus
from service.recovery.strategies import RecoveryType, StepType
from service.safety import ActionSwitch
from service.safety_desk import SafetyDesk
from service.store.checks import CheckStore
from service.store.degradations import DegradationStore
from service.store.sql import SqlStore
from service.store.switch import SwitchStore
from tests.service.store.examples import MINUTE, T0, an_analysis, an_anomaly

LEVELS = """\
degradations:
  - component: checkout
    levels:
      - {name: lean, gives_up: [ads], enter: worst_score >= 1, enter_hold_s: 0, leave: worst_score < 0.5}
  - component: ../odd/näme?
    levels:
      - {name: lean, gives_up: [ads], enter: worst_score >= 1, leave: worst_score < 0.5}
"""
NOW = T0 + 60 * MINUTE
CUT = Isolations(
    (Isolation(component="payments", kind=ActionKind.ISOLATE_COMPONENT, since=T0, release_at=None, reason="test"),)
)
WELL = EngineStatus(
    is_ready=True, reason="", bundle_version="v1", rows_read=60, last_row_at=NOW - MINUTE, last_step_at=NOW
)


def a_snapshot(name, state=CircuitState.CLOSED, reason=""):
    """A breaker."""
    return BreakerSnapshot(
        name=name,
        state=state,
        failure_count=7,
        success_count=120,
        rejected_count=3,
        last_failure="timeout",
        opened_at=NOW if state is CircuitState.OPEN else None,
        reason=reason,
    )


def a_run(number, **changes):
    """A recovery run that waits for an approval."""
    fields = {
        "id": f"run-{number:04d}",
        "strategy": "restart-component",
        "type": RecoveryType.SEMIAUTOMATIC,
        "status": RecoveryStatus.WAITING_APPROVAL,
        "component": "payments-db",
        "incident_id": "inc-0001",
        "reason": "RESOURCE fault",
        "created_at": T0,
        "updated_at": T0,
        "steps": (StepSummary(name="restart", type=StepType.RESTART, status="PENDING"),),
        "approval_expires_at": NOW,
    }
    return RunSummary(**(fields | changes))


def a_safety_desk(store, now, finished=()):
    """Over a real store, with two components that have levels."""

    def runs(*, status=None, limit=100):
        return tuple(run for run in finished if status is None or run.status is status)[:limit]

    return SafetyDesk(
        switch=ActionSwitch(SwitchStore(store.database)),
        degradations=DegradationKeeper(read_degradations(LEVELS, source="fake"), DegradationStore(store.database)),
        runs=SimpleNamespace(runs=runs),
        store=store,
        guard=GuardSettings(),
        now=now,
    )


@dataclass
class FakeBackend:
    """Implements ``service.api.backend.Backend``; ``fault`` is raised by the next call of the engine."""

    store: SqlStore = field(default_factory=lambda: SqlStore("sqlite://"))
    found: tuple = (an_anomaly(deviation=float("inf")),)
    unknown: tuple = ()
    frame: object = None
    fault: Exception | None = None
    breakers_by_name: dict = field(
        default_factory=lambda: {name: a_snapshot(name) for name in ("payments-db", "../odd/näme?\0")}
    )
    runs_by_id: dict = field(default_factory=lambda: {run.id: run for run in map(a_run, range(1, 6))})
    engine: EngineStatus = WELL
    _safety: SafetyDesk | None = None

    finished: list = field(default_factory=list)
    _checks: CheckRunner | None = None
    plans: Path | None = None
    _policies: PolicyDesk | None = None

    @property
    def checks(self):
        """Real, with one check that nobody starts and a store of results."""
        self._call()
        if self._checks is None:
            check = Check(id="orders-http", component="orders", type=CheckType.HTTP_ENDPOINT)
            self._checks = CheckRunner(
                lambda: CheckSet([check]),
                store=CheckStore(self.store.database),
                clock=SystemClock(),
                now=self.now,
                publish=self.store.append,
            )
        return self._checks

    @property
    def policies(self):
        """Real, with the shipped strategies and boundaries."""
        self._call()
        if self._policies is None:
            names = ("orders", "payments", "../odd/näme?")
            self._policies = PolicyDesk(
                load_policies(None, None, names),
                load=lambda: load_policies(self.plans, None, names),
                check=lambda _: None,
                use=lambda _: None,
                isolations=lambda: CUT,
                now=self.now,
                publish=self.store.append,
            )
        return self._policies

    @property
    def safety(self):
        """Real, over the store in memory; its runs are those of ``finished``."""
        self._call()
        if self._safety is None:
            self._safety = a_safety_desk(self.store, self.now, self.finished)
        return self._safety

    def _call(self):
        if self.fault is not None:
            raise self.fault

    def now(self) -> datetime:
        """An hour after T0."""
        return NOW

    def status(self):
        """As set."""
        return self.engine

    def edges(self):
        """A chain."""
        self._call()
        return (("orders", "payments"), ("payments", "payments-db"))

    def component_states(self):
        """One bad, one unknown."""
        self._call()
        shared = {"is_isolated": False, "breaker": ""}
        return (
            ComponentState(component="orders", score=3.0, severity=AnomalySeverity.HIGH, last_seen=NOW, **shared),
            ComponentState(component="payments", score=float("nan"), severity=None, last_seen=None, **shared),
        )

    def chart(self, key, start, end):
        """Minutes from T0 to NOW, of one series."""
        if key != SeriesKey("orders", "latency_p95_s"):
            raise UnknownNameError("series", str(key))
        times = np.arange(to_datetime64(T0), to_datetime64(NOW), np.timedelta64(60, "s"))
        times = times[(times >= to_datetime64(start)) & (times < to_datetime64(end))]
        values = np.arange(len(times), dtype=float)
        values[:1] = np.nan
        return Chart(key=key, times=times, values=values, expected=values, lower=values - 1, upper=values + 1)

    def score(self, frame):
        """The anomalies as set; keeps the frame."""
        self._call()
        self.frame = frame
        return Judgement(anomalies=self.found, unknown=self.unknown)

    def diagnose(self, incident_id):
        """Always the same."""
        self._call()
        self.store.save_analysis(incident_id, an_analysis(), NOW)
        return an_analysis()

    def event_graph(self, incident_id):
        """Of the anomalies in the store."""
        self._call()
        return EventGraph(from_anomalies(self.store.incident(incident_id).anomalies), from_edges(self.edges()))

    def correlations(self, most):
        """Of the incidents in the store; there are no metrics."""
        self._call()
        past = latest_incidents(self.store, most)
        return past, correlate(history_of(self.store, past, from_edges(self.edges()), None, NOW))

    def breakers(self):
        """As set."""
        return tuple(self.breakers_by_name.values())

    def trip_breaker(self, name, reason):
        """Open it."""
        self._set(name, CircuitState.OPEN, reason)

    def reset_breaker(self, name, reason):
        """Close it."""
        self._set(name, CircuitState.CLOSED, "")

    def force_breaker(self, name, state, reason):
        """Put it there."""
        self._set(name, state, reason)

    def _set(self, name, state, reason):
        self._call()
        if name not in self.breakers_by_name:
            raise UnknownNameError("component", name, self.breakers_by_name)
        self.breakers_by_name[name] = a_snapshot(name, state, reason)

    def runs(self):
        """As set."""
        return tuple(self.runs_by_id.values())

    def run(self, run_id):
        """As set."""
        if run_id not in self.runs_by_id:
            raise UnknownNameError("recovery run", run_id)
        return self.runs_by_id[run_id]

    def approve_run(self, run_id, by):
        """Let it run."""
        self._move(run_id, RecoveryStatus.RUNNING, f"approved by {by}")

    def cancel_run(self, run_id, reason):
        """End it."""
        self._move(run_id, RecoveryStatus.CANCELLED, reason)

    def _move(self, run_id, status, reason):
        self._call()
        if run_id not in self.runs_by_id:
            raise UnknownNameError("recovery run", run_id)
        run = self.runs_by_id[run_id]
        if run.status is not RecoveryStatus.WAITING_APPROVAL:
            raise ConflictError(f"Run {run_id} is {run.status}.")
        self.runs_by_id[run_id] = replace(run, status=status, reason=reason)
