"""What a breaker tells: snapshots, events, refusals."""

import math
from dataclasses import dataclass
from datetime import datetime

from models.errors import FaultlineError
from service.records import Record, RecordKind
from service.recovery.breakers.states import CircuitSignal, CircuitState

_KINDS = {
    CircuitState.OPEN: RecordKind.CIRCUIT_BREAKER_TRIPPED,
    CircuitState.HALF_OPEN: RecordKind.CIRCUIT_BREAKER_HALF_OPENED,
    CircuitState.CLOSED: RecordKind.CIRCUIT_BREAKER_RESET,
    CircuitState.FORCED_OPEN: RecordKind.CIRCUIT_BREAKER_FORCED,
    CircuitState.DISABLED: RecordKind.CIRCUIT_BREAKER_FORCED,
    CircuitState.METRICS_ONLY: RecordKind.CIRCUIT_BREAKER_FORCED,
}


class BreakerOpenError(FaultlineError):
    """A call was refused because the breaker is open, or all probes of a half-open one are taken.

    Its text is written when somebody reads it: refusing must cost little.

    Parameters
    ----------
    name
        The breaker.
    reason
        Why it was opened.
    retry_after_s
        When a probe may be let through, seconds; infinity where only a reset lets calls pass.
    """

    def __init__(self, name: str, reason: str, retry_after_s: float) -> None:
        # Without super().__init__: the text comes later.
        self.name = name
        self.reason = reason
        self.retry_after_s = retry_after_s

    @property
    def remedy(self) -> str:  # type: ignore[override]  # reckoned here, so that refusing stays cheap
        """What the caller can do about it."""
        return f"try again in {self.retry_after_s:.3g} s" if math.isfinite(self.retry_after_s) else "reset it"

    def __str__(self) -> str:
        return f"The circuit breaker {self.name!r} refuses the call: {self.reason}. Remedy: {self.remedy}"


class CallTimeoutError(FaultlineError, TimeoutError):
    """An asynchronous call was cancelled because it took longer than ``call_timeout_s``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerEvent:
    """One change of state.

    Parameters
    ----------
    name
        The breaker.
    previous, state
        Before and after.
    signal
        What moved it.
    reason
        For people.
    at
        UTC.
    """

    name: str
    previous: CircuitState
    state: CircuitState
    signal: CircuitSignal
    reason: str
    at: datetime

    def to_record(self, incident_id: str = "") -> Record:
        """Write it as a line of the ledger.

        Parameters
        ----------
        incident_id
            The incident it belongs to, if any.

        Returns
        -------
        Record
            Tripped, half-opened, reset or forced.
        """
        return Record(
            at=self.at,
            kind=_KINDS[self.state],
            subject=self.name,
            message=f"Breaker {self.name}: {self.previous} to {self.state}"
            + (f", {self.reason}" if self.reason else ""),
            incident_id=incident_id,
            data={"previous": self.previous, "state": self.state, "signal": self.signal, "reason": self.reason},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSnapshot:
    """A breaker at one moment.

    Parameters
    ----------
    name
        The breaker; on a board, the component.
    state
        Where it stands.
    failure_count, success_count, rejected_count, late_count, slow_count, opened_count
        Totals since it was made.
    last_failure
        What the latest failure said; empty if there was none.
    opened_at
        UTC, reckoned from the monotonic clock; None unless it is open.
    reason
        Why it was opened or forced; empty when closed.
    recent_calls, recent_failures, recent_slow
        Calls in the window, failures among them, slow ones among them.
    retry_after_s
        When a refused caller may try again, seconds; infinity where only a reset lets calls pass.
    listener_error_count
        Listeners that raised.
    lost_event_count
        Events that no listener was told of, because too many waited.
    """

    name: str
    state: CircuitState
    failure_count: int
    success_count: int
    rejected_count: int
    last_failure: str
    opened_at: datetime | None
    reason: str
    late_count: int = 0
    slow_count: int = 0
    opened_count: int = 0
    recent_calls: int = 0
    recent_failures: int = 0
    recent_slow: int = 0
    retry_after_s: float = 0.0
    listener_error_count: int = 0
    lost_event_count: int = 0

    @property
    def failure_rate(self) -> float:
        """Share of failures in the window; NaN if it is empty."""
        return self.recent_failures / self.recent_calls if self.recent_calls else math.nan

    @property
    def slow_rate(self) -> float:
        """Share of slow calls in the window; NaN if it is empty."""
        return self.recent_slow / self.recent_calls if self.recent_calls else math.nan
