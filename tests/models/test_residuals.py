"""Rows beside what was expected of them: features against pandas, seasons that are found, hostile values, any step."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.calendar import Calendar
from models.errors import NotFittedError
from models.frames import SeriesKey
from models.online import residuals as kernel
from models.online import season
from models.online.arrays import from_arrays, to_arrays
from models.online.residuals import FEATURES, N_SPREADS, PART, SIZE, ResidualState
from models.residuals import MOST_DEVIATION, ResidualModel, Residuals, predicted_by_day

HOUR = 3600
MONDAY = "2026-01-05"


def times_of(n: int, step_s: float, start: str = MONDAY) -> np.ndarray:
    """Times of a grid."""
    return np.datetime64(start, "us") + (np.arange(n) * int(step_s * 1e6)).astype("timedelta64[us]")


def judge(
    series: np.ndarray, *, step_s: float = HOUR, start: str = MONDAY, calendar: Calendar | None = None, history: int = 0
) -> tuple[Residuals, ResidualState, pd.DatetimeIndex]:
    """Learn from the first rows, a third of them unless said otherwise, and go on with the rest; local times of all."""
    calendar = calendar or Calendar()
    values = np.atleast_2d(series)
    times, n = times_of(values.shape[1], step_s, start), history or values.shape[1] // 3
    keys = tuple(SeriesKey("c", f"m{i}") for i in range(len(values)))
    model = ResidualModel(step_s=step_s, calendars=(calendar,))
    first, state = model.fit_apply(keys, times[:n], values[:, :n], np.zeros(len(values), dtype=np.int64))
    rest = model.apply(keys, times[n:], values[:, n:], state)
    together = Residuals(
        keys=keys,
        **{
            name: np.concatenate([getattr(first, name), getattr(rest, name)], axis=1)
            for name in ("values", "expected", "scale", "features")
        },
    )
    return together, state, pd.DatetimeIndex(times, tz="UTC").tz_convert(calendar.time_zone)


def local(n: int, step_s: float, start: str = MONDAY, zone: str = "UTC") -> pd.DatetimeIndex:
    """Local times of a grid."""
    return pd.DatetimeIndex(times_of(n, step_s, start), tz="UTC").tz_convert(zone)


def noise(n: int, seed: int = 1) -> np.ndarray:
    """Gaussian, standard deviation 1."""
    return np.random.default_rng(seed).normal(size=n)


def strangest(seen: Residuals, rows: np.ndarray) -> float:
    """Largest absolute deviation in some rows of the first series."""
    return float(np.nanmax(np.abs(seen.deviation[0, rows])))


@pytest.fixture(scope="module")
def traced() -> pd.DataFrame:
    """Two days of five-minute rows, one by one, with what the state held."""
    rng = np.random.default_rng(7)
    n = 5 * 288
    values = 40 + 6 * np.sin(np.arange(n) * 2 * np.pi / 288) + rng.normal(size=n)
    values[4 * 288 + 30] = 400.0
    values[rng.random(n) < 0.1] = np.nan
    keys, times, past = (SeriesKey("c", "m"),), times_of(n, 300.0), 3 * 288
    model = ResidualModel(step_s=300.0)
    _, start = model.fit_apply(keys, times[:past], values[None, :past], np.zeros(1, dtype=np.int64))
    # A fresh state, so that the first rows are traced as well.
    state = kernel.blank(np.zeros(1), np.log(start.spread.now / 1.8), model.slots, 12)
    rows = []
    for row in range(past, n):
        seen = model.apply(keys, times[row : row + 1], values[None, row : row + 1], state)
        if np.isnan(values[row]):
            assert np.isnan(seen.features).all()
            assert np.isfinite(seen.expected).all()
            continue
        figures = state.season.figures[0]
        rows.append(
            {
                "value": (values[row] - model.units_.centre[0]) / model.units_.unit[0],
                "level": figures[season.LEVEL],
                "season": figures[season.SEASON],
                "at": seen.expected[0, 0] / model.units_.unit[0],
                **{f"spread {k}": state.spread.now[0, k] for k in range(N_SPREADS)},
                **{f"feature {k}": float(seen.features[0, 0, k]) for k in range(len(FEATURES))},
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def residuals(traced: pd.DataFrame) -> dict[str, np.ndarray]:
    """The residuals from pandas, in units."""
    y, level = traced["value"] - traced["season"], traced["level"]
    slow = y - level
    middle = y.rolling(12, min_periods=3).median().shift()
    middle = middle.fillna(level)
    fast = (y - y.rolling(7, min_periods=1).median().shift()).where(lambda z: z.notna(), slow)
    step = y.diff().fillna(0.0)
    found = {"slow": slow, "mid": y - middle, "fast": fast, "diff": step}
    for width in (3, 8):
        means = [
            np.clip(y[max(0, row + 1 - width) : row + 1], level[row] - 20, level[row] + 20).mean()
            for row in range(len(y))
        ]
        first = np.maximum(np.arange(len(y)) - width + 1, 0)
        found[f"m{width}"] = np.array(means) - middle.to_numpy()[first]
        found[f"s{width}"] = slow.clip(-20, 20).rolling(width, min_periods=1).mean()
    z = slow / np.hypot(traced["spread 0"], 0.03)
    found["run"] = z.clip(-8, 8).rolling(10, min_periods=1).mean()
    wild = np.log((step**2).rolling(8, min_periods=1).mean() + 0.03**2).to_numpy()
    usual, excess = wild[0], []
    for row, each in enumerate(wild):
        excess.append(each - usual)
        usual += (each - usual) / min(row + 1, 60)
    found["wild"] = np.array(excess)
    return {name: np.asarray(each, dtype=float) for name, each in found.items()}


class TestFeatures:
    """Every feature is what its table says."""

    @pytest.mark.parametrize("kind", range(N_SPREADS), ids=FEATURES[:N_SPREADS])
    def test_a_residual_is_that_of_pandas_in_its_spread(
        self, kind: int, traced: pd.DataFrame, residuals: dict[str, np.ndarray]
    ) -> None:
        """Signed logarithm of the residual over its spread, with the floor of its kind."""
        name = FEATURES[kind]
        floor = {"m3": 0.03 / 3**0.5, "s3": 0.03 / 3**0.5, "m8": 0.03 / 8**0.5, "s8": 0.03 / 8**0.5}.get(name, 0.03)
        floor = 0.1 if name in ("run", "wild") else floor
        z = residuals[name] / np.hypot(traced[f"spread {kind}"], floor)
        np.testing.assert_allclose(traced[f"feature {kind}"], np.sign(z) * np.log1p(np.abs(z)), rtol=1e-4, atol=1e-5)

    def test_size_and_part_are_in_units_and_relative(
        self, traced: pd.DataFrame, residuals: dict[str, np.ndarray]
    ) -> None:
        """Size in standard deviations of the history, part in those of the expected value, at most twenty of them."""
        slow = residuals["slow"]
        np.testing.assert_allclose(
            traced[f"feature {SIZE}"], np.sign(slow) * np.log1p(np.abs(slow)), rtol=1e-4, atol=1e-6
        )
        part = np.clip(slow / np.maximum(traced["at"].abs(), 0.05), -20, 20)
        np.testing.assert_allclose(
            traced[f"feature {PART}"], np.sign(part) * np.log1p(np.abs(part)), rtol=1e-4, atol=1e-6
        )

    def test_the_expectation_is_level_and_season_in_the_metrics_unit(self) -> None:
        """The value is expected + deviation * scale, and the scale is positive."""
        seen, *_ = judge(np.array([noise(400) * 3 + 70]))
        np.testing.assert_allclose(seen.values, seen.expected + seen.deviation * seen.scale, rtol=1e-9)
        assert (seen.scale > 0).all()
        assert np.median(np.abs(seen.expected[0, 100:] - 70)) < 1


class TestSeasons:
    """What returns is expected, in local time; what does not is not."""

    def test_a_nightly_job_is_normal_after_a_week(self) -> None:
        """The first night at two stands out, the eighth does not; the same job at another hour does."""
        n = 10 * 48
        at = local(n, 1800)
        job = (at.hour == 2).astype(float)
        series = noise(n) + 12 * job
        series[9 * 48 + 30] += 12
        seen, state, _ = judge(series, step_s=1800, history=8 * 48)
        rows = np.flatnonzero(job)
        assert strangest(seen, rows[:2]) > 6
        assert strangest(seen, rows[16:]) < 5
        assert strangest(seen, np.array([9 * 48 + 30])) > 8
        assert predicted_by_day(state).all()

    def test_a_weekly_job_is_normal_after_three_mondays(self) -> None:
        """The second Monday is as strange as the first, the fourth and fifth are not, and Tuesdays stay as they are."""
        at = local(35 * 24, HOUR)
        job = (at.day_of_week == 0) & (at.hour >= 6) & (at.hour < 10)
        seen, *_ = judge(noise(35 * 24) + 12 * job, history=14 * 24)
        rows = np.flatnonzero(job)
        assert strangest(seen, rows[4:8]) > 6
        assert strangest(seen, rows[12:]) < 5
        usual = ~job & (np.arange(35 * 24) > 21 * 24)
        assert strangest(seen, np.flatnonzero(usual)) < 6

    def test_a_job_at_the_end_of_the_month_is_normal_after_three(self) -> None:
        """On the last day of months of 28, 30 and 31 days; learnt from January to March, expected in April and May."""
        at = local(155 * 24, HOUR, "2026-01-01")
        job = at.is_month_end & (at.hour >= 20)
        seen, *_ = judge(noise(155 * 24) + 15 * job, start="2026-01-01", history=40 * 24)
        by_month = [np.flatnonzero(job & (at.month == month)) for month in range(1, 6)]
        assert strangest(seen, by_month[1]) > 8
        for rows in by_month[3:]:
            assert strangest(seen, rows) < 6

    def test_a_job_on_the_first_of_the_month_is_normal_after_three(self) -> None:
        """Counted from the start of the month."""
        at = local(130 * 24, HOUR, "2026-01-01")
        job = (at.day == 1) & (at.hour < 4)
        seen, *_ = judge(noise(130 * 24) + 15 * job, start="2026-01-01", history=40 * 24)
        assert strangest(seen, np.flatnonzero(job & (at.month == 2))) > 8
        assert strangest(seen, np.flatnonzero(job & (at.month >= 4))) < 6

    @pytest.mark.parametrize("kind", ["noise", "slow noise", "constant", "counter"])
    def test_there_is_no_season_where_there_is_none(self, kind: str) -> None:
        """Thirty days of each, in ten series: the level alone predicts better, and what returns stays small."""
        rng = np.random.default_rng(11)
        n = 30 * 24
        values = rng.normal(size=(10, n))
        if kind == "slow noise":
            for row in range(1, n):
                values[:, row] += 0.9 * values[:, row - 1]
        elif kind == "constant":
            values = np.full((10, n), 7.0)
        elif kind == "counter":
            values = rng.poisson(0.2, size=(10, n)).astype(float)
        _, state, _ = judge(values)
        assert not predicted_by_day(state).any()
        assert (state.season.figures[:, season.SEASON] == state.season.figures[:, season.RETURNING]).all()

    def test_a_profile_follows_local_time_over_the_change_of_clocks(self) -> None:
        """Office hours of Berlin are expected behind the change in Berlin's calendar, not in that of UTC."""
        n, start, zone = 24 * 24, "2026-03-09", "Europe/Berlin"
        at = local(n, HOUR, start, zone)
        series = noise(n) + 25 * ((at.hour >= 8) & (at.hour < 18))
        behind = np.flatnonzero((at >= "2026-03-29T04:00") & (at < "2026-03-31"))
        wall, *_ = judge(series, start=start, calendar=Calendar(time_zone=zone), history=15 * 24)
        utc, *_ = judge(series, start=start, history=15 * 24)
        assert strangest(wall, behind) < 6
        assert strangest(utc, behind) > 10

    def test_the_hour_that_is_repeated_in_autumn_is_no_surprise(self) -> None:
        """The local hour from two to three comes twice, and a steep profile is expected in both."""
        n, start, zone = 26 * 24, "2026-10-05", "Europe/Berlin"
        at = local(n, HOUR, start, zone)
        series = noise(n) + 3.0 * at.hour.to_numpy()
        rows = np.flatnonzero((at >= "2026-10-25") & (at < "2026-10-27"))
        assert len(rows) == 49
        seen, *_ = judge(series, start=start, calendar=Calendar(time_zone=zone), history=14 * 24)
        assert strangest(seen, rows) < 6

    def test_a_holiday_is_a_sunday(self) -> None:
        """Offices are empty on Sundays and on a Wednesday: with the day off in the calendar that is expected."""
        n = 50 * 24
        at = local(n, HOUR)
        holiday = date(2026, 2, 18)
        closed = (at.day_of_week == 6) | (at.date == holiday)
        series = noise(n) + 20 * ((at.hour >= 8) & (at.hour < 18) & ~closed)
        rows = np.flatnonzero(at.date == holiday)
        with_it, *_ = judge(series, calendar=Calendar(extra_holidays=(holiday,)))
        without, *_ = judge(series)
        assert strangest(with_it, rows) < 7
        assert strangest(without, rows) > 10


class TestAdapting:
    """The baseline goes on learning, and no incident takes it along."""

    def test_a_level_that_moved_for_good_is_the_new_level_within_a_day(self) -> None:
        """Half a day later half of the hours are new: the expectation has moved, the first rows were far."""
        series = noise(20 * 48) * 0.5 + 10
        series[15 * 48 :] += 8
        seen, *_ = judge(series, step_s=1800, history=7 * 48)
        assert strangest(seen, np.array([15 * 48])) > 10
        assert np.abs(seen.expected[0, 16 * 48 : 17 * 48] - 18).max() < 1
        assert np.median(np.abs(seen.deviation[0, 16 * 48 : 18 * 48])) < 1.5

    def test_a_slow_drift_is_followed(self) -> None:
        """A standard deviation a day for twenty days: no row is far."""
        n = 27 * 48
        series = noise(n) + np.maximum(np.arange(n) - 7 * 48, 0) / 48
        seen, *_ = judge(series, step_s=1800, history=7 * 48)
        assert strangest(seen, np.arange(8 * 48, n)) < 6
        assert abs(seen.expected[0, -1] - 20) < 1.5

    def test_an_incident_of_some_hours_does_not_move_the_expectation(self) -> None:
        """Four hours far off change it by less than a standard deviation, during and after."""
        series = noise(12 * 48)
        away = series.copy()
        away[9 * 48 : 9 * 48 + 8] += 50
        (clean, *_), (dirty, *_) = (judge(each, step_s=1800, history=7 * 48) for each in (series, away))
        assert np.abs(dirty.expected - clean.expected).max() < 1

    def test_a_constant_that_moves_deviates_by_much(self) -> None:
        """Until it is the new constant, a day later."""
        series = np.full(10 * 24, 3.0)
        series[8 * 24 :] = 2.0
        seen, *_ = judge(series, history=7 * 24)
        assert seen.deviation[0, 8 * 24] < -100
        assert (seen.deviation[0, : 8 * 24] == 0).all()
        assert np.abs(seen.deviation[0, 9 * 24 + 12 :]).max() < 1e-9

    def test_history_is_judged_by_what_was_known_before(self) -> None:
        """A day that differs from all others stands out although it is in the history."""
        series = noise(8 * 48)
        series[5 * 48 : 5 * 48 + 10] += 30
        seen, *_ = judge(series, step_s=1800, history=8 * 48)
        assert np.abs(seen.deviation[0, 5 * 48 : 5 * 48 + 10]).min() > 10


class TestHostile:
    """Any numbers, any steps, any holes."""

    @pytest.mark.parametrize("step_s", [0.5, 7.0, 60.0, 420.0, 3600.0, 86_400.0, 200_000.0])
    def test_any_step_works(self, step_s: float) -> None:
        """Steps that do not divide a day, and steps longer than a day, give finite features."""
        seen, *_ = judge(noise(600), step_s=step_s)
        assert np.isfinite(seen.features).all()
        assert np.isfinite(seen.expected).all()
        assert (seen.scale > 0).all()

    @pytest.mark.parametrize(
        "series",
        [
            np.zeros(300),
            np.full(300, -7.25),
            1e-300 * noise(300),
            1e300 * noise(300),
            np.where(np.arange(300) % 2, 1.7e308, -1.7e308),
            np.where(np.arange(300) > 200, 1e300, noise(300)),
            np.where(np.arange(300) > 200, 0.01, 0.0),
            5e-324 * np.arange(300),
            np.where(np.arange(300) < 290, np.nan, 1.0),
            np.where(np.arange(300) % 7, np.nan, noise(300)),
            np.full(300, np.nan),
        ],
        ids=["zero", "constant", "tiny", "huge", "largest", "leap", "wakes", "denormal", "late", "gaps", "missing"],
    )
    def test_any_values_work(self, series: np.ndarray) -> None:
        """Features are finite where there is a value and NaN where there is none; deviations stay within a million."""
        seen, *_ = judge(series)
        assert np.isfinite(seen.features[0][~np.isnan(series)]).all()
        assert np.isnan(seen.features[0][np.isnan(series)]).all()
        assert np.nanmax(np.abs(seen.deviation), initial=0) <= MOST_DEVIATION
        assert np.abs(seen.features[~np.isnan(seen.features)]).max(initial=0) < 30

    def test_rows_of_history_may_be_none(self) -> None:
        """A model of no rows goes on with the first one."""
        keys, none = (SeriesKey("c", "m"),), np.empty((1, 0))
        model = ResidualModel(step_s=60.0)
        seen, state = model.fit_apply(keys, times_of(0, 60), none, np.zeros(1, dtype=np.int64))
        assert seen.features.shape == (1, 0, len(FEATURES))
        assert np.isfinite(model.apply(keys, times_of(5, 60), np.ones((1, 5)), state).features).all()

    def test_unfitted_says_so(self) -> None:
        """Rows before history name the remedy."""
        state = kernel.blank(np.zeros(1), np.zeros((1, N_SPREADS)), 24, 12)
        with pytest.raises(NotFittedError, match="call fit_apply"):
            ResidualModel(step_s=60.0).apply((SeriesKey("a", "b"),), times_of(1, 60), np.ones((1, 1)), state)


class TestStream:
    """A batch is the stream of its rows."""

    @pytest.mark.parametrize("size", [1, 7, 60])
    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
    def test_batches_are_the_stream(self, size: int, zone: str) -> None:
        """The same bits of features, expectation, scale and state, with the state through arrays in between."""
        n, past = 6 * 96, 3 * 96
        values = np.stack([noise(n) + 3 * (np.arange(n) % 96 < 20), noise(n, 2)])
        values[0, 400:440] = np.nan
        keys, times = (SeriesKey("c", "a"), SeriesKey("c", "b")), times_of(n, 900, "2026-03-26")
        model = ResidualModel(step_s=900.0, calendars=(Calendar(), Calendar(time_zone=zone)))
        _, state = model.fit_apply(keys, times[:past], values[:, :past], np.array([0, 1]))
        other = from_arrays(ResidualState, to_arrays(state))
        again = ResidualModel(step_s=900.0, calendars=model.calendars).from_arrays(model.to_arrays())
        whole = model.apply(keys, times[past:], values[:, past:], state)
        for first in range(past, n, size):
            other = from_arrays(ResidualState, to_arrays(other))
            part = again.apply(keys, times[first : first + size], values[:, first : first + size], other)
            rows = slice(first - past, first - past + size)
            for name in ("expected", "scale", "features"):
                np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[:, rows])
        for name, array in to_arrays(state).items():
            assert to_arrays(other)[name].tobytes() == array.tobytes(), name

    def test_two_values_in_one_step_are_two_rows(self) -> None:
        """Repeated times do not move the calendar; rows without value do not move anything."""
        values, times = noise(400)[None], times_of(400, 900)
        keys, model = (SeriesKey("c", "a"),), ResidualModel(step_s=900.0)
        _, state = model.fit_apply(keys, times[:300], values[:, :300], np.zeros(1, dtype=np.int64))
        other = from_arrays(ResidualState, to_arrays(state))
        whole = model.apply(keys, times[300:], values[:, 300:], state)
        twice = np.repeat(np.arange(300, 400), 2)
        gaps = np.where(np.arange(200) % 2, np.nan, values[:, twice])
        with_gaps = model.apply(keys, times[twice], gaps, other)
        np.testing.assert_array_equal(with_gaps.features[:, ::2], whole.features)
        for name, array in to_arrays(state).items():
            assert to_arrays(other)[name].tobytes() == array.tobytes(), name


def test_a_season_that_begins_to_count_is_no_step() -> None:
    """The row at which the profile of the day comes into force is no stranger than its neighbours."""
    rows = np.arange(4 * 288)
    value = 100 + 8 * np.sin(2 * np.pi * (rows / 288 - 0.1)) + 0.2 * np.random.default_rng(3).normal(size=len(rows))
    times = np.datetime64("2026-03-02T00:00:00", "us") + rows * np.timedelta64(300, "s")
    model = ResidualModel(step_s=300.0)
    seen, state = model.fit_apply((SeriesKey("a", "b"),), times, value[None], np.zeros(1, dtype=np.int64))
    assert predicted_by_day(state)[0]
    steps = np.abs(seen.features[0, :, FEATURES.index("diff")])
    midnights = steps[[288, 2 * 288, 3 * 288]]
    assert (midnights < 2.0).all()
