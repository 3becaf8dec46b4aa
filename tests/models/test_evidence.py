"""From scores to anomalies: intervals, evidence and who judged."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from models.anomalies import Anomaly, AnomalySeverity, AnomalyType
from models.bundle import Bundle
from models.evidence import detect, find_anomalies
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.registry import ENSEMBLE, make_detector
from models.scoring import MISSING, OUT_OF_RANGE, STUCK, Scorer, score_frame
from models.shaping.rules import Selector, SeriesRule
from models.shaping.rules_file import ShapingRules
from tests.models.histories import DAY, STEP_S, changed, frame_of, shop, trained

WEEK = 7 * DAY
JOINT = tuple(name for name in ENSEMBLE if make_detector(name).scope == "component")
SERIES = tuple(name for name in ENSEMBLE if make_detector(name).scope == "series")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Judges of series, trained on seven days of the shop."""
    return trained(shop(), detectors=SERIES).bundle


@pytest.fixture(scope="module")
def day() -> MetricFrame:
    """The eighth day."""
    return shop().rows(WEEK, 8 * DAY)


def with_values(frame: MetricFrame, column: int, rows: slice, value: float) -> MetricFrame:
    """Some rows of a series with one value."""
    values = frame.values.copy()
    values[rows, column] = value
    return MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)


def of(found: tuple[Anomaly, ...], metric: str) -> list[Anomaly]:
    """The anomalies of one metric."""
    return [anomaly for anomaly in found if anomaly.key.metric == metric]


def test_an_incident_is_one_anomaly_with_its_evidence(bundle: Bundle, day: MetricFrame) -> None:
    """Interval, value, expectation, band, previous value, rate and judges agree with the frame and the scores."""
    frame = changed(day, ("store", "memory"), slice(150, 162), 30.0)
    scores = score_frame(bundle, frame)
    (found,) = of(find_anomalies(bundle, scores), "memory")
    row, values = frame.row_at(found.peak), frame.series(SeriesKey("store", "memory"))
    assert found.start == to_datetime(frame.times[150])
    assert to_datetime(frame.times[162]) <= found.end <= to_datetime(frame.times[172])
    assert found.value == values[row]
    assert found.expected == pytest.approx(50, abs=1)
    assert found.lower < found.expected < found.upper < found.value
    column = frame.keys.index(found.key)
    assert (found.lower, found.upper) == (scores.lower[row, column], scores.upper[row, column])
    assert found.score > 1
    assert found.deviation == scores.deviation[row, column] > 10
    assert found.previous_value == values[row - 1]
    assert found.rate_of_change == pytest.approx((values[row] - values[row - 1]) / STEP_S)
    assert found.confidence > 0.98
    assert found.severity is AnomalySeverity.CRITICAL
    assert found.model_version == bundle.model_version
    assert found.step_s == STEP_S
    assert found.detector in ENSEMBLE
    assert found.detector not in found.supporting_detectors
    assert {found.detector, *found.supporting_detectors} >= {"spike", "shift"}


def test_a_score_is_that_of_the_judge_that_is_named(day: MetricFrame) -> None:
    """The highest calibrated score at the peak, and the type of that detector; judges of components among them."""
    bundle = trained(shop()).bundle
    frame = changed(day, ("store", "memory"), slice(150, 162), 30.0)
    scores = score_frame(bundle, frame)
    types = {member.detector.name: member.detector for member in bundle.members}
    for found in find_anomalies(bundle, scores):
        judge = types[found.detector]
        row, column = frame.row_at(found.peak), frame.keys.index(found.key)
        place = column if judge.scope == "series" else ["shop", "store"].index(found.key.component)
        assert scores.by_detector[found.detector][row, place] == found.score
        assert found.type is judge.type


def test_a_constant_that_moves_is_an_anomaly(bundle: Bundle, day: MetricFrame) -> None:
    """Three replicas become two for an hour."""
    found = of(detect(bundle, changed(day, ("store", "replicas"), slice(100, 112), -1.0)), "replicas")
    assert (found[0].value, found[0].start) == (2.0, to_datetime(day.times[100]))
    assert found[0].expected == pytest.approx(3.0)


def test_a_single_spike_is_reported(bundle: Bundle, day: MetricFrame) -> None:
    """One row suffices if it is far off; it is less severe than one that lasts."""
    found = of(detect(bundle, changed(day, ("shop", "latency"), slice(100, 101), -25.0)), "latency")
    assert found[0].deviation < 0
    assert found[0].start == to_datetime(day.times[100])
    assert found[0].severity.rank < AnomalySeverity.CRITICAL.rank


def test_joint_oddity_is_found_by_the_component() -> None:
    """Eight metrics off by 3 deviations at once are a multivariate anomaly, on the metric that adds most to it."""
    noise = np.random.default_rng(5).normal(size=(9 * DAY, 8))
    noise[8 * DAY : 8 * DAY + 30] += [3.0, -3.0] * 4
    frame = frame_of({("shop", f"metric {i}"): noise[:, i] for i in range(8)})
    bundle = trained(frame).bundle
    scores = score_frame(bundle, frame.rows(WEEK, 9 * DAY))
    together = [each for each in find_anomalies(bundle, scores) if each.detector in JOINT]
    assert together
    row = scores.frame.row_at(together[0].peak)
    assert together[0].type is AnomalyType.MULTIVARIATE_OUTLIER
    assert DAY <= row < DAY + 40
    assert np.argmax(scores.share[row]) == frame.keys.index(together[0].key)


def test_since_returns_what_lasts_beyond_it(bundle: Bundle, day: MetricFrame) -> None:
    """An anomaly that ended earlier is left out; one that goes on keeps its start."""
    frame = changed(day, ("store", "memory"), slice(100, 105), 30.0)
    frame = changed(frame, ("store", "memory"), slice(200, 210), 45.0)
    scores = score_frame(bundle, frame)
    assert len(of(find_anomalies(bundle, scores), "memory")) == 2
    (found,) = of(find_anomalies(bundle, scores, since=to_datetime(frame.times[205])), "memory")
    assert found.start == to_datetime(frame.times[200])
    assert find_anomalies(bundle, scores, since=datetime(2030, 1, 1, tzinfo=UTC)) == ()


def test_missing_rows_split_nothing(bundle: Bundle, day: MetricFrame) -> None:
    """Two missing rows within an incident do not make two anomalies."""
    frame = changed(day, ("store", "memory"), slice(150, 162), 30.0)
    gap = with_values(frame, 5, slice(155, 157), np.nan)
    assert np.isnan(score_frame(bundle, gap).score[155:157, 5]).all()
    (found,) = of(detect(bundle, gap), "memory")
    assert found.end - found.start >= timedelta(seconds=12 * STEP_S)


@pytest.mark.parametrize(
    ("options", "rows", "value", "judge", "kind"),
    [
        ({"missing_after_s": 3000.0}, slice(100, 150), np.nan, MISSING, AnomalyType.MISSING_DATA),
        ({"stuck_after_s": 3000.0}, slice(100, 150), 50.0, STUCK, AnomalyType.STUCK_VALUE),
        ({"most_value": 50.9}, slice(100, 101), 51.0, OUT_OF_RANGE, AnomalyType.DATA_OUT_OF_RANGE),
    ],
)
def test_flags_are_anomalies_of_their_own_type(
    day: MetricFrame, options: dict, rows: slice, value: float, judge: str, kind: AnomalyType
) -> None:
    """Silence, rest and range are rules, not chance: full confidence, and the name of the rule as the judge."""
    calm = with_values(with_values(day, 5, slice(0, 288), 50.0), 5, slice(0, 288, 2), 50.5)
    shaping = ShapingRules(rules=(SeriesRule(selector=Selector(metric="memory"), **options),))
    found = of(detect(trained(shop(), shaping=shaping).bundle, with_values(calm, 5, rows, value)), "memory")
    (told,) = [each for each in found if each.detector == judge]
    assert told.type is kind
    assert told.confidence == 1
    assert told.score >= 1
    assert np.isnan(told.value) == np.isnan(value)


def test_anomalies_of_a_series_do_not_overlap() -> None:
    """In a month of noise with many incidents: sorted by start, at most one at a time for a series."""
    frame, rng, bundle = shop(20), np.random.default_rng(9), trained(shop()).bundle
    values = frame.values.copy()
    for first in rng.integers(WEEK, 20 * DAY - 40, size=60):
        values[first : first + rng.integers(1, 40), rng.integers(0, 6, size=2)] += rng.normal() * 20
    frame = MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
    found = detect(bundle, frame.rows(WEEK, 20 * DAY))
    assert len(found) > 20
    assert list(found) == sorted(found, key=lambda each: (each.start, each.key))
    for key in frame.keys:
        own = [each for each in found if each.key == key]
        for before, after in pairwise(own):
            assert before.end < after.start
    assert all(each.start <= each.peak < each.end for each in found)
    assert all(each.score >= 1 for each in found)
    assert all(0 <= each.confidence <= 1 for each in found)


def test_the_order_of_the_columns_does_not_matter(bundle: Bundle, day: MetricFrame) -> None:
    """A shuffled frame has the same anomalies."""
    frame = changed(day, ("store", "memory"), slice(150, 162), 30.0)
    assert detect(bundle, frame.select(frame.keys[::-1])) == detect(bundle, frame)


def test_no_rows_no_anomalies(bundle: Bundle, day: MetricFrame) -> None:
    """No rows, or one normal row, is no error."""
    assert detect(bundle, day.rows(0, 0)) == ()
    assert detect(bundle, day.rows(0, 1)) == ()


def test_the_largest_values_have_evidence_too(bundle: Bundle, day: MetricFrame) -> None:
    """No warning, no error; the rate of change may be infinite where it cannot be said."""
    frame = with_values(with_values(day, 5, slice(100, 101), 1.7e308), 5, slice(101, 102), -1.7e308)
    found = of(detect(bundle, frame), "memory")
    assert found[0].score > 5
    assert abs(found[0].value) == 1.7e308


def test_a_live_loop_finds_the_anomalies_of_the_batch(bundle: Bundle, day: MetricFrame) -> None:
    """Scores of single rows put together are the scores of the frame, so the anomalies are the same."""
    frame = changed(day, ("store", "memory"), slice(150, 162), 30.0)
    scorer, whole = Scorer(bundle), score_frame(bundle, frame)
    alert = np.concatenate([scorer.advance(frame.rows(row, row + 1)).alert for row in range(frame.n_rows)])
    np.testing.assert_array_equal(alert, whole.alert)
