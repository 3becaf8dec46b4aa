"""What the baseline learns, and what it refuses to learn."""

import numpy as np
import pytest

from models.baseline import MOST_DEVIATION, Baseline, Baselined
from models.errors import NotFittedError
from models.features import medians
from tests.models.histories import DAY, changed, frame_of, shop

WAVE, JOB, CONSTANT, NOISE = 0, 3, 4, 5


def test_a_season_is_taken_only_where_held_back_days_say_that_it_helps() -> None:
    """Waves get a smooth day, the nightly job a sharp one, noise and a constant none."""
    season = Baseline().fit(shop().rows(0, 7 * DAY)).season_
    assert season[WAVE] in (1, 2)
    assert season[JOB] == 2
    assert season[CONSTANT] == 0
    assert season[NOISE] == 0


def test_the_nightly_job_is_expected() -> None:
    """On a day that it has not seen, the job stays within the deviations of the rest of the day."""
    frame = shop()
    baseline = Baseline().fit(frame.rows(0, 7 * DAY))
    z = np.abs(baseline.apply(frame.rows(7 * DAY, 9 * DAY)).z[:, JOB])
    assert z.max() < 6


def test_a_job_that_starts_five_minutes_early_is_no_outlier() -> None:
    """Beside an edge of the profile the scale grows, so one slot of shift stays below four deviations."""
    frame = shop()
    baseline = Baseline().fit(frame.rows(0, 7 * DAY))
    early = changed(frame, ("store", "cpu"), slice(8 * DAY + 23, 8 * DAY + 24), 0.5)
    assert np.abs(baseline.apply(early).z[8 * DAY + 23, JOB]) < 4
    late = changed(frame, ("store", "cpu"), slice(8 * DAY + 60, 8 * DAY + 61), 0.5)
    assert np.abs(baseline.apply(late).z[8 * DAY + 60, JOB]) > 15


def test_a_week_is_learnt_from_three_weeks() -> None:
    """Weekends that differ are in the baseline once the history holds them twice; from one week they cannot be."""
    rng = np.random.default_rng(4)
    n = 21 * DAY
    weekend = np.arange(n) // DAY % 7 >= 5
    frame = frame_of({("a", "load"): 50 - 20 * weekend + rng.normal(size=n), ("a", "idle"): rng.normal(size=n)})
    three = Baseline().fit(frame)
    assert three.season_.tolist() == [4, 0]
    assert np.median(np.abs(three.apply(frame).z[weekend, 0])) < 1
    assert Baseline().fit(frame.rows(0, 7 * DAY)).season_.max() < 4


def test_a_constant_that_moves_deviates_by_much() -> None:
    """The scale of a series that never moved is a thousandth of its level."""
    frame = shop()
    baseline = Baseline().fit(frame)
    moved = changed(frame, ("store", "replicas"), slice(100, 101), -1.0)
    z = baseline.apply(moved).z[:, CONSTANT]
    assert z[100] < -300
    assert (z[:100] == 0).all()


def test_a_constant_zero_that_moves_deviates_by_the_most_that_there_is() -> None:
    """Zero has no magnitude to compare with, so any move is far, and finite."""
    frame = frame_of({("a", "errors"): np.zeros(3 * DAY)})
    moved = changed(frame, ("a", "errors"), slice(5, 6), 0.01)
    assert Baseline().fit(frame).apply(moved).z[5, 0] == MOST_DEVIATION


def test_incidents_in_the_history_do_not_move_the_baseline() -> None:
    """Three hours far off in a week change the expectation by less than one deviation, and the scale by less."""
    clean = shop().rows(0, 7 * DAY)
    dirty = changed(clean, ("shop", "latency"), slice(700, 736), 80.0)
    a, b = Baseline().fit(clean).apply(clean), Baseline().fit(dirty).apply(clean)
    assert np.abs(a.expected - b.expected)[:, WAVE].max() < a.scale[:, WAVE].min()
    assert b.scale[:, WAVE].max() < 2 * a.scale[:, WAVE].max()


def test_history_is_judged_by_baselines_that_have_not_seen_it() -> None:
    """A day that differs from all others stands out although it is in the history."""
    frame = changed(shop(7), ("shop", "latency"), slice(3 * DAY, 4 * DAY), 30.0)
    seen = Baseline().fit_apply(frame)
    assert np.median(np.abs(seen.z[3 * DAY : 4 * DAY, WAVE])) > 10


def test_a_baseline_knows_the_time_of_day_wherever_a_frame_begins() -> None:
    """Rows from noon on get the expectation of the afternoon."""
    frame = shop()
    baseline = Baseline().fit(frame)
    whole, part = baseline.apply(frame), baseline.apply(frame.rows(DAY // 2, DAY))
    assert np.array_equal(whole.expected[DAY // 2 : DAY], part.expected)


def test_a_short_history_gives_levels_without_seasons() -> None:
    """Less than two days cannot show a day; the level is the median."""
    frame = shop().rows(0, 200)
    baseline = Baseline().fit(frame)
    assert not baseline.season_.any()
    assert np.array_equal(baseline.level_[:, 0], medians(frame.values.T))


@pytest.mark.parametrize("step_s", [7.0, 60.0, 420.0, 3600.0, 86_400.0, 200_000.0])
def test_any_step_works(step_s: float) -> None:
    """Steps that do not divide a day, and steps longer than a day, give a baseline without NaN."""
    rng = np.random.default_rng(5)
    frame = frame_of({("a", "b"): rng.normal(size=500)}, step_s=step_s)
    seen = Baseline().fit_apply(frame)
    assert np.isfinite(seen.expected).all()
    assert (seen.scale > 0).all()


def test_missing_values_are_left_out_and_stay_missing() -> None:
    """Gaps neither move the level nor become numbers; a time of day that is always missing gets the level."""
    frame = shop(7)
    values = frame.values.copy()
    values[np.arange(len(values)) % DAY < 40, WAVE] = np.nan
    gappy = type(frame)(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
    seen = Baseline().fit(gappy).apply(gappy)
    assert np.isnan(seen.z[:40, WAVE]).all()
    assert np.isfinite(seen.expected).all()


def test_state_goes_through_arrays_to_the_same_bits() -> None:
    """A restored baseline sets rows against the same numbers."""
    frame = shop()
    baseline = Baseline().fit(frame)
    restored = Baseline().from_arrays(baseline.to_arrays())
    for name in ("expected", "scale", "z"):
        assert np.array_equal(getattr(baseline.apply(frame), name), getattr(restored.apply(frame), name))


def test_an_unfitted_baseline_says_so() -> None:
    """apply() before fit() names the remedy."""
    with pytest.raises(NotFittedError, match="call fit"):
        Baseline().apply(shop())


def test_rows_of_a_baselined_frame_belong_together() -> None:
    """A slice holds the same rows in every array."""
    seen = Baseline().fit_apply(shop())
    part = seen.rows(10, 20)
    assert isinstance(part, Baselined)
    assert np.array_equal(part.z, seen.z[10:20], equal_nan=True)
    assert part.frame.start == seen.frame.times[10]
