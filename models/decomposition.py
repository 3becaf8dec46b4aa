"""History taken apart into trend, seasons and rest: an offline look at why a series is noisy, never a judge of rows.

STL for one season, MSTL for several, by statsmodels; both look ahead, so nothing here may score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import InputError
from models.features import Array

DAY_S, WEEK_S = 86_400.0, 604_800.0
MOST_MISSING = 0.5
JUMP = 0.1
"""Local regressions are computed every 10 % of the period, with straight lines between: a tenth of the time."""
LEAST_ROWS = 4
"""Of a period."""
ROUNDING = 1e-26
"""Variances below this, relative to the square of the largest value, are those of the arithmetic."""
CYCLE_WINDOW = 11
"""Cycles over which a season may change; MSTL's first window."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decomposition:
    """value = trend + all seasons + residual; arrays of shape (n_rows,), in the metric's unit, without NaN.

    Parameters
    ----------
    times
        datetime64 UTC.
    trend
        What is slower than the seasons.
    seasonal
        By period in seconds, rising; each about 0 on average.
    residual
        The rest.
    interpolated
        Rows that were missing and were put on a straight line between their neighbours.
    trend_strength
        In [0, 1]: 1 - Var(residual) / Var(trend + residual), at least 0; 0 where nothing varies.
    season_strength
        The same for each season, by period.

    References
    ----------
    Cleveland et al.: STL, Journal of Official Statistics 6, 1990. Bandara, Hyndman, Bergmeir: MSTL, 2021. Hyndman,
    Athanasopoulos: Forecasting: principles and practice, 3rd ed., 4.3, for the strengths.
    """

    times: NDArray[np.datetime64]
    trend: Array
    seasonal: Mapping[float, Array]
    residual: Array
    interpolated: int
    trend_strength: float
    season_strength: Mapping[float, float]


def decompose(
    times: NDArray[np.datetime64], values: Array, step_s: float, periods_s: Sequence[float] = (DAY_S, WEEK_S)
) -> Decomposition:
    """Take a series apart.

    Parameters
    ----------
    times
        UTC, shape (n_rows,).
    values
        Shape (n_rows,); NaN means missing and is interpolated.
    step_s
        Seconds between rows.
    periods_s
        Seasons to look for, seconds. Those of which the series does not hold more than two cycles, or that are shorter
        than four rows, are left out; periods count in whole rows.

    Returns
    -------
    Decomposition
        With the seasons that were possible.

    Raises
    ------
    InputError
        If times and values differ in length, more than half of the values are missing, a value is infinite, or no
        season is left.
    """
    if values.ndim != 1 or len(times) != len(values):
        raise InputError(f"{len(times)} times for values of shape {values.shape}", remedy="give one value a time")
    if np.isinf(values).any():
        raise InputError("the series holds infinities", remedy="use NaN for a missing value")
    periods = {round(period / step_s): period for period in sorted(periods_s) if _fits(period, step_s, len(values))}
    if not periods:
        raise InputError(
            f"{len(values)} rows of {step_s:g} s are too short to decompose",
            remedy=f"give more than two cycles of {min(periods_s, default=DAY_S):g} s, of four rows or more each",
        )
    filled, interpolated = _filled(values)
    unit = float(np.abs(filled).max()) or 1.0  # the squares of huge values would overflow
    trend, seasons, residual = (part * unit for part in _fit(filled / unit, tuple(periods)))
    return Decomposition(
        times=times,
        trend=trend,
        seasonal=dict(zip(periods.values(), seasons, strict=True)),
        residual=residual,
        interpolated=interpolated,
        trend_strength=_strength(trend, residual, unit),
        season_strength={
            period: _strength(season, residual, unit) for period, season in zip(periods.values(), seasons, strict=True)
        },
    )


def thin(
    times: NDArray[np.datetime64], values: Array, step_s: float, most_rows: int = 3000, longest_s: float = 3600.0
) -> tuple[NDArray[np.datetime64], Array, float]:
    """Average neighbouring rows, so that a long series is decomposed in a second.

    Parameters
    ----------
    times
        UTC, shape (n_rows,).
    values
        Shape (n_rows,); the mean of those that are not NaN stands for a block.
    step_s
        Seconds between rows.
    most_rows
        Blocks are as short as this allows.
    longest_s
        No block is longer than this, seconds.

    Returns
    -------
    times : ndarray of datetime64
        Of the first row of each block; an incomplete last block is left out.
    values : ndarray of float64
        NaN where all of a block is missing.
    step_s : float
        Length of a block, seconds.
    """
    size = max(1, min(-(-len(values) // most_rows), int(longest_s // step_s)))
    n = len(values) // size
    blocks = values[: n * size].reshape(n, size)
    present = ~np.isnan(blocks)
    count = present.sum(axis=1)
    mean = np.where(count > 0, np.where(present, blocks, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
    return times[: n * size : size], mean, step_s * size


def _fits(period_s: float, step_s: float, n_rows: int) -> bool:
    rows = round(period_s / step_s)
    return rows >= LEAST_ROWS and n_rows > 2 * rows


def _filled(values: Array) -> tuple[Array, int]:
    missing = np.isnan(values)
    count = int(missing.sum())
    if count > MOST_MISSING * len(values):
        problem = f"{count} of {len(values)} values are missing"
        raise InputError(problem, remedy="give a series with at least half of its values")
    if not count:
        return values, 0
    rows = np.arange(len(values))
    return np.interp(rows, rows[~missing], values[~missing]), count


def _fit(values: Array, periods: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Trend, seasons and rest; the seasons have shape (n_periods, n_rows)."""
    from statsmodels.tsa.seasonal import MSTL, STL

    jump = max(1, round(JUMP * periods[0]))
    jumps = {"seasonal_jump": jump, "trend_jump": jump, "low_pass_jump": jump}
    if len(periods) == 1:
        found = STL(values, period=periods[0], seasonal=CYCLE_WINDOW, **jumps).fit()
        return found.trend, found.seasonal[None], found.resid
    found = MSTL(values, periods=periods, stl_kwargs=jumps).fit()
    return found.trend, found.seasonal.T, found.resid


def _strength(part: Array, residual: Array, unit: float) -> float:
    whole, rest = float(np.var((part + residual) / unit)), float(np.var(residual / unit))
    return max(0.0, 1.0 - rest / whole) if whole > ROUNDING else 0.0
