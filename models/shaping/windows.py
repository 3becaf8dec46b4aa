"""Spans of time in which chosen series never alarm and are not learnt from: maintenance, incidents, load tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.errors import ConfigurationError
from models.frames import SeriesKey, to_datetime64
from models.shaping.options import OPTIONS, nearest, shown
from models.shaping.rules import Bools, Selector

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedWindow:
    """One span of time.

    Parameters
    ----------
    selector
        Which series.
    start, end
        With a time zone; kept in UTC. Rows with ``start <= time < end`` are inside.

    Raises
    ------
    ConfigurationError
        If one has no time zone or leaves the calendar in UTC, or the end is not after the start.
    """

    selector: Selector
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            object.__setattr__(self, name, _in_utc(name, moment))
        if self.end <= self.start:
            problem = f"The window ends at {self.end}, not after its start {self.start}."
            raise ConfigurationError(problem, remedy="exchange them or move the end")

    def covers(self, times: NDArray[np.datetime64]) -> Bools:
        """Which times are inside.

        Parameters
        ----------
        times
            UTC, shape (n_rows,).

        Returns
        -------
        ndarray of bool, shape (n_rows,)
            True inside.
        """
        inside: Bools = (times >= to_datetime64(self.start)) & (times < to_datetime64(self.end))
        return inside


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyWindow:
    """A span of local time on some days of every week.

    A local time that daylight saving skips is in no window; one that it repeats is inside both times.

    Parameters
    ----------
    selector
        Which series.
    weekdays
        Of ``mon`` to ``sun``, at least one.
    start_s, end_s
        Seconds on the local clock after midnight, ``0 <= start_s < end_s <= 86400``; the end is outside. A window
        over midnight is two windows.
    time_zone
        IANA name of the zone of that clock.

    Raises
    ------
    ConfigurationError
        If one of them is something else.
    """

    selector: Selector
    weekdays: frozenset[str]
    start_s: int
    end_s: int
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        for day in self.weekdays:
            if day not in WEEKDAYS:
                raise ConfigurationError(f"weekdays lists {shown(day)}.", remedy=nearest(str(day), WEEKDAYS))
        if not self.weekdays:
            raise ConfigurationError("weekdays is empty.", remedy=f"list some of: {', '.join(WEEKDAYS)}")
        if not 0 <= self.start_s < self.end_s <= DAY_S:
            problem = f"The weekly window runs from {clock(self.start_s)} to {clock(self.end_s)}."
            remedy = "end after the start, at most 24:00; split a window over midnight at 24:00 and 00:00"
            raise ConfigurationError(problem, remedy=remedy)
        OPTIONS["time_zone"].check("time_zone", self.time_zone)

    def covers(self, times: NDArray[np.datetime64]) -> Bools:
        """Which times are inside.

        Parameters
        ----------
        times
            UTC, shape (n_rows,).

        Returns
        -------
        ndarray of bool, shape (n_rows,)
            True inside.
        """
        local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(ZoneInfo(self.time_zone)).tz_localize(None)
        since_epoch = local.to_numpy().astype("datetime64[us]").astype(np.int64)
        day, within = np.divmod(since_epoch, DAY_S * 1_000_000)
        wanted = np.array([name in self.weekdays for name in WEEKDAYS])
        # 1 January 1970 was a Thursday.
        inside: Bools = wanted[(day + 3) % 7] & (within >= self.start_s * 1_000_000) & (within < self.end_s * 1_000_000)
        return inside


ExcludedWindow = FixedWindow | WeeklyWindow


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedWindows:
    """Windows with the series that each selects, so that a live step asks for times only.

    Parameters
    ----------
    windows
        In the order of the file.
    selected
        Shape (n_windows, n_series).
    """

    windows: tuple[ExcludedWindow, ...]
    selected: Bools

    @property
    def unmatched(self) -> tuple[str, ...]:
        """A sentence for each window that selects no series; to be shown to the user."""
        return tuple(
            f"excluded_windows[{place}] ({window.selector}) matches no series"
            for place, (window, chosen) in enumerate(zip(self.windows, self.selected, strict=True))
            if not chosen.any()
        )

    def mask(self, times: NDArray[np.datetime64]) -> Bools:
        """Which cells never alarm and are not learnt from.

        Parameters
        ----------
        times
            UTC, shape (n_rows,), in any order.

        Returns
        -------
        ndarray of bool, shape (n_rows, n_series)
            True inside a window.
        """
        mask = np.zeros((len(times), self.selected.shape[1]), dtype=bool)
        for window, chosen in zip(self.windows, self.selected, strict=True):
            rows = np.flatnonzero(window.covers(times))
            if len(rows):
                mask[rows] |= chosen
        return mask


def resolve_windows(windows: Sequence[ExcludedWindow], keys: Sequence[SeriesKey]) -> ResolvedWindows:
    """Find the series of each window.

    Parameters
    ----------
    windows
        May be empty.
    keys
        Of the bundle.

    Returns
    -------
    ResolvedWindows
        Columns in the order of ``keys``.
    """
    selected = np.zeros((len(windows), len(keys)), dtype=bool)
    for place, window in enumerate(windows):
        selected[place] = window.selector.matches(keys)
    return ResolvedWindows(windows=tuple(windows), selected=selected)


def clock(seconds: int) -> str:
    """Seconds after midnight as on a clock.

    Parameters
    ----------
    seconds
        From 0 to 86400.

    Returns
    -------
    str
        For example ``07:30`` or ``07:30:15``; the end of the day is ``24:00``.
    """
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{rest:02d}" if rest else "")


def _in_utc(name: str, moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ConfigurationError(
            f"{name} is {moment}, without a time zone.", remedy="state it in UTC, for example with a final Z"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ConfigurationError(f"{name} is {moment}, outside the calendar in UTC.", remedy="move it") from None
