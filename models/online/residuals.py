"""From values to residual features: how strange a value is beside its season, its last hour, its last rows.

For every series and row, in units of the usual spread of each residual at this hour of the day:

======  ==========================================================================================
slow    value less level and season
mid     deseasonalised value less the median of the hour before
fast    the same less the median of the seven rows before
diff    the same less the row before
m3, m8  mean of the last 3 (8) deseasonalised values less the median of the hour before them
s3, s8  mean of the last 3 (8) ``slow`` residuals
run     mean of the last ten ``slow`` in spreads, each counted as 8 at most
wild    logarithm of the mean squared step over eight rows less its usual value
size    ``slow`` in standard deviations of the history
part    ``slow`` relative to the size of the expected value
======  ==========================================================================================

A feature is sign(z) log(1 + |z|): strange values stay comparable, and their sum is the logarithm of a product.
The state of a series is below 20 KB. A missing value changes nothing.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online import season, spread
from models.online.order import Floats, median_of, median_of_window, slide
from models.online.season import Places, SeasonState
from models.online.spread import SpreadState

SLOW, MID, FAST, DIFF, M3, M8, S3, S8, RUN, WILD, SIZE, PART = range(12)
FEATURES = ("slow", "mid", "fast", "diff", "m3", "m8", "s3", "s8", "run", "wild", "size", "part")
N_SPREADS = 10
"""The first features are in spreads of their own, the last two are not."""
FLOOR_OF_RATIOS = 0.1
FAR = 1e6
"""Values further from the history's median, in its standard deviations, count as this far."""
MOST_MEAN, MOST_RUN, MOST_PART = 20.0, 8.0, 20.0
LEAST_SIZE = 0.05
RECENT = 10
LAST = 7
WILD_MEMORY = 60
SCRATCH = 32
"""Room for the longest list of which a median is taken."""

PREVIOUS, USUAL_WILD = range(2)


class SeriesUnits(NamedTuple):
    """What is fixed for each series; shapes (n_series,). The kernel works on (value - centre) / unit."""

    centre: Floats
    unit: Floats
    floor: Floats  # in units: no spread is below it
    calendar: NDArray[np.int64]


class RecentState(NamedTuple):
    """The last rows of each series."""

    hour: Floats  # (n_series, width) deseasonalised values of the last hour, in order of arrival
    hour_ordered: Floats  # (n_series, width) the same by size
    values: Floats  # (n_series, RECENT) deseasonalised
    middles: Floats  # (n_series, RECENT) medians of the hours before
    slow: Floats  # (n_series, RECENT) capped residuals
    runs: Floats  # (n_series, RECENT) the same in spreads, capped
    steps: Floats  # (n_series, RECENT) squared
    figures: Floats  # (n_series, 2)
    seen: NDArray[np.int64]  # (n_series, 1)


class ResidualState(NamedTuple):
    """All that is remembered of each series."""

    season: SeasonState
    spread: SpreadState
    recent: RecentState


def blank(level: Floats, prior: Floats, slots: int, hour_rows: int) -> ResidualState:
    """A state that has seen nothing.

    Parameters
    ----------
    level
        Shape (n_series,): where the level starts, in units.
    prior
        Shape (n_series, N_SPREADS): logarithms of the spreads to start with.
    slots
        Of a day.
    hour_rows
        Rows of the hour that ``mid`` looks back.

    Returns
    -------
    ResidualState
        For ``advance``.
    """
    n = len(level)
    recent = RecentState(
        hour=np.zeros((n, hour_rows)),
        hour_ordered=np.zeros((n, hour_rows)),
        values=np.zeros((n, RECENT)),
        middles=np.zeros((n, RECENT)),
        slow=np.zeros((n, RECENT)),
        runs=np.zeros((n, RECENT)),
        steps=np.zeros((n, RECENT)),
        figures=np.zeros((n, 2)),
        seen=np.zeros((n, 1), dtype=np.int64),
    )
    return ResidualState(season.blank(level, slots), spread.blank(prior), recent)


def advance(
    state: ResidualState,
    units: SeriesUnits,
    places: Places,
    values: Floats,
    features: NDArray[np.float32],
    expected: Floats,
    scale: Floats,
) -> None:
    """Judge rows and learn from them.

    ``values``, ``expected`` and ``scale`` have shape (n_series, n_rows), in the metrics' units; ``features`` has
    (n_series, n_rows, 12). The last three are written; a missing value gives NaN features, but an expectation.
    """
    _advance(state, units, places, values, features, expected, scale, np.empty(SCRATCH + N_SPREADS))


@compiled
def _advance(
    state: ResidualState,
    units: SeriesUnits,
    places: Places,
    values: Floats,
    features: NDArray[np.float32],
    expected: Floats,
    scale: Floats,
    room: Floats,
) -> None:
    scratch, z = room[:SCRATCH], room[SCRATCH:]
    for i in range(values.shape[0]):
        own = _of_series(state, i)
        figures = own.season.figures
        calendar, centre, unit, floor = units.calendar[i], units.centre[i], units.unit[i], units.floor[i]
        for row in range(values.shape[1]):
            hour = places.hour[calendar, row]
            previous_hour = own.season.counts[season.HOUR]
            if season.expect(own.season, calendar, row, places, scratch):
                spread.close_hour(own.spread, previous_hour)
                spread.open_hour(own.spread, hour)
            if figures[season.TURN] != 0.0:
                _turn(own.recent, figures[season.TURN])
            level, seasonal = figures[season.LEVEL], figures[season.SEASON]
            at = centre / unit + level + seasonal
            expected[i, row] = at * unit
            width = math.sqrt(own.spread.now[SLOW] ** 2 + floor * floor)
            scale[i, row] = width * unit
            if math.isnan(values[i, row]):
                features[i, row, :] = np.nan
                continue
            value = min(max((values[i, row] - centre) / unit, -FAR), FAR)
            size = value - level - seasonal
            _judge(own, floor, value - seasonal, size, level, z, scratch)
            season.learn(own.season, value)
            for kind in range(N_SPREADS):
                features[i, row, kind] = _signed_log(z[kind])
            features[i, row, SIZE] = _signed_log(size)
            part = size / max(abs(at), LEAST_SIZE)
            features[i, row, PART] = _signed_log(min(max(part, -MOST_PART), MOST_PART))


@compiled
def _of_series(state: ResidualState, i: int) -> ResidualState:
    recent = state.recent
    return ResidualState(
        season.of_series(state.season, i),
        spread.of_series(state.spread, i),
        RecentState(
            recent.hour[i],
            recent.hour_ordered[i],
            recent.values[i],
            recent.middles[i],
            recent.slow[i],
            recent.runs[i],
            recent.steps[i],
            recent.figures[i],
            recent.seen[i],
        ),
    )


@compiled
def _turn(recent: RecentState, by: float) -> None:
    """Set the last rows against the season that counts from now on: its coming or going is no step of the series."""
    seen = recent.seen[0]
    for place in range(min(seen, len(recent.hour))):
        recent.hour[place] -= by
        recent.hour_ordered[place] -= by  # the same differences in the same order
    for place in range(min(seen, RECENT)):
        recent.values[place] -= by
        recent.middles[place] -= by
    recent.figures[PREVIOUS] -= by


@compiled
def _judge(state: ResidualState, floor: float, y: float, size: float, level: float, z: Floats, scratch: Floats) -> None:
    """Residuals of a value in spreads; the value enters the windows."""
    recent = state.recent
    seen = recent.seen[0]
    middle = median_of_window(recent.hour_ordered, seen) if seen >= 3 else level
    last = min(seen, LAST)
    for back in range(last):
        scratch[back] = recent.values[(seen - 1 - back) % RECENT]
    fast = median_of(scratch, last) if last > 0 else level
    step = y - recent.figures[PREVIOUS] if seen > 0 else 0.0
    _in_spread(state.spread, SLOW, size, floor, z)
    _in_spread(state.spread, MID, y - middle, floor, z)
    _in_spread(state.spread, FAST, y - fast, floor, z)
    _in_spread(state.spread, DIFF, step, floor, z)
    place = seen % RECENT
    recent.values[place], recent.middles[place], recent.steps[place] = y, middle, step * step
    recent.slow[place] = min(max(size, -MOST_MEAN), MOST_MEAN)
    recent.runs[place] = min(max(z[SLOW], -MOST_RUN), MOST_RUN)
    _short_means(state, floor, level, z)
    slide(recent.hour, recent.hour_ordered, seen, y)
    recent.figures[PREVIOUS] = y
    recent.seen[0] = seen + 1
    state.spread.counts[1] += 1


@compiled
def _short_means(state: ResidualState, floor: float, level: float, z: Floats) -> None:
    recent = state.recent
    seen = recent.seen[0]
    values, slow, steps, runs = 0.0, 0.0, 0.0, 0.0
    for back in range(min(seen + 1, RECENT)):
        place = (seen - back) % RECENT
        runs += recent.runs[place]
        if back < 8:
            values += min(max(recent.values[place], level - MOST_MEAN), level + MOST_MEAN)
            slow += recent.slow[place]
            steps += recent.steps[place]
        if back == min(seen, 2):
            n, reference = back + 1, recent.middles[place]
            _in_spread(state.spread, M3, values / n - reference, floor / math.sqrt(3.0), z)
            _in_spread(state.spread, S3, slow / n, floor / math.sqrt(3.0), z)
        if back == min(seen, 7):
            n, reference = back + 1, recent.middles[place]
            _in_spread(state.spread, M8, values / n - reference, floor / math.sqrt(8.0), z)
            _in_spread(state.spread, S8, slow / n, floor / math.sqrt(8.0), z)
    _in_spread(state.spread, RUN, runs / min(seen + 1, RECENT), FLOOR_OF_RATIOS, z)
    wild = math.log(steps / min(seen + 1, 8) + floor * floor)
    if seen == 0:
        recent.figures[USUAL_WILD] = wild
    _in_spread(state.spread, WILD, wild - recent.figures[USUAL_WILD], FLOOR_OF_RATIOS, z)
    recent.figures[USUAL_WILD] += (wild - recent.figures[USUAL_WILD]) / min(seen + 1, WILD_MEMORY)


@compiled
def _in_spread(state: SpreadState, kind: int, residual: float, floor: float, z: Floats) -> None:
    usual = state.now[kind]
    z[kind] = residual / math.sqrt(usual * usual + floor * floor)
    spread.note(state, kind, residual, floor)


@compiled
def _signed_log(z: float) -> float:
    return math.copysign(math.log1p(abs(z)), z)
