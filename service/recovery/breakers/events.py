"""What a breaker tells: snapshots, events, refusals."""

from dataclasses import dataclass
from datetime import datetime

from models.errors import FaultlineError
from service.records import Record, RecordKind
from service.recovery.breakers.states import CircuitSignal, CircuitState

_KINDS = {
    CircuitState.OPEN: RecordKind.CIRCUIT_BREAKER_TRIPPED,
    CircuitState.HALF_OPEN: RecordKind.CIRCUIT_BREAKER_HALF_OPENED,
    CircuitState.CLOSED: RecordKind.CIRCUIT_BREAKER_RESET,
}


class BreakerOpenError(FaultlineError):
    """A call was refused because the breaker is open, or all probes of a half-open one are taken.

    Parameters
    ----------
    name
        The breaker.
    reason
        Why it was opened.
    retry_after_s
        When a probe may be let through, seconds.
    """

    def __init__(self, name: str, *, reason: str, retry_after_s: float) -> None:
        super().__init__(
            f"The circuit breaker {name!r} refuses the call: {reason}.", remedy=f"try again in {retry_after_s:.3g} s"
        )
        self.name = name
        self.reason = reason
        self.retry_after_s = retry_after_s


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
            Tripped, half-opened or reset.
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
    failure_count, success_count, rejected_count, late_count
        Totals since it was made.
    recent_failures
        Failures that count against the threshold now.
    last_failure
        What the latest failure said; empty if there was none.
    opened_at
        UTC, reckoned from the monotonic clock; None unless it is open.
    reason
        Why it was opened; empty when closed.
    retry_after_s
        When a refused caller may try again, seconds.
    listener_error_count
        Listeners that raised.
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
    recent_failures: int = 0
    retry_after_s: float = 0.0
    listener_error_count: int = 0
