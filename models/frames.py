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
        If a datetime has no time zone.
    """
    if isinstance(moment, np.datetime64):
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
        A time in UTC, not NaT.

    Returns
    -------
    datetime
        With ``tzinfo`` UTC.
    """
    naive: datetime = moment.astype("datetime64[us]").item()
    return naive.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricFrame:
    """Series on one fixed-step grid.

    Parameters
    ----------
    start
        Time of the first row, UTC, microseconds.
    step_s
        Seconds between rows, positive.
    keys
        One a column, each once.
    values
        Shape (n_rows, n_series). NaN means missing; infinities are refused.

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
        if not (np.isfinite(self.step_s) and self.step_s > 0):
            raise InputError(f"the step is {self.step_s} s", remedy="give a positive number of seconds")
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
        return np.timedelta64(round(self.step_s * 1e6), "us")

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

    def rows(self, first: int, last: int) -> "MetricFrame":
        """Rows ``first`` to ``last`` (exclusive), as a view.

        Parameters
        ----------
        first
            First row, not negative.
        last
            One behind the last row.

        Returns
        -------
        MetricFrame
            Sharing memory with this one.
        """
        first = max(first, 0)
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
            If step, keys, order in time or phase of the grid do not fit.
        """
        if later.keys != self.keys or later.step_s != self.step_s:
            raise InputError("the frames differ in series or step", remedy="select() the same keys first")
        gap = (later.start - self.end) / self.step
        if gap < 0 or abs(gap - round(gap)) > 1e-6:
            raise InputError(f"the later frame starts at {later.start}, this one ends at {self.end}")
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
                "component": np.array([k.component for k in self.keys], dtype=object)[column],
                "metric": np.array([k.metric for k in self.keys], dtype=object)[column],
                "value": self.values[row, column],
            }
        )


def frame_from_series(
    series: Iterable[tuple[SeriesKey, NDArray[np.datetime64], NDArray[np.float64]]], *, step_s: float
) -> MetricFrame:
    """Lay series with their own times on one grid.

    Each value goes to the grid row nearest to its time; of two values for one row the later one stays (readers report
    such duplicates before they come here).

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
        If there is no value at all.
    """
    items = [(key, times.astype("datetime64[us]"), values) for key, times, values in series]
    filled = [item for item in items if len(item[1])]
    if not filled:
        raise InputError("there is not a single value", remedy="check the time range and the selectors")
    start = min(times[0] for _, times, _ in filled)
    end = max(times[-1] for _, times, _ in filled)
    step = np.timedelta64(round(step_s * 1e6), "us")
    n_rows = round(float((end - start) / step)) + 1
    grid = np.full((n_rows, len(items)), np.nan)
    for column, (_, times, values) in enumerate(items):
        grid[np.rint((times - start) / step).astype(np.int64), column] = values
    return MetricFrame(start=start, step_s=step_s, keys=tuple(key for key, _, _ in items), values=grid)
