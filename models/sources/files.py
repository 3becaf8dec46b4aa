"""Metrics from CSV and Parquet files, long or wide, one file or a directory of them, as one frame.

Long form has the columns ts, component, metric, value; wide form has a column of times and one column a series, headed
``component/metric`` or ``metric`` (then the component is the file's name, or what the caller says). Which one it is
follows from the columns. The times' column is ``ts``, or one of ``timestamp``, ``time``, ``datetime``, ``date``.

Nothing is dropped in silence. What can be mended without a doubt is mended and counted; the rest is an error that names
file, column, data row (counted from 0, without the header) and remedy:

==============================================================  ========================================================
found                                                           then
==============================================================  ========================================================
no file, empty, binary, NUL, truncated, not Parquet, not UTF-8  error
a header without rows, no value at all                          error
semicolons, tabs or bars as separator; decimal commas           error
a column missing, nameless or twice; a row of another length    error
a time missing, unreadable, before 1970 or from 2200 on         error
different zones, or epoch units, in one column of times         error
an empty name of a component or metric                          error
text, lists or bytes where a number belongs                     error
a grid of more than ``MAX_CELLS`` (1e8) cells                   error
a single time, and no step stated                               error
times without a zone                                            taken as UTC, counted
rows that run backwards in time                                 put in order, counted
several values of a series for one time                         the last one stays, counted
several times of a series within one step                       averaged, counted
times off the grid                                              moved to the nearest row, counted
infinities, magnitudes beyond 1e100                             taken as missing, counted
true and false among values                                     taken as 1 and 0, counted
columns beside the four of long form                            not used, counted
files in a directory that are neither CSV nor Parquet           not read, counted
a byte order mark, blank lines                                  skipped: they carry nothing
blanks around headers, times and values                         skipped; names keep theirs
empty cells, NaN, NA, null, none, "-"                           missing: that is what they say
==============================================================  ========================================================

Epoch times are seconds, milliseconds, microseconds or nanoseconds by their size; see ``models.sources.times``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from models.errors import InputError
from models.frames import MAX_CELLS, MetricFrame, step_timedelta
from models.sources.delimited import read_csv
from models.sources.grids import Points, lay_out, merge_points
from models.sources.long_form import points_from_long, write_long
from models.sources.parquet import check_header, read_parquet, table_from_pandas
from models.sources.repairs import Repair
from models.sources.steps import infer_step
from models.sources.wide_form import points_from_wide, write_wide

__all__ = ["MAX_CELLS", "Reading", "read_metrics", "read_table", "write_long", "write_wide"]

TIME_COLUMNS = ("ts", "timestamp", "time", "datetime", "date")
"""What the column of times may be called, in any case; ``ts`` wins, of the others only one may be there."""

_LONG = ("component", "metric", "value")
_PARQUET_ENDINGS = (".parquet", ".pq")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What a reader made of its input.

    Parameters
    ----------
    frame
        All series on one grid.
    repairs
        What was mended, one entry a kind and place; empty if the input was clean.
    """

    frame: MetricFrame
    repairs: tuple[Repair, ...]


def read_metrics(
    path: str | Path, *, step_s: float | None = None, component: str = "", max_cells: int = MAX_CELLS
) -> Reading:
    """Read metrics from a file, or from all files of a directory together.

    Parameters
    ----------
    path
        A CSV or Parquet file, or a directory of them (not looked into deeper).
    step_s
        Seconds between rows; None tells it from the times, see ``models.sources.steps``.
    component
        Of series that name none; "" takes the name of the file without its ending.
    max_cells
        Refuse a grid of more rows times series than this; 1e8 cells are 0.8 GB.

    Returns
    -------
    Reading
        From the earliest to the latest time.

    Raises
    ------
    InputError
        As the table in the module's docstring says.
    """
    place = Path(path)
    if not place.exists():
        raise InputError("there is no such file or directory", source=str(place), remedy="check the path")
    files, repairs = _files(place)
    parts = []
    for file in files:
        points, more = _read_file(file, component or file.stem)
        parts.append(points)
        repairs += more
    whole = parts[0] if len(parts) == 1 else merge_points(parts, source=str(place))
    return _grid(whole, repairs, step_s, max_cells)


def read_table(
    table: pd.DataFrame, *, step_s: float | None = None, component: str = "", max_cells: int = MAX_CELLS
) -> Reading:
    """Read metrics from a pandas frame, under the same rules as from a file.

    Parameters
    ----------
    table
        Long or wide; the index is not looked at.
    step_s
        Seconds between rows; None tells it from the times.
    component
        Of series that name none.
    max_cells
        Refuse a grid of more rows times series than this.

    Returns
    -------
    Reading
        From the earliest to the latest time; the repairs name ``table`` as their source.

    Raises
    ------
    InputError
        As the table in the module's docstring says.
    """
    header = [str(name) for name in table.columns]
    check_header(header, [], "table")
    if table.empty:
        raise InputError("there is not a single row", source="table", remedy="check the query")
    points, repairs = _points(table_from_pandas(table), component, "table")
    return _grid(points, repairs, step_s, max_cells)


def _grid(points: Points, repairs: tuple[Repair, ...], step_s: float | None, max_cells: int) -> Reading:
    """Find the step and lay the points out."""
    if np.isnan(points.values).all():
        raise InputError("there is not a single value", source=points.source, remedy="check the export")
    if step_s is None:
        step_s = infer_step(points.times_us, points.codes, source=points.source)
    step_timedelta(step_s)
    frame, more = lay_out(points, step_s=step_s, max_cells=max_cells)
    return Reading(frame=frame, repairs=repairs + more)


def _files(place: Path) -> tuple[list[Path], tuple[Repair, ...]]:
    """The files to read, sorted, and what else lies in the directory."""
    if not place.is_dir():
        return [place], ()
    present = sorted(place.iterdir())
    files = [path for path in present if path.is_file() and path.suffix.lower() in (".csv", *_PARQUET_ENDINGS)]
    if not files:
        raise InputError("there is no CSV or Parquet file in it", source=str(place), remedy="check the path")
    others = [path for path in present if path not in files]
    return files, tuple(
        Repair(source=str(path), problem="neither CSV nor Parquet", action="not read", count=1) for path in others
    )


def _read_file(path: Path, component: str) -> tuple[Points, tuple[Repair, ...]]:
    """One file, whatever its form."""
    table = read_parquet(path) if path.suffix.lower() in _PARQUET_ENDINGS or _is_parquet(path) else read_csv(path)
    return _points(table, component, str(path))


def _points(table: pa.Table, component: str, source: str) -> tuple[Points, tuple[Repair, ...]]:
    """Long or wide, as the columns say."""
    ts = _time_column(table.column_names, source)
    present = set(table.column_names)
    if {"metric", "value"} <= present:
        used = {ts, *_LONG}
        points, repairs = points_from_long(table, source=source, ts=ts, component=component)
    elif "component" in present or "metric" in present:
        lacking = "value" if "metric" in present else "metric"
        remedy = f"it needs {ts}, component, metric and value"
        raise InputError("long form lacks this column", source=source, column=lacking, remedy=remedy)
    else:
        used = {name for name in present if not name.startswith("__index_level_")}
        wide = table.select([name for name in table.column_names if name in used])
        points, repairs = points_from_wide(wide, source=source, ts=ts, component=component)
    return points, (*repairs, *_unused(table, used, source))


def _is_parquet(path: Path) -> bool:
    """Whether the file starts as Parquet does, whatever it is called."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _time_column(present: list[str], source: str) -> str:
    """Which column holds the times."""
    if "ts" in present:
        return "ts"
    found = [name for name in present if name.lower() in TIME_COLUMNS]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(found or present[:12])
    problem = f"several columns may be the times: {shown}" if found else f"no column of times among: {shown}"
    raise InputError(problem, source=source, column="ts", remedy="call one of them ts")


def _unused(table: pa.Table, used: set[str], source: str) -> tuple[Repair, ...]:
    """Columns that nobody read."""
    return tuple(
        Repair(source=source, problem="a column that no form has", action="not used", count=table.num_rows, column=name)
        for name in table.column_names
        if name not in used
    )
