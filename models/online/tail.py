"""From raw scores to 1.0 at the boundary: how often normal days of this very series show such a score.

Peaks over threshold with three things that a few days of history cannot give by themselves. Above the 98 % quantile
of the recent scores the peaks of events (runs of exceedances) are taken as exponential; since raw scores are sums of
logarithms, that is a Pareto tail of the deviations. The scale of the tail is shrunk to a prior, the boundary is never
above the return level that was seen, and it is shrunk to a boundary that holds for any series, since what a long
history holds above that are unlabelled incidents rather than noise. A series that would alarm more often than
``GUARD_PER_DAY`` nevertheless gets the boundary that stops that.

The recent scores are two histograms, of rows and of peaks, that fade with a half-life of two weeks: a series is
recalibrated every six hours from a kilobyte.

Siffer, Fouque, Termier, Largouet: Anomaly detection in streams with extreme value theory, KDD 2017. Coles: An
introduction to statistical modeling of extreme values, 2001, 5.3.2 (declustering). Conformal: Laxhammar, Falkman:
Conformal prediction for distribution-independent anomaly detection in streaming vessel data, 2010.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats

BINS = 128
TOP = 3.2
"""The histograms reach from 0 to so many units; a unit is the 98 % quantile of the history's scores."""
TAIL_FROM = 0.98
ROWS_OF_EVENT, MOST_TAIL = 15.0, 0.1
"""Rows that an event counts for; a large budget needs a tail that holds its events, up to a tenth of the rows."""
REFIT_S = 21_600.0
FADE_DAYS = 20.0
"""The weight of a row falls to 1/e in so many days."""
GAP_ROWS = 5
"""Exceedances that are closer than this are one event."""
PRIOR_PEAKS = 40.0
"""Weight of the prior of the tail's scale, in events."""
BEYOND = 0.5
"""By how much the boundary may lie above the highest peak seen, for each e-fold of the budget that is rarer."""
LEAST_SHARE = 0.05
"""The scale of a tail is at least this fraction of the threshold, and of the unit."""
GUARD_PER_DAY, GUARD_PEAKS = 2.0, 3.0
DAY_S = 86_400.0
AT_THRESHOLD = 0.01

UNIT, THRESHOLD, SIGMA, BOUNDARY, PEAK, ROWS, EVENTS = range(7)
N_FIGURES = 7
QUIET, SINCE = range(2)


class TailState(NamedTuple):
    """What is remembered of each column of scores."""

    rows: NDArray[np.float32]  # (n, BINS) faded number of rows by score
    peaks: NDArray[np.float32]  # (n, BINS) faded number of events by peak
    figures: Floats  # (n, N_FIGURES)
    counts: NDArray[np.int64]  # (n, 2) rows since the last exceedance, rows since the last refit


class TailRules(NamedTuple):
    """What is given for each column; shapes (n,) but for the numbers."""

    budget: Floats  # false alarms a day
    common: Floats  # the boundary that holds for any series
    own: Floats  # weight of the own boundary against it, in [0, 1]
    sigma: float  # prior of the tail's scale
    step_s: float
    conformal: bool  # the boundary is the empirical return level alone, infinite while the rows are too few


def blank(unit: Floats) -> TailState:
    """A state that has seen nothing.

    Parameters
    ----------
    unit
        Shape (n,): the 98 % quantile of the history's scores, positive; NaN = cannot tell.

    Returns
    -------
    TailState
        For ``advance``; until ``refit`` no score is above the boundary.
    """
    n = len(unit)
    figures = np.zeros((n, N_FIGURES))
    figures[:, UNIT] = figures[:, THRESHOLD] = unit
    figures[:, BOUNDARY] = np.inf
    return TailState(
        rows=np.zeros((n, BINS), dtype=np.float32),
        peaks=np.zeros((n, BINS), dtype=np.float32),
        figures=figures,
        counts=np.zeros((n, 2), dtype=np.int64),
    )


@compiled
def advance(
    state: TailState,
    rules: TailRules,
    factor: Floats,
    raw: Floats,
    score: Floats,
    boundary: Floats,
    refits: bool,  # noqa: FBT001  # numba takes no keyword-only arguments
) -> None:
    """Calibrate raw scores and learn from them.

    ``raw``, ``score`` and ``boundary`` have shape (n, n_rows), NaN = cannot tell; the last two are written. ``factor``
    multiplies the distance between threshold and boundary (feedback). Without ``refits`` the boundary stays.
    """
    every = max(1, int(REFIT_S / rules.step_s))
    fade = math.exp(-every * rules.step_s / DAY_S / FADE_DAYS)
    for i in range(raw.shape[0]):
        figures, counts = state.figures[i], state.counts[i]
        for row in range(raw.shape[1]):
            value = raw[i, row]
            boundary[i, row] = figures[THRESHOLD] + (figures[BOUNDARY] - figures[THRESHOLD]) * factor[i]
            if math.isnan(value) or math.isnan(figures[UNIT]):
                score[i, row] = math.nan
                continue
            score[i, row] = calibrated(figures, factor[i], value)
            _count(state, i, value)
            if refits and counts[SINCE] >= every:
                if state.peaks[i, BINS - 1] >= GUARD_PEAKS:
                    _widen(state, i)
                refit(state, i, rules)
                _fade(state, i, fade)


@compiled
def calibrated(figures: Floats, factor: float, raw: float) -> float:
    """1.0 at the boundary, 0.01 at the threshold, 0 at 0, in straight lines."""
    threshold = figures[THRESHOLD]
    if raw <= threshold:
        return float(AT_THRESHOLD * raw / threshold)
    return float(AT_THRESHOLD + (1.0 - AT_THRESHOLD) * (raw - threshold) / ((figures[BOUNDARY] - threshold) * factor))


@compiled
def tail_level(budget: float, step_s: float) -> float:
    """Where the tail begins: 98 %, or lower where the events of the budget would not fit in."""
    return 1.0 - min(max(1.0 - TAIL_FROM, ROWS_OF_EVENT * budget * step_s / DAY_S), MOST_TAIL)


@compiled
def refit_all(state: TailState, rules: TailRules) -> None:
    """Set every boundary from what was counted."""
    for i in range(len(state.figures)):
        if not math.isnan(state.figures[i, UNIT]):
            refit(state, i, rules)


@compiled
def refit(state: TailState, i: int, rules: TailRules) -> None:
    """Set the boundary of a column from what was counted."""
    figures, peaks = state.figures[i], state.peaks[i]
    state.counts[i, SINCE] = 0
    unit, width = figures[UNIT], figures[UNIT] * TOP / BINS
    threshold = width * _place_of(state.rows[i], tail_level(rules.budget[i], rules.step_s), 0)
    days = max(figures[ROWS] * rules.step_s / DAY_S, 0.01)
    first = min(int(threshold / width), BINS - 1)
    events = 0.0
    for place in range(first, BINS):
        events += peaks[place]
    sigma = _sigma(peaks, first, events, threshold, width)
    sigma = (events * sigma + PRIOR_PEAKS * rules.sigma) / (events + PRIOR_PEAKS)
    sigma = max(sigma, LEAST_SHARE * threshold, LEAST_SHARE * min(unit, 1.0))
    floor = 1.1 * threshold + 0.1 * min(unit, 1.0)
    allowed = rules.budget[i] * days
    seen = _return_level(peaks, first, allowed, width)
    if rules.conformal:
        boundary = max(seen, floor) if allowed >= 1.0 else math.inf
    else:
        boundary = threshold + sigma * math.log(max(max(events, 1.0) / allowed, 2.0))
        if allowed < 1.0 and seen > 0.0:
            seen += BEYOND * math.log(1.0 / allowed)
        if seen > 0.0:
            boundary = min(boundary, seen)
        boundary = max(boundary, floor)
        boundary = boundary ** rules.own[i] * max(rules.common[i], floor) ** (1.0 - rules.own[i])
        most = max(GUARD_PEAKS, max(GUARD_PER_DAY, 10.0 * rules.budget[i]) * days)
        boundary = max(boundary, floor, _return_level(peaks, first, most, width) if events >= most else 0.0)
    figures[THRESHOLD], figures[SIGMA], figures[BOUNDARY], figures[EVENTS] = threshold, sigma, boundary, events / days


@compiled
def _count(state: TailState, i: int, value: float) -> None:
    figures, counts = state.figures[i], state.counts[i]
    _put(state.rows[i], value / figures[UNIT])
    figures[ROWS] += 1.0
    counts[SINCE] += 1
    if value > figures[THRESHOLD]:
        figures[PEAK] = max(figures[PEAK], value)
        counts[QUIET] = 0
    elif figures[PEAK] > 0.0:
        counts[QUIET] += 1
        if counts[QUIET] > GAP_ROWS:
            _put(state.peaks[i], figures[PEAK] / figures[UNIT])
            figures[PEAK] = 0.0
            counts[QUIET] = 0


@compiled
def _put(histogram: NDArray[np.float32], units: float) -> None:
    histogram[int(min(max(units * BINS / TOP, 0.0), BINS - 1.0))] += np.float32(1.0)


@compiled
def _widen(state: TailState, i: int) -> None:
    """Let the histograms reach twice as far, with bins of twice the width: what is new has to be told apart."""
    for place in range(BINS):
        low = 2 * place
        state.rows[i, place] = state.rows[i, low] + state.rows[i, low + 1] if low < BINS else 0.0
        state.peaks[i, place] = state.peaks[i, low] + state.peaks[i, low + 1] if low < BINS else 0.0
    state.figures[i, UNIT] *= 2.0


@compiled
def _fade(state: TailState, i: int, fade: float) -> None:
    for place in range(BINS):
        state.rows[i, place] *= fade
        state.peaks[i, place] *= fade
    state.figures[i, ROWS] *= fade


@compiled
def _place_of(histogram: NDArray[np.float32], level: float, first: int) -> float:
    """Quantile of what is in the bins from ``first`` on, in bins, with a straight line inside a bin."""
    total, passed = 0.0, 0.0
    for place in range(first, BINS):
        total += histogram[place]
    for place in range(first, BINS):
        if histogram[place] > 0.0 and passed + histogram[place] >= level * total:
            return float(place + (level * total - passed) / histogram[place])
        passed += histogram[place]
    return float(first)


@compiled
def _sigma(peaks: NDArray[np.float32], first: int, events: float, threshold: float, width: float) -> float:
    """Scale of an exponential tail from its median, and from its mean where that is larger, far peaks capped."""
    if events <= 0.0:
        return 0.0
    middle = max(width * _place_of(peaks, 0.5, first) - threshold, 0.0) / math.log(2.0)
    mean = 0.0
    for place in range(first, BINS):
        mean += peaks[place] * min(max(width * (place + 0.5) - threshold, 0.0), 4.0 * middle)
    return max(middle, 0.9 * mean / events)


@compiled
def _return_level(peaks: NDArray[np.float32], first: int, events: float, width: float) -> float:
    """The peak that was exceeded by so many events; the highest one for less than one; 0 if there was none."""
    if events < 1.0:
        for place in range(BINS - 1, first - 1, -1):
            if peaks[place] > 0.25:
                return (place + 1.0) * width
        return 0.0
    passed = 0.0
    for place in range(BINS - 1, first - 1, -1):
        passed += peaks[place]
        if passed >= events:
            return (place + 0.5) * width
    return 0.0
