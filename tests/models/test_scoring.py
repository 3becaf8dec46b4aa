"""Applying a bundle: a batch is the stream of its rows, rules are kept, and what is normal comes to be told no more."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from models.bundle import Bundle
from models.calendar import Calendar
from models.errors import InputError
from models.frames import MetricFrame, SeriesKey
from models.memory import Memory
from models.scoring import MISSING, OUT_OF_RANGE, STUCK, BundleScores, Scorer, score_frame
from models.shaping.rules import Selector, SeriesRule
from models.shaping.rules_file import ShapingRules
from models.shaping.windows import FixedWindow
from tests.models.histories import DAY, START, changed, frame_of, shop, trained

WEEK = 7 * DAY
JUDGED = tuple(field.name for field in fields(BundleScores) if field.name not in ("frame", "unknown", "absent"))
LATENCY, RATE, ERRORS, CPU, REPLICAS, MEMORY = range(6)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Trained on seven days of the shop."""
    return trained(shop()).bundle


@pytest.fixture(scope="module")
def day() -> MetricFrame:
    """The eighth and ninth day."""
    return shop().rows(WEEK, 9 * DAY)


def with_values(frame: MetricFrame, values: np.ndarray) -> MetricFrame:
    """The same grid and series."""
    return MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)


def rule(component: str = "*", metric: str = "*", **options) -> SeriesRule:
    """A rule for some series."""
    return SeriesRule(selector=Selector(component=component, metric=metric), **options)


def shaped(*rules: SeriesRule, windows: tuple = ()) -> Bundle:
    """The bundle of the shop with rules."""
    return trained(shop(), shaping=ShapingRules(rules=rules, windows=windows)).bundle


def alerts(scores: BundleScores, column: int) -> list[int]:
    """Rows in which something was told of a series."""
    return np.flatnonzero(scores.alert[:, column] >= 1).tolist()


def troubled(day: MetricFrame) -> MetricFrame:
    """Two days with an incident, a gap, a stuck series, one out of its range, and one that goes silent."""
    frame = changed(day, ("store", "memory"), slice(100, 130), 30.0)
    frame = changed(frame, ("shop", "latency"), slice(110, 125), 25.0)
    values = frame.values.copy()
    values[200:207] = np.nan
    values[300:400, RATE] = values[300, RATE]
    values[350:420, CPU] = np.nan
    values[440, LATENCY] = 1e300
    return with_values(frame, values)


class TestStream:
    """One path for all."""

    @pytest.fixture(scope="class")
    @staticmethod
    def strict() -> Bundle:
        """With rules of all kinds."""
        start = START + np.timedelta64(7 * 24 + 15, "h")
        window = FixedWindow(
            selector=Selector(component="store"),
            start=pd.Timestamp(start, tz="UTC").to_pydatetime(),
            end=pd.Timestamp(start + np.timedelta64(2, "h"), tz="UTC").to_pydatetime(),
        )
        return shaped(
            rule(missing_after_s=1800.0, stuck_after_s=3600.0),
            rule(metric="latency", most_value=1000.0, direction="above", least_deviation=1.0),
            windows=(window,),
        )

    @pytest.mark.parametrize("size", [1, 7, 60])
    def test_a_stream_is_its_batch_bit_for_bit(self, strict: Bundle, day: MetricFrame, size: int) -> None:
        """Scores, alerts, bands and all judges, with the memory through arrays in the middle."""
        frame = troubled(day)
        whole = score_frame(strict, frame)
        parts: list[BundleScores] = []
        scorer = Scorer(strict)
        for first in range(0, frame.n_rows, size):
            parts.append(scorer.advance(frame.rows(first, min(first + size, frame.n_rows))))
            if len(parts) % 5 == 0:
                saved = {name: array.copy() for name, array in scorer.memory.to_arrays().items()}
                scorer = Scorer(strict, Memory.from_arrays(saved, strict.detectors))
        for name in JUDGED:
            if name != "by_detector":
                together = np.concatenate([getattr(part, name) for part in parts])
                np.testing.assert_array_equal(together, getattr(whole, name), err_msg=name)
        for judge, score in whole.by_detector.items():
            np.testing.assert_array_equal(np.concatenate([part.by_detector[judge] for part in parts]), score)
        assert (whole.alert >= 1).any(axis=0).sum() >= 4
        assert all((whole.by_detector[flag] > 0).any() for flag in (OUT_OF_RANGE, MISSING, STUCK))

    def test_a_frame_is_judged_from_the_end_of_the_history(self, bundle: Bundle, day: MetricFrame) -> None:
        """Neither the bundle nor an earlier frame is changed by judging."""
        first, second = score_frame(bundle, day), score_frame(bundle, day)
        np.testing.assert_array_equal(first.score, second.score)
        scorer = Scorer(bundle)
        scorer.advance(day.rows(0, DAY))
        later = Scorer(bundle, scorer.memory).advance(day.rows(DAY, 2 * DAY))
        np.testing.assert_array_equal(later.score, first.score[DAY:])
        np.testing.assert_array_equal(scorer.advance(day.rows(DAY, 2 * DAY)).score, first.score[DAY:])

    def test_no_rows_change_nothing(self, bundle: Bundle, day: MetricFrame) -> None:
        """Before, between and after rows."""
        scorer = Scorer(bundle)
        empty = scorer.advance(day.rows(0, 0))
        assert empty.score.shape == (0, 6)
        assert empty.component_alert.shape == (0, 2)
        scorer.advance(day.rows(0, 5))
        scorer.advance(day.rows(5, 5))
        np.testing.assert_array_equal(
            scorer.advance(day.rows(5, 9)).alert, score_frame(bundle, day.rows(0, 9)).alert[5:]
        )


class TestFrames:
    """Honest about series that do not fit."""

    def test_unknown_and_absent_series_are_named(self, bundle: Bundle, day: MetricFrame) -> None:
        """A series that was not trained is not judged; one that is gone is unknown, not healthy."""
        new = {("shop", "latency"): day.values[:, 0], ("new", "cpu"): np.full(day.n_rows, 1e9)}
        scores = score_frame(bundle, frame_of(new, start=day.start))
        assert scores.unknown == (SeriesKey("new", "cpu"),)
        assert SeriesKey("store", "memory") in scores.absent
        assert len(scores.absent) == 5
        silent = scores.by_detector[MISSING][:, MEMORY] > 0
        assert np.isnan(scores.score[~silent, MEMORY]).all()
        assert len(alerts(scores, MEMORY)) == 1
        assert np.isfinite(scores.score[:, LATENCY]).all()

    def test_the_order_of_the_columns_does_not_matter(self, bundle: Bundle, day: MetricFrame) -> None:
        """A shuffled frame is put into the bundle's order."""
        np.testing.assert_array_equal(
            score_frame(bundle, day.select(day.keys[::-1])).alert, score_frame(bundle, day).alert
        )

    def test_another_step_is_refused(self, bundle: Bundle, day: MetricFrame) -> None:
        """Both steps are in the message."""
        other = MetricFrame(start=day.start, step_s=60.0, keys=day.keys, values=day.values)
        with pytest.raises(InputError, match=r"60\.0 s.*300\.0 s"):
            score_frame(bundle, other)

    def test_any_values_give_finite_scores_or_none(self, bundle: Bundle, day: MetricFrame) -> None:
        """The largest numbers, alternating, in all series: told, without a warning, and over after a day."""
        values = day.values.copy()
        values[50:80] = np.where(np.arange(30) % 2, 1.7e308, -1.7e308)[:, None]
        scores = score_frame(bundle, with_values(day, values))
        for name in ("score", "alert", "component_score", "component_alert", "deviation"):
            assert not np.isinf(getattr(scores, name)).any(), name
        assert (scores.score[50] > 1).all()
        assert all(50 in alerts(scores, column) for column in range(6))


class TestNormal:
    """What is normal is not told."""

    def test_two_normal_days_are_silent(self, bundle: Bundle, day: MetricFrame) -> None:
        """Waves, the nightly job, the counter and the constant raise nothing."""
        assert (score_frame(bundle, day).alert < 1).all()

    def test_components_are_silent_on_two_normal_days(self, bundle: Bundle, day: MetricFrame) -> None:
        """The nightly job of one metric is no broken relation to the others."""
        assert (score_frame(bundle, day).component_alert < 1).all()

    def test_a_level_shift_is_told_once_and_adapted_to(self, bundle: Bundle) -> None:
        """One alert and at most repetitions behind the refractory rows; a day later the score is below the boundary."""
        frame = shop(14)
        moved = changed(frame, ("store", "memory"), slice(8 * DAY, 14 * DAY), 12.0)
        scores = score_frame(bundle, moved.rows(WEEK, 14 * DAY))
        told = alerts(scores, MEMORY)
        assert told[0] == DAY
        assert len(told) <= 1 + DAY // bundle.rules.refractory_rows
        assert np.quantile(scores.score[2 * DAY + DAY // 4 : 3 * DAY, MEMORY], 0.99) < 1
        assert max(told) < 2 * DAY + DAY // 2

    def test_a_constant_that_moves_is_told_at_once_and_is_the_new_constant_a_day_later(self, bundle: Bundle) -> None:
        """Three replicas become two."""
        frame = changed(shop(12), ("store", "replicas"), slice(8 * DAY, 12 * DAY), -1.0)
        scores = score_frame(bundle, frame.rows(WEEK, 12 * DAY))
        told = alerts(scores, REPLICAS)
        assert told[0] == DAY
        assert max(told) < 2 * DAY + DAY // 2
        assert scores.score[3 * DAY :, REPLICAS].max() < 1

    def test_a_slow_drift_is_never_told(self) -> None:
        """Half a standard deviation a day for three weeks."""
        n = 28 * DAY
        noise = np.random.default_rng(2).normal(size=(n, 5)) + np.maximum(np.arange(n) - WEEK, 0)[:, None] * 0.5 / DAY
        frame = frame_of({("a", str(i)): noise[:, i] for i in range(5)})
        scores = score_frame(trained(frame).bundle, frame.rows(WEEK, n))
        assert (scores.alert >= 1).sum() / (5 * 21) < 0.1

    def test_a_new_nightly_job_is_normal_after_a_week(self, bundle: Bundle) -> None:
        """Told in its first nights, no more after the seventh."""
        frame, slot = shop(21), np.arange(21 * DAY) % DAY
        values = frame.values.copy()
        values[(slot >= 36) & (slot < 48) & (np.arange(21 * DAY) >= WEEK), MEMORY] += 10
        told = alerts(score_frame(bundle, with_values(frame, values).rows(WEEK, 21 * DAY)), MEMORY)
        assert told[0] == 36
        assert max(told) < 8 * DAY

    def test_a_weekly_job_is_normal_after_three_weeks(self) -> None:
        """Mondays from six to ten, twelve deviations: learnt from three weeks, silent in the two that follow."""
        n = 35 * 96
        at = pd.DatetimeIndex(START + (np.arange(n) * 900 * 10**6).astype("timedelta64[us]"))
        job = ((at.day_of_week == 0) & (at.hour >= 6) & (at.hour < 10)).astype(float)
        noise = np.random.default_rng(3).normal(size=(n, 4))
        frame = frame_of({("a", str(i)): noise[:, i] + 12 * job for i in range(4)}, step_s=900.0)
        bundle = trained(frame.rows(0, 21 * 96), days=7).bundle
        told = alert_rows(score_frame(bundle, frame.rows(21 * 96, n)))
        assert not [row for row in told if job[21 * 96 + row]]

    def test_the_change_of_clocks_raises_nothing_in_local_time(self) -> None:
        """Office hours of Berlin, two weeks before and one behind the last Sunday of March."""
        n = 28 * 96
        start = np.datetime64("2026-03-09T00:00:00", "us")
        times = start + (np.arange(n) * 900 * 10**6).astype("timedelta64[us]")
        at = pd.DatetimeIndex(times, tz="UTC").tz_convert("Europe/Berlin")
        open_hours = np.asarray((at.hour >= 8) & (at.hour < 18), dtype=float)
        noise = np.random.default_rng(4).normal(size=(n, 4))
        columns = {("a", str(i)): noise[:, i] + 25 * open_hours for i in range(4)}
        frame = frame_of(columns, step_s=900.0, start=start)
        after = slice(19 * 96, 23 * 96)
        told = {}
        for zone in ("Europe/Berlin", "UTC"):
            bundle = trained(frame.rows(0, 19 * 96), days=7, calendar=Calendar(time_zone=zone)).bundle
            told[zone] = (score_frame(bundle, frame.rows(after.start, after.stop)).alert >= 1).sum()
        assert told["Europe/Berlin"] <= 1
        assert told["UTC"] >= 8


def alert_rows(scores: BundleScores) -> Iterator[int]:
    """Rows in which something was told of any series."""
    return iter(np.flatnonzero((scores.alert >= 1).any(axis=1)).tolist())


class TestRules:
    """What the user wants to be told."""

    def test_an_excluded_window_tells_nothing_and_teaches_nothing(self, day: MetricFrame) -> None:
        """Whatever is inside, the rows behind it have the same bits."""
        start = datetime(2026, 3, 9, 6, tzinfo=UTC)
        window = FixedWindow(selector=Selector(metric="memory"), start=start, end=start.replace(hour=12))
        inside = slice(72, 144)
        bundle = shaped(windows=(window,))
        wild, calm = (score_frame(bundle, changed(day, ("store", "memory"), inside, by)) for by in (500.0, 0.0))
        assert not [row for row in alerts(wild, MEMORY) if 72 <= row < 144]
        for name in ("score", "alert", "expected", "upper"):
            np.testing.assert_array_equal(getattr(wild, name)[144:], getattr(calm, name)[144:], err_msg=name)
        assert alerts(score_frame(shaped(), changed(day, ("store", "memory"), inside, 500.0)), MEMORY)

    def test_a_window_in_the_history_teaches_nothing(self) -> None:
        """A bundle that was trained on a wild window knows the same as one without the wild values."""
        start = datetime(2026, 3, 4, tzinfo=UTC)
        window = FixedWindow(selector=Selector(), start=start, end=start.replace(day=5))
        shaping = ShapingRules(windows=(window,))
        wild = trained(changed(shop(), ("store", "memory"), slice(2 * DAY, 3 * DAY), 99.0), shaping=shaping).bundle
        calm = trained(shop(), shaping=shaping).bundle
        for name, array in calm.memory.to_arrays().items():
            np.testing.assert_array_equal(wild.memory.to_arrays()[name], array, err_msg=name)

    def test_a_value_out_of_its_range_is_told_whatever_the_detectors_say(self, day: MetricFrame) -> None:
        """A limit within the usual range makes usual values alarm, once while they last."""
        usual = float(np.quantile(shop().values[:, MEMORY], 0.5))
        scores = score_frame(shaped(rule(metric="memory", most_value=usual)), day)
        outside = day.values[:, MEMORY] > usual
        assert (scores.score[outside, MEMORY] >= 1).all()
        assert (scores.score[~outside, MEMORY] < 1).all()
        told = alerts(scores, MEMORY)
        assert 1 <= len(told) <= 1 + day.n_rows // 40
        assert outside[told].all()

    def test_missing_data_is_told_once_and_again_after_it_came_back(self, day: MetricFrame) -> None:
        """From its limit on the score is at the boundary; the alert is in the first of these rows alone."""
        bundle = shaped(rule(metric="memory", missing_after_s=3000.0))
        values = day.values.copy()
        values[50:150, MEMORY] = values[200:230, MEMORY] = np.nan
        scores = score_frame(bundle, with_values(day, values))
        assert alerts(scores, MEMORY) == [59, 209]
        assert (scores.score[59:150, MEMORY] >= 1).all()
        assert np.isnan(scores.score[50:59, MEMORY]).all()
        assert (scores.by_detector[MISSING][59:150, MEMORY] == 1).all()

    def test_a_stuck_value_is_told_once(self, day: MetricFrame) -> None:
        """A noisy series that repeats its value for more than the limit."""
        bundle = shaped(rule(metric="memory", stuck_after_s=3000.0))
        values = day.values.copy()
        values[50:150, MEMORY] = 50.0
        scores = score_frame(bundle, with_values(day, values))
        assert alerts(scores, MEMORY) == [60]
        assert (scores.score[60:150, MEMORY] >= 1).all()
        assert scores.score[151, MEMORY] < 1

    def test_rules_forbid(self, day: MetricFrame) -> None:
        """Excluded, the wrong side and too small: no alert, and a score that ends a run."""
        frame = changed(day, ("store", "memory"), slice(100, 130), 12.0)
        for options in ({"excluded": True}, {"direction": "below"}, {"least_deviation": 20.0}):
            scores = score_frame(shaped(rule(metric="memory", **options)), frame)
            assert not [row for row in alerts(scores, MEMORY) if 100 <= row < 130]
            assert scores.score[100:130, MEMORY].max() <= 0.5
        assert 100 in alerts(score_frame(shaped(rule(metric="memory", direction="above")), frame), MEMORY)

    def test_refractory_time_is_that_of_the_rule(self, day: MetricFrame) -> None:
        """A long incident is told every hour if that is wished."""
        frame = changed(day, ("store", "memory"), slice(100, 148), 12.0)
        often = score_frame(shaped(rule(metric="memory", refractory_s=3600.0)), frame)
        seldom = score_frame(shaped(rule(metric="memory", refractory_s=86_400.0)), frame)
        assert len(alerts(often, MEMORY)) > len(alerts(seldom, MEMORY)) >= 1

    def test_conformal_calibration_does_not_alarm_before_it_has_enough(self, day: MetricFrame) -> None:
        """A budget of a tenth cannot be kept by proof from seven days, one of two alarms a day can."""
        frame = changed(day, ("store", "memory"), slice(100, 110), 1000.0)
        few = trained(shop(), calibration="conformal")
        many = trained(shop(), calibration="conformal", false_alarms_per_day=2.0)
        assert few.report.cannot_alarm == 6
        assert many.report.cannot_alarm == 0
        assert not alerts(score_frame(few.bundle, frame), MEMORY)
        assert 100 in alerts(score_frame(many.bundle, frame), MEMORY)


def test_the_band_is_left_where_a_single_row_reaches_the_boundary(bundle: Bundle, day: MetricFrame) -> None:
    """Beside usual rows: just inside the band is no alert, well outside is one; the band holds the expectation."""
    scores = score_frame(bundle, day)
    assert (scores.lower < scores.expected).all()
    assert (scores.expected < scores.upper).all()
    row = 333
    for share, told in ((0.5, False), (2.5, True)):
        to = scores.expected[row, MEMORY] + share * (scores.upper - scores.expected)[row, MEMORY]
        frame = changed(day, ("store", "memory"), slice(row, row + 1), to - day.values[row, MEMORY])
        assert (row in alerts(score_frame(bundle, frame), MEMORY)) == told
