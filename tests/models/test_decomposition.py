"""History taken apart adds up again, and its strengths say what is in it."""

import numpy as np
import pytest

from models.decomposition import DAY_S, WEEK_S, decompose, thin
from models.errors import InputError

STEP_S = 1800.0
DAY = 48


def times_of(n):
    """So many rows."""
    return np.datetime64("2026-03-02", "us") + np.arange(n) * np.timedelta64(int(STEP_S), "s")


def taken_apart(values, **kwargs):
    """With the usual times."""
    return decompose(times_of(len(values)), values, STEP_S, **kwargs)


@pytest.fixture(scope="module")
def parts():
    """Five weeks: a wave of a day, weekends, a slope, noise, and a gap."""
    rng, n = np.random.default_rng(1), 35 * DAY
    row = np.arange(n)
    values = 5 * np.sin(2 * np.pi * row / DAY) + 4 * (row // DAY % 7 < 5) + row / 300 + 0.5 * rng.normal(size=n)
    values[100:110] = np.nan
    return values, taken_apart(values)


def test_the_parts_add_up(parts) -> None:
    """Trend, seasons and rest give each value that was there; the gap is counted."""
    values, found = parts
    whole = found.trend + sum(found.seasonal.values()) + found.residual
    present = ~np.isnan(values)
    np.testing.assert_allclose(whole[present], values[present], atol=1e-9)
    assert np.isfinite(whole).all()
    assert found.interpolated == 10
    assert list(found.seasonal) == [DAY_S, WEEK_S]


def test_strengths_name_what_is_there(parts) -> None:
    """Day, week and slope are strong here; in noise nothing is; in a pure wave the season is all."""
    _, found = parts
    assert min(found.season_strength[DAY_S], found.season_strength[WEEK_S], found.trend_strength) > 0.8
    noise = taken_apart(np.random.default_rng(3).normal(size=10 * DAY))
    assert max(noise.trend_strength, *noise.season_strength.values()) < 0.5
    wave = taken_apart(np.sin(2 * np.pi * np.arange(10 * DAY) / DAY))
    assert list(wave.seasonal) == [DAY_S]
    assert wave.season_strength[DAY_S] > 0.99


@pytest.mark.parametrize("level", [0.0, -7.5, 1e12])
def test_a_constant_has_no_strength(level) -> None:
    """Rounding is not taken for a season."""
    found = taken_apart(np.full(20 * DAY, level))
    assert (found.trend_strength, set(found.season_strength.values())) == (0.0, {0.0})


@pytest.mark.parametrize("unit", [1e-200, 1e99])
def test_units_do_not_matter(unit) -> None:
    """Tiny and huge values have the strengths of usual ones."""
    values = 3 + np.sin(2 * np.pi * np.arange(8 * DAY) / DAY) + np.random.default_rng(5).normal(size=8 * DAY)
    assert taken_apart(values * unit).season_strength[DAY_S] == pytest.approx(
        taken_apart(values).season_strength[DAY_S], rel=1e-6
    )


def test_other_periods_may_be_asked_for() -> None:
    """A season of six hours is found where it is."""
    n = 6 * DAY
    values = np.sin(2 * np.pi * np.arange(n) / 12) + 0.1 * np.random.default_rng(6).normal(size=n)
    assert taken_apart(values, periods_s=(6 * 3600.0,)).season_strength[6 * 3600.0] > 0.9


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.empty(0), "too short"),
        (np.ones(2 * DAY), "too short"),
        (np.full(10 * DAY, np.nan), "480 of 480 values are missing"),
        (np.where(np.arange(10 * DAY) % 2, np.nan, np.nan), "missing"),
        (np.full(10 * DAY, np.inf), "infinities"),
        (np.ones((10 * DAY, 2)), "values of shape"),
    ],
)
def test_what_cannot_be_taken_apart_is_an_error(values, says) -> None:
    """Too short, empty, infinite and misshapen input is named, with a remedy."""
    with pytest.raises(InputError, match=f"{says}.*Remedy: "):
        taken_apart(values)


def test_times_and_values_must_fit() -> None:
    """One value a time; and some period must be asked for."""
    with pytest.raises(InputError, match="5 times"):
        decompose(times_of(5), np.ones(10 * DAY), STEP_S)
    with pytest.raises(InputError, match="too short"):
        taken_apart(np.ones(10 * DAY), periods_s=())


def test_a_long_series_is_averaged_in_blocks() -> None:
    """Means of what is there; never more than an hour; the last incomplete block goes."""
    values = np.arange(20.0)
    values[[0, 2, 3]] = np.nan
    times, means, step_s = thin(times_of(20), values, 600.0, most_rows=9)
    np.testing.assert_array_equal(means[:3], [1.0, 4.5, 7.0])
    assert (len(times), step_s) == (6, 1800.0)
    assert np.isnan(thin(times_of(20), np.full(20, np.nan), 600.0, most_rows=5)[1]).all()
    assert thin(times_of(20), values, 1800.0, most_rows=1)[2] == 3600.0
    assert thin(times_of(20), values, 7200.0, most_rows=1)[2] == 7200.0
