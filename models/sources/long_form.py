"""Long form: a row is one value of one series at one time."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.frames import LONG_COLUMNS, MetricFrame, SeriesKey
from models.sources.columns import names, numbers
from models.sources.grids import Points
from models.sources.repairs import Repair
from models.sources.times import backwards, times_us


def points_from_long(
    table: pa.Table, *, source: str, ts: str = "ts", component: str = ""
) -> tuple[Points, tuple[Repair, ...]]:
    """Read a table with the columns ts, component, metric, value.

    Parameters
    ----------
    table
        With at least these columns, of any usable type.
    source
        The file, for errors and repairs.
    ts
        Name of the column of times.
    component
        The component of all rows if there is no such column.

    Returns
    -------
    points : Points
        The keys sorted; the points in the order of the rows.
    repairs : tuple of Repair
        What the columns needed, and rows that run backwards in time.
    """
    column = table["component"] if "component" in table.column_names else _constant(component, table.num_rows)
    components = names(column, source=source, name="component")
    metrics = names(table["metric"], source=source, name="metric")
    times, time_repairs = times_us(table[ts], source=source, name=ts)
    values, value_repairs = numbers(table["value"], source=source, name="value")
    keys, codes = _series(components, metrics)
    points = Points(source=source, keys=keys, codes=codes, times_us=times, values=values)
    return points, (*time_repairs, *value_repairs, *backwards(times, codes, source=source))


def write_long(frame: MetricFrame, path: str | Path) -> None:
    """Write a frame as canonical long Parquet.

    Ordered by time, then series; strings; zstd. Missing cells are absent rows, so a series without any value is lost.

    Parameters
    ----------
    frame
        What to write.
    path
        The file; replaced if it exists.
    """
    row, column = np.nonzero(~np.isnan(frame.values))
    order = np.argsort([str(key) for key in frame.keys], kind="stable")
    rank = np.empty(frame.n_series, dtype=np.int32)
    rank[order] = np.arange(frame.n_series)
    sorting = np.lexsort((rank[column], row))
    row, column = row[sorting], column[sorting].astype(np.int32)
    arrays = [
        pa.array(frame.times[row]).cast(pa.timestamp("us", "UTC")),
        _encoded(column, [key.component for key in frame.keys]),
        _encoded(column, [key.metric for key in frame.keys]),
        pa.array(frame.values[row, column]),
    ]
    pq.write_table(pa.Table.from_arrays(arrays, names=list(LONG_COLUMNS)), path, compression="zstd")


def _constant(text: str, count: int) -> pa.ChunkedArray:
    """One name on every row."""
    return pa.chunked_array([pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int32), [text])])


def _encoded(codes: np.ndarray, texts: list[str]) -> pa.Array:
    """Strings by code, as a plain string column."""
    return pa.array(texts, pa.string()).take(pa.array(codes))


def _series(component: pa.DictionaryArray, metric: pa.DictionaryArray) -> tuple[tuple[SeriesKey, ...], np.ndarray]:
    """The pairs that occur, sorted, and the pair of each row."""
    n_metrics = max(len(metric.dictionary), 1)
    pair = component.indices.to_numpy().astype(np.int64) * n_metrics + metric.indices.to_numpy()
    present, inverse = np.unique(pair, return_inverse=True)
    components, metrics = component.dictionary.to_pylist(), metric.dictionary.to_pylist()
    keys = [SeriesKey(components[code // n_metrics], metrics[code % n_metrics]) for code in present.tolist()]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    rank = np.empty(len(keys), dtype=np.int32)
    rank[order] = np.arange(len(keys))
    return tuple(keys[i] for i in order), rank[inverse]
