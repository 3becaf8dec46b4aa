"""The one shape in which metrics travel: a fixed-step frame, UTC, NaN for missing.

Wide in memory (time x series), long on disk. Readers in ``models.sources`` turn files into frames and report what they
repaired; nothing here reads a file.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.errors import InputError

LONG_COLUMNS = ("ts", "component", "metric", "value")

MAX_CELLS = 100_000_000
"""Largest grid that is built, rows times series: 0.8 GB of float64. A larger one is a stray time, or several frames."""

_LONGEST_STEP_S = 1e9


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """Which series: a metric of a component. Both are opaque strings of any characters.

    Examples
    --------
    >>> str(SeriesKey("orders", "cpu"))
    'orders/cpu'
    """

    component: str
    metric: str

    def __str__(self) -> str:
        return f"{self.component}/{self.metric}"


def to_datetime64(moment: datetime | np.datetime64) -> np.datetime64:
    """Convert to ``datetime64[us]`` in UTC.

    Parameters
    ----------
    moment
        A timezone-aware datetime, or a datetime64 that is taken to be UTC.

    Returns
    -------
    numpy.datetime64
        Microsecond resolution, UTC.

    Raises
    ------
    InputError
        If a datetime has no time zone, or a datetime64 is NaT.
    """
    if isinstance(moment, np.datetime64):
        if np.isnat(moment):
            raise InputError("the time is missing (NaT)", remedy="remove it or state it in UTC")
        utc: np.datetime64 = moment.astype("datetime64[us]")
        return utc
    if moment.tzinfo is None:
        raise InputError(f"the time {moment} has no time zone", remedy="state it in UTC, for example with a final Z")
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def to_datetime(moment: np.datetime64) -> datetime:
    """Convert a UTC ``datetime64`` to an aware datetime.

    Parameters
    ----------
    moment
        A time in UTC.

    Returns
    -------
    datetime
        With ``tzinfo`` UTC.

    Raises
    ------
    InputError
        If the time is NaT or outside the years 1 to 9999.
    """
    naive = moment.astype("datetime64[us]").item()
    if not isinstance(naive, datetime):
        raise InputError(f"{moment} is no time of the calendar", remedy="check where it was computed")
    return naive.replace(tzinfo=UTC)


def step_timedelta(step_s: float) -> np.timedelta64:
    """Convert a step to a timedelta of whole microseconds.

    Parameters
    ----------
    step_s
        Seconds, between 1e-6 and 1e9.

    Returns
    -------
    numpy.timedelta64
        At least one microsecond.

    Raises
    ------
    InputError
        If the step is not such a number.
    """
    if not 1e-6 <= step_s <= _LONGEST_STEP_S:
        raise InputError(f"the step is {step_s} s", remedy="give a number of seconds between 1e-6 and 1e9")
    return np.timedelta64(round(step_s * 1e6), "us")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricFrame:
    """Series on one fixed-step grid.

    Parameters
    ----------
    start
        Time of the first row, UTC, microseconds.
    step_s
        Seconds between rows, from 1e-6 to 1e9; whole microseconds count.
    keys
        One a column, each once.
    values
        Shape (n_rows, n_series); numbers of other types become float64. NaN means missing; infinities are refused.

    Raises
    ------
    InputError
        If the shape, the step, a key or a value breaks the rules above.
    """

    start: np.datetime64
    step_s: float
    keys: tuple[SeriesKey, ...]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        step_timedelta(self.step_s)
        if self.values.dtype.kind not in "fiub":
            raise InputError(f"values are of type {self.values.dtype}", remedy="convert them to float64")
        object.__setattr__(self, "values", np.asarray(self.values, dtype=np.float64))
        if self.values.ndim != 2 or self.values.shape[1] != len(self.keys):
            raise InputError(f"values have shape {self.values.shape} for {len(self.keys)} series")
        if len(set(self.keys)) != len(self.keys):
            seen: set[SeriesKey] = set()
            twice = next(k for k in self.keys if k in seen or seen.add(k))  # type: ignore[func-returns-value]  # set.add as a filter
            raise InputError(f"series {twice} occurs twice", remedy="merge or rename one of them")
        if np.isinf(self.values).any():
            row, column = (int(i) for i in np.argwhere(np.isinf(self.values))[0])
            raise InputError(
                "the value is infinite", column=str(self.keys[column]), row=row, remedy="use NaN for a missing value"
            )
        object.__setattr__(self, "start", self.start.astype("datetime64[us]"))
        if np.isnat(self.start):
            raise InputError("the frame has no start time")

    @property
    def n_rows(self) -> int:
        """Rows on the grid, missing ones counted."""
        return int(self.values.shape[0])

    @property
    def n_series(self) -> int:
        """Columns."""
        return len(self.keys)

    @property
    def step(self) -> np.timedelta64:
        """The step as a timedelta."""
        return step_timedelta(self.step_s)

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Row times, datetime64[us], shape (n_rows,)."""
        times: NDArray[np.datetime64] = self.start + np.arange(self.n_rows) * self.step
        return times

    @property
    def end(self) -> np.datetime64:
        """One step after the last row."""
        end: np.datetime64 = self.start + self.n_rows * self.step
        return end

    @property
    def components(self) -> tuple[str, ...]:
        """Component names, sorted, each once."""
        return tuple(sorted({key.component for key in self.keys}))

    def row_at(self, moment: datetime | np.datetime64) -> int:
        """Index of the first row at or after a time.

        Parameters
        ----------
        moment
            Any time; before the frame gives 0, after it gives ``n_rows``.

        Returns
        -------
        int
            Between 0 and ``n_rows``.
        """
        offset = (to_datetime64(moment) - self.start) / self.step
        return int(np.clip(np.ceil(offset), 0, self.n_rows))

    def nearest_rows(self, times: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """Index of the row nearest to each time; the later row if two are equally near.

        Parameters
        ----------
        times
            UTC, shape (n,), no NaT.

        Returns
        -------
        ndarray of int64, shape (n,)
            Times outside the frame give its first or last row.

        Raises
        ------
        InputError
            If the frame has no rows.
        """
        if not self.n_rows:
            raise InputError("the frame has no rows", remedy="read a longer time range")
        offset = (times.astype("datetime64[us]") - self.start) / self.step
        return np.clip(np.floor(offset + 0.5), 0, self.n_rows - 1).astype(np.int64)

    def rows(self, first: int, last: int) -> "MetricFrame":
        """Rows ``first`` to ``last`` (exclusive), as a view.

        Parameters
        ----------
        first
            First row; a negative one means the first.
        last
            One behind the last row; at most ``n_rows`` counts, less than ``first`` means no rows.

        Returns
        -------
        MetricFrame
            Sharing memory with this one.
        """
        first = min(max(first, 0), self.n_rows)
        last = max(first, last)
        return MetricFrame(
            start=self.start + first * self.step, step_s=self.step_s, keys=self.keys, values=self.values[first:last]
        )

    def between(self, start: datetime | np.datetime64, end: datetime | np.datetime64) -> "MetricFrame":
        """Rows with ``start <= time < end``.

        Parameters
        ----------
        start
            First time, inclusive.
        end
            Last time, exclusive.

        Returns
        -------
        MetricFrame
            Sharing memory with this one; may have no rows.
        """
        first = self.row_at(start)
        return self.rows(first, max(first, self.row_at(end)))

    def where(self, wanted: Callable[[SeriesKey], bool]) -> "MetricFrame":
        """Keep the series for which ``wanted`` is true, in their order.

        Parameters
        ----------
        wanted
            From SeriesKey to bool.

        Returns
        -------
        MetricFrame
            With a copy of the kept columns; may have none.
        """
        columns = [i for i, key in enumerate(self.keys) if wanted(key)]
        return MetricFrame(
            start=self.start,
            step_s=self.step_s,
            keys=tuple(self.keys[i] for i in columns),
            values=self.values[:, columns],
        )

    def select(self, keys: Sequence[SeriesKey]) -> "MetricFrame":
        """The given series in the given order; one that is absent becomes a column of NaN.

        Parameters
        ----------
        keys
            The columns wanted.

        Returns
        -------
        MetricFrame
            With exactly these columns.
        """
        column = {key: i for i, key in enumerate(self.keys)}
        values = np.full((self.n_rows, len(keys)), np.nan)
        present = [(to, column[key]) for to, key in enumerate(keys) if key in column]
        if present:
            to, source = (list(x) for x in zip(*present, strict=True))
            values[:, to] = self.values[:, source]
        return MetricFrame(start=self.start, step_s=self.step_s, keys=tuple(keys), values=values)

    def series(self, key: SeriesKey) -> NDArray[np.float64]:
        """One column.

        Parameters
        ----------
        key
            Which one.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            A view; NaN means missing.

        Raises
        ------
        InputError
            If the frame does not hold the series.
        """
        try:
            return self.values[:, self.keys.index(key)]
        except ValueError:
            raise InputError(f"the frame holds no series {key}") from None

    def append(self, later: "MetricFrame") -> "MetricFrame":
        """Put a later frame on the same grid behind this one; a gap between them becomes NaN rows.

        Parameters
        ----------
        later
            Same step and same keys in the same order, starting at or after ``end``.

        Returns
        -------
        MetricFrame
            Covering both.

        Raises
        ------
        InputError
            If step, keys, order in time or phase of the grid do not fit, or the gap would exceed ``MAX_CELLS``.
        """
        if later.keys != self.keys or later.step_s != self.step_s:
            raise InputError("the frames differ in series or step", remedy="select() the same keys first")
        gap = (later.start - self.end) / self.step
        if gap < 0 or abs(gap - round(gap)) > 1e-6:
            problem = f"the later frame starts at {later.start}, this one ends at {self.end}"
            raise InputError(problem, remedy="give rows in order of time, on the same grid")
        if gap * self.n_series > MAX_CELLS:
            raise InputError(f"a gap of {round(gap)} rows for {self.n_series} series", remedy="start a new frame")
        filler = np.full((round(gap), self.n_series), np.nan)
        return MetricFrame(
            start=self.start,
            step_s=self.step_s,
            keys=self.keys,
            values=np.concatenate([self.values, filler, later.values]),
        )

    def to_long(self) -> pd.DataFrame:
        """Long form, one row a present value.

        Returns
        -------
        pandas.DataFrame
            Columns ts (datetime64[us, UTC]), component, metric, value; ordered by time, then series.
        """
        row, column = np.nonzero(~np.isnan(self.values))
        return pd.DataFrame(
            {
                "ts": pd.DatetimeIndex(self.times[row]).tz_localize("UTC"),
                "component": pd.array([k.component for k in self.keys], dtype="str").take(column),
                "metric": pd.array([k.metric for k in self.keys], dtype="str").take(column),
                "value": self.values[row, column],
            }
        )


def frame_from_series(
    series: Iterable[tuple[SeriesKey, NDArray[np.datetime64], NDArray[np.float64]]], *, step_s: float
) -> MetricFrame:
    """Lay series with their own times on one grid.

    Each value goes to the grid row nearest to its time, the later row if two are equally near; of two values for one
    row the later one stays (readers report such duplicates before they come here).

    Parameters
    ----------
    series
        Times are datetime64[us] UTC in rising order, values float64 of the same length.
    step_s
        Step of the grid, seconds.

    Returns
    -------
    MetricFrame
        From the earliest to the latest time; cells without a value are NaN.

    Raises
    ------
    InputError
        If there is no value at all, a series breaks the rules above, or the grid would exceed ``MAX_CELLS``.
    """
    step = step_timedelta(step_s)
    items = [(key, times.astype("datetime64[us]"), values) for key, times, values in series]
    for key, times, values in items:
        if len(times) != len(values) or np.isnat(times).any() or (times[1:] < times[:-1]).any():
            problem = f"{len(times)} times for {len(values)} values, or times that are missing or do not rise"
            raise InputError(problem, column=str(key), remedy="sort by time and drop rows without a time")
    filled = [times for _, times, _ in items if len(times)]
    if not filled:
        raise InputError("there is not a single value", remedy="check the time range and the selectors")
    start = min(times[0] for times in filled)
    end = max(times[-1] for times in filled)
    n_rows = int(np.floor((end - start) / step + 0.5)) + 1
    if n_rows * len(items) > MAX_CELLS:
        problem = f"{n_rows} rows of {step_s:g} s for {len(items)} series exceed {MAX_CELLS} cells"
        raise InputError(problem, remedy="give a larger step or a shorter time range")
    grid = np.full((n_rows, len(items)), np.nan)
    for column, (_, times, values) in enumerate(items):
        grid[np.floor((times - start) / step + 0.5).astype(np.int64), column] = values
    return MetricFrame(start=start, step_s=step_s, keys=tuple(key for key, _, _ in items), values=grid)
