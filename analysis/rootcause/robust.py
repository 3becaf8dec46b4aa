"""Robust figures of columns with missing values: medians, quantiles, centre and scale of a history."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RELATIVE_FLOOR = 0.01
"""A scale is never below this part of the series' own level: changes under 1 % are noise in most units."""
SCALE_ROWS, SCALE_FACTOR = 60, 8
"""The scale is that of the last 60 rows, or of eight times the incident if that is longer: an older past tells of other
hours."""
BLOCK_ROWS = 20
MOST_TAILS = 10.0
"""The scale of the tails is at most so many times that of the bulk: wild points in the history hide nothing."""
CENTRE_ROWS, CENTRE_FACTOR = 30, 2
"""The centre is that of the last 30 rows, or of twice the incident: a daily swing is no shift."""


def units_of(values: Values) -> Values:
    """Largest magnitude of each column, so that no unit can overflow.

    Parameters
    ----------
    values
        Shape (n_rows, n_series); NaN means missing.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        1 for a column of zeros or without values.
    """
    magnitude = np.max(np.abs(values), axis=0, initial=0.0, where=~np.isnan(values))
    return np.where(magnitude > 0, magnitude, 1.0)


def median(rows: Values) -> Values:
    """Median of each column over its present values.

    Parameters
    ----------
    rows
        Shape (n_rows, n_series); NaN means missing.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        NaN where there is no value.
    """
    middle: Values = quantiles(rows, (0.5,))[0]
    return middle


def quantiles(rows: Values, shares: tuple[float, ...]) -> Values:
    """Linear quantiles of each column over its present values.

    Parameters
    ----------
    rows
        Shape (n_rows, n_series); NaN means missing.
    shares
        In [0, 1].

    Returns
    -------
    ndarray of float64, shape (n_shares, n_series)
        NaN where there is no value.
    """
    result = np.full((len(shares), rows.shape[1]), np.nan)
    counts = (~np.isnan(rows)).sum(axis=0)
    filled = np.flatnonzero(counts)
    if not len(filled):
        return result
    ordered = np.sort(rows[:, filled], axis=0)
    for i, share in enumerate(shares):
        place = share * (counts[filled] - 1)
        low = np.floor(place).astype(np.int64)
        high = np.ceil(place).astype(np.int64)
        below = np.take_along_axis(ordered, low[None, :], axis=0)[0]
        above = np.take_along_axis(ordered, high[None, :], axis=0)[0]
        result[i, filled] = below + (above - below) * (place - low)
    return result


def baseline_of(scaled: Values, onset: int, floors: Values) -> tuple[Values, Values]:
    """Centre and floored robust scale of each column before the onset.

    The scale is the larger of the spread inside blocks of the recent past and of the usual shift from one block to the
    next: a daily swing is neither noise nor a shift.

    Parameters
    ----------
    scaled
        Shape (n_rows, n_series), in units that cannot overflow.
    onset
        First row of the incident.
    floors
        Of every column: the scale is never below this part of the centre.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        Centre; NaN where there is no history.
    ndarray of float64, shape (n_series,)
        Scale, positive.
    """
    length = len(scaled) - onset
    history = scaled[max(0, onset - max(SCALE_ROWS, SCALE_FACTOR * length)) : onset]
    recent = median(scaled[max(0, onset - max(CENTRE_ROWS, CENTRE_FACTOR * length)) : onset])
    centre = np.where(np.isnan(recent), median(history), recent)
    residuals, drift = _blocks(history)
    low, quarter, middle, three_quarters, high = quantiles(residuals, (0.05, 0.25, 0.5, 0.75, 0.95))
    mad = 1.4826 * median(np.abs(residuals - middle))
    inner = np.fmax.reduce([mad, (three_quarters - quarter) / 1.349, floors * np.abs(centre)])
    tails = (high - low) / 3.29 / 2
    tails = np.where(inner > 1e-12, np.minimum(tails, MOST_TAILS * inner), tails)
    scale = np.nan_to_num(np.fmax.reduce([inner, tails, drift]))
    # A constant zero has no scale of its own: what it reaches in the incident is the only unit that is left.
    incident = scaled[onset:]
    reached = np.max(np.abs(incident), axis=0, initial=0.0, where=~np.isnan(incident))
    return centre, np.where(scale > 1e-12, scale, np.maximum(RELATIVE_FLOOR * reached, 1e-12))


def _blocks(history: Values) -> tuple[Values, Values]:
    """Residuals from the medians of blocks, and the median distance between neighbouring blocks."""
    starts = range(len(history) % BLOCK_ROWS if len(history) >= BLOCK_ROWS else 0, len(history), BLOCK_ROWS)
    blocks = [history[start : start + BLOCK_ROWS] for start in starts]
    medians = [median(block) for block in blocks]
    residuals = [block - middle for block, middle in zip(blocks, medians, strict=True)]
    if len(blocks) < 2:
        return np.concatenate([history[:0], *residuals]), np.zeros(history.shape[1])
    return np.concatenate(residuals), median(np.abs(np.diff(np.array(medians), axis=0)))


def presence_of(rows: Values) -> Values:
    """Share of present values of each column.

    Parameters
    ----------
    rows
        Shape (n_rows, n_series); NaN means missing.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        In [0, 1]; 0 without rows.
    """
    present: Values = (~np.isnan(rows)).sum(axis=0) / max(len(rows), 1)
    return present
