"""The transition table of the breaker, pair by pair."""

import itertools

import pytest

from service.recovery.breakers.states import CircuitSignal as S
from service.recovery.breakers.states import CircuitState as C
from service.recovery.breakers.states import IllegalSignalError, next_state

EXPECTED = {
    (C.CLOSED, S.FAILURES_REACHED): C.OPEN,
    (C.CLOSED, S.TRIP): C.OPEN,
    (C.OPEN, S.RESET_TIMEOUT_PASSED): C.HALF_OPEN,
    (C.OPEN, S.TRIP): C.OPEN,
    (C.HALF_OPEN, S.PROBES_SUCCEEDED): C.CLOSED,
    (C.HALF_OPEN, S.PROBE_FAILED): C.OPEN,
    (C.HALF_OPEN, S.PROBES_LOST): C.OPEN,
    (C.HALF_OPEN, S.TRIP): C.OPEN,
}
BY_HAND = {S.RESET: C.CLOSED, S.FORCE_OPEN: C.FORCED_OPEN, S.DISABLE: C.DISABLED, S.OBSERVE: C.METRICS_ONLY}


@pytest.mark.parametrize(("state", "signal"), list(itertools.product(C, S)))
def test_every_pair_moves_as_declared_or_is_refused(state, signal):
    """Each of the 60 pairs has its one meaning; a person's signals work everywhere, the others raise."""
    if signal in BY_HAND:
        assert next_state(state, signal) is BY_HAND[signal]
    elif (state, signal) in EXPECTED:
        assert next_state(state, signal) is EXPECTED[state, signal]
    else:
        with pytest.raises(IllegalSignalError, match=f"{state} cannot take {signal}"):
            next_state(state, signal)


def test_what_a_person_forced_is_known():
    """The error of an automatic signal names the way out."""
    assert [state for state in C if state.is_forced] == [C.FORCED_OPEN, C.DISABLED, C.METRICS_ONLY]
    with pytest.raises(IllegalSignalError, match=r"DISABLED cannot take TRIP. Remedy: reset it first"):
        next_state(C.DISABLED, S.TRIP)
