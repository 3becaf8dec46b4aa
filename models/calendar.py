"""Where a moment stands in the local day, week and month: the coordinates of a seasonal model.

People, batch jobs and shops live by the wall clock of a place, metrics are kept in UTC; this module is the only one
that knows both. The rules of a zone and the kind of each day are turned into tables once, so that a row costs a
look-up: no object is made for a row, and a row has the same place alone and in a batch.

It knows neither series nor periods. The tables follow the time-zone database and the version of ``holidays`` that are
installed: a government that changes its rules changes places after the update.
"""

import re
import warnings
import zoneinfo
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigurationError, InputError

SUNDAY = 6
"""The weekday of Sundays and holidays; Monday is 0."""

YEARS = range(1970, 2200)
"""Years (UTC) with places; other times are refused."""

_DAY_S = 86_400
_END_S = int(datetime(YEARS.stop, 1, 1, tzinfo=UTC).timestamp())
_FIRST_DAY = -1  # a zone west of Greenwich is still in 1969 when the range begins
_LAST_DAY = _END_S // _DAY_S
_PROBE_S = 3 * _DAY_S
"""Less than half of the shortest time between two changes of any zone since 1970, which is 6 days and 23 hours."""


class _Scale(NamedTuple):
    """A unit of time; one of the two numbers is 1."""

    seconds_a_tick: int
    ticks_a_second: int


_SCALES = {
    np.dtype("datetime64[D]"): _Scale(_DAY_S, 1),
    np.dtype("datetime64[h]"): _Scale(3_600, 1),
    np.dtype("datetime64[m]"): _Scale(60, 1),
    np.dtype("datetime64[s]"): _Scale(1, 1),
    np.dtype("datetime64[ms]"): _Scale(1, 1_000),
    np.dtype("datetime64[us]"): _Scale(1, 1_000_000),
    np.dtype("datetime64[ns]"): _Scale(1, 1_000_000_000),
}


class Places(NamedTuple):
    """Where rows stand by the wall clock; arrays of shape (n_rows,).

    All but ``second`` belong to ``day``.
    """

    day: NDArray[np.int64]
    """Local days since 1970-01-01. Never decreases while time goes on, not even where the clock is turned back over
    midnight: the new day stays."""
    second: NDArray[np.int32]
    """Second of the local day by the wall clock, 0 to 86399. The hour that is skipped in spring has no rows, the hour
    that is repeated in autumn has the same seconds twice."""
    weekday: NDArray[np.int8]
    """0 is Monday, 6 Sunday or a holiday."""
    day_of_month: NDArray[np.int8]
    """1 to 31."""
    days_left: NDArray[np.int8]
    """Days that follow in the month, 0 to 30; 0 on its last day."""


class _Zone(NamedTuple):
    """Spans of constant offset, in the order of time."""

    starts: NDArray[np.int64]
    """First UTC second of the span; 0 for the first one."""
    offsets: NDArray[np.int64]
    """Seconds to add to UTC."""
    least_days: NDArray[np.int64]
    """The local day that was reached before the span."""


class _Days(NamedTuple):
    """Facts about each local day from ``_FIRST_DAY`` on."""

    weekday: NDArray[np.int8]
    day_of_month: NDArray[np.int8]
    days_left: NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The wall clock and the days off of one place.

    The first calendar of a zone builds a table of its changes (5 kB), the first one with the same days off a table of
    days (250 kB): some 50 ms together, and 0.3 s more for the import where the first country is named. Equal calendars
    share the tables. A row alone costs about 10 microseconds, a million rows cost 20 ms.

    Parameters
    ----------
    time_zone
        Name in the IANA database, for example ``Europe/Berlin``. The default needs no database.
    holidays
        Country whose public holidays count as Sundays, with a subdivision where they differ: ``DE``, ``DE-BY``,
        ``US-CA``. Days on which a holiday is observed count as well. None, the default, means no holidays; a code needs
        the extra ``holidays``. Years that its library does not know have none: most countries end with 2100.
    extra_holidays
        Further days that count as Sundays, for example company holidays.

    Raises
    ------
    ConfigurationError
        If the zone or the country is unknown, an extra holiday is not a day of ``YEARS``, or a code is given and the
        extra is not installed.

    Examples
    --------
    >>> berlin = Calendar(time_zone="Europe/Berlin", extra_holidays=(date(2024, 7, 1),))
    >>> places = berlin.places(np.array(["2024-06-30T22:30", "2024-07-02T06:00"], dtype="datetime64[s]"))
    >>> places.second.tolist(), places.weekday.tolist(), places.days_left.tolist()
    ([1800, 28800], [6, 1], [30, 29])
    """

    time_zone: str = "UTC"
    holidays: str | None = None
    extra_holidays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        _refuse_wrong_types(self)
        _zone(self.time_zone)
        _days(self.holidays, self.extra_holidays)

    def parameters(self) -> dict[str, Any]:
        """What makes this calendar, for ``from_parameters``.

        Returns
        -------
        dict of str to Any
            JSON-ready; days in ISO form.
        """
        return {
            "time_zone": self.time_zone,
            "holidays": self.holidays,
            "extra_holidays": [day.isoformat() for day in self.extra_holidays],
        }

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        """Make a calendar from the outcome of ``parameters``, or from a file of settings.

        Parameters
        ----------
        parameters
            Any of the three fields; one that is absent has its default. A day is a date or a text in ISO form.

        Returns
        -------
        Calendar
            Equal to the one whose parameters they were.

        Raises
        ------
        ConfigurationError
            If there is another key, a text is not a day, or the calendar refuses a value.
        """
        known = [field.name for field in fields(cls)]
        for name in parameters:
            if name not in known:
                raise ConfigurationError(f"A calendar has no {name!r}.", remedy=f"Use {', '.join(known)}.")
        given = dict(parameters)
        if isinstance(given.get("extra_holidays"), list | tuple):
            given["extra_holidays"] = tuple(_day(each) for each in given["extra_holidays"])
        return cls(**given)

    def places(self, times: NDArray[np.datetime64]) -> Places:
        """Find the places of rows. A row's place depends on its own time only; fractions of a second are cut off.

        Parameters
        ----------
        times
            UTC, shape (n_rows,), in any order, of any unit from days to nanoseconds.

        Returns
        -------
        Places
            One entry a row.

        Raises
        ------
        InputError
            If a time is missing (NaT) or outside ``YEARS``, or the array is not of such times.
        """
        times = np.asarray(times)
        scale = _SCALES.get(times.dtype)
        if scale is None or times.ndim != 1:
            raise InputError(
                f"times are of type {times.dtype} and shape {times.shape}",
                remedy="give UTC in one dimension, for example as datetime64[us]",
            )
        seconds = _utc_seconds(times, scale)
        offset, least_day = _span_of(_zone(self.time_zone), seconds)
        local = seconds + offset
        wall_day = local // _DAY_S
        second = (local - wall_day * _DAY_S).astype(np.int32)
        day = np.maximum(wall_day, least_day)
        at = day - _FIRST_DAY
        facts = _days(self.holidays, self.extra_holidays)
        return Places(day, second, facts.weekday[at], facts.day_of_month[at], facts.days_left[at])


def _refuse_wrong_types(calendar: Calendar) -> None:
    """Values come from files of settings, so that annotations promise nothing."""
    values: dict[str, Any] = {field.name: getattr(calendar, field.name) for field in fields(calendar)}
    if not isinstance(values["time_zone"], str):
        raise ConfigurationError(f"The time zone is {values['time_zone']!r}.", remedy='Give a name, such as "UTC".')
    if not isinstance(values["holidays"], str | None):
        raise ConfigurationError(f"The holidays are {values['holidays']!r}.", remedy='Give a code, such as "DE-BY".')
    if not isinstance(values["extra_holidays"], tuple):
        raise ConfigurationError(f"Extra holidays are {values['extra_holidays']!r}.", remedy="Give a tuple of dates.")
    for day in values["extra_holidays"]:
        if not isinstance(day, date) or isinstance(day, datetime) or day.year not in YEARS:
            raise ConfigurationError(
                f"The extra holiday {day!r} is no day of the years {YEARS.start} to {YEARS.stop - 1}.",
                remedy="Give a date, such as 2024-12-24.",
            )


def _day(given: Any) -> Any:
    """A date from its ISO form; what is no text is left to the calendar's own check."""
    if not isinstance(given, str):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise ConfigurationError(f"The extra holiday {given!r} is no day.", remedy="Write it as 2024-12-24.") from error


def _utc_seconds(times: NDArray[np.datetime64], scale: _Scale) -> NDArray[np.int64]:
    """Whole seconds since 1970; the one in each scale makes them exact."""
    ticks: NDArray[np.int64] = times.view(np.int64)
    end = _END_S * scale.ticks_a_second // scale.seconds_a_tick
    if ticks.size and (ticks.min() < 0 or ticks.max() >= end):
        raise _time_error(times, (ticks < 0) | (ticks >= end))
    return ticks // scale.ticks_a_second if scale.ticks_a_second > 1 else ticks * scale.seconds_a_tick


def _time_error(times: NDArray[np.datetime64], is_wrong: NDArray[np.bool_]) -> InputError:
    """Names the first row without a place; a missing time goes before a wrong one."""
    is_missing = np.isnat(times)
    if is_missing.any():
        row = int(is_missing.argmax())
        return InputError("the time is missing (NaT)", row=row, remedy="remove the row or state its time in UTC")
    row = int(is_wrong.argmax())
    problem = f"the time {times[row]} is outside the years {YEARS.start} to {YEARS.stop - 1}"
    return InputError(problem, row=row, remedy="check the unit of the times")


def _span_of(
    zone: _Zone, seconds: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | np.int64, NDArray[np.int64] | np.int64]:
    """Offset and least day of each row; one number of each if all rows lie in one span, as they mostly do."""
    if not seconds.size:
        return np.int64(0), np.int64(_FIRST_DAY)
    first = zone.starts.searchsorted(seconds.min(), side="right") - 1
    last = zone.starts.searchsorted(seconds.max(), side="right") - 1
    if first == last:
        return zone.offsets[first], zone.least_days[first]
    span = zone.starts.searchsorted(seconds, side="right") - 1
    return zone.offsets[span], zone.least_days[span]


@lru_cache(maxsize=256)
def _zone(name: str) -> _Zone:
    """The table of a zone, built once."""
    spans = [(0, 0)] if name == "UTC" else _spans(_offset_reader(name))
    starts, offsets = np.array(spans, dtype=np.int64).T.copy()
    reached = np.append(_FIRST_DAY, (starts[1:] - 1 + offsets[:-1]) // _DAY_S)
    return _Zone(starts, offsets, np.maximum.accumulate(reached))


def _offset_reader(name: str) -> Callable[[int], int]:
    """The seconds to add at a UTC second, by the rules of a zone."""
    # The zone named localtime is whatever the machine is set to: not the same calendar elsewhere.
    known = zoneinfo.available_timezones() - {"localtime"}
    if not known:
        raise ConfigurationError(
            f"There is no time-zone database to find {name!r} in.", remedy="Install the package tzdata, or use UTC."
        )
    if name not in known:
        raise ConfigurationError(
            f"Unknown time zone {name!r}.", remedy=_nearest(name, known, "a name such as Europe/Berlin")
        )
    zone = zoneinfo.ZoneInfo(name)

    def offset_at(second: int) -> int:
        return round((datetime.fromtimestamp(second, zone).utcoffset() or timedelta()).total_seconds())

    return offset_at


def _spans(offset_at: Callable[[int], int]) -> list[tuple[int, int]]:
    """First second and offset of every span, found by probing and bisection."""
    spans = [(0, offset_at(0))]
    for low in range(0, _END_S, _PROBE_S):
        high = min(low + _PROBE_S, _END_S)
        before, after = spans[-1][1], offset_at(high)
        if after != before:
            spans.append((low + bisect_left(range(low, high), True, key=lambda s: offset_at(s) != before), after))
    return spans


@lru_cache(maxsize=64)
def _days(holidays: str | None, extra_holidays: tuple[date, ...]) -> _Days:
    """The table of days, built once."""
    days = np.arange(_FIRST_DAY, _LAST_DAY + 1).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    free = np.array([*_public_holidays(holidays), *extra_holidays], dtype="datetime64[D]")
    weekday[np.isin(days, free)] = SUNDAY
    return _Days(
        weekday.astype(np.int8),
        (days - months.astype("datetime64[D]")).astype(np.int8) + np.int8(1),
        ((months + np.timedelta64(1, "M")).astype("datetime64[D]") - days).astype(np.int8) - np.int8(1),
    )


def _public_holidays(code: str | None) -> list[date]:
    """The public holidays of a country, or of a subdivision, in ``YEARS``."""
    if code is None:
        return []
    try:
        from holidays import country_holidays, list_supported_countries
    except ImportError as error:
        raise ConfigurationError(
            f"The holidays of {code!r} need the package holidays, which is not installed.",
            remedy="Install the extra: faultline[holidays].",
        ) from error
    country, _, subdivision = code.partition("-")
    try:
        if not re.fullmatch(r"[A-Z]{2}(-.+)?", code):
            raise NotImplementedError  # noqa: TRY301  # the library would take any of its attributes for a country
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that some years are unknown is said by the docstring of Calendar
            return list(country_holidays(country, subdiv=subdivision or None, years=YEARS))
    except NotImplementedError as error:
        supported = list_supported_countries()
        known = [*supported, *(f"{each}-{part}" for each, parts in supported.items() for part in parts)]
        raise ConfigurationError(
            f"No holidays are known for {code!r}.", remedy=_nearest(code, known, "a code such as DE or US-CA")
        ) from error


def _nearest(name: str, known: Iterable[str], example: str) -> str:
    """A remedy that offers the most similar names, whatever their case."""
    by_lower = {each.lower(): each for each in sorted(known)}
    found = [by_lower[each] for each in get_close_matches(name.lower()[:64], by_lower, n=3)]
    return f"Use {' or '.join(found or [example])}."
