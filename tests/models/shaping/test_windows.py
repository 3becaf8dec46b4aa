"""Windows cover the rows that a person with a clock on the wall would say."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from models.frames import to_datetime, to_datetime64
from models.shaping.rules import Selector
from models.shaping.windows import WEEKDAYS, FixedWindow, WeeklyWindow, clock, resolve_windows
from tests.models.shaping.builders import keys

ALL = Selector()


def _times(*texts: str) -> np.ndarray:
    return np.array([text.rstrip("Z") for text in texts], dtype="datetime64[us]")


def _weekly(days: str = "sat", start_s: int = 0, end_s: int = 3600, **more: Any) -> WeeklyWindow:
    return WeeklyWindow(selector=ALL, weekdays=frozenset(days.split()), start_s=start_s, end_s=end_s, **more)


def test_a_fixed_window_holds_its_start_and_not_its_end() -> None:
    """Half open, in UTC whatever zone it was stated in."""
    berlin = ZoneInfo("Europe/Berlin")
    window = FixedWindow(
        selector=ALL, start=datetime(2026, 3, 1, 1, tzinfo=berlin), end=datetime(2026, 3, 1, 2, tzinfo=berlin)
    )
    assert window.start == datetime(2026, 3, 1, tzinfo=UTC)
    inside = window.covers(
        _times("2026-02-28T23:59:59.999999", "2026-03-01T00:00", "2026-03-01T00:59", "2026-03-01T01")
    )
    assert inside.tolist() == [False, True, True, False]


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAR_EAST = timezone(timedelta(hours=14))


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        (NOON, NOON, "not after its start"),
        (NOON, NOON - timedelta(seconds=1), "not after its start"),
        (NOON.replace(tzinfo=None), NOON, "start is .* without a time zone"),
        (NOON, NOON.replace(tzinfo=None), "end is .* without a time zone"),
        (datetime(1, 1, 1, tzinfo=FAR_EAST), NOON, "outside the calendar"),
    ],
)
def test_fixed_windows_that_make_no_sense_are_refused(start: datetime, end: datetime, problem: str) -> None:
    """Ends before starts, times without a zone, times before the year 1."""
    with pytest.raises(ConfigurationError, match=problem):
        FixedWindow(selector=ALL, start=start, end=end)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"days": "funday"}, "weekdays lists 'funday'"),
        ({"days": ""}, "weekdays is empty"),
        ({"days": "Sat"}, "nearest is 'sat'"),
        ({"start_s": 79_200, "end_s": 7200}, "22:00 to 02:00.*split"),
        ({"start_s": 60, "end_s": 60}, "00:01 to 00:01"),
        ({"end_s": 86_401}, "at most 24:00"),
        ({"start_s": -1}, "weekly window"),
        ({"time_zone": "Mars/Olympus"}, "not a known time zone"),
    ],
)
def test_weekly_windows_that_make_no_sense_are_refused(more: dict[str, Any], problem: str) -> None:
    """Days, clock and zone are checked when the value is made."""
    with pytest.raises(ConfigurationError, match=problem):
        _weekly(**more)


def test_a_weekly_window_follows_the_local_clock_over_daylight_saving() -> None:
    """Three o'clock in Berlin is at 02:00Z in winter and at 01:00Z in summer."""
    window = _weekly("sun", 3 * 3600, 4 * 3600, time_zone="Europe/Berlin")
    inside = window.covers(_times("2026-03-22T02:00", "2026-03-22T01:00", "2026-03-29T01:00", "2026-03-29T02:00"))
    assert inside.tolist() == [True, False, True, False]


def test_a_repeated_hour_counts_twice_and_a_skipped_one_never() -> None:
    """25 October 2026 has 02:30 twice in Berlin, 29 March has it not at all."""
    window = _weekly("sun", 2 * 3600, 3 * 3600, time_zone="Europe/Berlin")
    assert window.covers(_times("2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30")).tolist() == [
        True,
        True,
        False,
    ]
    day = np.datetime64("2026-03-29T00:00", "us") + np.arange(0, 24 * 60) * np.timedelta64(1, "m")
    assert not window.covers(day).any()


def test_a_day_ends_at_24() -> None:
    """The whole day, in the zone's days and not in UTC's."""
    window = _weekly("mon", 0, 86_400, time_zone="Asia/Tokyo")
    assert window.covers(
        _times("2026-03-01T14:59:59", "2026-03-01T15:00", "2026-03-02T14:59:59", "2026-03-02T15")
    ).tolist() == [
        False,
        True,
        True,
        False,
    ]


ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]


@given(
    seconds=st.lists(st.integers(-(10**9), 4 * 10**9), min_size=1, max_size=5),
    zone=st.sampled_from(ZONES),
    days=st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    span=st.lists(st.integers(0, 86_400), min_size=2, max_size=2, unique=True).map(sorted),
)
def test_weekly_windows_equal_the_calendar_of_python(
    seconds: list[int], zone: str, days: set[str], span: list[int]
) -> None:
    """Any time of a century in zones of half hours, quarters and skipped days."""
    window = _weekly(" ".join(days), *span, time_zone=zone)
    times = np.array(seconds, dtype="datetime64[s]").astype("datetime64[us]")
    for time, inside in zip(times, window.covers(times), strict=True):
        local = to_datetime(time).astimezone(ZoneInfo(zone))
        clock_s = local.hour * 3600 + local.minute * 60 + local.second
        assert inside == (WEEKDAYS[local.weekday()] in days and span[0] <= clock_s < span[1])


def test_masks_are_of_rows_and_series_and_add_up() -> None:
    """Each window excludes its own series only; a row alone gives the same as in a batch."""
    windows = [
        FixedWindow(selector=Selector(component="orders"), start=NOON, end=NOON + timedelta(hours=1)),
        _weekly("sun", 12 * 3600, 14 * 3600),
        FixedWindow(selector=Selector(component="nobody"), start=NOON, end=NOON + timedelta(hours=9)),
    ]
    both = resolve_windows(windows[::2], keys("orders/cpu", "stock/cpu"))
    times = to_datetime64(NOON) + np.arange(-1, 3) * np.timedelta64(30, "m")
    assert both.mask(times).tolist() == [[False, False], [True, False], [True, False], [False, False]]
    assert both.unmatched == ("excluded_windows[1] (nobody/*) matches no series",)
    every = resolve_windows(windows, keys("orders/cpu", "stock/cpu"))
    assert every.mask(times).tolist() == [[False, False], [True, True], [True, True], [True, True]]
    assert [every.mask(times[row : row + 1])[0].tolist() for row in range(4)] == every.mask(times).tolist()


def test_without_windows_or_rows_nothing_is_masked() -> None:
    """Empty shapes are fine."""
    assert resolve_windows([], keys("a/b")).mask(_times("2026-01-01")).tolist() == [[False]]
    assert resolve_windows([_weekly()], keys("a/b")).mask(_times()).shape == (0, 1)
    assert resolve_windows([_weekly()], []).mask(_times("2026-01-01")).shape == (1, 0)


def test_clocks_read_as_people_write() -> None:
    """Seconds only where there are some; midnight at the end is 24:00."""
    assert [clock(0), clock(27_015), clock(86_400)] == ["00:00", "07:30:15", "24:00"]
