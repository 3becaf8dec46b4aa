"""Series that say nothing: missing data and stuck values, with carried state and limits learnt from history.

The state counts rows in integers, so rows of a batch in one call or one by one give the same bits. A count times the
step is a time; a series silent in one row was silent for one step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import InputError
from models.shaping.resolve import ResolvedRules
from models.shaping.rules import Bools, Floats

Counts = NDArray[np.int64]

MOST_MISSING_SHARE = 0.01
"""``missing_after_s: auto`` is off for a series that missed at least this share of its history."""
LEAST_MISSING_ROWS, LEAST_MISSING_S = 10, 300.0
STUCK_FACTOR, LEAST_STUCK_S = 10.0, 1800.0
LEAST_STUCK_FACTOR = 2.0
_BLOCK_CELLS = 2_000_000


class SilenceState(NamedTuple):
    """What is carried from row to row; every array has shape (n_series,).

    Parameters
    ----------
    missing_rows
        Rows since the last present one.
    last_value
        The last present value; NaN before the first.
    unchanged_rows
        Present rows since the last change that repeated its value; missing rows neither count nor reset.
    """

    missing_rows: Counts
    last_value: Floats
    unchanged_rows: Counts


class SilenceLimits(NamedTuple):
    """When silence alarms, seconds; inf = never. Arrays of shape (n_series,), no NaN.

    Parameters
    ----------
    missing_after_s
        For MISSING_DATA.
    stuck_after_s
        For STUCK_VALUE.
    """

    missing_after_s: Floats
    stuck_after_s: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SilenceHistory:
    """What the history says of silence; kept with the bundle so that rules may change without training.

    Every array has shape (n_series,), float64. Rows before the first value of a series and excluded rows are left out.

    Parameters
    ----------
    missing_share
        Missing rows, a fraction; 1 for a series without a value.
    usual_gap_s
        The longest run of missing rows but one, so that one outage in the history does not count as usual; seconds.
    longest_unchanged_s
        Longest that a value was repeated, seconds of present rows.
    present_s
        Length of the history, seconds of present rows.
    """

    missing_share: Floats
    usual_gap_s: Floats
    longest_unchanged_s: Floats
    present_s: Floats


def fresh_state(n_series: int) -> SilenceState:
    """The state before the first row.

    Parameters
    ----------
    n_series
        Number of series.

    Returns
    -------
    SilenceState
        Nothing was seen and nothing is missing yet.
    """
    return SilenceState(
        np.zeros(n_series, dtype=np.int64), np.full(n_series, np.nan), np.zeros(n_series, dtype=np.int64)
    )


def advance(
    state: SilenceState,
    values: Floats,
    step_s: float,
    limits: SilenceLimits,
    excluded_mask: Bools | None = None,
) -> tuple[Bools, Bools, SilenceState]:
    """Take rows in.

    Parameters
    ----------
    state
        After the row before the first of ``values``; not changed.
    values
        Shape (n_rows, n_series); NaN = missing.
    step_s
        Seconds between rows.
    limits
        When to alarm.
    excluded_mask
        Same shape; both counts start again behind an excluded row, which never alarms. None = no windows.

    Returns
    -------
    missing_alarm : ndarray of bool, shape (n_rows, n_series)
        True while a series is missing for at least its limit.
    stuck_alarm : ndarray of bool, shape (n_rows, n_series)
        True at rows that are present and repeat a value for at least the limit.
    state : SilenceState
        After the last row.
    """
    missing, unchanged, repeats, after = _count(state, values, excluded_mask)
    missing_alarm = (missing > 0) & (missing * step_s >= limits.missing_after_s)
    stuck_alarm = repeats & (unchanged * step_s >= limits.stuck_after_s)
    return missing_alarm, stuck_alarm, after


def learn_silence(values: Floats, step_s: float, excluded_mask: Bools | None = None) -> SilenceHistory:
    """Learn how long series are silent in a normal history.

    Parameters
    ----------
    values
        Shape (n_rows, n_series); NaN = missing.
    step_s
        Seconds between rows.
    excluded_mask
        Same shape; rows not to learn from. None = learn from all.

    Returns
    -------
    SilenceHistory
        Of each series. Memory: a few times the values of 2 million cells.
    """
    shares, gaps, rests, present = (np.zeros(values.shape[1]) for _ in range(4))
    for columns in _blocks(values.shape):
        mask = None if excluded_mask is None else excluded_mask[:, columns]
        shares[columns], gaps[columns], rests[columns], present[columns] = _learn(values[:, columns], mask)
    return SilenceHistory(
        missing_share=shares,
        usual_gap_s=gaps * step_s,
        longest_unchanged_s=rests * step_s,
        present_s=present * step_s,
    )


def silence_limits(history: SilenceHistory, resolved: ResolvedRules, step_s: float) -> SilenceLimits:
    """When each series alarms for its silence, from the rules and the history.

    MISSING_DATA, ``auto``: never for a series that missed 1 % or more of its history; else after ten steps, five
    minutes, or twice its usual gap, whichever is longest. A number of seconds holds as it is.

    STUCK_VALUE, with t the longest rest in the history: ``auto`` is 10 t, at least 30 minutes, and never if that is
    longer than the history. A number of seconds holds where it is at least 2 t, else 2 t, and never if 2 t is longer
    than the history. Never for a series that was constant: one that moved rarely tells nothing by resting.

    Parameters
    ----------
    history
        Of the same series.
    resolved
        Of the same series; excluded ones never alarm.
    step_s
        Seconds between rows.

    Returns
    -------
    SilenceLimits
        For ``advance``.

    Raises
    ------
    InputError
        If history and rules are of different numbers of series.
    """
    if len(history.present_s) != len(resolved.excluded):
        problem = f"the history has {len(history.present_s)} series, the rules have {len(resolved.excluded)}"
        raise InputError(problem, remedy="resolve the rules for the series that were learnt")
    usual = np.maximum(2 * history.usual_gap_s, max(LEAST_MISSING_ROWS * step_s, LEAST_MISSING_S))
    missing = np.where(history.missing_share < MOST_MISSING_SHARE, usual, np.inf)
    missing = np.where(np.isnan(resolved.missing_after_s), missing, resolved.missing_after_s)
    stuck = _stuck_limits(history, resolved.stuck_after_s, step_s)
    return SilenceLimits(np.where(resolved.excluded, np.inf, missing), np.where(resolved.excluded, np.inf, stuck))


def _stuck_limits(history: SilenceHistory, wanted_s: Floats, step_s: float) -> Floats:
    rest, length = history.longest_unchanged_s, history.present_s
    auto = np.maximum(STUCK_FACTOR * rest, LEAST_STUCK_S)
    learnt = np.where(np.isnan(wanted_s), auto, LEAST_STUCK_FACTOR * rest)
    limit = np.fmax(learnt, wanted_s)
    never = (learnt > length) | (length - rest < 1.5 * step_s)
    limits: Floats = np.where(never, np.inf, limit)
    return limits


def _count(
    state: SilenceState, values: Floats, excluded_mask: Bools | None
) -> tuple[Counts, Counts, Bools, SilenceState]:
    """Rows missing, rows unchanged, whether a row repeats its value (all of the shape of ``values``), and the state."""
    if not len(values):
        nothing = np.zeros(values.shape, dtype=np.int64)
        return nothing, nothing, nothing.astype(bool), state
    excluded = np.zeros(values.shape, dtype=bool) if excluded_mask is None else excluded_mask
    present = ~np.isnan(values)
    missing = _since(present | excluded, ~present & ~excluded, state.missing_rows)
    filled = _last_present(state.last_value, values, present)
    repeats = present & ~excluded & (values == filled[:-1])
    unchanged = _since((present & ~repeats) | excluded, repeats, state.unchanged_rows)
    return missing, unchanged, repeats, SilenceState(missing[-1].copy(), filled[-1].copy(), unchanged[-1].copy())


def _since(resets: Bools, counts: Bools, before: Counts) -> Counts:
    """How many rows counted since the last reset, ``before`` carried in; a row does not do both."""
    total = np.cumsum(counts, axis=0, dtype=np.int64) + before
    at_reset = np.maximum.accumulate(np.where(resets, total, 0), axis=0)
    since: Counts = total - at_reset
    return since


def _last_present(before: Floats, values: Floats, present: Bools) -> Floats:
    """The last present value up to each row, shape (n_rows + 1, n_series); row 0 is ``before``."""
    known = np.concatenate([before[None, :], values])
    row = np.arange(1, len(known))[:, None]
    source = np.zeros(known.shape, dtype=np.intp)
    np.maximum.accumulate(np.where(present, row, 0), axis=0, out=source[1:])
    filled: Floats = np.take_along_axis(known, source, axis=0)
    return filled


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    width = max(1, _BLOCK_CELLS // max(shape[0], 1))
    return (slice(first, first + width) for first in range(0, shape[1], width))


def _learn(values: Floats, excluded_mask: Bools | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Missing share, longest gap but one, longest rest and present rows; the last three in rows."""
    excluded = np.zeros(values.shape, dtype=bool) if excluded_mask is None else excluded_mask
    # Excluded rows are missing here, so that a constant series is constant across a window as well.
    seen = np.where(excluded, np.nan, values)
    _, unchanged, _, _ = _count(fresh_state(values.shape[1]), seen, None)
    present = ~np.isnan(seen)
    absent = ~present & ~excluded & np.logical_or.accumulate(present, axis=0)
    n_present, n_absent = np.count_nonzero(present, axis=0), np.count_nonzero(absent, axis=0)
    share = np.where(n_present > 0, n_absent / np.maximum(n_absent + n_present, 1), 1.0)
    rest = unchanged.max(axis=0, initial=0).astype(np.float64)
    return share, _second_gap(absent), rest, n_present.astype(np.float64)


def _second_gap(absent: Bools) -> Floats:
    """The longest run but one of each column, in rows."""
    length = _since(~absent, absent, np.zeros(absent.shape[1], dtype=np.int64))
    ends = np.zeros((len(absent) + 2, absent.shape[1]), dtype=np.int64)
    ends[2:] = length
    ends[2:-1][absent[1:]] = 0
    second: Floats = np.partition(ends, -2, axis=0)[-2].astype(np.float64)
    return second
