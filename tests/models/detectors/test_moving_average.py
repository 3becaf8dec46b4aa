"""MOVING_AVERAGE_DEVIATION: distance to the recent level, around zero, without echo."""

import numpy as np

from models.baseline import Baseline
from models.detectors.moving_average import MovingAverage
from models.frames import MetricFrame
from tests.models.histories import DAY, changed, frame_of, shop


def _scores(history: MetricFrame, frame: MetricFrame):
    baseline = Baseline()
    return MovingAverage().fit(baseline.fit_apply(history)).score(baseline.apply(frame))


def test_it_works_around_zero_and_below() -> None:
    """The same noise at a level of 0, 1000 and -1000 has the same scores: scale, not ratio to the mean."""
    noise = np.random.default_rng(8).normal(size=4 * DAY)
    noise[900] += 9.0
    frame = frame_of({("a", str(level)): level + noise for level in (0.0, 1000.0, -1000.0)})
    score = _scores(frame, frame).score
    assert score[900].min() > 6
    assert np.allclose(score[30:, [0]], score[30:], atol=1e-6)


def test_a_value_on_its_way_back_to_the_baseline_scores_nothing() -> None:
    """After an incident of ten rows the window is polluted; the return must not be reported."""
    history = shop()
    rows = slice(7 * DAY, 7 * DAY + 10)
    frame = changed(history, ("store", "memory"), rows, 40.0)
    score = _scores(history, frame).score[:, 5]
    assert score[rows].min() > 10
    assert score[rows.stop : rows.stop + 40].max() < 6


def test_a_drift_from_the_baseline_is_judged_by_the_recent_level() -> None:
    """Where a level has moved for good, a spike on the new level is seen, and the level itself is not."""
    history = shop()
    moved = changed(history, ("store", "memory"), slice(7 * DAY, 9 * DAY), 8.0)
    moved = changed(moved, ("store", "memory"), slice(8 * DAY, 8 * DAY + 1), 15.0)
    score = _scores(history, moved).score[:, 5]
    assert score[8 * DAY] > 10
    assert np.median(score[7 * DAY + 40 : 8 * DAY]) < 2


def test_half_of_the_window_must_be_present() -> None:
    """Behind a long gap it cannot tell until half of the window is back."""
    frame = shop()
    values = frame.values.copy()
    values[500:600] = np.nan
    gap = MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
    score = _scores(frame, gap).score
    assert np.isnan(score[500:615]).all()
    assert np.isfinite(score[615:]).all()
