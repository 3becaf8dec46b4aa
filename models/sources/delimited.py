"""Open a CSV file as text columns, or say which row breaks it.

UTF-8 (a byte order mark is skipped), commas, double quotes, a header. Nothing is guessed about types here: cells stay
text, so that whoever turns them into times and numbers can name the row that is wrong.
"""

import csv
import io
import mmap
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from models.errors import InputError
from models.sources.parquet import check_header

_HEADER_BYTES = 1 << 22
_ENCODED = ("component", "metric")


def read_csv(path: Path) -> pa.Table:
    """Read a CSV file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    pyarrow.Table
        All columns strings; ``component`` and ``metric`` dictionary-encoded. Headers without surrounding blanks.

    Raises
    ------
    InputError
        If the file is missing, empty, binary, not UTF-8, separated otherwise, without rows, or has a row of another
        length than the header.
    """
    source = str(path)
    header = _header(path)
    bad: list[pacsv.InvalidRow] = []

    def remember(row: pacsv.InvalidRow) -> str:
        bad.append(row)
        return "error"

    kinds = {name: pa.dictionary(pa.int32(), pa.string()) if name in _ENCODED else pa.string() for name in header}
    try:
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(use_threads=False, block_size=1 << 24, column_names=header, skip_rows=1),
            parse_options=pacsv.ParseOptions(newlines_in_values=False, invalid_row_handler=remember),
            convert_options=pacsv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
        )
    except (pa.ArrowException, OSError) as fault:
        if bad:
            problem = f"the row has {bad[0].actual_columns} cells, the header {bad[0].expected_columns}"
            row = bad[0].number - 2 if bad[0].number else None
            raise InputError(problem, source=source, row=row, remedy="check commas and quotes") from fault
        _check_encoding(path)
        problem = f"not readable as CSV: {str(fault)[:200]}"
        raise InputError(problem, source=source, remedy="check commas and quotes") from fault
    if not table.num_rows:
        raise InputError("there is a header, but no row", source=source, remedy="check the export")
    return table


def _header(path: Path) -> list[str]:
    """Read the first line, after a look at the bytes."""
    source = str(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
            if not head.strip():
                raise InputError("the file is empty", source=source, remedy="check the export")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                nul = content.find(b"\0")
                if nul >= 0:
                    row = content[:nul].count(b"\n") - 1
                    problem = "a NUL byte: this is binary, UTF-16, or damaged"
                    raise InputError(problem, source=source, row=max(row, 0), remedy="write UTF-8 text or Parquet")
    except FileNotFoundError:
        raise InputError("there is no such file", source=source, remedy="check the path") from None
    except OSError as fault:
        raise InputError(f"not readable: {fault.strerror}", source=source, remedy="check the file") from fault
    try:
        line = head.splitlines()[0].decode("utf-8-sig")
        header = [name.strip() for name in next(csv.reader(io.StringIO(line), strict=True), [])]
    except UnicodeDecodeError as fault:
        raise _not_utf8(path, fault) from fault
    except csv.Error as fault:
        raise InputError(f"the header is not CSV: {fault}", source=source, remedy="check its quotes") from fault
    _check_names(header, source)
    return header


def _check_names(header: list[str], source: str) -> None:
    """Refuse other separators, nameless and repeated columns."""
    for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and sign in header[0]:
            problem = f"the columns are separated by {word}"
            raise InputError(problem, source=source, remedy="separate by commas and write decimal points")
    if "" in header:
        problem = f"column {header.index('')} (counted from 0) has no name"
        raise InputError(problem, source=source, remedy="name or remove it")
    check_header(header, [], source)


def _check_encoding(path: Path) -> None:
    """Refuse bytes that are not UTF-8."""
    try:
        path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise _not_utf8(path, fault) from fault


def _not_utf8(path: Path, fault: UnicodeDecodeError) -> InputError:
    """Name the row of the first byte that is not UTF-8."""
    row = bytes(fault.object[: fault.start]).count(b"\n") - 1
    problem = f"byte 0x{fault.object[fault.start]:02x} is not UTF-8"
    return InputError(problem, source=str(path), row=max(row, 0), remedy="save the file as UTF-8")
