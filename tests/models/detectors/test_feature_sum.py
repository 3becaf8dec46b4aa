"""Sums of features: weights, what is unknown, and what each of the sums is for."""

import numpy as np
import pytest

from models.detectors.feature_sum import FeatureSum
from models.detectors.lasting import Lasting
from models.detectors.moving_average import MovingAverage
from models.detectors.seasonal_baseline import SeasonalBaseline
from models.detectors.shift import Shift
from models.detectors.spike import Spike
from models.detectors.sudden_change import SuddenChange
from models.errors import NotFittedError
from models.frames import MetricFrame
from models.online.residuals import FEATURES, M8, RUN, S8
from tests.models.detectors.scored import scored, seen_of
from tests.models.histories import DAY, changed, frame_of, shop

SUMS = (Spike, Shift, Lasting, SeasonalBaseline, MovingAverage, SuddenChange)


@pytest.mark.parametrize("kind", SUMS)
def test_the_score_is_the_weighted_sum_of_the_sizes(kind: type[FeatureSum]) -> None:
    """Of the features that the class names, whatever their signs."""
    frame = shop(3)
    seen = seen_of(frame)
    weights = np.array([kind.weights.get(place, 0.0) for place in range(len(FEATURES))])
    assert weights.sum() == sum(kind.weights.values()) > 0
    score = kind().fit(seen).score(seen, {})
    np.testing.assert_allclose(score, np.abs(seen.features.astype(float)) @ weights, rtol=1e-5)


@pytest.mark.parametrize("kind", SUMS)
def test_a_jump_moves_all_features_but_the_long_means(kind: type[FeatureSum]) -> None:
    """The weight that a single row moves at once, from which the band is drawn."""
    assert kind().jump_weight == sum(weight for place, weight in kind.weights.items() if place not in (M8, S8, RUN))


def test_missing_values_and_unknown_series_cannot_tell() -> None:
    """NaN where a value is missing, and in all rows of a series that the history did not know."""
    frame = shop(3)
    values = frame.values.copy()
    values[500:510, 0] = np.nan
    values[:, 1] = np.nan
    gaps = MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
    score = scored(Spike(), gaps, changed=frame)
    assert np.isnan(score[1]).all()
    assert np.isfinite(score[[0, 2, 3, 4, 5]]).all()
    assert np.isnan(scored(Spike(), frame, changed=gaps)[0, 500:510]).all()


def test_up_and_down_are_equally_strange() -> None:
    """A series turned upside down has the same scores."""
    noise = np.random.default_rng(3).normal(size=4 * DAY)
    noise[900:905] += 7
    frame = frame_of({("a", "up"): noise, ("a", "down"): -noise})
    for kind in SUMS:
        up, down = scored(kind(), frame)
        if kind is not Lasting:  # whose share of the expected value is capped near zero
            np.testing.assert_allclose(up, down, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", SUMS)
def test_unfitted_says_so(kind: type[FeatureSum]) -> None:
    """score() and to_arrays() before fit() name the detector and the remedy."""
    detector = kind()
    with pytest.raises(NotFittedError, match=kind.name):
        detector.score(seen_of(shop(1)), {})
    with pytest.raises(NotFittedError) as caught:
        detector.to_arrays()
    assert "fit()" in caught.value.remedy


def test_a_single_value_out_of_nothing_is_a_spike() -> None:
    """It scores highest in its own row, higher than a value of the same size where the last hour was already."""
    history = shop(6)
    frame = changed(history, ("store", "memory"), slice(5 * DAY, 5 * DAY + 40), 12.0)
    score = scored(Spike(), history, changed=frame)[5]
    assert np.argmax(score[4 * DAY :]) == DAY
    assert score[5 * DAY + 30] < 0.75 * score[5 * DAY]


def test_rows_that_stay_away_are_a_shift_more_than_one_row_is() -> None:
    """The eighth row of a shift scores higher than a single row of the same size."""
    history = shop(6)
    frame = changed(history, ("store", "memory"), slice(5 * DAY, 5 * DAY + 8), 6.0)
    frame = changed(frame, ("store", "memory"), slice(5 * DAY + 100, 5 * DAY + 101), 6.0)
    score = scored(Shift(), history, changed=frame)[5]
    assert score[5 * DAY + 7] > 1.1 * score[5 * DAY + 100]


def test_small_deviations_that_last_are_found_by_their_mean() -> None:
    """Ten rows at 2.5 deviations are the strangest of the week for the lasting, none of them by itself."""
    history = shop(8)
    frame = changed(history, ("store", "memory"), slice(7 * DAY, 7 * DAY + 12), 3.0)
    lasting = scored(Lasting(), history, changed=frame)[5]
    assert np.argmax(lasting[DAY:]) in range(6 * DAY, 6 * DAY + 16)
    alone = scored(SeasonalBaseline(), history, changed=frame)[5]
    assert np.median(alone[7 * DAY : 7 * DAY + 12]) < alone[DAY : 7 * DAY].max()


def test_a_value_far_from_its_season_is_an_outlier_wherever_the_last_hour_was() -> None:
    """It is the logarithm of the deviation, an hour into an incident as at its start."""
    history = shop(6)
    frame = changed(history, ("store", "memory"), slice(5 * DAY, 5 * DAY + 24), 20.0)
    score = scored(SeasonalBaseline(), history, changed=frame)[5]
    deviation = np.abs(seen_of(frame).deviation[5])
    np.testing.assert_allclose(score, np.log1p(deviation), rtol=1e-4, atol=1e-5)
    assert score[5 * DAY + 5 : 5 * DAY + 24].min() > 2


def test_the_moving_average_works_around_zero_and_below() -> None:
    """The same noise at a level of 0, 1000 and -1000 has the same scores: scale, not ratio to the mean."""
    noise = np.random.default_rng(8).normal(size=4 * DAY) * 10
    noise[900] += 90.0
    frame = frame_of({("a", str(level)): level + noise for level in (0.0, 1000.0, -1000.0)})
    score = scored(MovingAverage(), frame)
    assert score[:, 900].min() > np.delete(score[0, DAY:], 900 - DAY).max()
    np.testing.assert_allclose(score[:, 30:], score[[0], 30:].repeat(3, axis=0), rtol=1e-3, atol=1e-3)


def test_a_step_from_zero_needs_no_division() -> None:
    """A series that was zero and becomes one is a finite, large step, once."""
    frame = frame_of({("a", "errors"): np.zeros(3 * DAY)})
    score = scored(SuddenChange(), frame, changed=changed(frame, ("a", "errors"), slice(500, 520), 1.0))[0]
    assert np.isfinite(score).all()
    assert score[500] > 3
    assert score[3:500].max() == 0
    assert score[510:520].max() < score[500] / 3


def test_the_step_of_the_nightly_job_is_expected() -> None:
    """After a week the step of the job scores less than the same step at another time."""
    history = shop()
    frame = changed(history, ("store", "cpu"), slice(8 * DAY + 100, 8 * DAY + 104), 0.5)
    score = scored(SuddenChange(), history, changed=frame)[3]
    assert score[8 * DAY + 20 : 8 * DAY + 32].max() < 0.9 * score[8 * DAY + 100]
