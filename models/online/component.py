"""How strange the metrics of one component are together: beside their seasons, in their last hour, and to each other.

Three lengths over the metrics, each in units of its 98 % quantile in the history, are added:

=======  ==============================================================================================
season   residuals of the season, in spreads and in standard deviations (``slow``, ``size``)
hour     leaving the median of the last hour, unusual unrest (``mid``, ``wild``)
pattern  what principal components leave of the robustly scaled values (Jolliffe, Principal component
         analysis, 2002, 10.1; the Q statistic)
=======  ==============================================================================================

Only what a metric has beyond usual noise counts, so that many quiet metrics do not bury one that is strange. What a
length has been above its usual level for the last ``LEVEL_ROWS`` is taken off: a component that has become noisier is
judged by its new noise. The sum is smoothed over some rows. Missing values are taken as the last seen.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats
from models.online.residuals import MID, SIZE, SLOW, WILD

Features = NDArray[np.float32]

SMOOTH_ROWS = 6
LEVEL_ROWS = 1440
MOST = 20.0
"""Robustly scaled values count as at most this."""
NOISE = 1.0
"""What a feature log(1 + |z|) has up to here is noise: 1.7 spreads."""

SEASON, HOUR, PATTERN = range(3)
N_PARTS = 3
SMOOTHED, LEVELS = 0, 1
N_FIGURES = 1 + N_PARTS


class Pattern(NamedTuple):
    """The usual pattern among the m metrics of a component."""

    centre: Floats  # (m,) in the metrics' units
    unit: Floats  # (m,)
    middle: Floats  # (m,) of the scaled values
    axes: Floats  # (m, k) orthonormal
    usual: Floats  # (m,) robust scale of what is left
    units: Floats  # (3,) 98 % quantiles of the lengths in the history
    levels: Floats  # (3,) their means in these units, each row counted as 1 at most


class Carried(NamedTuple):
    """What is remembered of a component of m metrics; NaN before the first row."""

    last: Floats  # (m,) values
    share: Floats  # (m,) what each metric added to the score
    figures: Floats  # (4,) the smoothed score, and the level of each length


class Room(NamedTuple):
    """What the kernels need for a row of m metrics."""

    squares: Floats  # (m, 3) of what each metric has beyond noise, by part
    scaled: Floats  # (m,)
    left: Floats  # (m,)
    size: Floats  # (3,) the lengths


def room(n_metrics: int) -> Room:
    """Room for a row.

    Parameters
    ----------
    n_metrics
        Of the component.

    Returns
    -------
    Room
        Nothing in it is carried.
    """
    return Room(np.empty((n_metrics, N_PARTS)), np.empty(n_metrics), np.empty(n_metrics), np.empty(N_PARTS))


@compiled
def advance(
    pattern: Pattern,
    carried: Carried,
    values: Floats,
    features: Features,
    raw: Floats,
    shares: NDArray[np.float32],
    used: Room,
) -> None:
    """Judge rows of one component.

    ``values`` has shape (m, n_rows), ``features`` (m, n_rows, 12); ``raw`` (n_rows,) and ``shares`` (m, n_rows) are
    written: what each metric adds to the score before usual levels are taken off. NaN is written for a row without any
    metric.
    """
    figures, share = carried.figures, carried.share
    n_metrics, n_rows = values.shape
    squares, size = used.squares, used.size
    weight = 2.0 / (SMOOTH_ROWS + 1.0)
    for row in range(n_rows):
        if not _measure(pattern, carried.last, values, features, row, used):
            raw[row], shares[:, row] = math.nan, math.nan
            continue
        now, starts = 0.0, math.isnan(figures[SMOOTHED])
        for part in range(N_PARTS):
            level = pattern.levels[part] if starts else figures[LEVELS + part]
            length = size[part] / pattern.units[part]
            now += max(length - max(level - pattern.levels[part], 0.0), 0.0)
            figures[LEVELS + part] = level + (min(length, 1.0) - level) / LEVEL_ROWS
        figures[SMOOTHED] = now if starts else figures[SMOOTHED] + weight * (now - figures[SMOOTHED])
        raw[row] = figures[SMOOTHED]
        for i in range(n_metrics):
            adds = 0.0
            for part in range(N_PARTS):
                if size[part] > 0.0:
                    adds += squares[i, part] / (size[part] * pattern.units[part])
            share[i] = adds if starts else share[i] + weight * (adds - share[i])
            shares[i, row] = share[i]


@compiled
def measure(pattern: Pattern, last: Floats, values: Floats, features: Features, lengths: Floats, used: Room) -> None:
    """Write the lengths of each row, shape (3, n_rows), without units; NaN for a row without any metric."""
    for row in range(values.shape[1]):
        present = _measure(pattern, last, values, features, row, used)
        for part in range(N_PARTS):
            lengths[part, row] = used.size[part] if present else math.nan


@compiled
def unexplained(pattern: Pattern, scaled: Floats, left: Floats) -> None:
    """What the axes leave of scaled values, in usual sizes."""
    n_metrics, n_axes = pattern.axes.shape
    for i in range(n_metrics):
        left[i] = scaled[i]
    for axis in range(n_axes):
        along = 0.0
        for i in range(n_metrics):
            along += scaled[i] * pattern.axes[i, axis]
        for i in range(n_metrics):
            left[i] -= along * pattern.axes[i, axis]
    for i in range(n_metrics):
        left[i] /= pattern.usual[i]


@compiled
def _measure(pattern: Pattern, last: Floats, values: Floats, features: Features, row: int, used: Room) -> bool:
    """Write what each metric has beyond noise, and the lengths; False if no metric is present."""
    n_metrics, squares, scaled = len(values), used.squares, used.scaled
    present = False
    for i in range(n_metrics):
        squares[i, SEASON], squares[i, HOUR] = 0.0, 0.0
        if not math.isnan(values[i, row]):
            present = True
            last[i] = values[i, row]
            squares[i, SEASON] = _beyond(features[i, row, SLOW]) + _beyond(features[i, row, SIZE])
            squares[i, HOUR] = _beyond(features[i, row, MID]) + _beyond(features[i, row, WILD])
        z = 0.0 if math.isnan(last[i]) else (last[i] - pattern.centre[i]) / pattern.unit[i]
        scaled[i] = min(max(z, -MOST), MOST) - pattern.middle[i]
    if not present:
        return False
    unexplained(pattern, scaled, used.left)
    for i in range(n_metrics):
        squares[i, PATTERN] = _beyond(math.log1p(abs(used.left[i])))
    for part in range(N_PARTS):
        total = 0.0
        for i in range(n_metrics):
            total += squares[i, part]
        used.size[part] = math.sqrt(total)
    return True


@compiled
def _beyond(feature: float) -> float:
    """Square of what is beyond noise."""
    above = max(abs(float(feature)) - NOISE, 0.0)
    return above * above
