"""History and incident told apart."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.rootcause.observation import observe, view_series
from tests.analysis.builders import at, frame_of, moved, noise, quiet, situation_of

CPU = ("db", "cpu")
NAMES = [CPU, ("web", "latency_ms"), ("web", "requests")]


def test_shift_is_in_deviations_of_the_history():
    """A step of twenty spreads is about twenty robust deviations, signed."""
    series = quiet(NAMES, 200)
    series[CPU] = noise(200) - np.where(np.arange(200) >= 180, 4.0, 0.0)
    view = view_series(frame_of(series), at(180))
    assert view.shift[0] == pytest.approx(-20, rel=0.35)
    assert np.abs(view.shift[1:]).max() < 2
    assert view.onset == 180


@pytest.mark.parametrize("late", [4, 8, 15])
def test_late_detection_finds_the_onset(late):
    """Rows before a late detection that are odd already belong to the incident."""
    series = moved(moved(quiet(NAMES, 100), CPU, 60, 3.0), ("web", "latency_ms"), 60, 5.0)
    view = view_series(frame_of(series), at(60 + late))
    assert abs(view.onset - 60) <= 2
    assert view.shift[0] > 50


def test_early_detection_finds_the_onset():
    """Quiet rows behind an early detection belong to the history."""
    series = moved(moved(quiet(NAMES, 100), CPU, 66, 3.0), ("web", "latency_ms"), 66, 5.0)
    assert abs(view_series(frame_of(series), at(60)).onset - 66) <= 3


def test_a_daily_swing_is_no_shift():
    """A series that rises all the time is not odd for going on."""
    series = quiet(NAMES, 200) | {CPU: np.linspace(10, 30, 200)}
    assert abs(view_series(frame_of(series), at(180)).shift[0]) < 4


def test_odd_points_in_the_history_do_not_hide_the_shift():
    """A few wild points move neither centre nor scale much."""
    series = moved(quiet(NAMES, 100), CPU, 80, 2.0)
    values = series[CPU].copy()
    values[5:80:30] = 500.0
    assert view_series(frame_of(series | {CPU: values}), at(80)).shift[0] > 20


def test_constant_series_that_move_are_measured():
    """No spread in the history is no division by zero, for zeros either."""
    steps = np.where(np.arange(80) >= 60, 1.0, 0.0)
    series = quiet(NAMES) | {("a", "flat"): 7.0 + steps, ("a", "zero"): steps, ("a", "same"): np.ones(80)}
    view = view_series(frame_of(series), at(60))
    shift = dict(zip([k.metric for k in view.keys], view.shift, strict=True))
    assert shift["flat"] > 10
    assert shift["zero"] > 10
    assert shift["same"] == 0


def test_column_order_does_not_matter():
    """The view sorts its columns."""
    series = quiet(NAMES)
    one = view_series(frame_of(series), at(60))
    other = view_series(frame_of(dict(reversed(series.items()))), at(60))
    assert one.keys == other.keys
    np.testing.assert_array_equal(one.shift, other.shift)


def test_no_rows_after_the_detection_takes_the_last_ones():
    """A detection at the very end still has an incident to look at."""
    view = view_series(frame_of(moved(quiet(NAMES), CPU, 76, 4.0)), at(80))
    assert view.onset < 80
    assert view.shift[0] > 10


def test_frames_without_values_have_no_view():
    """All missing is nothing."""
    assert view_series(frame_of({CPU: np.full(9, np.nan)}), at(3)) is None


def test_candidates_come_from_every_part():
    """Frame, topology and target all name components."""
    situation = situation_of(quiet(NAMES), edges=(("edge", "db"),))
    assert observe(situation).candidates == ("db", "edge", "web")
    assert observe(replace(situation, frame=None, edges=None)).candidates == ()


def test_rows_before_a_late_detection_tell_of_neither_side():
    """The incident is judged by the rows from the detection on, where there are enough."""
    series = moved(moved(quiet(NAMES, 100), CPU, 60, 3.0), ("web", "latency_ms"), 60, 5.0)
    view = view_series(frame_of(series), at(70))
    assert (view.onset, view.settled) == (60, 70)
    assert view.level[0] == pytest.approx(np.median(series[CPU][70:]))


def test_few_rows_after_the_detection_are_not_enough():
    """Then the onset counts, guessed or not."""
    series = moved(moved(quiet(NAMES, 72), CPU, 68, 3.0), ("web", "latency_ms"), 68, 5.0)
    view = view_series(frame_of(series), at(70))
    assert view.settled == view.onset < 70
    assert view.level[0] == pytest.approx(np.median(series[CPU][view.onset :]))


def test_an_onset_after_the_detection_is_the_settled_row():
    """An early detection settles nothing."""
    series = moved(moved(quiet(NAMES, 100), CPU, 66, 3.0), ("web", "latency_ms"), 66, 5.0)
    view = view_series(frame_of(series), at(60))
    assert view.settled == view.onset >= 63


@pytest.mark.parametrize("minute", [-1000, 0, 1, 79, 80, 1000])
def test_any_detection_gives_finite_figures(minute):
    """Before, inside and after all data; only a missing side is NaN."""
    view = view_series(frame_of(quiet(NAMES)), at(minute))
    assert 0 <= view.onset <= view.settled <= 80
    assert np.isfinite(view.shift).all() == (view.onset > 0)


@pytest.mark.parametrize("size", [1e300, 1e-300, 5e-324])
def test_no_unit_overflows(size):
    """Deviations do not depend on the unit."""
    view = view_series(frame_of({CPU: size * np.where(np.arange(80) >= 60, 100.0, 1.0)}), at(60))
    assert view.shift[0] > 100


def test_one_column_is_enough():
    """A single component is a system."""
    assert view_series(frame_of({CPU: noise(80)}), at(60)).keys[0].component == "db"
