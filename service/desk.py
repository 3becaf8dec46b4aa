"""What people and programs ask the running engine: the backend of the HTTP edge and of the page."""

from datetime import datetime

import numpy as np

from analysis.correlation import Correlations, correlate
from analysis.event_graph import EventGraph, window_of
from analysis.findings import RootCauseAnalysis
from analysis.incidents import Incident
from analysis.topology import from_edges
from models.errors import InputError, UnknownNameError
from models.evidence import find_anomalies
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.scoring import BundleScores, Scorer
from service.api.backend import Chart, ComponentState, ConflictError, EngineStatus, Judgement, RunSummary
from service.api.runs import summarise
from service.checks.runner import CheckRunner
from service.engine import Engine
from service.incident_events import incident_events
from service.journal import RecoveryJournal
from service.past import Past, history_of, latest_incidents
from service.policies import PolicyDesk
from service.ports import Clock
from service.records import RecordKind
from service.recovery.breakers import BreakerBoard, BreakerSnapshot, CircuitState
from service.recovery.checkup import with_checks
from service.recovery.health import HealthStatus
from service.recovery.lifecycle import IllegalRunSignalError
from service.safety_desk import SafetyDesk
from service.store.paging import MAX_LIMIT
from service.store.sql import SqlStore

SHOWN = 5
"""Of the series that nobody knows, the error names so many."""


class Desk:
    """The engine as its users see it; safe to call from any thread.

    Parameters
    ----------
    engine
        The loop.
    journal
        Its recovery runs.
    board
        Its breakers.
    store
        Where everything is kept.
    clock
        The engine's time.
    is_acting
        Whether decisions are carried out.
    safety
        The switch, the guards, the levels.
    checks
        The health checks.
    policies
        The strategies and boundaries in force.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: RecoveryJournal,
        board: BreakerBoard,
        store: SqlStore,
        clock: Clock,
        is_acting: bool,
        safety: SafetyDesk,
        checks: CheckRunner,
        policies: PolicyDesk,
    ) -> None:
        self.store = store
        self.policies = policies
        self.checks = checks
        self.safety = safety
        self._engine = engine
        self._journal = journal
        self._board = board
        self._clock = clock
        self._is_acting = is_acting

    def now(self) -> datetime:
        """The engine's time, UTC."""
        return self._clock.now()

    def status(self) -> EngineStatus:
        """How the loop is."""
        pulse, observer = self._engine.pulse, self._engine.observer
        frame = observer.frame
        wrong = (
            [] if self._engine.is_going else ["the loop has ended, nothing is watched any more: restart the service"]
        )
        wrong += [f"{stage}: {what}" for stage, what in list(pulse.failing.items())]
        return EngineStatus(
            is_ready=self._engine.is_going,
            reason="; ".join(wrong),
            bundle_version=observer.bundle.model_version,
            rows_read=pulse.rows_read,
            last_row_at=to_datetime(frame.times[-1]) if frame.n_rows else None,
            last_step_at=pulse.last_step_at,
            error_count=pulse.error_count,
            is_acting=self._is_acting,
        )

    def edges(self) -> tuple[tuple[str, str], ...]:
        """Caller and callee of every known dependency."""
        return self._engine.edges or ()

    def component_states(self) -> tuple[ComponentState, ...]:
        """All components that metrics or edges name, each once."""
        with self._engine.lock:
            scores, incidents = self._engine.observer.scores, self._engine.casebook.open
            isolated = self._journal.isolations().isolated
            healths = with_checks(self._engine.health.statuses, self.checks.views())
            breakers = {snapshot.name: snapshot.state.value for snapshot in self._board.snapshots()}
        names = {*scores.frame.components, *(name for edge in self.edges() for name in edge)}
        return tuple(
            _state(
                name,
                scores,
                incidents,
                is_isolated=name in isolated,
                breaker=breakers.get(name, ""),
                health=healths.get(name, HealthStatus.UNKNOWN),
            )
            for name in sorted(names)
        )

    def chart(self, key: SeriesKey, start: datetime, end: datetime) -> Chart:
        """One series with its band, as far as it is still in memory."""
        with self._engine.lock:
            scores = self._engine.observer.scores
        if key not in scores.frame.keys:
            raise UnknownNameError("series", str(key), (str(k) for k in scores.frame.keys))
        column = scores.frame.keys.index(key)
        rows = slice(scores.frame.row_at(start), scores.frame.row_at(end))
        return Chart(
            key=key,
            times=scores.frame.times[rows],
            values=scores.frame.values[rows, column],
            expected=scores.expected[rows, column],
            lower=scores.lower[rows, column],
            upper=scores.upper[rows, column],
        )

    def score(self, frame: MetricFrame) -> Judgement:
        """Judge rows that somebody sends, by the bundle in force and what is usual now; nothing is learnt.

        InputError if the bundle knows none of the series: an answer without anomalies would look like calm.
        """
        with self._engine.lock:
            bundle, memory = self._engine.observer.bundle, self._engine.observer.memory
        scores = Scorer(bundle, memory).advance(frame)
        if len(scores.unknown) == frame.n_series:
            shown = ", ".join(str(key) for key in scores.unknown[:SHOWN]) + (", ..." if frame.n_series > SHOWN else "")
            raise InputError(
                f"the bundle {bundle.model_version} knows none of the {frame.n_series} series: {shown}.",
                remedy="send series that it was trained on; /api/v1/topology names the components.",
            )
        return Judgement(anomalies=find_anomalies(bundle, scores), unknown=scores.unknown)

    def diagnose(self, incident_id: str) -> RootCauseAnalysis:
        """Run the analysis of an incident again and keep it; ConflictError if its metrics are forgotten.

        It looks at the time before the first action: what comes after is the work of the action too.
        """
        with self._engine.lock:
            incident = self.store.incident(incident_id)
            acted = [run.acted_at for run in self._journal.runs(incident_id=incident_id) if run.acted_at is not None]
            frame, moment = self._engine.observer.frame, min([incident.resolved_at or self.now(), *acted])
            if not frame.n_rows or incident.onset <= to_datetime(frame.start):
                raise ConflictError(
                    f"The metrics of incident {incident_id} are no longer in memory; its last analysis stays."
                )
            return self._engine.casebook.analyse(incident, frame, self._engine.edges, moment)

    def event_graph(self, incident_id: str) -> EventGraph:
        """Lay out the events of an incident: anomalies, changes before it, changes of health, and what we did."""
        incident = self.store.incident(incident_id)
        changes = self._engine.casebook.changes_before(incident, incident.resolved_at or self.now())
        ours = self.store.records(incident_id=incident_id, limit=MAX_LIMIT)
        healths = self.store.records(kind=RecordKind.HEALTH_CHANGED, newest_first=True, limit=MAX_LIMIT)
        events = incident_events(incident, changes, [*ours, *healths])
        return EventGraph(events, from_edges(self.edges()), window_s=window_of(incident.anomalies[0].step_s))

    def correlations(self, most: int) -> tuple[Past, Correlations]:
        """Look for relations among the latest incidents, by the metrics that are still in memory."""
        with self._engine.lock:
            frame = self._engine.observer.frame
        past = latest_incidents(self.store, most)
        graph = from_edges(self.edges())
        return past, correlate(history_of(self.store, past, graph, frame if frame.n_rows else None, self.now()))

    def breakers(self) -> tuple[BreakerSnapshot, ...]:
        """All circuit breakers."""
        return self._board.snapshots()

    def trip_breaker(self, name: str, reason: str) -> None:
        """Open a breaker."""
        self._board.trip(name, reason)

    def reset_breaker(self, name: str, reason: str) -> None:
        """Close a breaker."""
        self._board.reset(name, reason)

    def force_breaker(self, name: str, state: CircuitState, reason: str) -> None:
        """Put a breaker into a forced state."""
        self._board.force(name, state, reason)

    def runs(self) -> tuple[RunSummary, ...]:
        """The latest recovery runs, newest first."""
        with self._engine.lock:
            runs = self._journal.runs(limit=MAX_LIMIT)
        return tuple(summarise(run) for run in sorted(runs, key=lambda run: run.id, reverse=True))

    def run(self, run_id: str) -> RunSummary:
        """One recovery run, however old."""
        return summarise(self._journal.run(run_id))

    def approve_run(self, run_id: str, by: str) -> None:
        """Let a run go on that waits for an approval, if the approver may."""
        self.safety.check_approver(by)
        with self._engine.lock:
            try:
                self._journal.approve(run_id, by, self.now())
            except IllegalRunSignalError as error:
                raise ConflictError(str(error)) from error

    def cancel_run(self, run_id: str, reason: str) -> None:
        """End a run; what it did is rolled back as its strategy says."""
        with self._engine.lock:
            try:
                self._journal.cancel(run_id, self.now(), reason)
            except IllegalRunSignalError as error:
                raise ConflictError(str(error)) from error


def _state(
    name: str,
    scores: BundleScores,
    incidents: tuple[Incident, ...],
    *,
    is_isolated: bool,
    breaker: str,
    health: HealthStatus,
) -> ComponentState:
    columns = [i for i, key in enumerate(scores.frame.keys) if key.component == name]
    newest = scores.score[-1:, columns]
    seen = np.flatnonzero(~np.isnan(scores.frame.values[:, columns]).all(axis=1))
    severities = [a.severity for i in incidents for a in i.anomalies if a.key.component == name]
    gravest = max(severities, key=lambda s: s.rank, default=None)
    return ComponentState(
        component=name,
        score=float("nan") if np.isnan(newest).all() else float(np.nanmax(newest)),
        severity=gravest,
        is_isolated=is_isolated,
        breaker=breaker,
        last_seen=to_datetime(scores.frame.times[seen[-1]]) if len(seen) else None,
        health=health,
    )
