"""The calendar: every place equals what zoneinfo and datetime say, whatever the zone, the unit and the company."""

import json
import sys
import zoneinfo
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models import calendar
from models.calendar import SUNDAY, YEARS, Calendar
from models.errors import ConfigurationError, InputError

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kathmandu",  # UTC+5:45, UTC+5:30 until 1985
    "Pacific/Apia",  # no 30 December 2011
    "Africa/Casablanca",  # the clock goes back for Ramadan
    "Africa/Monrovia",  # UTC-0:44:30 until 1972
    "America/Sao_Paulo",  # back at midnight, to the same day
    "America/St_Johns",  # back at 00:01, to the day before, until 2011
    "Antarctica/Casey",  # back by three hours over midnight
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
]
END_S = int(datetime(YEARS.stop, 1, 1, tzinfo=UTC).timestamp())
ANY_SECOND = st.integers(0, END_S - 1)
ORACLE = settings(max_examples=60, deadline=None)


def stamps(*texts, unit="us"):
    """UTC times from texts."""
    return np.array(texts, dtype=f"datetime64[{unit}]")


def at_seconds(seconds):
    """UTC times from seconds since 1970."""
    return np.array(seconds, dtype=np.int64).astype("datetime64[s]")


def rows_of(places):
    """Places as tuples, one a row."""
    return list(zip(*(column.tolist() for column in places), strict=True))


def oracle(zone, second):
    """The place of a second by the slow and obvious way: look at the clock now, and for five hours back for the day."""
    tz = zoneinfo.ZoneInfo(zone)
    wall = datetime.fromtimestamp(second, tz)
    day = max(datetime.fromtimestamp(second - back, tz).date() for back in range(0, 5 * 3600, 30) if back <= second)
    month_end = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (
        (day - date(1970, 1, 1)).days,
        (wall.hour * 60 + wall.minute) * 60 + wall.second,
        day.weekday(),
        day.day,
        (month_end - day).days - 1,
    )


@st.composite
def zoned_seconds(draw, zones):
    """A zone with seconds of which half lie near its changes."""
    zone = draw(zones)
    changes = calendar._zone(zone).starts.tolist()
    near = st.builds(int.__add__, st.sampled_from(changes), st.integers(-7300, 7300) | st.sampled_from([-1, 0, 1, 60]))
    inside = near.filter(lambda second: 0 <= second < END_S)
    return zone, draw(st.lists(ANY_SECOND | inside, min_size=1, max_size=5))


@ORACLE
@given(zoned_seconds(st.sampled_from(ZONES)))
@example(("America/St_Johns", [1162089060 + s for s in (-61, -60, -1, 0, 1, 3539, 3540)]))
@example(("Pacific/Apia", [1325239199, 1325239200, 0, END_S - 1]))
def test_places_are_those_of_zoneinfo(case):
    """In zones of every kind, near their changes and far from them, each row is where zoneinfo says."""
    zone, seconds = case
    assert rows_of(Calendar(time_zone=zone).places(at_seconds(seconds))) == [oracle(zone, each) for each in seconds]


@settings(max_examples=25, deadline=None)
@given(zoned_seconds(st.sampled_from(sorted(zoneinfo.available_timezones() - {"localtime"}))))
def test_every_zone_is_read_right(case):
    """No zone of the database has changes that the probing misses."""
    zone, seconds = case
    assert rows_of(Calendar(time_zone=zone).places(at_seconds(seconds))) == [oracle(zone, each) for each in seconds]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia"])
def test_offsets_hold_between_the_changes(zone):
    """Looked at every hour of nineteen years, the offset is that of zoneinfo: nothing is lost between two probes."""
    seconds = np.arange(int(datetime(2005, 1, 1, tzinfo=UTC).timestamp()), 1_700_000_000, 3600)
    tz = zoneinfo.ZoneInfo(zone)
    places = Calendar(time_zone=zone).places(at_seconds(seconds))
    expected = [datetime.fromtimestamp(int(s), tz).utcoffset().total_seconds() for s in seconds]
    assert (places.day * 86400 + places.second - seconds).tolist() == expected


@ORACLE
@given(zoned_seconds(st.sampled_from(ZONES)))
def test_a_row_alone_has_the_place_it_has_in_a_batch(case):
    """Company does not move a row."""
    zone, seconds = case
    one = Calendar(time_zone=zone, extra_holidays=(date(2024, 5, 1),))
    times = at_seconds(seconds)
    assert rows_of(one.places(times)) == [rows_of(one.places(times[i : i + 1]))[0] for i in range(len(times))]


@ORACLE
@given(zoned_seconds(st.sampled_from(ZONES)))
def test_the_day_never_decreases(case):
    """Later rows are on the same day or a later one, and each place is within its bounds."""
    zone, seconds = case
    around = np.unique(np.clip(np.add.outer(seconds, np.arange(-7200, 7200, 300)), 0, END_S - 1))
    places = Calendar(time_zone=zone).places(at_seconds(around))
    assert (np.diff(places.day) >= 0).all()
    assert places.second.min() >= 0
    assert places.second.max() < 86400


def test_the_spring_gap_has_no_rows():
    """Berlin, 31 March 2024: after 01:59:59 comes 03:00:00."""
    places = Calendar(time_zone="Europe/Berlin").places(stamps("2024-03-31T00:59:59", "2024-03-31T01:00:00"))
    assert places.second.tolist() == [2 * 3600 - 1, 3 * 3600]
    assert places.day[0] == places.day[1]


def test_the_autumn_hour_comes_twice():
    """Berlin, 27 October 2024: 02:30 is there twice, an hour apart."""
    places = Calendar(time_zone="Europe/Berlin").places(stamps("2024-10-27T00:30", "2024-10-27T01:30"))
    assert places.second.tolist() == [9000, 9000]
    assert places.day[0] == places.day[1]


def test_a_clock_that_goes_back_over_midnight_keeps_the_new_day():
    """St. John's, 29 October 2006: 00:00:59 is followed by 23:01:00, which stays on the 29th."""
    places = Calendar(time_zone="America/St_Johns").places(stamps("2006-10-29T02:30:59", "2006-10-29T02:31:00"))
    assert places.second.tolist() == [59, 23 * 3600 + 60]
    assert places.day_of_month.tolist() == [29, 29]


def test_a_day_can_be_skipped():
    """Apia went from 29 to 31 December 2011."""
    places = Calendar(time_zone="Pacific/Apia").places(stamps("2011-12-30T09:59:59", "2011-12-30T10:00:00"))
    assert places.day_of_month.tolist() == [29, 31]
    assert np.diff(places.day).tolist() == [2]


def test_types_are_as_promised():
    """The kernels that read places rely on their types, also for no rows."""
    for times in (stamps(), stamps("2024-05-01"), stamps("2024-05-01", "2025-01-01")):
        places = Calendar(time_zone="Europe/Berlin").places(times)
        assert [column.dtype for column in places] == [np.int64, np.int32, np.int8, np.int8, np.int8]
        assert {column.shape for column in places} == {times.shape}


@pytest.mark.parametrize("unit", ["D", "h", "m", "s", "ms", "us", "ns"])
def test_the_unit_does_not_matter(unit):
    """The same moment has the same place in every unit, and so have the ends of the range."""
    times = stamps("1970-01-01", "2024-02-29", f"{YEARS.stop - 1}-12-31", unit=unit)
    assert [row[1:] for row in rows_of(Calendar().places(times))] == [(0, 3, 1, 30), (0, 3, 29, 0), (0, 1, 31, 0)]


def test_fractions_are_cut_off():
    """A row belongs to the second that has begun."""
    assert Calendar().places(stamps("2024-05-01T23:59:59.999999")).second.tolist() == [86399]


def test_views_and_other_containers_are_read():
    """Rows may be strided, reversed, read-only or in a pandas index, and are not changed."""
    times = stamps("2024-05-03", "2024-05-01", "2024-05-02")
    times.setflags(write=False)
    assert Calendar().places(times[::-2]).day_of_month.tolist() == [2, 3]
    assert Calendar().places(pd.DatetimeIndex(times)).day_of_month.tolist() == [3, 1, 2]
    assert Calendar().places(times.astype("datetime64[s]")).day_of_month.tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        (stamps("2024-05-01", "NaT"), "row 1: the time is missing"),
        (stamps("1969-12-31T23:59:59.999999", "NaT"), "row 1: the time is missing"),
        (stamps("2024-05-01", "1969-12-31T23:59:59.999999"), "row 1: .* outside the years 1970"),
        (stamps("2200-01-01"), "row 0: .* outside the years 1970 to 2199"),
        (stamps("2200-01-01", unit="ns"), "outside"),
        (np.array([2**62]).astype("datetime64[D]"), "outside"),
        (np.array([-(2**62)]).astype("datetime64[h]"), "outside"),
        (np.array([1714521600, 1714521660]), "int64"),
        (np.array(["2024-05-01"]), "<U10"),
        (np.array([datetime(2024, 5, 1, tzinfo=UTC)]), "object"),
        (stamps("2024-05", unit="M"), r"datetime64\[M\]"),
        (stamps("2024-05-01").astype(">M8[us]"), "datetime64.*us"),
        (stamps("2024-05-01")[0], r"shape \(\)"),
        (stamps("2024-05-01").reshape(1, 1), r"shape \(1, 1\)"),
        (None, "object"),
        (pd.DatetimeIndex(["2024-05-01"], tz="Europe/Berlin"), "object|shape"),
    ],
)
def test_times_without_a_place_are_refused(times, reason):
    """A missing, far or meaningless time is an error that names its row, or the type of all."""
    with pytest.raises(InputError, match=reason) as caught:
        Calendar().places(times)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("code", "day", "is_free"),
    [
        ("DE", "2024-10-03", True),  # a Thursday: German Unity
        ("DE", "2024-08-15", False),
        ("DE-BY", "2024-11-01", True),
        ("US", "2024-10-03", False),
        ("US", "2024-07-04", True),
        ("US", "2021-07-05", True),  # 4 July was a Sunday: observed on Monday
        ("US-CA", "2024-03-31", True),
        (None, "2024-12-25", False),
    ],
)
def test_a_holiday_is_a_sunday(code, day, is_free):
    """Public holidays of the country or its part count as Sundays, all other days as themselves."""
    places = Calendar(holidays=code).places(stamps(day, f"{day}T23:59:59"))
    expected = SUNDAY if is_free else date.fromisoformat(day).weekday()
    assert places.weekday.tolist() == [expected, expected]


def test_a_holiday_follows_the_local_day():
    """New Year in New York begins at five in the morning UTC."""
    new_york = Calendar(time_zone="America/New_York", holidays="US")
    assert new_york.places(stamps("2025-01-01T04:59:59", "2025-01-01T05:00")).weekday.tolist() == [1, SUNDAY]


def test_extra_holidays_add_to_the_others():
    """A day of the company is free, with and without a country; the day and the month stay what they are."""
    for code in (None, "DE"):
        places = Calendar(holidays=code, extra_holidays=(date(2024, 12, 24),)).places(
            stamps("2024-12-24", "2024-12-27")
        )
        assert places.weekday.tolist() == [SUNDAY, 4]
        assert places.day_of_month.tolist() == [24, 27]
        assert places.days_left.tolist() == [7, 4]


def test_a_country_with_gaps_in_its_calendar_does_not_warn():
    """India's calendar covers some years only; the library warns, the calendar does not."""
    assert Calendar(holidays="IN").places(stamps("2024-08-15", "1975-01-02")).weekday.tolist() == [SUNDAY, 3]


@pytest.mark.parametrize(
    ("settings_", "reason"),
    [
        ({"time_zone": "Europe/Belrin"}, "Europe/Berlin"),
        ({"time_zone": "europe/berlin"}, "Europe/Berlin"),
        ({"time_zone": "localtime"}, "Unknown time zone"),
        ({"time_zone": ""}, "Unknown time zone"),
        ({"time_zone": "Europe"}, "Unknown time zone"),
        ({"time_zone": "../../etc/passwd"}, "Unknown time zone"),
        ({"time_zone": "/etc/localtime"}, "Unknown time zone"),
        ({"time_zone": "right/UTC"}, "Unknown time zone"),
        ({"time_zone": "UTC\0"}, "Unknown time zone"),
        ({"time_zone": "Ü" * 5000}, "such as Europe/Berlin"),
        ({"time_zone": None}, "The time zone is None"),
        ({"time_zone": zoneinfo.ZoneInfo("UTC")}, "The time zone is"),
        ({"holidays": "XX"}, "No holidays are known for 'XX'"),
        ({"holidays": "de"}, "Use DE"),
        ({"holidays": "US-CAA"}, "US-CA"),
        ({"holidays": "US-"}, "No holidays"),
        ({"holidays": ""}, "No holidays"),
        ({"holidays": "Germany"}, "No holidays"),
        ({"holidays": "__doc__"}, "No holidays"),
        ({"holidays": "country_holidays"}, "No holidays"),
        ({"holidays": "DE\n"}, "No holidays"),
        ({"holidays": ["DE"]}, "The holidays are"),
        ({"holidays": False}, "The holidays are"),
        ({"extra_holidays": [date(2024, 12, 24)]}, "tuple of dates"),
        ({"extra_holidays": "2024-12-24"}, "tuple of dates"),
        ({"extra_holidays": ("2024-12-24",)}, "extra holiday '2024-12-24'"),
        ({"extra_holidays": (datetime(2024, 12, 24, tzinfo=UTC),)}, "extra holiday datetime"),
        ({"extra_holidays": (date(1969, 12, 31),)}, "1970 to 2199"),
        ({"extra_holidays": (date(2200, 1, 1),)}, "1970 to 2199"),
        ({"extra_holidays": (None,)}, "extra holiday None"),
    ],
)
def test_wrong_settings_are_refused(settings_, reason):
    """A wrong setting is named, with the nearest right ones."""
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Calendar(**settings_)
    assert caught.value.remedy


def test_the_extra_is_named_when_it_is_missing(monkeypatch):
    """Without the package, a country is an error that tells what to install; no country needs nothing."""
    monkeypatch.setitem(sys.modules, "holidays", None)
    calendar._days.cache_clear()
    with pytest.raises(ConfigurationError, match=r"faultline\[holidays\]"):
        Calendar(holidays="DE")
    assert Calendar(extra_holidays=(date(2024, 5, 2),)).places(stamps("2024-05-02")).weekday.tolist() == [SUNDAY]


def test_utc_needs_no_database(monkeypatch):
    """A machine without time zones knows UTC, and says what is missing for the others."""
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    calendar._zone.cache_clear()
    assert Calendar().places(stamps("2024-05-01T12:00")).second.tolist() == [43200]
    with pytest.raises(ConfigurationError, match="tzdata"):
        Calendar(time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    "one",
    [
        Calendar(),
        Calendar(time_zone="Africa/Casablanca", holidays="US-CA"),
        Calendar(holidays="DE", extra_holidays=(date(2024, 12, 31), date(2024, 12, 24), date(2024, 12, 24))),
    ],
)
def test_parameters_survive_json(one):
    """A calendar comes back from JSON equal, and equal calendars hash alike."""
    again = Calendar.from_parameters(json.loads(json.dumps(one.parameters())))
    assert again == one
    assert hash(again) == hash(one)


def test_settings_from_a_file_may_be_partial_and_hold_dates():
    """TOML has dates of its own, and leaves out what is default."""
    assert Calendar.from_parameters({"extra_holidays": [date(2024, 5, 2)]}) == Calendar(
        extra_holidays=(date(2024, 5, 2),)
    )


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"timezone": "UTC"}, "no 'timezone'.*time_zone, holidays, extra_holidays"),
        ({"extra_holidays": ["2024-13-01"]}, "'2024-13-01' is no day"),
        ({"extra_holidays": [20241224]}, "20241224"),
        ({"extra_holidays": "2024-12-24"}, "tuple of dates"),
        ({"extra_holidays": None}, "tuple of dates"),
        ({"time_zone": 0}, "The time zone is 0"),
    ],
)
def test_foreign_parameters_are_refused(parameters, reason):
    """Parameters that no calendar gave are an error that names them."""
    with pytest.raises(ConfigurationError, match=reason):
        Calendar.from_parameters(parameters)


def test_equal_calendars_share_their_tables():
    """A calendar a series costs nothing: the tables of a zone and of its days are built once."""
    calendar._zone.cache_clear()
    calendar._days.cache_clear()
    many = [Calendar(time_zone="Europe/Berlin", extra_holidays=(date(2024, 5, 2),)) for _ in range(100)]
    assert len(set(many)) == 1
    assert calendar._zone.cache_info().misses == 1
    assert calendar._days.cache_info().misses == 1
