"""Order statistics of small buffers."""

import math

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled

Floats = NDArray[np.float64]


@compiled
def median_of(buffer: Floats, n: int) -> float:
    """Median of the first ``n`` values, at least one; the buffer is sorted in place."""
    for last in range(1, n):
        value, place = buffer[last], last - 1
        while place >= 0 and buffer[place] > value:
            buffer[place + 1] = buffer[place]
            place -= 1
        buffer[place + 1] = value
    return float(0.5 * (buffer[(n - 1) // 2] + buffer[n // 2]))


@compiled
def median_of_present(values: NDArray[np.generic], scratch: Floats) -> float:
    """Median of the values that are not NaN; NaN if all are. ``scratch`` has room for all."""
    n = 0
    for value in values:
        if not math.isnan(value):
            scratch[n] = value
            n += 1
    return median_of(scratch, n) if n > 0 else math.nan


@compiled
def slide(ring: Floats, ordered: Floats, seen: int, value: float) -> None:
    """Put a value into a sliding window that is kept twice: in order of arrival and in order of size.

    ``seen`` values came before; the oldest leaves a full window.
    """
    width = len(ring)
    kept = min(seen, width)
    if kept == width:
        oldest, place = ring[seen % width], 0
        while place < kept - 1 and ordered[place] != oldest:
            place += 1
        kept -= 1
        while place < kept:
            ordered[place] = ordered[place + 1]
            place += 1
    place = kept - 1
    while place >= 0 and ordered[place] > value:
        ordered[place + 1] = ordered[place]
        place -= 1
    ordered[place + 1] = value
    ring[seen % width] = value


@compiled
def median_of_window(ordered: Floats, seen: int) -> float:
    """Median of a sliding window that ``slide`` keeps and that has seen at least one value."""
    n = min(seen, len(ordered))
    return float(0.5 * (ordered[(n - 1) // 2] + ordered[n // 2]))
