"""The window equals the obvious count."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.recovery.breakers.window import CallWindow

CALLS = st.lists(st.tuples(st.floats(0, 9), st.booleans(), st.booleans()), max_size=60)


@given(CALLS, st.integers(1, 12), st.sampled_from([5.0, 20.0, math.inf]))
def test_it_counts_the_last_calls_that_are_young(calls, size, period_s):
    """Against keeping all calls: those among the last ``size`` and younger than the period, good and bad ones."""
    window, now_s, kept = CallWindow(size, period_s), 0.0, []
    for gap, is_failure, is_slow in calls:
        now_s += gap
        kept.append((now_s, is_failure, is_slow))
        if is_failure or is_slow:
            window.add_bad(now_s, is_failure=is_failure, is_slow=is_slow)
        else:
            window.add(now_s)
        counted = [call for call in kept[-size:] if now_s - call[0] < period_s]
        wanted = (len(counted), sum(call[1] for call in counted), sum(call[2] for call in counted))
        assert window.counts(now_s) == wanted
    window.clear()
    assert (window.counts(now_s), window.calls) == ((0, 0, 0), len(calls))


@pytest.mark.parametrize("is_bad", [True, False])
def test_memory_is_bounded(is_bad):
    """However many calls, no more than ``size`` of anything is kept."""
    window = CallWindow(50, math.inf)
    for second in range(5_000):
        if is_bad:
            window.add_bad(float(second), is_failure=True, is_slow=True)
        else:
            window.add(float(second))
    kept = (window._times, window._failed, window._slow)
    assert max(len(numbers) for numbers in kept) == 50
    assert sum(sys.getsizeof(numbers) for numbers in kept) < 5_000
