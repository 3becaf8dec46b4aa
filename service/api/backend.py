"""What the HTTP edge and the page need from the engine, as protocols and plain values. The engine implements it.

A backend raises ``UnknownNameError`` for a name that nobody knows (404), ``InputError`` for input that cannot be used
(422), ``ConflictError`` or an illegal transition where the present state forbids it (409), ``NotFittedError`` without a
trained bundle (409), ``TransientError`` for trouble that may pass (503) and ``PermanentError`` for other trouble of a
port (502). Methods are called from several threads at once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.correlation import Correlations
from analysis.event_graph import EventGraph
from analysis.findings import RootCauseAnalysis
from models.anomalies import Anomaly, AnomalySeverity
from models.errors import FaultlineError
from models.frames import MetricFrame, SeriesKey
from service.checks.runner import CheckRunner
from service.past import Past
from service.policies import PolicyDesk
from service.recovery.breakers import BreakerSnapshot, CircuitState
from service.recovery.health import HealthStatus
from service.recovery.runs import RecoveryStatus
from service.recovery.strategies import RecoveryType, StepType
from service.safety_desk import SafetyDesk
from service.store.sql import SqlStore


class ConflictError(FaultlineError):
    """The present state does not allow what is asked for; nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentState:
    """How one component is at this moment.

    Parameters
    ----------
    component
        Its name.
    score
        The worst current calibrated score of its metrics, 1.0 is the alarm boundary; NaN if unknown.
    severity
        The gravest of its anomalies in open incidents; None if it has none.
    is_isolated
        Whether it is cut off.
    breaker
        State of its breaker; empty if it has none.
    last_seen
        Time of its latest metric value, UTC; None if there was never one.
    health
        What its metrics and health checks say, several in a row.
    """

    component: str
    score: float
    severity: AnomalySeverity | None
    is_isolated: bool
    breaker: str
    last_seen: datetime | None
    health: HealthStatus = HealthStatus.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chart:
    """One series with what was expected of it; all arrays have the same length.

    Parameters
    ----------
    key
        The series.
    times
        datetime64[us], UTC.
    values
        In the metric's unit; NaN means missing.
    expected, lower, upper
        The model's expectation and its band; NaN where there is none.
    """

    key: SeriesKey
    times: NDArray[np.datetime64]
    values: NDArray[np.float64]
    expected: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the bundle in force says of rows that somebody sent.

    Parameters
    ----------
    anomalies
        What is abnormal in them.
    unknown
        Series that it was not trained on; they were not judged.
    """

    anomalies: tuple[Anomaly, ...]
    unknown: tuple[SeriesKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSummary:
    """One step of a recovery run.

    Parameters
    ----------
    name
        Unique in its strategy.
    type
        What it is for.
    status
        PENDING, RUNNING, SKIPPED, or how its latest try ended: SUCCEEDED, FAILED, IN_DOUBT, ROLLED_BACK,
        ROLLBACK_FAILED or LEFT_TO_OPERATOR.
    attempts
        How often it was tried.
    detail
        What came of it, one sentence; before that what it is for.
    started_at, finished_at
        UTC; None before.
    """

    name: str
    type: StepType
    status: str
    attempts: int = 0
    detail: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One recovery run.

    Parameters
    ----------
    id
        Unique; sorts by time.
    strategy
        Id of its strategy.
    type
        Who decides that it is carried out.
    status
        Where it stands.
    component
        To whom it is done.
    incident_id
        For which incident; empty if none.
    reason
        Why it ended, or will end; empty while it goes forward.
    created_at, updated_at
        UTC.
    steps
        In the order of the plan.
    approval_expires_at
        Until when an approval counts, UTC; None if it does not wait for one.
    approvals
        Who approved so far.
    approvals_needed
        So many different people must approve; 0 if none.
    plan
        The steps in words, for an operator.
    """

    id: str
    strategy: str
    type: RecoveryType
    status: RecoveryStatus
    component: str
    incident_id: str
    reason: str
    created_at: datetime
    updated_at: datetime
    steps: tuple[StepSummary, ...] = ()
    approval_expires_at: datetime | None = None
    approvals: tuple[str, ...] = ()
    approvals_needed: int = 0
    plan: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """How the loop itself is.

    Parameters
    ----------
    is_ready
        Whether it watches: a bundle is loaded and the loop runs.
    reason
        Why it is not ready, or what is wrong; empty if all is well.
    bundle_version
        The model in force; empty if there is none.
    rows_read
        Metric rows since the start.
    last_row_at
        Time of the newest metric row, UTC; None before the first.
    last_step_at
        When the loop last finished a step, UTC, in the same clock as ``Backend.now``; None before the first.
    error_count
        Steps of the loop that failed since the start.
    is_acting
        False in a dry run.
    """

    is_ready: bool
    reason: str
    bundle_version: str
    rows_read: int
    last_row_at: datetime | None
    last_step_at: datetime | None
    error_count: int = 0
    is_acting: bool = True


class Watching(Protocol):
    """What is there to see."""

    @property
    def store(self) -> SqlStore:
        """Where everything is kept."""

    def now(self) -> datetime:
        """The engine's time, UTC: of the machine, or of the replay."""

    def status(self) -> EngineStatus:
        """How the loop is; must answer at once."""

    def edges(self) -> tuple[tuple[str, str], ...]:
        """Caller and callee of every known dependency."""

    def component_states(self) -> tuple[ComponentState, ...]:
        """All components that metrics or edges name, each once."""

    def chart(self, key: SeriesKey, start: datetime, end: datetime) -> Chart:
        """The rows with start <= time < end that are still in memory; UnknownNameError for an unknown series."""


class Judging(Protocol):
    """What can be asked of the models and the analysis."""

    def score(self, frame: MetricFrame) -> Judgement:
        """Judge rows that somebody sends, by the bundle in force; changes nothing. InputError if it knows no series."""

    def diagnose(self, incident_id: str) -> RootCauseAnalysis:
        """Run the analysis of an incident again, now, and keep it in the store."""

    def event_graph(self, incident_id: str) -> EventGraph:
        """Lay out the events of an incident: what can have led to what."""

    def correlations(self, most: int) -> tuple[Past, Correlations]:
        """Look for relations among so many of the latest incidents."""


class Acting(Protocol):
    """What can be done by hand."""

    def breakers(self) -> tuple[BreakerSnapshot, ...]:
        """All circuit breakers."""

    def trip_breaker(self, name: str, reason: str) -> None:
        """Open a breaker."""

    def reset_breaker(self, name: str, reason: str) -> None:
        """Close a breaker."""

    def force_breaker(self, name: str, state: CircuitState, reason: str) -> None:
        """Put a breaker into a forced state, which only a reset ends."""

    def runs(self) -> tuple[RunSummary, ...]:
        """The latest recovery runs, newest first."""

    def run(self, run_id: str) -> RunSummary:
        """One recovery run, however old; UnknownNameError if there is none."""

    def approve_run(self, run_id: str, by: str) -> None:
        """Let a run go on that waits for an approval."""

    def cancel_run(self, run_id: str, reason: str) -> None:
        """End a run; what it did is rolled back as its strategy says."""


class Guarding(Protocol):
    """What keeps the acting in bounds."""

    @property
    def safety(self) -> SafetyDesk:
        """The switch, the guards, the levels; answers at once, whatever the loop does."""


class Checking(Protocol):
    """How the health checks are."""

    @property
    def checks(self) -> CheckRunner:
        """The health checks in force; answers at once, whatever they do."""


class Deciding(Protocol):
    """What decisions are made by."""

    @property
    def policies(self) -> PolicyDesk:
        """The strategies and boundaries in force; answers at once, but for a reload."""


class Backend(Watching, Checking, Judging, Acting, Guarding, Deciding, Protocol):
    """Everything that the HTTP edge needs."""
