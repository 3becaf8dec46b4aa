"""Open a Parquet file, or say why it is none."""

from pathlib import Path

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
            present = file.schema_arrow.names
            check_header(present, columns or [], str(path))
            return file.read(columns=columns)
    except (pa.ArrowException, OSError, ValueError) as fault:
        reason = str(fault).strip().splitlines()[0][:200] if str(fault).strip() else type(fault).__name__
        raise InputError(
            f"not a readable Parquet file: {reason}", source=str(path), remedy="write it anew, it may be cut off"
        ) from fault


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
