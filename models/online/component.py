"""How strange the metrics of one component are together: what the usual pattern among them cannot explain.

Two halves of equal weight, smoothed over some rows: the length of the metrics' own residual features, and the length
of what is left of the robustly scaled values after projection on their principal components (Jolliffe, Principal
component analysis, 2002, 10.1; the Q statistic). Missing values are taken as the last seen.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats
from models.online.residuals import MID, SIZE, SLOW

SMOOTH_ROWS = 6
MOST = 20.0


class Pattern(NamedTuple):
    """The usual pattern among the m metrics of a component."""

    centre: Floats  # (m,) in the metrics' units
    unit: Floats  # (m,)
    middle: Floats  # (m,) of the scaled values
    axes: Floats  # (m, k) orthonormal
    usual: Floats  # (m,) robust scale of what is left
    halves: Floats  # (2,) 98 % quantiles of the two lengths in the history


def advance(
    pattern: Pattern,
    last: Floats,
    smooth: Floats,
    values: Floats,
    features: NDArray[np.float32],
    raw: Floats,
    left: Floats,
) -> None:
    """Judge rows of one component.

    ``values`` has shape (m, n_rows), ``features`` (m, n_rows, 12); ``raw`` (n_rows,) and ``left`` (m, n_rows), the
    signed share of each metric, are written. ``last`` (m,) and ``smooth`` (1,) are carried. NaN in ``raw`` = no metric
    was present.
    """
    _advance(pattern, last, smooth, values, features, raw, left, np.empty(len(values)))


@compiled
def _advance(
    pattern: Pattern,
    last: Floats,
    smooth: Floats,
    values: Floats,
    features: NDArray[np.float32],
    raw: Floats,
    left: Floats,
    scaled: Floats,
) -> None:
    n_metrics, n_rows = values.shape
    for row in range(n_rows):
        present, own = False, 0.0
        for i in range(n_metrics):
            if not math.isnan(values[i, row]):
                present = True
                last[i] = values[i, row]
                own += features[i, row, SLOW] ** 2 + features[i, row, SIZE] ** 2 + features[i, row, MID] ** 2
            z = 0.0 if math.isnan(last[i]) else (last[i] - pattern.centre[i]) / pattern.unit[i]
            scaled[i] = min(max(z, -MOST), MOST) - pattern.middle[i]
        if not present:
            raw[row], left[:, row] = math.nan, math.nan
            continue
        rest = unexplained(pattern, scaled, left[:, row])
        now = math.sqrt(own) / pattern.halves[0] + rest / pattern.halves[1]
        weight = 2.0 / (SMOOTH_ROWS + 1.0)
        smooth[0] = now if math.isnan(smooth[0]) else smooth[0] + weight * (now - smooth[0])
        raw[row] = smooth[0]


@compiled
def unexplained(pattern: Pattern, scaled: Floats, left: Floats) -> float:
    """Length of what the axes leave of scaled values; ``left`` gets the signed logarithm for each metric."""
    n_metrics, n_axes = pattern.axes.shape
    for i in range(n_metrics):
        left[i] = scaled[i]
    for axis in range(n_axes):
        along = 0.0
        for i in range(n_metrics):
            along += scaled[i] * pattern.axes[i, axis]
        for i in range(n_metrics):
            left[i] -= along * pattern.axes[i, axis]
    total = 0.0
    for i in range(n_metrics):
        z = left[i] / pattern.usual[i]
        left[i] = math.copysign(math.log1p(abs(z)), z)
        total += left[i] ** 2
    return math.sqrt(total)
