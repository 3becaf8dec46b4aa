"""Turn columns of names and of values into arrays, counting what was mended and naming the row of what cannot be.

Missing are empty cells, nulls, NaN and the usual spellings of nothing. Infinities and numbers beyond 1e100 in magnitude
become missing, counted. True and false become 1 and 0, counted. Any other text is an error.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.errors import InputError
from models.sources.repairs import Repair

MISSING_WORDS = ("", "na", "n/a", "nan", "nat", "none", "null", "-")
"""Spellings of a missing value, compared in lower case without surrounding blanks."""

LARGEST_VALUE = 1e100
"""Beyond this magnitude squares and sums overflow; no measurement is that large."""


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Undo encodings that do not change the meaning.

    Parameters
    ----------
    column
        Of any type.

    Returns
    -------
    pyarrow.ChunkedArray
        A dictionary decoded, a string view as string, anything else as it was.
    """
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    return pc.cast(column, pa.string()) if pa.types.is_string_view(column.type) else column


def names(column: pa.ChunkedArray, *, source: str, name: str, is_empty_allowed: bool = False) -> pa.DictionaryArray:
    """Read one column of names.

    Parameters
    ----------
    column
        Strings, plain or dictionary-encoded.
    source
        The file, for errors.
    name
        The column.
    is_empty_allowed
        Whether "" is a name; a null is read as "" then.

    Returns
    -------
    pyarrow.DictionaryArray
        One code a row, each name once.

    Raises
    ------
    InputError
        If the column does not hold strings, or a name is missing or empty where it may not be.
    """
    is_encoded = pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type)
    if is_encoded and not column.null_count and column.num_chunks:
        encoded = column.unify_dictionaries().combine_chunks()
        if "" not in encoded.dictionary.to_pylist() and not encoded.dictionary.null_count:
            return encoded
    column = plain(column)
    if pa.types.is_null(column.type):
        column = pc.cast(column, pa.string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise InputError(f"the names are of type {column.type}", source=source, column=name, remedy="write strings")
    filled = pc.fill_null(column, "")
    empty = pc.equal(filled, "")
    if not is_empty_allowed and pc.any(empty).as_py():
        row = int(np.flatnonzero(empty.to_numpy())[0])
        raise InputError("the name is empty", source=source, column=name, row=row, remedy="name it or remove the row")
    return filled.dictionary_encode().combine_chunks()


def numbers(column: pa.ChunkedArray, *, source: str, name: str) -> tuple[NDArray[np.float64], tuple[Repair, ...]]:
    """Read one column of values.

    Parameters
    ----------
    column
        Numbers, booleans, or strings that spell numbers.
    source
        The file, for errors and repairs.
    name
        The column.

    Returns
    -------
    values : ndarray of float64
        NaN means missing; never infinite.
    repairs : tuple of Repair
        Infinities, huge numbers and booleans, counted.

    Raises
    ------
    InputError
        If the column is of another type, or a text does not spell a number.
    """
    column = plain(column)
    kind = column.type
    repairs: list[Repair] = []
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column, repairs = _spelled(column, source, name)
    elif pa.types.is_boolean(kind):
        repairs = [_booleans(source, name, len(column) - column.null_count, 0)]
        column = pc.cast(column, pa.int8())
    elif not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    ):
        raise InputError(f"the values are of type {kind}", source=source, column=name, remedy="write numbers")
    values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    huge = np.abs(values) > LARGEST_VALUE
    if huge.any():
        values = np.where(huge, np.nan, values)
        problem, action = f"infinite, or beyond {LARGEST_VALUE:g}", "taken as missing"
        first = int(np.flatnonzero(huge)[0])
        repairs.append(
            Repair(source=source, problem=problem, action=action, count=int(huge.sum()), column=name, first_row=first)
        )
    return values, tuple(repair for repair in repairs if repair.count)


def _booleans(source: str, name: str, count: int, first_row: int) -> Repair:
    """Say that truth values became numbers."""
    problem, action = "true or false instead of a number", "taken as 1 or 0"
    return Repair(source=source, problem=problem, action=action, count=count, column=name, first_row=first_row)


def _spelled(column: pa.ChunkedArray, source: str, name: str) -> tuple[pa.ChunkedArray, list[Repair]]:
    """Numbers from text."""
    try:
        return pc.cast(column, pa.float64()), []
    except pa.ArrowInvalid:
        pass  # some cell does not spell a plain number: look closer
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    plain = pc.if_else(pc.is_in(plain, pa.array(MISSING_WORDS)), pa.scalar(None, pa.string()), plain)
    is_truth = pc.fill_null(pc.is_in(plain, pa.array(["true", "false"])), fill_value=False)
    plain = pc.if_else(is_truth, pc.if_else(pc.equal(plain, "true"), "1", "0"), plain)
    truths = np.flatnonzero(is_truth.to_numpy())
    repairs = [_booleans(source, name, len(truths), int(truths[0]))] if len(truths) else []
    try:
        return pc.cast(plain, pa.float64()), repairs
    except pa.ArrowInvalid:
        raise _no_number(column, plain, source, name) from None


def _no_number(column: pa.ChunkedArray, plain: pa.ChunkedArray, source: str, name: str) -> InputError:
    """Find the first cell that spells no number."""
    for row, text in enumerate(plain.to_pylist()):
        try:
            pc.cast(pa.array([text], pa.string()), pa.float64())
        except pa.ArrowInvalid:
            shown = column[row].as_py()[:60]
            comma = "use a decimal point, not a comma" if "," in shown else "write a number, or leave the cell empty"
            return InputError(f"{shown!r} is not a number", source=source, column=name, row=row, remedy=comma)
    return InputError("a value is not a number", source=source, column=name, remedy="write numbers")
