"""Applying a bundle: evidence, the live window, and honesty about series that do not fit."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.anomalies import AnomalySeverity, AnomalyType
from models.bundle import Bundle
from models.errors import InputError
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.scoring import detect, find_anomalies, score_frame
from tests.models.histories import DAY, STEP_S, changed, frame_of, shop, trained


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Trained on seven days of the shop."""
    return trained(shop()).bundle


@pytest.fixture(scope="module")
def day() -> MetricFrame:
    """The eighth and ninth day, with context in front."""
    return shop().rows(7 * DAY - 40, 9 * DAY)


def test_two_normal_days_are_silent(bundle: Bundle, day: MetricFrame) -> None:
    """Waves, the nightly job, the counter and the constant raise nothing."""
    assert detect(bundle, day) == ()


def test_an_incident_is_one_anomaly_with_its_evidence(bundle: Bundle, day: MetricFrame) -> None:
    """Interval, value, expectation, band, previous value and rate agree with the frame."""
    frame = changed(day, ("store", "memory"), slice(200, 212), 30.0)
    (found,) = detect(bundle, frame)
    row = frame.row_at(found.peak)
    values = frame.series(SeriesKey("store", "memory"))
    assert found.key == SeriesKey("store", "memory")
    assert found.start == to_datetime(frame.times[200])
    assert found.end == to_datetime(frame.times[212])
    assert found.value == values[row]
    assert found.expected == pytest.approx(50, abs=1)
    assert found.lower < found.expected < found.upper < found.value
    assert found.score > 1
    assert found.deviation > 10
    assert found.previous_value == values[row - 1]
    assert found.rate_of_change == pytest.approx((values[row] - values[row - 1]) / STEP_S)
    assert found.confidence > 0.98
    assert found.severity is AnomalySeverity.CRITICAL
    assert found.model_version == bundle.model_version
    assert found.step_s == STEP_S
    assert {found.detector, *found.supporting_detectors} >= {"seasonal_baseline", "moving_average", "sudden_change"}


def test_a_constant_that_moves_is_an_anomaly_until_it_returns(bundle: Bundle, day: MetricFrame) -> None:
    """Three replicas become two for an hour."""
    (found,) = detect(bundle, changed(day, ("store", "replicas"), slice(300, 312), -1.0))
    assert (found.key.metric, found.value, found.expected, found.duration_s) == ("replicas", 2.0, 3.0, 12 * STEP_S)


def test_a_single_spike_is_reported(bundle: Bundle, day: MetricFrame) -> None:
    """One row suffices if it is far off; it is less severe than one that lasts."""
    (found,) = detect(bundle, changed(day, ("shop", "latency"), slice(100, 101), -15.0))
    assert found.deviation < 0
    assert found.duration_s == STEP_S
    assert found.severity.rank < AnomalySeverity.CRITICAL.rank


def test_joint_oddity_is_found_by_the_component() -> None:
    """Eight metrics off by 2.5 deviations at once are a multivariate anomaly, though each stays within its own band."""
    noise = np.random.default_rng(5).normal(size=(9 * DAY, 8))
    noise[8 * DAY : 8 * DAY + 30] += [2.5, -2.5] * 4
    frame = frame_of({("shop", f"metric {i}"): noise[:, i] for i in range(8)})
    bundle = trained(frame, detectors=("seasonal_baseline", "isolation_forest")).bundle
    scores = score_frame(bundle, frame)
    rows = slice(8 * DAY + 5, 8 * DAY + 30)
    assert np.median(scores.by_detector["seasonal_baseline"].score[rows], axis=0).max() < 0.8
    assert np.median(scores.by_detector["isolation_forest"].score[rows, 0]) > 1
    by_detector = {a.detector: a for a in detect(bundle, frame.rows(8 * DAY - 30, 8 * DAY + 29))}
    found = by_detector["isolation_forest"]
    assert found.type is AnomalyType.MULTIVARIATE_OUTLIER
    values = scores.frame.values[frame.row_at(found.peak)]
    assert np.argmax(np.abs(values)) == frame.keys.index(found.key)


def test_a_live_window_gives_the_scores_of_the_batch(bundle: Bundle, day: MetricFrame) -> None:
    """Context plus one row is enough, bit for bit."""
    whole = score_frame(bundle, day)
    context = bundle.context_rows
    for row in (context, 100, 333, day.n_rows - 1):
        live = score_frame(bundle, day.rows(row - context, row + 1))
        assert np.array_equal(live.score[-1], whole.score[row], equal_nan=True)
        assert np.array_equal(live.upper[-1], whole.upper[row], equal_nan=True)


def test_since_returns_what_lasts_beyond_it(bundle: Bundle, day: MetricFrame) -> None:
    """An anomaly that ended earlier is left out; one that goes on keeps its start."""
    frame = changed(day, ("store", "memory"), slice(100, 105), 30.0)
    frame = changed(frame, ("store", "memory"), slice(300, 310), 30.0)
    assert len(detect(bundle, frame)) == 2
    (found,) = detect(bundle, frame, since=to_datetime(frame.times[305]))
    assert found.start == to_datetime(frame.times[300])
    assert detect(bundle, frame, since=datetime(2030, 1, 1, tzinfo=UTC)) == ()


def test_unknown_and_absent_series_are_named(bundle: Bundle, day: MetricFrame) -> None:
    """A series that was not trained is not judged; one that is gone is unknown, not healthy."""
    frame = frame_of({("shop", "latency"): day.values[:, 0], ("new", "cpu"): np.full(day.n_rows, 1e9)}, start=day.start)
    scores = score_frame(bundle, frame)
    assert scores.unknown == (SeriesKey("new", "cpu"),)
    assert SeriesKey("store", "memory") in scores.absent
    assert len(scores.absent) == 5
    assert np.isnan(scores.score[:, scores.frame.keys.index(SeriesKey("store", "memory"))]).all()
    assert find_anomalies(bundle, scores) == ()


def test_the_order_of_the_columns_does_not_matter(bundle: Bundle, day: MetricFrame) -> None:
    """A shuffled frame is put into the bundle's order."""
    frame = changed(day, ("store", "memory"), slice(200, 212), 30.0)
    assert detect(bundle, frame.select(frame.keys[::-1])) == detect(bundle, frame)


def test_another_step_is_refused(bundle: Bundle, day: MetricFrame) -> None:
    """Both steps are in the message."""
    other = MetricFrame(start=day.start, step_s=60.0, keys=day.keys, values=day.values)
    with pytest.raises(InputError, match=r"60\.0 s.*300\.0 s"):
        score_frame(bundle, other)


def test_missing_rows_are_unknown_and_split_nothing(bundle: Bundle, day: MetricFrame) -> None:
    """Two missing rows within an incident do not make two anomalies; a missing value is never one."""
    frame = changed(day, ("store", "memory"), slice(200, 212), 30.0)
    values = frame.values.copy()
    values[205:207] = np.nan
    gap = MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
    assert np.isnan(score_frame(bundle, gap).score[205:207]).all()
    (found,) = detect(bundle, gap)
    assert found.end - found.start == timedelta(seconds=12 * STEP_S)


def test_an_empty_or_too_short_frame_has_no_anomalies(bundle: Bundle, day: MetricFrame) -> None:
    """No rows, or one row without context, is no error."""
    assert detect(bundle, day.rows(0, 0)) == ()
    assert detect(bundle, day.rows(0, 1)) == ()


def test_a_value_leaves_the_band_exactly_where_its_score_exceeds_one(bundle: Bundle, day: MetricFrame) -> None:
    """The picture and the alarm say the same."""
    frame = changed(day, ("store", "memory"), slice(200, 212), 5.0)
    scores = score_frame(bundle, frame)
    for name in ("seasonal_baseline", "moving_average", "sudden_change"):
        judged = scores.by_detector[name]
        known = ~np.isnan(judged.score)
        outside = (frame.values > judged.upper) | (frame.values < judged.lower)
        near = np.abs(judged.score - 1) < 1e-9
        assert np.array_equal(outside[known & ~near], (judged.score > 1)[known & ~near])


def test_each_type_of_the_first_four_detectors_can_be_the_evidence(bundle: Bundle) -> None:
    """The registered detectors stand for four of the five ways of being abnormal."""
    assert {member.detector.type for member in bundle.members} == set(AnomalyType) - {AnomalyType.PATTERN_ANOMALY}
