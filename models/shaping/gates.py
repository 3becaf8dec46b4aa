"""What the rules forbid to alarm, and what they call an alarm in itself. Row by row: causal, the same in any batch."""

import numpy as np
from numpy.typing import NDArray

from models.shaping.resolve import ResolvedRules
from models.shaping.rules import Bools, Floats

CAP = 0.99
"""A forbidden score is at most this: below the alarm boundary of 1, near enough to be seen in a plot."""


def gate(
    score: Floats,
    values: Floats,
    expected: Floats,
    resolved: ResolvedRules,
    excluded_mask: Bools | None = None,
    *,
    cap: float = CAP,
) -> Floats:
    """Cap the scores that the rules forbid to alarm.

    Forbidden are excluded series and rows, deviations to the side that nobody asked for, and deviations below a
    minimum; a value exactly as expected is on neither side. Where value or expectation is missing the deviation is
    unknown, and direction and minima forbid nothing. No score rises.

    Parameters
    ----------
    score
        Calibrated, shape (n_rows, n_series), 1 = the alarm boundary; NaN = cannot tell, stays NaN.
    values
        Same shape, in the metric's unit; NaN = missing.
    expected
        Same shape and unit; NaN = no expectation.
    resolved
        Of these series.
    excluded_mask
        Same shape, from ``ResolvedWindows.mask``; None = no windows.
    cap
        Highest score of a forbidden cell. A cap below ``SegmentRules.leave`` also ends a run that is under way.

    Returns
    -------
    ndarray, shape (n_rows, n_series)
        Of the type of ``score``; ``score`` itself if nothing is forbidden.
    """
    columns = np.flatnonzero(
        (resolved.direction != 0) | (resolved.least_deviation > 0) | (resolved.least_relative_deviation > 0)
    )
    if not len(columns) and _always_judged(resolved, excluded_mask):
        return score
    forbidden = _never_judged(score.shape, resolved, excluded_mask)
    if len(columns):
        forbidden[:, columns] |= _unwanted(values[:, columns], expected[:, columns], resolved, columns)
    if not forbidden.any():
        return score
    return np.where(forbidden, np.minimum(score, score.dtype.type(cap)), score)


def out_of_range(values: Floats, resolved: ResolvedRules, excluded_mask: Bools | None = None) -> Bools:
    """Which values lie outside the data range of their series: DATA_OUT_OF_RANGE, an alarm in itself.

    Parameters
    ----------
    values
        Shape (n_rows, n_series), in the metric's unit; NaN = missing, never out of range.
    resolved
        Of these series; the ends of a range are inside.
    excluded_mask
        Same shape, from ``ResolvedWindows.mask``; None = no windows.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_series)
        False in excluded series and rows.
    """
    outside: Bools = (values < resolved.least_value) | (values > resolved.most_value)
    return permitted(outside, resolved, excluded_mask)


def permitted(alarm: Bools, resolved: ResolvedRules, excluded_mask: Bools | None = None) -> Bools:
    """Drop the alarms of excluded series and rows; for alarms that are not scores, such as those of silence.

    Parameters
    ----------
    alarm
        Shape (n_rows, n_series).
    resolved
        Of these series.
    excluded_mask
        Same shape, from ``ResolvedWindows.mask``; None = no windows.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_series)
        True where an alarm remains.
    """
    if _always_judged(resolved, excluded_mask):
        return alarm
    return alarm & ~_never_judged(alarm.shape, resolved, excluded_mask)


def _always_judged(resolved: ResolvedRules, excluded_mask: Bools | None) -> bool:
    return excluded_mask is None and not resolved.excluded.any()


def _never_judged(shape: tuple[int, ...], resolved: ResolvedRules, excluded_mask: Bools | None) -> Bools:
    never: Bools = np.broadcast_to(resolved.excluded, shape)
    return never.copy() if excluded_mask is None else never | excluded_mask


def _unwanted(values: Floats, expected: Floats, resolved: ResolvedRules, columns: NDArray[np.intp]) -> Bools:
    side = resolved.direction[columns]
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = values - expected
        size = np.abs(deviation)
        least = np.nan_to_num(resolved.least_deviation[columns])
        share = np.nan_to_num(resolved.least_relative_deviation[columns])
        unwanted: Bools = (size < least) | (size < share * np.abs(expected))
    unwanted |= (side > 0) & (deviation <= 0)
    unwanted |= (side < 0) & (deviation >= 0)
    return unwanted
