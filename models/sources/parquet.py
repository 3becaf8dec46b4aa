"""Open a Parquet file, or say why it is none; turn pandas into Arrow."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from models.errors import InputError


def read_parquet(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file.

    Parameters
    ----------
    path
        The file.
    columns
        Those to read; None for all.

    Returns
    -------
    pyarrow.Table
        With the file's own types.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated or not Parquet, lacks a column, or has one twice.
    """
    if not path.is_file():
        raise InputError("there is no such file", source=str(path), remedy="check the path")
    try:
        with pq.ParquetFile(path) as file:
            check_header(file.schema_arrow.names, columns or [], str(path))
            table = file.read(columns=columns)
        table.validate(full=True)  # bounds and UTF-8: a damaged file shows here, not later
    except (pa.ArrowException, OSError, ValueError) as fault:
        reason = str(fault).strip().splitlines()[0][:200] if str(fault).strip() else type(fault).__name__
        raise InputError(
            f"not a readable Parquet file: {reason}", source=str(path), remedy="write it anew, it may be cut off"
        ) from fault
    return table


def check_header(present: list[str], wanted: list[str], source: str) -> None:
    """Refuse a header that lacks a column or has one twice.

    Parameters
    ----------
    present
        The columns of the file.
    wanted
        Those that have to be there.
    source
        The file, for errors.

    Raises
    ------
    InputError
        Naming the column.
    """
    twice = next((name for name in present if present.count(name) > 1), None)
    if twice is not None:
        raise InputError("the column occurs twice", source=source, column=twice, remedy="rename or remove one of them")
    for name in wanted:
        if name not in present:
            has = ", ".join(present[:12]) or "none"
            raise InputError(f"the column is missing; there are: {has}", source=source, column=name, remedy="add it")


def table_from_pandas(frame: pd.DataFrame) -> pa.Table:
    """Turn a pandas frame into an Arrow table.

    Parameters
    ----------
    frame
        The index is left out. Times with a zone become UTC.

    Returns
    -------
    pyarrow.Table
        With the same columns, and no metadata of pandas.

    Raises
    ------
    InputError
        If a column mixes types or holds what Arrow does not know.
    """
    columns = {}
    for name, column in frame.items():
        try:
            if isinstance(column.dtype, pd.DatetimeTZDtype):  # pyarrow's own way is deprecated by pandas 3.1
                naive = column.dt.tz_convert("UTC").dt.tz_localize(None)
                columns[str(name)] = pa.Array.from_pandas(naive).cast(pa.timestamp(column.dtype.unit, "UTC"))
            else:
                columns[str(name)] = pa.Array.from_pandas(column)
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as fault:
            problem = f"the column mixes types or holds unknown ones: {fault}"
            raise InputError(problem, source="table", column=str(name), remedy="convert it") from fault
    return pa.table(columns)
