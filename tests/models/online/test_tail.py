"""Boundaries against the raw data: quantiles and return levels within a bin, never above what was seen, fading."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.online import tail
from models.online.tail import BINS, TOP, TailRules, TailState

STEP_S = 300.0
DAY = 288


def rules(
    n: int = 1,
    *,
    budget: float = 0.1,
    common: float = 9.0,
    own: float = 1.0,
    sigma: float = 0.5,
    conformal: bool = False,
) -> TailRules:
    """The same for all columns."""
    return TailRules(np.full(n, budget), np.full(n, common), np.full(n, own), sigma, STEP_S, conformal)


def learnt(raw: np.ndarray, wanted: TailRules) -> TailState:
    """The state at the end of a history, as ``models.calibration`` makes it."""
    state = tail.blank(np.quantile(raw, tail.TAIL_FROM, axis=1))
    tail.advance(state, wanted, np.ones(len(raw)), raw, np.empty_like(raw), np.empty((len(raw), raw.shape[1])), False)
    tail.refit_all(state, wanted)
    return state


def scores(days: int, n: int = 1, seed: int = 0) -> np.ndarray:
    """Exponential scores, as sums of logarithms of deviations have them."""
    return np.random.default_rng(seed).exponential(size=(n, days * DAY))


def _events(raw: np.ndarray, threshold: float, gap: int = tail.GAP_ROWS) -> list[float]:
    """Peaks of runs of exceedances with more than five other rows between them; the last one is open."""
    rows = np.flatnonzero(raw > threshold)
    if not len(rows):
        return []
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > gap + 1) + 1)
    peaks = [float(raw[run].max()) for run in runs]
    return peaks if len(raw) - 1 - rows[-1] > gap else peaks[:-1]


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_the_98_per_cent_quantile_within_a_bin(seed: int) -> None:
    """Of all rows of the history."""
    raw = scores(7, seed=seed)
    state = learnt(raw, rules())
    assert state.figures[0, tail.THRESHOLD] == pytest.approx(
        np.quantile(raw, tail.TAIL_FROM), abs=state.figures[0, tail.UNIT] * TOP / BINS
    )


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.sampled_from([0.0, 0.5, 1.2, 2.5, 3.0]), min_size=1, max_size=120))
def test_peaks_of_events_are_counted_once(values: list[float]) -> None:
    """Runs of exceedances with at most five rows between them are one event, which counts with its highest score."""
    raw = np.array([values])
    state = tail.blank(np.ones(1))
    tail.advance(state, rules(), np.ones(1), raw, np.empty_like(raw), np.empty((len(raw), raw.shape[1])), False)
    counted = np.repeat(np.arange(BINS), state.peaks[0].astype(int))
    expected = sorted(min(int(peak * BINS / TOP), BINS - 1) for peak in _events(raw[0], 1.0))
    assert counted.tolist() == expected
    assert state.rows[0].sum() == len(values)


@pytest.mark.parametrize("budget", [0.5, 1.0, 2.0])
def test_a_conformal_boundary_is_the_empirical_return_level(budget: float) -> None:
    """It was passed by as many events as the budget allows in the days of the history, to the width of a bin."""
    raw = scores(14, 4, seed=3)
    state = learnt(raw, rules(4, budget=budget, conformal=True))
    for column in range(4):
        peaks = sorted(_events(raw[column], state.figures[column, tail.UNIT]), reverse=True)
        level, width = peaks[int(budget * 14) - 1], state.figures[column, tail.UNIT] * TOP / BINS
        assert state.figures[column, tail.BOUNDARY] == pytest.approx(level, abs=width)


def test_a_conformal_boundary_is_infinite_until_the_budget_allows_one_event() -> None:
    """A tenth of an alarm a day cannot be known from nine days; from eleven days it can."""
    assert learnt(scores(9), rules(conformal=True)).figures[0, tail.BOUNDARY] == math.inf
    assert learnt(scores(11), rules(conformal=True)).figures[0, tail.BOUNDARY] < math.inf


@settings(deadline=None)  # the first call compiles
@given(
    st.integers(1, 12),
    st.floats(0.01, 3.0),
    st.integers(0, 30),
    st.floats(0.2, 6.0),
)
def test_the_own_boundary_is_never_far_above_what_was_seen(days: int, budget: float, seed: int, power: float) -> None:
    """At most the return level, or for rarer events the highest peak and half a score for each e-fold, or the floor."""
    raw = scores(days, seed=seed) ** power
    state = learnt(raw, rules(budget=budget, sigma=1.2))
    _, threshold, _, boundary, *_ = state.figures[0]
    unit = state.figures[0, tail.UNIT]
    width, allowed = unit * TOP / BINS, budget * days
    peaks = sorted(_events(raw[0], unit), reverse=True)
    capped = [min(peak, TOP * unit) for peak in peaks]
    if allowed < 1:
        seen = max(capped, default=0) + tail.BEYOND * math.log(1 / allowed)
    else:
        seen = capped[math.ceil(allowed) - 1] if len(capped) >= allowed else math.inf
    guard = math.ceil(max(tail.GUARD_PEAKS, tail.GUARD_PER_DAY * days, 10 * allowed))
    kept = capped[guard - 1] if len(capped) >= guard else 0.0
    floor = 1.1 * threshold + 0.1 * min(unit, 1.0)
    if seen > 0:
        assert boundary <= max(seen, kept, floor) + 1.01 * width
    assert boundary >= floor * (1 - 1e-12)


def test_the_boundary_is_the_exponential_return_level_where_that_is_lower() -> None:
    """The threshold + sigma log(events / allowed), sigma from the median of the excesses, shrunk to the prior."""
    raw = scores(40, seed=8)
    state = learnt(raw, rules(budget=0.01, sigma=0.2))
    figures = state.figures[0]
    peaks = np.array(_events(raw[0], figures[tail.UNIT]))
    peaks = peaks[peaks > figures[tail.THRESHOLD]]
    excess = peaks - figures[tail.THRESHOLD]
    middle = np.median(excess) / math.log(2)
    own = max(middle, 0.9 * np.minimum(excess, 4 * middle).mean())
    sigma = (len(peaks) * own + tail.PRIOR_PEAKS * 0.2) / (len(peaks) + tail.PRIOR_PEAKS)
    width = figures[tail.UNIT] * TOP / BINS
    assert figures[tail.SIGMA] == pytest.approx(sigma, rel=0.05)
    reach = figures[tail.THRESHOLD] + figures[tail.SIGMA] * math.log(len(peaks) / 0.4)
    most = peaks.max() + tail.BEYOND * math.log(1 / 0.4)
    assert figures[tail.BOUNDARY] == pytest.approx(min(reach, most), abs=2 * width)
    assert figures[tail.EVENTS] == pytest.approx(len(peaks) / 40, rel=0.05)


@pytest.mark.parametrize("own", [0.0, 0.25, 1.0])
def test_the_boundary_lies_between_the_own_and_the_common_one(own: float) -> None:
    """Their geometric mean, weighted."""
    raw = scores(7)
    alone = learnt(raw, rules(own=1.0)).figures[0, tail.BOUNDARY]
    both = learnt(raw, rules(own=own, common=9.0)).figures[0, tail.BOUNDARY]
    assert both == pytest.approx(alone**own * 9.0 ** (1 - own))


def test_a_series_that_would_alarm_all_the_time_is_stopped() -> None:
    """Whatever the common boundary says, at most two events a day of the history are above."""
    raw = scores(10, seed=4) * 6.0
    state = learnt(raw, rules(own=0.1, common=1.0))
    above = sum(peak > state.figures[0, tail.BOUNDARY] for peak in _events(raw[0], state.figures[0, tail.UNIT]))
    assert 0.7 * tail.GUARD_PER_DAY * 10 <= above <= tail.GUARD_PER_DAY * 10


def test_scores_are_straight_lines_through_threshold_and_boundary() -> None:
    """0 at 0, 0.01 at the threshold, 1 at the boundary, and so on above; feedback stretches the second line."""
    figures = np.zeros(tail.N_FIGURES)
    figures[tail.UNIT], figures[tail.THRESHOLD], figures[tail.BOUNDARY] = 2.0, 2.0, 4.0
    for raw, score in ((0.0, 0.0), (1.0, 0.005), (2.0, 0.01), (3.0, 0.505), (4.0, 1.0), (6.0, 1.99)):
        assert tail.calibrated(figures, 1.0, raw) == pytest.approx(score)
    assert tail.calibrated(figures, 2.0, 6.0) == pytest.approx(1.0)
    figures[tail.BOUNDARY] = math.inf
    assert tail.calibrated(figures, 1.0, 1e300) == tail.AT_THRESHOLD


def test_the_memory_fades_with_twenty_days() -> None:
    """Sixty days after its last event only a twentieth of it is remembered, and the boundary comes back."""
    raw = np.concatenate([scores(5), scores(60, seed=1) * 0.3], axis=1)
    raw[0, 200:1200:50] = 9.0
    state, wanted = tail.blank(np.full(1, 4.0)), rules(own=1.0)
    far = int(8.0 / 4.0 * BINS / TOP)
    tail.advance(state, wanted, np.ones(1), raw[:, : 5 * DAY].copy(), *np.empty((2, 1, 5 * DAY)), True)
    before, events = state.figures[0, tail.BOUNDARY], float(state.peaks[0, far:].sum())
    assert events > 15
    tail.advance(state, wanted, np.ones(1), raw[:, 5 * DAY :].copy(), *np.empty((2, 1, 60 * DAY)), True)
    assert float(state.peaks[0, far:].sum()) == pytest.approx(events * math.exp(-3), rel=0.02)
    assert state.figures[0, tail.BOUNDARY] < before
    assert state.figures[0, tail.ROWS] == pytest.approx(DAY * 20 * (1 - math.exp(-65 / 20)), rel=0.02)


def test_a_boundary_moves_only_every_six_hours() -> None:
    """72 rows of five minutes; missing rows do not count."""
    raw, wanted = scores(3), rules()
    raw[0, 100:172] = np.nan
    state, boundaries = learnt(scores(7, seed=5), wanted), []
    for row in range(raw.shape[1]):
        tail.advance(
            state,
            wanted,
            np.ones(1),
            raw[:, row : row + 1].copy(),
            np.empty((1, 1)),
            np.empty((len(raw), raw.shape[1])),
            True,
        )
        boundaries.append((state.figures[0, tail.BOUNDARY], state.counts[0, tail.SINCE]))
    moved = np.flatnonzero(np.diff([boundary for boundary, _ in boundaries]) != 0) + 1
    assert set(moved) <= set(np.flatnonzero(np.array([since for _, since in boundaries]) == 0))
    first = np.cumsum(~np.isnan(raw[0]))
    assert (first[[row for row, (_, since) in enumerate(boundaries) if since == 0]] % 72 == 0).all()


@pytest.mark.parametrize("size", [1, 7, 100])
def test_batches_are_the_stream(size: int) -> None:
    """However the rows are cut: the same bits of scores, of boundaries and of the state."""
    raw, wanted = scores(4, 3, seed=7), rules(3, own=0.5)
    raw[1, 50:90] = np.nan
    whole, parts = (learnt(scores(7, 3), wanted) for _ in range(2))
    judged, judged_in_parts = np.empty((2, 2, *raw.shape))
    tail.advance(whole, wanted, np.ones(3), raw, *judged, True)
    for first in range(0, raw.shape[1], size):
        some = raw[:, first : first + size].copy()
        out = np.empty((2, *some.shape))
        tail.advance(parts, wanted, np.ones(3), some, *out, True)
        judged_in_parts[..., first : first + size] = out
    np.testing.assert_array_equal(judged, judged_in_parts)
    for left, right in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(left, right)


def test_each_row_has_the_boundary_that_held_for_it() -> None:
    """Feedback included: the score is 1 where the raw score is the boundary."""
    raw, wanted, factor = scores(4, seed=7), rules(), np.array([1.5])
    state = learnt(scores(7), wanted)
    score, boundary = np.empty((2, *raw.shape))
    tail.advance(state, wanted, factor, raw, score, boundary, True)
    threshold = raw[score <= tail.AT_THRESHOLD].max()
    above = score > tail.AT_THRESHOLD
    assert ((score >= 1) == (raw >= boundary))[above].all()
    assert (boundary > threshold).all()
    assert len(np.unique(boundary)) > 3


@pytest.mark.parametrize("height", [4.0, 50.0, 900.0])
def test_what_comes_several_times_a_day_is_learnt_however_high(height: float) -> None:
    """Four peaks a day of a height that the history did not have are told for some weeks at most, then no more."""
    raw = scores(60, seed=3) * 0.1
    raw[0, 36::72] = height
    state, wanted = learnt(scores(7) * 0.1, rules(common=0.5, own=0.5)), rules(common=0.5, own=0.5)
    score, boundary = np.empty((2, *raw.shape))
    tail.advance(state, wanted, np.ones(1), raw, score, boundary, True)
    assert score[0, 36] > 1
    assert score[0, 40 * DAY :].max() < 1.05
    assert state.rows[0].sum() == pytest.approx(state.figures[0, tail.ROWS], rel=1e-3)


def test_missing_scores_and_columns_without_a_unit_cannot_tell() -> None:
    """NaN in, NaN out, and nothing is counted; a column that was never seen stays NaN."""
    state = tail.blank(np.array([1.0, np.nan]))
    raw = np.array([[0.5, np.nan, 2.0], [0.5, 0.1, 2.0]])
    score = np.empty_like(raw)
    tail.advance(state, rules(2), np.ones(2), raw, score, np.empty((len(raw), raw.shape[1])), True)
    assert np.isnan(score).tolist() == [[False, True, False], [True] * 3]
    assert state.figures[:, tail.ROWS].tolist() == [2, 0]
    tail.refit_all(state, rules(2))
    assert state.figures[1, tail.BOUNDARY] == math.inf
