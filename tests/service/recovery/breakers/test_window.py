"""The failure window equals the obvious count."""

from hypothesis import given
from hypothesis import strategies as st

from service.recovery.breakers.window import FailureWindow


@given(st.lists(st.floats(0, 30), max_size=30), st.integers(1, 6))
def test_it_fills_exactly_when_the_period_holds_the_threshold(gaps, threshold):
    """Keeping only the latest times loses nothing against counting all of them."""
    window, now_s, times = FailureWindow(threshold, 20.0), 0.0, []
    for gap in gaps:
        now_s += gap
        times.append(now_s)
        recent = sum(now_s - time < 20.0 for time in times)
        assert window.add(now_s) is (recent >= threshold)
        assert window.count(now_s) == min(recent, threshold)
    window.clear()
    assert window.count(now_s) == 0
