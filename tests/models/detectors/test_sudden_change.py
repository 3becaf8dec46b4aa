"""SUDDEN_CHANGE: steps against the series' own steps."""

import numpy as np

from models.baseline import Baseline
from models.detectors.sudden_change import SuddenChange
from models.frames import MetricFrame
from tests.models.histories import DAY, changed, frame_of, shop


def _scores(history: MetricFrame, frame: MetricFrame):
    baseline = Baseline()
    return SuddenChange().fit(baseline.fit_apply(history)).score(baseline.apply(frame))


def test_a_step_from_zero_needs_no_division() -> None:
    """A series that was zero and becomes one is a finite, large step."""
    frame = frame_of({("a", "errors"): np.zeros(3 * DAY)})
    score = _scores(frame, changed(frame, ("a", "errors"), slice(500, 900), 1.0)).score[:, 0]
    assert np.isfinite(score[500])
    assert score[500] > 100
    assert score[3:500].max() == 0


def test_the_step_of_the_nightly_job_is_expected() -> None:
    """The largest step of every day scores less than a small one at another time."""
    history = shop()
    frame = changed(history, ("store", "cpu"), slice(8 * DAY + 100, 8 * DAY + 102), 0.25)
    score = _scores(history.rows(0, 7 * DAY), frame).score[:, 3]
    night = score[7 * DAY : 7 * DAY + 40].max()
    assert night < 6
    assert score[8 * DAY + 100] > 8


def test_the_return_from_an_incident_is_no_change() -> None:
    """The step down to the baseline after an incident scores 0."""
    history = shop()
    frame = changed(history, ("store", "memory"), slice(2000, 2050), 30.0)
    score = _scores(history, frame).score[:, 5]
    assert score[2000] > 10
    assert score[2050] < 4


def test_a_step_within_the_normal_range_counts() -> None:
    """A slow series that jumps between two normal values has changed suddenly."""
    rng = np.random.default_rng(2)
    slow = np.cumsum(rng.normal(size=6 * DAY)) * 0.01
    frame = frame_of({("a", "queue"): slow})
    target = changed(frame, ("a", "queue"), slice(800, 6 * DAY), np.ptp(slow) / 3)
    score = _scores(frame, target).score[:, 0]
    assert score[800] > 8
    assert np.nanmedian(score) < 2
