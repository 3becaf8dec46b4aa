"""A backend without an engine: a real store in memory, everything else fixed values that can be changed."""

from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from analysis.correlation import correlate
from analysis.event_graph import EventGraph
from analysis.events import from_anomalies
from analysis.topology import from_edges
from models.anomalies import AnomalySeverity
from models.errors import UnknownNameError
from models.frames import SeriesKey, to_datetime64
from service.api.backend import Chart, ComponentState, ConflictError, EngineStatus, Judgement, RunSummary, StepSummary
from service.past import history_of, latest_incidents
from service.recovery.breakers import BreakerSnapshot, CircuitState
from service.recovery.runs import RecoveryStatus
from service.recovery.strategies import RecoveryType, StepType
from service.store.sql import SqlStore
from tests.service.store.examples import MINUTE, T0, an_analysis, an_anomaly

NOW = T0 + 60 * MINUTE
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
