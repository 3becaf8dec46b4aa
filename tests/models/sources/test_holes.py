"""A long hole before the detection is found, and only such a hole."""

import numpy as np

from models.sources.holes import HOLE_ROWS, KEPT_ROWS, find_hole

SECOND = 1_000_000


def test_long_hole_is_closed_to_a_few_rows():
    """History a day earlier moves up to the incident, a whole number of steps."""
    times = np.concatenate([np.arange(300), 86_400 + np.arange(200)]) * SECOND
    until, by = find_hole(times, before_us=86_450 * SECOND, step_us=SECOND)
    assert until == 299 * SECOND
    assert 86_400 * SECOND - (until + by) == KEPT_ROWS * SECOND


def test_hole_ends_at_the_detection():
    """If the first value comes after the detection, the hole ends at the detection."""
    times = np.concatenate([np.arange(300), 90_000 + np.arange(200)]) * SECOND
    until, by = find_hole(times, before_us=86_400 * SECOND, step_us=SECOND)
    assert 86_400 * SECOND - (until + by) == KEPT_ROWS * SECOND


def test_other_holes_stay():
    """A hole after the detection, a short one, and one that is short beside the history stay."""
    after = np.concatenate([np.arange(300), 86_400 + np.arange(200)]) * SECOND
    assert find_hole(after, before_us=200 * SECOND, step_us=SECOND) is None
    short = np.concatenate([np.arange(30), HOLE_ROWS // 2 + np.arange(20)]) * SECOND
    assert find_hole(short, before_us=HOLE_ROWS * SECOND // 2, step_us=SECOND) is None
    beside = np.concatenate([np.arange(5000), 8000 + np.arange(200)]) * SECOND
    assert find_hole(beside, before_us=8100 * SECOND, step_us=SECOND) is None


def test_no_history_has_no_hole():
    """Without a value before the detection there is nothing to move."""
    assert find_hole(np.arange(5) * SECOND, before_us=0, step_us=SECOND) is None
