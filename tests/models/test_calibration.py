"""Scores become rarities: boundaries keep their budget, and neither incidents nor counters break them."""

import numpy as np
import pytest

from models.anomalies import AnomalySeverity
from models.calibration import (
    LEAST_FACTOR,
    MOST_FACTOR,
    Calibration,
    Method,
    boundaries,
    calibrate,
    judged,
    p_values,
    severity,
)
from models.errors import ConfigurationError
from models.online import tail
from models.online.arrays import to_arrays
from models.online.tail import TailState

STEP_S = 300.0
DAY = 288
BUDGET = 0.1


def learn(
    raw: np.ndarray, *, budget: float = BUDGET, common: float = 10.0, sigma: float = 1.0, method: Method = "tail"
) -> tuple[Calibration, TailState]:
    """Calibrate the scores of a history."""
    budgets = np.full(len(raw), budget)
    return calibrate(raw, step_s=STEP_S, budget=budgets, common_boundary=common, sigma=sigma, method=method)


def noise(kind: str, shape: tuple[int, int], seed: int = 12) -> np.ndarray:
    """Scores of noise as the detectors make them: logarithms of deviations."""
    rng = np.random.default_rng(seed)
    if kind == "laplace":
        return np.log1p(np.abs(rng.laplace(size=shape)) * 3)
    if kind == "gamma":
        return np.log1p(rng.gamma(1.5, size=shape) * 3)
    if kind == "exponential":
        return rng.exponential(size=shape)
    values = rng.normal(size=shape)
    if kind == "autocorrelated":
        for row in range(1, shape[1]):
            values[:, row] = 0.8 * values[:, row - 1] + 0.6 * values[:, row]
    return np.log1p(np.abs(values) * 3)


def events_a_day(score: np.ndarray) -> float:
    """Crossings of the boundary, for each column and day."""
    rises = np.sum((score[:, 1:] >= 1) & (score[:, :-1] < 1))
    return float(rises / score.size * DAY)


@pytest.mark.parametrize("kind", ["gaussian", "laplace", "gamma", "exponential", "autocorrelated"])
@pytest.mark.parametrize("days", [2, 14])
def test_new_rows_exceed_the_boundary_no_more_often_than_the_budget_allows(kind: str, days: int) -> None:
    """From two days or two weeks of 40 series, without any common boundary: four new weeks show at most twice it."""
    raw = noise(kind, (40, (days + 28) * DAY))
    calibration, state = learn(raw[:, : days * DAY], common=0.0)
    calibration = Calibration.from_arrays(
        {**calibration.to_arrays(), "own": np.ones(40)}, sigma=1.0, step_s=STEP_S, method="tail"
    )
    tail.refit_all(state, calibration.rules)
    assert events_a_day(calibration.advance(raw[:, days * DAY :], state)) < 2 * BUDGET


def test_more_budget_lowers_the_boundary() -> None:
    """And the common boundary with it, along the exponential tail."""
    raw = noise("gaussian", (1, 14 * DAY))
    found = [learn(raw, budget=budget) for budget in (0.01, 0.1, 1.0)]
    reaches = [float(boundaries(*each)[0]) for each in found]
    assert reaches == sorted(reaches, reverse=True)
    assert reaches[0] > 1.1 * reaches[2]
    assert [each.common[0] for each, _ in found] == pytest.approx([10 + np.log(0.05 / b) for b in (0.01, 0.1, 1.0)])


@pytest.mark.parametrize(("days", "own"), [(1, 1.0), (3, 1.0), (11, 1 - 0.9 * 8 / 15), (300, 0.12)])
def test_the_longer_the_history_the_more_the_common_boundary_counts(days: int, own: float) -> None:
    """All for the own boundary up to three days, half of the way to a tenth at eleven."""
    calibration, _ = learn(np.ones((1, days * DAY)))
    assert calibration.own[0] == pytest.approx(own, abs=0.005)


def test_one_long_incident_hardly_moves_the_boundary() -> None:
    """An hour of extreme scores in a week counts as one event; a tail of the usual scale is expected."""
    raw = noise("gaussian", (30, 7 * DAY), 13)
    clean = boundaries(*learn(raw, sigma=0.3))
    raw[:, 900:912] = 12.0
    assert (boundaries(*learn(raw, sigma=0.3)) < 1.35 * clean).all()


@pytest.mark.parametrize("height", [2.5, 12.0])
def test_what_happens_three_times_a_day_is_normal(height: float) -> None:
    """However far it is above the rest, and whatever the common boundary says."""
    raw = noise("gaussian", (20, 9 * DAY), 14) / 3
    for hour in (3, 11, 19):
        raw[:, hour * 12 :: DAY] = height
    calibration, state = learn(raw[:, : 7 * DAY], common=2.0)
    assert calibration.advance(raw[:, 7 * DAY :], state).max() < 1.01


def test_no_series_alarms_much_more_than_twice_a_day() -> None:
    """Rare events of any height, up to six a day, learnt from a week: the guard holds on two new weeks."""
    rng = np.random.default_rng(8)
    for a_day in (1, 3, 6):
        for height in (1.0, 30.0):
            raw = (rng.random((20, 21 * DAY)) < a_day / DAY) * height * rng.uniform(0.9, 1, size=(20, 21 * DAY))
            calibration, state = learn(raw[:, : 7 * DAY], common=0.5)
            assert events_a_day(calibration.advance(raw[:, 7 * DAY :], state)) < 2.5


def test_the_next_step_of_a_counter_is_not_an_alarm() -> None:
    """Between two values of a counter there is no tail to fit: what was seen each day does not alarm."""
    raw = np.random.default_rng(15).poisson(0.2, size=(30, 35 * DAY)).astype(float) * 2
    calibration, state = learn(raw[:, : 7 * DAY])
    assert events_a_day(calibration.advance(raw[:, 7 * DAY :], state)) < BUDGET


def test_scores_that_never_moved_alarm_when_they_move() -> None:
    """A history of zeros gives a finite boundary near the common one; a score of 400 is beyond all reason."""
    calibration, state = learn(np.zeros((2, 7 * DAY)), common=4.0)
    assert np.isfinite(boundaries(calibration, state)).all()
    assert (calibration.advance(np.zeros((2, 50)), state) == 0).all()
    score = calibration.advance(np.full((2, 1), 400.0), state)
    assert (score > 10).all()
    assert calibration.rate_per_day(float(score[0, 0]), 0, state) < 1e-6


def test_a_series_without_scores_cannot_tell() -> None:
    """Nothing to learn from gives NaN, not an alarm and not silence called normal."""
    raw = np.stack([np.full(DAY, np.nan), np.ones(DAY)])
    calibration, state = learn(raw)
    score = calibration.advance(np.full((2, 3), 9.0), state)
    assert np.isnan(score[0]).all()
    assert np.isfinite(score[1]).all()
    assert np.isnan(boundaries(calibration, state)).tolist() == [True, False]
    assert np.isnan(p_values(state, np.full((2, 1), 9.0)))[0, 0]


def test_the_boundary_goes_on_learning() -> None:
    """A series that becomes twice as noisy is told for some days, then no more than twice a day."""
    raw = np.concatenate([noise("exponential", (20, 7 * DAY)), noise("exponential", (20, 40 * DAY), 5) * 2], axis=1)
    calibration, state = learn(raw[:, : 7 * DAY], common=8.0)
    score = calibration.advance(raw[:, 7 * DAY :], state)
    assert events_a_day(score[:, : 2 * DAY]) > 2 * events_a_day(score[:, 30 * DAY :])
    assert events_a_day(score[:, 30 * DAY :]) < 2


def test_what_is_judged_only_is_not_learnt() -> None:
    """The state stays as it is, and so do the scores."""
    raw = noise("gaussian", (3, 7 * DAY))
    calibration, state = learn(raw)
    before = {name: array.copy() for name, array in to_arrays(state).items()}
    assert np.array_equal(judged(calibration, state, raw), judged(calibration, state, raw))
    for name, array in to_arrays(state).items():
        assert array.tobytes() == before[name].tobytes()


def test_the_boundary_is_where_the_score_is_one() -> None:
    """Feedback included."""
    calibration, state = learn(noise("laplace", (3, 7 * DAY)))
    moved = calibration.adjusted(rejected={0: 3}, confirmed={1: 2})
    for each in (calibration, moved):
        np.testing.assert_allclose(judged(each, state, boundaries(each, state)[:, None]), 1.0)


def test_rate_at_the_boundary_is_the_budget_and_falls_above() -> None:
    """What the boundary was set for is what a score at the boundary says of itself."""
    calibration, state = learn(noise("laplace", (3, 7 * DAY)))
    for column in range(3):
        rates = [calibration.rate_per_day(score, column, state) for score in (0.5, 1.0, 1.5, 3.0, 1e9)]
        assert rates[1] == pytest.approx(BUDGET)
        assert rates == sorted(rates, reverse=True)
        assert rates[-1] >= 0


def test_feedback_moves_the_boundary_within_bounds_and_back() -> None:
    """Rejections raise it up to four times, confirmations lower it to half, opposites cancel, reset forgets."""
    learnt, state = learn(noise("gaussian", (2, 7 * DAY), 18))
    once = learnt.adjusted(rejected={0: 1}, confirmed={})
    assert once.factor[0] > 1
    assert once.factor[1] == 1
    assert once.adjusted(rejected={}, confirmed={0: 1}).factor[0] == pytest.approx(1)
    assert learnt.adjusted(rejected={0: 99}, confirmed={1: 99}).factor.tolist() == [MOST_FACTOR, LEAST_FACTOR]
    assert once.reset().factor.tolist() == [1, 1]
    raw = boundaries(learnt, state)[:, None] * 1.02
    assert judged(learnt, state, raw)[0, 0] > 1 > judged(once, state, raw)[0, 0]


def test_conformal_cannot_alarm_before_it_has_enough() -> None:
    """One alarm in ten days is promised on exchangeable rows: nine days can say nothing, twelve days can."""
    raw = noise("exponential", (4, 12 * DAY))
    for days, can in ((9, False), (12, True)):
        calibration, state = learn(raw[:, : days * DAY], method="conformal")
        assert np.isfinite(boundaries(calibration, state)).all() == can
        assert (judged(calibration, state, np.full((4, 1), 1e6)) >= 1).all() == can


def test_conformal_boundaries_come_with_the_days() -> None:
    """A live series of nine days' history can alarm two days later, without training."""
    raw = noise("exponential", (4, 13 * DAY))
    calibration, state = learn(raw[:, : 9 * DAY], method="conformal")
    raw[:, -1] = 1e6
    score = calibration.advance(raw[:, 9 * DAY :], state)
    assert (score[:, -1] > 1).all()
    assert (score[:, :DAY] < 1).all()


def test_p_values_are_the_share_of_rows_at_least_so_strange() -> None:
    """To the width of a bin; in (0, 1], and falling."""
    raw = noise("exponential", (2, 7 * DAY))
    _, state = learn(raw)
    asked = np.tile(np.linspace(0, 8, 60), (2, 1))
    p = p_values(state, asked)
    width = state.figures[:, tail.UNIT] * tail.TOP / tail.BINS
    for column in range(2):
        more, less = (
            np.array([(np.sum(raw[column] >= at) + 1) / (raw.shape[1] + 1) for at in asked[column] + shift])
            for shift in (-width[column], width[column])
        )
        top = asked[column] < tail.TOP * state.figures[column, tail.UNIT]
        assert ((p[column] <= more * (1 + 1e-5)) & (p[column] >= less * (1 - 1e-5)))[top].all()
    assert (np.diff(p) <= 0).all()
    assert ((p > 0) & (p <= 1)).all()
    assert np.isnan(p_values(state, np.full((2, 1), np.nan))).all()


def test_p_values_of_new_rows_are_valid() -> None:
    """On rows like those of the history a p-value below a level is not more frequent than the level, by and large."""
    raw = noise("gamma", (20, 28 * DAY))
    _, state = learn(raw[:, : 14 * DAY])
    p = p_values(state, raw[:, 14 * DAY :])
    for level in (0.5, 0.1, 0.01, 0.001):
        assert (p <= level).mean() < 1.25 * level


@pytest.mark.parametrize(
    ("rate", "rows", "expected"),
    [
        (0.1, 1, AnomalySeverity.LOW),
        (0.1, 60, AnomalySeverity.MEDIUM),
        (0.02, 1, AnomalySeverity.MEDIUM),
        (0.02, 60, AnomalySeverity.HIGH),
        (0.002, 1, AnomalySeverity.HIGH),
        (0.0, 60, AnomalySeverity.CRITICAL),
        (0.0, 4, AnomalySeverity.HIGH),
    ],
)
def test_severity_follows_its_table(rate: float, rows: int, expected: AnomalySeverity) -> None:
    """Rarity and duration give the grade that the docstring prints."""
    assert severity(rate, budget_per_day=BUDGET, duration_s=rows * STEP_S, rows=rows) is expected


def test_five_rows_of_a_second_are_not_lasting() -> None:
    """Ten minutes are needed as well."""
    assert severity(0.1, budget_per_day=BUDGET, duration_s=5.0, rows=5) is AnomalySeverity.LOW


def test_state_goes_through_arrays_to_the_same_bits() -> None:
    """A restored calibration is equal in every array and scores alike."""
    raw = noise("gaussian", (2, 7 * DAY), 19)
    calibration, state = learn(raw)
    restored = Calibration.from_arrays(calibration.to_arrays(), sigma=1.0, step_s=STEP_S, method="tail")
    for name, array in calibration.to_arrays().items():
        assert np.array_equal(getattr(restored, name), array)
    assert np.array_equal(judged(restored, state, raw), judged(calibration, state, raw))


def test_a_conformal_budget_that_memory_cannot_hold_is_refused() -> None:
    """Rather than to fall silent when the history has faded."""
    with pytest.raises(ConfigurationError, match="20 days"):
        learn(np.abs(np.random.default_rng(1).normal(size=(1, 9 * DAY))), method="conformal", budget=0.01)
