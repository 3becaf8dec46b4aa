"""Wide form: a row is one time, a column is one series, headed ``component/metric`` or ``metric``.

A header is split at its last slash, so a component may hold slashes and a metric may not; a header without a slash is a
metric of the component that the caller names.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from models.errors import InputError
from models.frames import MetricFrame, SeriesKey
from models.sources.columns import numbers
from models.sources.grids import Points
from models.sources.repairs import Repair
from models.sources.times import backwards, times_us


def points_from_wide(table: pa.Table, *, source: str, ts: str, component: str) -> tuple[Points, tuple[Repair, ...]]:
    """Read a table with one column of times and one column a series.

    Parameters
    ----------
    table
        Every column but ``ts`` is a series.
    source
        The file, for errors and repairs.
    ts
        Name of the column of times.
    component
        Of the headers that name none.

    Returns
    -------
    points : Points
        Keys in the order of the columns; row by row.
    repairs : tuple of Repair
        What the columns needed, and rows that run backwards in time.

    Raises
    ------
    InputError
        If there is no series, or two headers mean the same one.
    """
    headers = [name for name in table.column_names if name != ts]
    if not headers:
        raise InputError("there is no column of values", source=source, remedy="add one column a series")
    keys = [_key(header, component, source) for header in headers]
    twice = next((header for header, key in zip(headers, keys, strict=True) if keys.count(key) > 1), None)
    if twice is not None:
        raise InputError("two columns mean the same series", source=source, column=twice, remedy="rename one of them")
    times, repairs = times_us(table[ts], source=source, name=ts)
    repairs += backwards(times, source=source)
    values = np.empty((len(times), len(keys)))
    for place, header in enumerate(headers):
        values[:, place], more = numbers(table[header], source=source, name=header)
        repairs += more
    points = Points(
        source=source,
        keys=tuple(keys),
        codes=np.tile(np.arange(len(keys), dtype=np.int32), len(times)),
        times_us=np.repeat(times, len(keys)),
        values=values.ravel(),
        width=len(keys),
    )
    return points, repairs


def write_wide(frame: MetricFrame, path: str | Path) -> None:
    """Write a frame in wide form: a column ``ts`` and one column a series, empty where missing.

    Parameters
    ----------
    frame
        What to write; every row of the grid becomes a row.
    path
        Ends in ``.csv`` or ``.parquet``; replaced if it exists.

    Raises
    ------
    InputError
        If the path ends otherwise, or a name cannot stand in a header.
    """
    target = Path(path)
    for key in frame.keys:
        if "/" in key.metric or str(key) != str(key).strip() or "\0" in str(key):
            raise InputError(
                f"the name {str(key)!r} cannot stand in a header", source=str(target), remedy="write the long form"
            )
    columns = [pa.array(column, from_pandas=True) for column in frame.values.T]
    times = pa.array(frame.times).cast(pa.timestamp("us", "UTC"))
    headers = ["ts", *(str(key) for key in frame.keys)]
    if target.suffix == ".parquet":
        pq.write_table(pa.Table.from_arrays([times, *columns], names=headers), target, compression="zstd")
    elif target.suffix == ".csv":
        texts = pa.array([f"{text}Z" for text in np.datetime_as_string(frame.times).tolist()], pa.string())
        pacsv.write_csv(pa.Table.from_arrays([texts, *columns], names=headers), target)
    else:
        raise InputError(f"{target.suffix!r} is no known ending", source=str(target), remedy="use .csv or .parquet")


def _key(header: str, component: str, source: str) -> SeriesKey:
    """The series that a header means."""
    before, slash, after = header.rpartition("/")
    key = SeriesKey(before if slash else component, after)
    if not key.component or not key.metric:
        problem = "the column names no component or no metric"
        raise InputError(problem, source=source, column=header, remedy="head it component/metric")
    return key
