"""Open a CSV file as text columns, or say which row breaks it.

UTF-8 (a byte order mark is skipped), commas, double quotes, a header. Nothing is guessed about types here: cells stay
text, so that whoever turns them into times and numbers can name the row that is wrong.
"""

import codecs
import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from models.errors import InputError
from models.sources.parquet import check_header

_HEADER_CHARACTERS = 1 << 22
_BLOCK_BYTES = 1 << 24
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
            read_options=pacsv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, column_names=header, skip_rows=1
            ),
            parse_options=pacsv.ParseOptions(newlines_in_values=False, invalid_row_handler=remember),
            convert_options=pacsv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
        )
    except (pa.ArrowException, OSError) as fault:
        if bad:
            problem = f"the row has {bad[0].actual_columns} cells, the header {bad[0].expected_columns}"
            row = bad[0].number - 2 if bad[0].number else None
            raise InputError(problem, source=source, row=row, remedy="check commas and quotes") from fault
        problem = f"not readable as CSV: {str(fault)[:200]}"
        raise InputError(problem, source=source, remedy="check commas and quotes") from fault
    if not table.num_rows:
        raise InputError("there is a header, but no row", source=source, remedy="check the export")
    return table


def _header(path: Path) -> list[str]:
    """Read the first line."""
    source = str(path)
    _check_bytes(path)
    with path.open(encoding="utf-8-sig", newline=None) as file:
        line = file.readline(_HEADER_CHARACTERS)
    try:
        header = [name.strip() for name in next(csv.reader(io.StringIO(line), strict=True), [])]
    except csv.Error as fault:
        raise InputError(f"the header is not CSV: {fault}", source=source, remedy="check its quotes") from fault
    _check_names(header, source)
    return header


def _check_bytes(path: Path) -> None:
    """Refuse what is empty, binary or not UTF-8, before anything reads it as text."""
    source, row, decoder = str(path), -1, codecs.getincrementaldecoder("utf-8")()
    is_blank = True
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                nul = block.find(b"\0")
                if nul >= 0:
                    row += block[:nul].count(b"\n")
                    problem = "a NUL byte: this is binary, UTF-16, or damaged"
                    raise InputError(problem, source=source, row=max(row, 0), remedy="write UTF-8 text or Parquet")
                is_blank = is_blank and not block.strip()
                decoder.decode(block)
                row += block.count(b"\n")
            decoder.decode(b"", final=True)
    except FileNotFoundError:
        raise InputError("there is no such file", source=source, remedy="check the path") from None
    except OSError as fault:
        raise InputError(f"not readable: {fault.strerror}", source=source, remedy="check the file") from fault
    except UnicodeDecodeError as fault:
        row += fault.object[: fault.start].count(b"\n")
        problem = f"byte 0x{fault.object[fault.start]:02x} is not UTF-8"
        raise InputError(problem, source=source, row=max(row, 0), remedy="save the file as UTF-8") from fault
    if is_blank:
        raise InputError("the file is empty", source=source, remedy="check the export")


def _check_names(header: list[str], source: str) -> None:
    """Refuse other separators, nameless and repeated columns."""
    for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and sign in header[0]:
            problem = f"the columns are separated by {word}"
            raise InputError(problem, source=source, remedy="separate by commas and write decimal points")
    if not header:
        raise InputError("the first line is empty", source=source, remedy="start with the header")
    if "" in header:
        problem = f"column {header.index('')} (counted from 0) has no name"
        raise InputError(problem, source=source, remedy="name or remove it")
    check_header(header, [], source)
