"""The states of a breaker and the table of its transitions; what decides and what counts is elsewhere.

Every pair that is not in the table is illegal and changes nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from models.errors import FaultlineError


class CircuitState(StrEnum):
    """Where a breaker stands; the spelling on the wire is fixed."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"
    FORCED_OPEN = "FORCED_OPEN"
    DISABLED = "DISABLED"
    METRICS_ONLY = "METRICS_ONLY"

    @property
    def is_forced(self) -> bool:
        """Whether a person put it there, so that only a person moves it."""
        return self in FORCED


class CircuitSignal(StrEnum):
    """What can move a breaker."""

    FAILURES_REACHED = "FAILURES_REACHED"
    RESET_TIMEOUT_PASSED = "RESET_TIMEOUT_PASSED"
    PROBES_SUCCEEDED = "PROBES_SUCCEEDED"
    PROBE_FAILED = "PROBE_FAILED"
    PROBES_LOST = "PROBES_LOST"
    TRIP = "TRIP"
    RESET = "RESET"
    FORCE_OPEN = "FORCE_OPEN"
    DISABLE = "DISABLE"
    OBSERVE = "OBSERVE"


class Verdict(StrEnum):
    """What a call says about the dependency; a cancelled call says nothing."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELLED = "CANCELLED"


class IllegalSignalError(FaultlineError):
    """A signal that has no meaning in the present state; nothing changed."""


FORCED: Mapping[CircuitState, CircuitSignal] = MappingProxyType(
    {
        CircuitState.FORCED_OPEN: CircuitSignal.FORCE_OPEN,
        CircuitState.DISABLED: CircuitSignal.DISABLE,
        CircuitState.METRICS_ONLY: CircuitSignal.OBSERVE,
    }
)
"""The states that a person puts a breaker into, each with its signal; ``RESET`` is the only way back."""

TRANSITIONS: Mapping[tuple[CircuitState, CircuitSignal], CircuitState] = MappingProxyType(
    {
        (CircuitState.CLOSED, CircuitSignal.FAILURES_REACHED): CircuitState.OPEN,
        (CircuitState.CLOSED, CircuitSignal.TRIP): CircuitState.OPEN,
        (CircuitState.OPEN, CircuitSignal.RESET_TIMEOUT_PASSED): CircuitState.HALF_OPEN,
        (CircuitState.OPEN, CircuitSignal.TRIP): CircuitState.OPEN,
        (CircuitState.HALF_OPEN, CircuitSignal.PROBES_SUCCEEDED): CircuitState.CLOSED,
        (CircuitState.HALF_OPEN, CircuitSignal.PROBE_FAILED): CircuitState.OPEN,
        (CircuitState.HALF_OPEN, CircuitSignal.PROBES_LOST): CircuitState.OPEN,
        (CircuitState.HALF_OPEN, CircuitSignal.TRIP): CircuitState.OPEN,
    }
    | {(state, CircuitSignal.RESET): CircuitState.CLOSED for state in CircuitState}
    | {(state, signal): forced for state in CircuitState for forced, signal in FORCED.items()}
)


def next_state(state: CircuitState, signal: CircuitSignal) -> CircuitState:
    """Look a transition up.

    Parameters
    ----------
    state
        The present one.
    signal
        What happened.

    Returns
    -------
    CircuitState
        The next one; may be the same.

    Raises
    ------
    IllegalSignalError
        If the table does not hold the pair.
    """
    try:
        return TRANSITIONS[state, signal]
    except KeyError:
        remedy = "reset it first" if state.is_forced else ""
        raise IllegalSignalError(f"A breaker that is {state} cannot take {signal}.", remedy=remedy) from None
