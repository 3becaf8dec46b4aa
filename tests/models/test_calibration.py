"""Scores become rarities: boundaries keep their budget, and neither incidents nor counters break them."""

import numpy as np
import pytest

from models.anomalies import AnomalySeverity
from models.calibration import LEAST_FACTOR, MOST_FACTOR, Calibration, calibrate, severity

STEP_S = 60.0
DAY = 1440
BUDGET = 0.1


def _calibrated(raw: np.ndarray, **options) -> Calibration:
    given = {"step_s": STEP_S, "false_alarms_per_series_day": BUDGET, "least_boundary": 0.1} | options
    return calibrate(raw, **given)


@pytest.mark.parametrize("kind", ["gaussian", "laplace", "gamma", "autocorrelated"])
def test_new_rows_exceed_the_boundary_about_as_often_as_the_budget_allows(kind: str) -> None:
    """Learnt on a week of 40 series, four new weeks show at most twice the budget; light tails show less."""
    rng = np.random.default_rng(12)
    shape = (35 * DAY, 40)
    noise = rng.normal(size=shape)
    if kind == "laplace":
        noise = rng.laplace(size=shape)
    elif kind == "gamma":
        noise = rng.gamma(1.5, size=shape)
    elif kind == "autocorrelated":
        for row in range(1, len(noise)):
            noise[row] = 0.8 * noise[row - 1] + 0.6 * noise[row]
    raw = np.abs(noise)
    score = _calibrated(raw[: 7 * DAY]).calibrated(raw[7 * DAY :])
    events = np.sum((score[1:] >= 1) & (score[:-1] < 1))
    rate = events / (28 * 40)
    assert BUDGET / 12 < rate < 2 * BUDGET


def test_one_long_incident_hardly_moves_the_boundary() -> None:
    """An hour of extreme scores in a week counts as one event."""
    rng = np.random.default_rng(13)
    raw = np.abs(rng.normal(size=(7 * DAY, 30)))
    clean = _calibrated(raw).boundary
    raw[3000:3060] = 500.0
    assert (_calibrated(raw).boundary < 1.35 * clean).all()


def test_what_happens_almost_every_day_is_normal() -> None:
    """A peak on every day of a week is below the boundary although it is far above the rest."""
    rng = np.random.default_rng(14)
    raw = np.abs(rng.normal(size=(7 * DAY, 20)))
    raw[500::DAY] = 40 + rng.normal(size=(7, 20))
    assert (_calibrated(raw).boundary > 43).all()


def test_the_next_step_of_a_counter_is_not_an_alarm() -> None:
    """Between two values of a counter there is no tail to fit: the boundary is steps, not rounding, away."""
    rng = np.random.default_rng(15)
    raw = rng.poisson(0.2, size=(35 * DAY, 30)).astype(float) * 2
    score = _calibrated(raw[: 7 * DAY], grain=2.0).calibrated(raw[7 * DAY :])
    events = np.sum((score[1:] >= 1) & (score[:-1] < 1))
    assert events / (28 * 30) < BUDGET


def test_scores_that_never_moved_get_the_least_boundary() -> None:
    """A constant series alarms from the least boundary of its detector on."""
    calibration = _calibrated(np.zeros((7 * DAY, 2)), least_boundary=4.0)
    assert np.array_equal(calibration.boundary, [4.0, 4.0])
    assert calibration.rate_per_day(400.0, 0) < 1e-6


def test_a_series_without_scores_cannot_tell() -> None:
    """Nothing to learn from gives NaN, not an alarm and not silence called normal."""
    raw = np.full((DAY, 1), np.nan)
    calibration = _calibrated(raw)
    assert np.isnan(calibration.calibrated(np.array([[9.0]]))).all()
    assert np.isnan(calibration.tail_probability(np.array([[9.0]]))).all()


def test_tail_probability_falls_and_agrees_with_the_quantiles() -> None:
    """It is the share of training scores above, continued beyond the training."""
    raw = np.abs(np.random.default_rng(16).normal(size=(7 * DAY, 1)))
    calibration = _calibrated(raw)
    asked = np.concatenate([np.linspace(0, 10, 200), [1e3, 1e9]])[:, None]
    probability = calibration.tail_probability(asked)[:, 0]
    assert (np.diff(probability) <= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()
    for level in (0.25, 0.5, 0.9):
        at = calibration.tail_probability(np.quantile(raw, level)[None, None])[0, 0]
        assert at == pytest.approx(1 - level, abs=0.04)


def test_rate_at_the_boundary_is_the_budget() -> None:
    """What the boundary was set for is what a score at the boundary says of itself."""
    calibration = _calibrated(np.abs(np.random.default_rng(17).laplace(size=(7 * DAY, 3))))
    for column in range(3):
        assert calibration.rate_per_day(calibration.boundary[column], column) == pytest.approx(BUDGET, rel=1e-6)


def test_feedback_moves_the_boundary_within_bounds_and_back() -> None:
    """Rejections raise it up to four times, confirmations lower it to half, opposites cancel, reset forgets."""
    learnt = _calibrated(np.abs(np.random.default_rng(18).normal(size=(7 * DAY, 2))))
    once = learnt.adjusted(rejected={0: 1}, confirmed={})
    assert once.factor[0] > 1
    assert once.factor[1] == 1
    assert once.adjusted(rejected={}, confirmed={0: 1}).factor[0] == pytest.approx(1)
    assert learnt.adjusted(rejected={0: 99}, confirmed={1: 99}).factor.tolist() == [MOST_FACTOR, LEAST_FACTOR]
    assert once.reset().factor.tolist() == [1, 1]
    raw = np.array([[float(learnt.boundary[0]) * 1.1, 0.0]])
    assert learnt.calibrated(raw)[0, 0] > 1 > once.calibrated(raw)[0, 0]


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
    assert severity(rate, budget_per_day=BUDGET, duration_s=rows * STEP_S * 3, rows=rows) is expected


def test_state_goes_through_arrays_to_the_same_bits() -> None:
    """A restored calibration is equal in every array."""
    calibration = _calibrated(np.abs(np.random.default_rng(19).normal(size=(7 * DAY, 2))))
    restored = Calibration.from_arrays(calibration.to_arrays())
    for name, array in calibration.to_arrays().items():
        assert np.array_equal(getattr(restored, name), array)
