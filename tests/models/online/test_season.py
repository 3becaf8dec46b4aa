"""Level, profile and what returns are the medians that they say they are: against pandas, on recorded traces."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calendar import Calendar
from models.online import season
from models.online.season import Places, SeasonState
from models.residuals import ResidualModel

START = np.datetime64("2026-01-05T00:00:00", "us")  # a Monday


def _one(level: float, slots: int) -> SeasonState:
    return SeasonState(*(part[0] for part in season.blank(np.array([level]), slots)))


def trace(values: np.ndarray, *, step_s: float, calendar: Calendar | None = None, level: float = 0.0) -> pd.DataFrame:
    """What the kernel holds while it judges each row, before it learns from it."""
    model = ResidualModel(step_s=step_s, calendars=(calendar or Calendar(),))
    times = START + (np.arange(len(values)) * int(step_s * 1e6)).astype("timedelta64[us]")
    places = model.places(times)
    state, scratch, rows = _one(level, model.slots), np.empty(32), []
    for row, value in enumerate(values):
        closed = season.expect(state, 0, row, places, scratch)
        figures, counts = state.figures, state.counts
        rows.append(
            {
                "value": value,
                "level": figures[season.LEVEL],
                "day_part": figures[season.DAY_PART],
                "returning": figures[season.RETURNING],
                "season": figures[season.SEASON],
                "limit": figures[season.LIMIT],
                "error": figures[season.ERROR_DAY],
                "error of level": figures[season.ERROR_LEVEL],
                "by_day": bool(counts[season.BY_DAY]),
                "n_days": int(counts[season.N_DAYS]),
                "closed": closed,
                **{name: int(getattr(places, name)[0, row]) for name in Places._fields},
            }
        )
        if not np.isnan(value):
            season.learn(state, value)
    return pd.DataFrame(rows)


def _noise(days: int, rows_a_day: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    slot = np.arange(days * rows_a_day) % rows_a_day / rows_a_day
    values = 2 * np.sin(2 * np.pi * slot) + np.where(slot < 0.1, 5.0, 0.0) + rng.normal(size=len(slot))
    values[rng.random(len(values)) < 0.1] = np.nan
    values[300:420] = np.nan
    return values


@pytest.fixture(scope="module", params=[(1200.0, 72), (1200.0, 3), (3600.0, 11)], ids=str)
def traced(request: pytest.FixtureRequest) -> pd.DataFrame:
    """Forty days of a daily shape with noise and gaps."""
    step_s, seed = request.param
    return trace(_noise(40, int(86_400 / step_s), seed), step_s=step_s, level=0.7)


def _slots(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a slot that has a value: its median, and what was held in it."""
    present = rows.dropna(subset=["value"])
    held = {name: (name, "last") for name in ("level", "season", "hour")}
    return present.groupby(["day", "slot"], as_index=False).agg(middle=("value", "median"), **held)


def test_the_level_is_the_median_of_the_last_24_hourly_medians(traced: pd.DataFrame) -> None:
    """Each hour counts with the median of its deseasonalised slots; before the first one the level is the given one."""
    slots = _slots(traced)
    slots["rest"] = slots["middle"] - slots["season"]
    hours = slots.groupby(["day", "hour"])["rest"].median()
    expected = hours.rolling(24, min_periods=1).median().rename("expected")
    # An hour holds the level that the hour with values before it closed.
    at = traced.groupby(["day", "hour"])["level"].agg(["first", "last"]).join(expected)
    assert (at["first"] == at["last"]).all()
    before = at["expected"].ffill().shift().fillna(0.7)
    np.testing.assert_allclose(at["first"], before, atol=1e-12)


def test_the_day_part_is_the_median_of_the_slot_on_the_last_eight_days(traced: pd.DataFrame) -> None:
    """Of what the slot was above the level of its day; 0 on the first day, and where nothing was seen."""
    slots = _slots(traced)
    slots["above"] = slots["middle"] - slots["level"]
    days = range(int(traced["day"].min()), int(traced["day"].max()) + 1)
    above = slots.pivot_table(index="day", columns="slot", values="above").reindex(days)
    # A day that is missing leaves the one eight days before it in its place.
    kept = above.copy()
    for day in kept.index[8:]:
        kept.loc[day] = kept.loc[day].fillna(kept.loc[day - 8])
    expected = kept.shift().rolling(8, min_periods=1).median()
    for part in (day for day in days if day > days[0]):
        today = traced[traced["day"] == part]
        want = expected.loc[part].reindex(today["slot"])
        # A slot of today that was seen already replaces that of eight days ago: compare its first row.
        first = today.drop_duplicates("slot").index
        np.testing.assert_allclose(
            today.loc[first, "day_part"], want.fillna(0.0)[~today["slot"].duplicated().to_numpy()], atol=1e-5
        )
    assert (traced.loc[traced["day"] == days[0], "day_part"] == 0).all()


def test_a_fine_profile_is_the_mean_of_three_neighbours_but_for_edges() -> None:
    """From 96 slots a day on; the day closes on itself; no slot moves by more than the mean error of the profile."""
    slot = np.arange(12 * 144) % 144
    values = np.random.default_rng(5).normal(size=12 * 144) + 30 * ((slot >= 20) & (slot < 26))
    rows = trace(values, step_s=600.0)
    last = rows[rows["day"] == rows["day"].max()].reset_index(drop=True)
    above = (rows["value"] - rows["level"]).to_numpy().reshape(12, 144)[3:11]
    middle = np.median(above, axis=0)
    smooth = (np.roll(middle, 1) + middle + np.roll(middle, -1)) / 3
    most = last["error"][0]
    # Its last slots have seen today's first, so only the middle of the day is compared.
    expected = np.clip(smooth, middle - most, middle + most)
    np.testing.assert_allclose(last["day_part"][0], expected[0], atol=1e-5)
    assert 0.5 < most < 1.5
    for edge, height in ((19, 0), (20, 30), (25, 30), (26, 0)):
        assert abs(last["day_part"][edge] - height) < most + 1.5


def _counted(traced: pd.DataFrame) -> pd.Series:
    """The day part where the profile predicts, or where it is beyond six mean errors of the level after three days."""
    sure = (traced["n_days"] >= 3) & (traced["day_part"].abs() > 6 * traced["error of level"])
    return traced["day_part"].where(traced["by_day"] | sure, 0.0)


def test_the_season_is_the_day_part_where_it_predicts_and_what_returns(traced: pd.DataFrame) -> None:
    """Sum of the parts; the profile counts on a day when its faded error of the days before was 3 % less."""
    np.testing.assert_allclose(traced["season"], traced["returning"] + _counted(traced), atol=1e-12)
    present = traced.dropna(subset=["value"])
    above = present["value"] - present["level"]
    errors = pd.DataFrame(
        {
            "day": present["day"],
            "level": np.minimum(above.abs(), present["limit"]),
            "profile": np.minimum((above - present["day_part"]).abs(), present["limit"]),
        }
    )
    means = errors.groupby("day").mean()
    means.loc[means.index[0], "profile"] = np.nan  # there was none on the first day
    faded = means.ewm(alpha=0.15, adjust=False).mean()
    days = traced.groupby("day")
    limits = days["limit"].first()
    for today, day in zip(means.index[2:], means.index[1:-1], strict=True):
        assert bool(days["by_day"].first()[today]) == bool(faded.loc[day, "profile"] < 0.97 * faded.loc[day, "level"])
        assert limits[today] == pytest.approx(6 * faded.loc[day, "level"])
    assert days["by_day"].nunique().eq(1).all()
    assert not traced.loc[traced["n_days"] < 2, "by_day"].any()


def _agreed(earlier: list[float]) -> float:
    pair = [0.0, 0.0, *earlier][-2:]
    return float(np.median([0.0, *pair]))


def test_what_returns_is_the_median_of_zero_and_the_last_two_deviations(traced: pd.DataFrame) -> None:
    """By hour of the week from what the day leaves, then by part of the month from what the week leaves."""
    week: dict[int, list[float]] = {}
    month: dict[int, list[float]] = {}
    running = (traced["week"].diff().ne(0)).cumsum()
    month_running = (traced["month"].diff().ne(0)).cumsum()
    known = traced["n_days"] > 0
    rest = traced["value"] - traced["level"] - _counted(traced)
    rest = rest.where(known)
    open_month: list[float] = []
    for _, part in traced.groupby(running):
        hour, month_part = int(part["week"].iloc[0]), int(part["month"].iloc[0])
        weekly = _agreed(week.get(hour, []))
        np.testing.assert_allclose(part["returning"], weekly + _agreed(month.get(month_part, [])), atol=1e-5)
        present = rest[part.index].dropna()
        open_month.extend(present - weekly)
        if len(present):
            week.setdefault(hour, []).append(float(present.mean()))
        last = part.index[-1]
        if last + 1 in traced.index and month_running[last + 1] != month_running[last]:
            if open_month:
                month.setdefault(month_part, []).append(float(np.mean(open_month)))
            open_month = []


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=2))
def test_two_deviations_count_where_they_agree(pair: list[float]) -> None:
    """The smaller of two to the same side, 0 of two to different sides."""
    assert season._agreed(np.array(pair, dtype=np.float32)) == pytest.approx(np.median([0.0, *pair]), abs=1e-9)


def test_an_hour_without_values_closes_nothing() -> None:
    """Rows without a value move the time; level and profile stay."""
    values = np.concatenate([np.full(72, 2.0), np.full(720, np.nan), [2.0]])
    rows = trace(values, step_s=1200.0)
    assert (rows["level"][72:] == 2.0).all()
    assert (rows["returning"] == 0).all()


def test_a_job_of_minutes_is_learnt_where_the_day_as_a_whole_is_not() -> None:
    """Ten minutes a day are too short for the profile to pay; they count from the fourth day on by themselves."""
    slot = np.arange(12 * 288) % 288
    values = np.random.default_rng(6).normal(size=12 * 288) + 25 * ((slot >= 24) & (slot < 26))
    rows = trace(values, step_s=300.0)
    job = rows[(slot >= 24) & (slot < 26)]
    assert not rows["by_day"].iloc[-288:].any()
    assert (job["season"].iloc[:4] == 0).all()
    assert job["season"].iloc[8:].between(20, 30).all()
    assert (rows["season"][288 * 4 :][rows["slot"] > 40] - rows["returning"][288 * 4 :]).abs().max() < 1e-9


def test_one_outlying_day_is_no_season() -> None:
    """Neither the profile nor weekday nor month take up what happened once."""
    values = np.random.default_rng(8).normal(size=30 * 72)
    values[10 * 72 : 10 * 72 + 36] += 40
    rows = trace(values, step_s=1200.0)
    assert rows["season"].abs().max() < 4
    assert rows["level"].abs()[11 * 72 + 36 :].max() < 1
