"""Close the long hole that separates a history from the incident it was recorded for.

Some recordings take the history on another day than the incident. On a grid of one second the days between would be
hundreds of thousands of empty rows, which say nothing and cost memory and time in everything that looks at a frame.
"""

import numpy as np
from numpy.typing import NDArray

HOLE_ROWS = 1_000
"""A hole is closed from this many empty rows on, if it is also three times as long as all rows with values."""

KEPT_ROWS = 10
"""Empty rows that stay where a hole was: enough that no difference or short window bridges it unseen."""


def find_hole(times_us: NDArray[np.int64], *, before_us: int, step_us: int) -> tuple[int, int] | None:
    """Find the last hole before a time that is worth closing.

    Parameters
    ----------
    times_us
        All times, microseconds, any order.
    before_us
        The time of detection; the hole ends there at the latest.
    step_us
        Microseconds a row.

    Returns
    -------
    tuple of int, or None
        Move everything at or before the first number (microseconds) later by the second, a whole number of steps.
    """
    earlier = np.unique(times_us[times_us < before_us])
    if not len(earlier):
        return None
    n_occupied = len(np.unique(times_us // step_us))
    holes = np.diff(np.append(earlier, before_us)) // step_us
    long = np.flatnonzero(holes >= max(HOLE_ROWS, 3 * n_occupied))
    if not len(long):
        return None
    last = int(long[-1])
    return int(earlier[last]), (int(holes[last]) - KEPT_ROWS) * step_us
