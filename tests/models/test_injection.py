"""Injected faults are what they say, where they say, and nothing else."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from models.errors import InputError
from models.frames import SeriesKey
from models.injection import FaultShape, InjectedFault, Trial, inject, measure, plan_faults, robust_sigma
from tests.models.histories import DAY, STEP_S, changed, frame_of, shop

KEY = SeriesKey("shop", "rate")


def fault(shape, size=6.0, first=50, rows=20):
    """On the rate of the shop."""
    return InjectedFault(key=KEY, shape=shape, size=size, sigma=5.0, first=first, end=first + rows, seed=1)


@pytest.fixture(scope="module")
def halves():
    """Five days of history, four to be judged."""
    frame = shop()
    return frame.rows(0, 5 * DAY), frame.rows(5 * DAY, 9 * DAY)


def test_sigma_is_that_of_the_noise(halves) -> None:
    """The wave of the day is no noise; a constant has none; a series without values has NaN."""
    history = changed(halves[0], ("store", "memory"), slice(None), np.nan)
    sigma = dict(zip(history.keys, robust_sigma(history), strict=True))
    assert sigma[SeriesKey("shop", "latency")] == pytest.approx(1.0, rel=0.15)
    assert sigma[KEY] == pytest.approx(5.0, rel=0.25)
    assert sigma[SeriesKey("store", "replicas")] == 0.0
    assert np.isnan(sigma[SeriesKey("store", "memory")])


@pytest.mark.parametrize("shape", FaultShape)
def test_nothing_else_is_touched(halves, shape) -> None:
    """All cells outside the fault keep their bits, the input too, and a missing value stays missing."""
    later = changed(halves[1], ("shop", "rate"), slice(55, 57), np.nan)
    before = later.values.copy()
    after = inject(later, [fault(shape)])
    np.testing.assert_array_equal(later.values, before)
    column = later.keys.index(KEY)
    is_other = np.ones(before.shape, dtype=bool)
    is_other[50:70, column] = False
    np.testing.assert_array_equal(after.values[is_other], before[is_other])
    np.testing.assert_array_equal(np.isnan(after.values), np.isnan(before))
    assert (after.values[50:70, column] != before[50:70, column]).sum() >= 15


def test_sizes_are_those_stated(halves) -> None:
    """A shift of six deviations of 5 is 30; a drift ends there; a wave peaks there; noise has that deviation."""
    later, column = halves[1], halves[1].keys.index(KEY)

    def added(shape, rows=DAY):
        one = fault(shape, rows=rows)
        return (inject(later, [one]).values - later.values)[one.first : one.end, column]

    np.testing.assert_allclose(added(FaultShape.LEVEL_SHIFT), 30.0)
    np.testing.assert_allclose(added(FaultShape.SPIKE, rows=1), 30.0)
    drift = added(FaultShape.SLOW_DRIFT)
    assert (np.diff(drift) > 0).all()
    assert drift[-1] == pytest.approx(30.0)
    assert np.abs(added(FaultShape.SEASON_CHANGE)).max() == pytest.approx(30.0, rel=1e-3)
    assert added(FaultShape.VARIANCE_CHANGE).std() == pytest.approx(30.0, rel=0.15)
    flat = inject(later, [fault(FaultShape.FLAT_LINE)]).values[50:70, column]
    np.testing.assert_array_equal(flat, later.values[49, column])


def test_plans_are_seeded_and_fair(halves) -> None:
    """The same seed gives the same plan, another one another; each kind comes before any comes again."""
    plan = plan_faults(*halves, seed=4)
    assert plan == plan_faults(*halves, seed=4)
    assert plan != plan_faults(*halves, seed=5)
    faults = [each for faults in plan for each in faults]
    assert len({(each.shape, abs(each.size)) for each in faults}) == len(faults) == 16
    assert {each.key.metric for each in faults} <= {"latency", "rate", "cpu", "memory"}


def test_plans_fit(halves) -> None:
    """Faults lie in the judged rows, at most one a component at a time, and half of the components stay untouched."""
    history, later = halves
    for faults in plan_faults(history, later, seed=1):
        assert len({each.key.component for each in faults}) == len(faults) == 1
        for each in faults:
            assert 0 < each.first < each.end <= later.n_rows
            assert (each.end - each.first == 1) == (each.shape is FaultShape.SPIKE)
            assert each.sigma > 0


def test_a_long_single_series_holds_several_faults_a_round() -> None:
    """They follow each other and do not overlap."""
    frame = frame_of({("web", "rate"): np.random.default_rng(0).normal(50, 2, 40 * DAY)})
    plan = plan_faults(frame.rows(0, 10 * DAY), frame.rows(10 * DAY, 40 * DAY), seed=0)
    assert max(map(len, plan)) == 3
    for faults in plan:
        for one, other in pairwise(faults):
            assert one.end <= other.first


def test_metrics_that_are_never_negative_do_not_fall_below_zero() -> None:
    """A shift that would, goes up."""
    n = 12 * DAY
    frame = frame_of({("web", "errors"): np.random.default_rng(0).uniform(1, 2, n)})
    plan = plan_faults(frame.rows(0, 6 * DAY), frame.rows(6 * DAY, n), seed=0)
    signed = [each for faults in plan for each in faults if each.shape is FaultShape.LEVEL_SHIFT and abs(each.size) > 6]
    assert signed
    assert all(each.size > 0 for each in signed)


def test_missing_places_are_not_chosen(halves) -> None:
    """A fault has values before and in its first row."""
    history, later = halves
    later = changed(later, ("shop", "rate"), slice(0, 2 * DAY), np.nan)
    for faults in plan_faults(history, later, seed=2):
        for each in faults:
            column = later.keys.index(each.key)
            assert not np.isnan(later.values[each.first - 1 : each.first + 1, column]).any()


def test_what_takes_no_fault_is_an_error(halves) -> None:
    """Too few rows, constants and emptiness are named."""
    history, later = halves
    with pytest.raises(InputError, match="47 judged rows are too few"):
        plan_faults(history, later.rows(0, 47), seed=0)
    constant = history.where(lambda key: key.metric == "replicas")
    with pytest.raises(InputError, match="no series varies enough"):
        plan_faults(constant, constant, seed=0)
    empty = changed(later, ("shop", "rate"), slice(None), np.nan).where(lambda key: key == KEY)
    with pytest.raises(InputError, match="no series varies enough"):
        plan_faults(history.where(lambda key: key == KEY), empty, seed=0)


def test_recall_and_delay_are_counted_by_kind() -> None:
    """By shape and size without sign; the delay is that of the found ones; what alarms anyway does not count."""
    late, never = np.array([False, False, True, True]), np.zeros(4, dtype=bool)
    one = fault(FaultShape.LEVEL_SHIFT)
    trials = [
        Trial(fault=one, alerts=late, alerts_without=never),
        Trial(fault=replace(one, size=-6.0), alerts=late, alerts_without=late),
        Trial(fault=fault(FaultShape.SPIKE, rows=1), alerts=late[2:], alerts_without=~late[2:]),
    ]
    spike, shift = measure(trials, STEP_S)
    assert (spike.shape, spike.recall, spike.median_delay_s) == (FaultShape.SPIKE, 1.0, 0.0)
    assert (shift.faults, shift.found, shift.recall, shift.alarming_anyway) == (2, 1, 0.5, 0.5)
    assert (shift.median_delay_s, shift.missed) == (2 * STEP_S, ("shop/rate, row 50",))
    assert measure([], STEP_S) == ()


def test_only_a_spike_may_be_found_behind_its_end() -> None:
    """The way back from a shift does not count as finding it."""
    assert fault(FaultShape.SPIKE, rows=1).alert_rows == slice(50, 54)
    assert fault(FaultShape.LEVEL_SHIFT).alert_rows == slice(50, 70)
