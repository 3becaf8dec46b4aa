"""Small order statistics equal those of numpy, ties and repeats included."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.online.order import median_of, median_of_present, median_of_window, slide

NUMBERS = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, allow_subnormal=False), st.sampled_from([-0.0, 1e-300, 1e300])
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_median_of_the_first_values(values: list[float]) -> None:
    """The rest of the buffer does not count, and the buffer is left sorted."""
    buffer = np.array([*values, -1e9, 1e9])
    assert median_of(buffer, len(values)) == np.median(values)
    assert (np.diff(buffer[: len(values)]) >= 0).all()
    assert buffer[len(values) :].tolist() == [-1e9, 1e9]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.one_of(NUMBERS, st.just(float("nan"))), max_size=32))
def test_median_of_what_is_present(values: list[float]) -> None:
    """Missing values are left out; without any value it is NaN; the values themselves stay as they are."""
    given_values = np.array(values)
    found = median_of_present(given_values, np.empty(32))
    known = given_values[~np.isnan(given_values)]
    assert np.isnan(found) if not known.size else found == np.median(known)
    np.testing.assert_array_equal(given_values, values)


@settings(deadline=None)  # the first call compiles
@given(st.integers(1, 9), st.lists(NUMBERS, min_size=1, max_size=60))
def test_a_sliding_window_holds_the_last_values_in_both_orders(width: int, values: list[float]) -> None:
    """After each value: the ordered copy is the sorted window, the median is that of the window."""
    ring, ordered = np.zeros(width), np.zeros(width)
    for seen, value in enumerate(values):
        slide(ring, ordered, seen, value)
        window = values[max(0, seen + 1 - width) : seen + 1]
        assert ordered[: len(window)].tolist() == sorted(window)
        assert sorted(ring[: len(window)].tolist()) == sorted(window)
        assert median_of_window(ordered, seen + 1) == np.median(window)
