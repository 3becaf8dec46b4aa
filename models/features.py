"""Causal window features: a row depends on itself and a fixed number of earlier rows, with the same bits in any batch.

Sums run over lags, not over cumulative sums: a cumulative sum would carry rounding from the start of the batch into
every row, and a live window would no longer give the scores of the batch.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAD_TO_SD = 1.4826
"""A Gaussian's standard deviation over its median absolute deviation."""


def lagged(x: Array, rows: int) -> Array:
    """Values some rows earlier.

    Parameters
    ----------
    x
        Shape (n_rows, n_series).
    rows
        How many rows back, not negative.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_series)
        NaN where the batch does not reach back so far.
    """
    past = np.full_like(x, np.nan)
    if rows < len(x):
        past[rows:] = x[: len(x) - rows]
    return past


def trailing_mean(x: Array, rows: int, *, first_lag: int = 0) -> Array:
    """Mean of a trailing window, missing values left out.

    Parameters
    ----------
    x
        Shape (n_rows, n_series); NaN means missing.
    rows
        Length of the window.
    first_lag
        0 lets the window end with the row itself, 1 with the row before.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_series)
        NaN where the batch does not hold the whole window, or less than half of the window is present.
    """
    total, count = np.zeros_like(x), np.zeros(x.shape, dtype=np.int32)
    present = ~np.isnan(x)
    filled = np.where(present, x, 0.0)
    for lag in range(first_lag, first_lag + rows):
        total[lag:] += filled[: max(len(x) - lag, 0)]
        count[lag:] += present[: max(len(x) - lag, 0)]
    mean = np.where(2 * count >= rows, total / np.maximum(count, 1), np.nan)
    mean[: first_lag + rows - 1] = np.nan
    return mean


def previous_level(x: Array) -> Array:
    """Median of the three values before a row; with one missing, one of the others.

    Parameters
    ----------
    x
        Shape (n_rows, n_series); NaN means missing.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_series)
        NaN where all three are missing, and in the first three rows.
    """
    nearest, second, third = (lagged(x, lag) for lag in (1, 2, 3))
    level: Array = np.fmax(np.fmin(nearest, second), np.fmin(np.fmax(nearest, second), third))
    level[:3] = np.nan
    return level


def signed_log(x: Array) -> Array:
    """Compress to ``sign(x) log(1 + |x|)``, so that a forest sees magnitudes and not only their largest.

    Parameters
    ----------
    x
        Any shape; NaN stays NaN.

    Returns
    -------
    ndarray of float64
        Same shape.
    """
    compressed: Array = np.sign(x) * np.log1p(np.abs(x))
    return compressed


def medians(x: Array) -> Array:
    """Medians along the last axis, missing values left out.

    Parameters
    ----------
    x
        Shape (..., n); NaN means missing.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where there is no value at all.
    """
    if x.shape[-1] == 0:
        return np.full(x.shape[:-1], np.nan)
    ordered = np.sort(x, axis=-1)
    count = np.sum(~np.isnan(ordered), axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, x.shape[-1] - 1), axis=-1)
    middle: Array = np.where(count > 0, low / 2 + high / 2, np.nan)[..., 0]
    return middle


def quantiles(x: Array, level: float) -> Array:
    """Lower empirical quantiles along the last axis, missing values left out.

    Parameters
    ----------
    x
        Shape (..., n) with n > 0; NaN means missing.
    level
        In [0, 1].

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where there is no value at all.
    """
    ordered = np.sort(x, axis=-1)
    count = np.sum(~np.isnan(ordered), axis=-1, keepdims=True)
    place = np.clip(np.floor(level * (count - 1)).astype(np.int64), 0, x.shape[-1] - 1)
    found: Array = np.take_along_axis(ordered, place, axis=-1)[..., 0]
    return found
