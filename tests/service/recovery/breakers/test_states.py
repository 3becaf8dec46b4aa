"""The transition table of the breaker, pair by pair."""

import itertools

import pytest

from service.recovery.breakers.states import CircuitSignal as S
from service.recovery.breakers.states import CircuitState as C
from service.recovery.breakers.states import IllegalSignalError, next_state

EXPECTED = {
    (C.CLOSED, S.FAILURES_REACHED): C.OPEN,
    (C.CLOSED, S.TRIP): C.OPEN,
    (C.CLOSED, S.RESET): C.CLOSED,
    (C.OPEN, S.RESET_TIMEOUT_PASSED): C.HALF_OPEN,
    (C.OPEN, S.TRIP): C.OPEN,
    (C.OPEN, S.RESET): C.CLOSED,
    (C.HALF_OPEN, S.PROBES_SUCCEEDED): C.CLOSED,
    (C.HALF_OPEN, S.PROBE_FAILED): C.OPEN,
    (C.HALF_OPEN, S.PROBES_LOST): C.OPEN,
    (C.HALF_OPEN, S.TRIP): C.OPEN,
    (C.HALF_OPEN, S.RESET): C.CLOSED,
}


@pytest.mark.parametrize(("state", "signal"), list(itertools.product(C, S)))
def test_every_pair_moves_as_declared_or_is_refused(state, signal):
    """Each of the 21 pairs has its one meaning; the others raise."""
    if (state, signal) in EXPECTED:
        assert next_state(state, signal) is EXPECTED[state, signal]
    else:
        with pytest.raises(IllegalSignalError, match=f"{state} cannot take {signal}"):
            next_state(state, signal)
