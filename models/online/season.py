"""What a series should be now: its level, the profile of its day, and what returns by weekday and by day of the month.

Nothing is configured. The profile of the day counts while it predicts better than the level alone, judged on days
that it had not seen; a slot of it counts in any case where it is beyond doubt, for a job of minutes does not pay on the
whole. A weekday or a day of the month counts where its last two occurrences left the day's profile to the same side,
and only by the smaller of the two: one outage or one holiday is no season. All values are in units of the series' own
spread, around its median (see ``residuals``).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats, median_of, median_of_present

DAYS = 8
"""The profile of a slot is the median over so many days."""
SLOT_VALUES = 32
"""Values of a slot that are kept; in a finer grid the last ones."""
HOURS = 24
"""The level is the median of so many medians of an hour."""
WEEK_PLACES = 168
MONTH_PLACES = 34 * 6
"""Four-hour parts of 31 days from the start of the month and of its last three days."""
SMOOTH_FROM = 96
"""Profiles of at least so many slots a day are averaged over three neighbours, within the profile's mean error."""
GAIN = 0.97
"""The profile has to leave at most this fraction of the level's error."""
SURE, SURE_DAYS = 6.0, 3
"""A slot that so many days left so many of the level's mean errors away counts in any case: a short job every night."""
FORGET = 0.85
"""Weight of the past in the errors by which the profile is judged, for each day."""
CAP = 6.0
"""A row counts at most as so many times the mean error of the days before."""
FREE = 1e9

LEVEL, DAY_PART, RETURNING, SEASON, ERROR_LEVEL, ERROR_DAY, SUM_LEVEL, SUM_DAY, LIMIT, SUM_WEEK, SUM_MONTH, TURN = (
    range(12)
)
N_FIGURES = 12
DAY, SLOT, HOUR, WEEK, MONTH, IN_SLOT, IN_HOUR, IN_DAY, IN_WEEK, IN_MONTH, N_HOURS, N_DAYS, BY_DAY, STARTED = range(14)
N_COUNTS = 14


class Places(NamedTuple):
    """Where each row lies in local time, by calendar; every array has shape (n_calendars, n_rows)."""

    day: NDArray[np.int64]
    slot: NDArray[np.int64]
    hour: NDArray[np.int64]
    week: NDArray[np.int64]  # hour of the week
    month: NDArray[np.int64]  # four-hour part of the month


class SeasonState(NamedTuple):
    """What is remembered of each series."""

    profile: NDArray[np.float32]  # (n_series, DAYS, slots) value less level, by slot of the last days; NaN = not seen
    week: NDArray[np.float32]  # (n_series, WEEK_PLACES, 2) the last two deviations by hour of the week
    month: NDArray[np.float32]  # (n_series, MONTH_PLACES, 2) the same by part of the month
    hours: Floats  # (n_series, HOURS) medians of the last hours, without season
    slot_values: Floats  # (n_series, SLOT_VALUES)
    hour_values: Floats  # (n_series, 12) medians of the slots of this hour
    figures: Floats  # (n_series, N_FIGURES)
    counts: NDArray[np.int64]  # (n_series, N_COUNTS)


def blank(level: Floats, slots: int) -> SeasonState:
    """A state that has seen nothing.

    Parameters
    ----------
    level
        Shape (n_series,): the level to start from.
    slots
        Of a day.

    Returns
    -------
    SeasonState
        For ``expect``.
    """
    n = len(level)
    figures = np.zeros((n, N_FIGURES))
    figures[:, LEVEL], figures[:, LIMIT] = level, FREE
    return SeasonState(
        profile=np.full((n, DAYS, slots), np.nan, dtype=np.float32),
        week=np.zeros((n, WEEK_PLACES, 2), dtype=np.float32),
        month=np.zeros((n, MONTH_PLACES, 2), dtype=np.float32),
        hours=np.full((n, HOURS), np.nan),
        slot_values=np.zeros((n, SLOT_VALUES)),
        hour_values=np.zeros((n, 12)),
        figures=figures,
        counts=np.zeros((n, N_COUNTS), dtype=np.int64),
    )


@compiled
def of_series(state: SeasonState, i: int) -> SeasonState:
    """The part of one series, as views without the first axis."""
    return SeasonState(
        state.profile[i],
        state.week[i],
        state.month[i],
        state.hours[i],
        state.slot_values[i],
        state.hour_values[i],
        state.figures[i],
        state.counts[i],
    )


@compiled
def expect(state: SeasonState, calendar: int, row: int, places: Places, scratch: Floats) -> bool:
    """Move a series to the time of a row. True if an hour was closed.

    Level and season are then in ``figures``; TURN is by how much the season of this row is another one because the
    profile of the day begins or ceases to count.
    """
    figures, counts = state.figures, state.counts
    figures[TURN], by_day = 0.0, counts[BY_DAY]
    day, slot, hour = places.day[calendar, row], places.slot[calendar, row], places.hour[calendar, row]
    week, month = places.week[calendar, row], places.month[calendar, row]
    hour_closed = False
    if counts[STARTED] == 0:
        counts[STARTED] = 1
    elif counts[SLOT] == slot and counts[DAY] == day:
        return False
    else:
        _close_slot(state)
        if counts[WEEK] != week:
            _remember(state.week[counts[WEEK]], figures, SUM_WEEK, counts, IN_WEEK)
        if counts[MONTH] != month:
            _remember(state.month[counts[MONTH]], figures, SUM_MONTH, counts, IN_MONTH)
        if counts[HOUR] != hour or counts[DAY] != day:
            _close_hour(state, scratch)
            hour_closed = True
        if counts[DAY] != day:
            _close_day(figures, counts)
    counts[DAY], counts[SLOT], counts[HOUR], counts[WEEK], counts[MONTH] = day, slot, hour, week, month
    figures[DAY_PART] = _profile(state.profile, slot, figures[ERROR_DAY], scratch) if counts[N_DAYS] > 0 else 0.0
    figures[RETURNING] = _agreed(state.week[week]) + _agreed(state.month[month])
    now = _counted(figures, counts)
    if counts[BY_DAY] != by_day:
        figures[TURN] = now if by_day == 0 else now - figures[DAY_PART]
    figures[SEASON] = figures[RETURNING] + now
    return hour_closed


@compiled
def learn(state: SeasonState, value: float) -> None:
    """Take the value of the row that a series was moved to."""
    figures, counts = state.figures, state.counts
    above, limit = value - figures[LEVEL], figures[LIMIT]
    figures[SUM_LEVEL] += min(abs(above), limit)
    figures[SUM_DAY] += min(abs(above - figures[DAY_PART]), limit)
    counts[IN_DAY] += 1
    if counts[N_DAYS] > 0:
        rest = above - _counted(figures, counts)
        figures[SUM_WEEK] += rest
        figures[SUM_MONTH] += rest - _agreed(state.week[counts[WEEK]])
        counts[IN_WEEK] += 1
        counts[IN_MONTH] += 1
    state.slot_values[counts[IN_SLOT] % SLOT_VALUES] = value
    counts[IN_SLOT] += 1


@compiled
def _counted(figures: Floats, counts: NDArray[np.int64]) -> float:
    """What the day adds to the level: its part where the profile predicts, or where that part is beyond doubt."""
    part = float(figures[DAY_PART])
    sure = counts[N_DAYS] >= SURE_DAYS and abs(part) > SURE * figures[ERROR_LEVEL]
    return part if counts[BY_DAY] or sure else 0.0


@compiled
def _close_slot(state: SeasonState) -> None:
    figures, counts = state.figures, state.counts
    if counts[IN_SLOT] == 0:
        return
    middle = median_of(state.slot_values, min(counts[IN_SLOT], SLOT_VALUES))
    state.profile[counts[DAY] % DAYS, counts[SLOT]] = middle - figures[LEVEL]
    if counts[IN_HOUR] < len(state.hour_values):
        state.hour_values[counts[IN_HOUR]] = middle - figures[SEASON]
        counts[IN_HOUR] += 1
    counts[IN_SLOT] = 0


@compiled
def _close_hour(state: SeasonState, scratch: Floats) -> None:
    counts = state.counts
    if counts[IN_HOUR] == 0:
        return
    state.hours[counts[N_HOURS] % HOURS] = median_of(state.hour_values, counts[IN_HOUR])
    counts[N_HOURS] += 1
    counts[IN_HOUR] = 0
    state.figures[LEVEL] = median_of_present(state.hours, scratch)


@compiled
def _close_day(figures: Floats, counts: NDArray[np.int64]) -> None:
    n = counts[IN_DAY]
    if n > 0:
        level = figures[SUM_LEVEL] / n
        figures[ERROR_LEVEL] = _faded(figures[ERROR_LEVEL], level)
        if counts[N_DAYS] > 0:
            figures[ERROR_DAY] = _faded(figures[ERROR_DAY], figures[SUM_DAY] / n)
        figures[LIMIT] = CAP * figures[ERROR_LEVEL]
    figures[SUM_LEVEL], figures[SUM_DAY], counts[IN_DAY] = 0.0, 0.0, 0
    counts[N_DAYS] += 1
    counts[BY_DAY] = 0.0 < figures[ERROR_DAY] < GAIN * figures[ERROR_LEVEL]


@compiled
def _faded(error: float, today: float) -> float:
    return today if error == 0.0 else FORGET * error + (1 - FORGET) * today


@compiled
def _remember(pair: NDArray[np.float32], figures: Floats, total: int, counts: NDArray[np.int64], number: int) -> None:
    """Close a place of the week or the month: its mean deviation becomes the newer one of the pair."""
    if counts[number] > 0:
        pair[1] = pair[0]
        pair[0] = figures[total] / counts[number]
    figures[total], counts[number] = 0.0, 0


@compiled
def _agreed(pair: NDArray[np.float32]) -> float:
    """Median of zero and the two deviations."""
    if pair[0] * pair[1] <= 0.0:
        return 0.0
    return float(pair[0] if abs(pair[0]) < abs(pair[1]) else pair[1])


@compiled
def _profile(profile: NDArray[np.float32], slot: int, most: float, scratch: Floats) -> float:
    """Part of a slot, averaged over its neighbours, which moves it by at most ``most``: edges stay sharp."""
    slots = profile.shape[1]
    middle = _of_slot(profile, slot, scratch)
    if slots < SMOOTH_FROM:
        return middle
    before, after = _of_slot(profile, (slot - 1) % slots, scratch), _of_slot(profile, (slot + 1) % slots, scratch)
    return min(max((before + middle + after) / 3, middle - most), middle + most)


@compiled
def _of_slot(profile: NDArray[np.float32], slot: int, scratch: Floats) -> float:
    middle = median_of_present(profile[:, slot], scratch)
    return 0.0 if math.isnan(middle) else middle
