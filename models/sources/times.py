"""Turn a column of times into microseconds since 1970 UTC, or say which row is no time.

Understood: timestamps of any unit, ISO 8601 strings, and epoch numbers. The unit of epoch numbers follows from the
largest one: below 1e11 seconds (the year 5138), below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds.
Times without a zone are taken to be UTC and counted as a repair. Zones that differ inside one column are an error: a
file that changes its zone usually changed its meaning. Only 1970 up to 2200 is accepted: what lies outside is a
sentinel or an overflow, not a measurement.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.errors import InputError
from models.sources.columns import plain
from models.sources.repairs import Repair

LAST_TIME = np.datetime64("2200-01-01", "us")
"""The first time that is refused as too late."""

_ZONE = r"[Tt ]\d{2}[^Zz+-]*(?P<zone>[Zz]|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
_ISO_START = r"^\d{4}-?\d{2}-?\d{2}([Tt ]|$)"
_UNITS = ((1e11, "s", 1e6), (1e14, "ms", 1e3), (1e17, "us", 1.0), (float("inf"), "ns", 1e-3))


def times_us(column: pa.ChunkedArray, *, source: str, name: str = "ts") -> tuple[NDArray[np.int64], tuple[Repair, ...]]:
    """Read one column of times.

    Parameters
    ----------
    column
        Arrow timestamps, dates, strings, integers or floats.
    source
        The file, for errors and repairs.
    name
        The column.

    Returns
    -------
    times : ndarray of int64
        Microseconds since 1970 UTC, one a row, in the order of the file.
    repairs : tuple of Repair
        Whether a zone had to be assumed.

    Raises
    ------
    InputError
        If the column is of another type, or a row is missing, unreadable, out of range, or of another zone.
    """
    column = plain(column)
    kind = column.type
    if column.null_count:
        missing = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise InputError("the time is missing", source=source, column=name, row=missing, remedy="remove the row")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        times, is_naive = _stamps(column), getattr(kind, "tz", None) is None
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        times, is_naive = _strings(column, source, name)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        times, is_naive = _epoch(column.to_numpy(), source, name), False
    else:
        raise InputError(
            f"the times are of type {kind}", source=source, column=name, remedy="write timestamps, ISO 8601 or epoch"
        )
    _check_range(times, source, name)
    return times, _zone_repair(source, name, len(times)) if is_naive and len(times) else ()


def backwards(times: NDArray[np.int64], codes: NDArray[np.int32] | None = None, *, source: str) -> tuple[Repair, ...]:
    """Count rows that are earlier than the row before them of the same series.

    Parameters
    ----------
    times
        In the order of the file.
    codes
        Which series each row belongs to; None if all rows belong together.
    source
        The file.

    Returns
    -------
    tuple of Repair
        Empty if the times run forwards.
    """
    falls = np.flatnonzero(times[1:] < times[:-1]) + 1
    if codes is not None and len(falls):
        order = np.argsort(codes.astype(np.int16) if codes.max() < 32_767 else codes, kind="stable")
        sorted_times, sorted_codes = times[order], codes[order]
        is_fall = (sorted_times[1:] < sorted_times[:-1]) & (sorted_codes[1:] == sorted_codes[:-1])
        falls = order[1:][is_fall]
    if not len(falls):
        return ()
    problem, action = "time before the one above it", "put in order"
    return (Repair(source=source, problem=problem, action=action, count=len(falls), first_row=int(falls.min())),)


def _zone_repair(source: str, name: str, count: int) -> tuple[Repair, ...]:
    """Say that a zone was assumed."""
    problem, action = "time without a zone", "taken as UTC"
    return (Repair(source=source, problem=problem, action=action, count=count, column=name, first_row=0),)


def _stamps(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Timestamps and dates of any unit; out-of-range ones keep a value that the range check refuses."""
    kind = column.type
    unit = "D" if pa.types.is_date32(kind) else "ms" if pa.types.is_date64(kind) else kind.unit
    raw = pc.cast(pc.cast(column, pa.int32()) if unit == "D" else column, pa.int64()).to_numpy()
    if unit == "ns":
        return np.asarray(raw // 1000, dtype=np.int64)
    factor = {"D": 86_400_000_000, "s": 1_000_000, "ms": 1000, "us": 1}[unit]
    clipped: NDArray[np.int64] = np.clip(raw, -1, LAST_TIME.astype(np.int64) // factor + 1)
    return clipped * factor


def _epoch(numbers: NDArray[np.generic], source: str, name: str) -> NDArray[np.int64]:
    """Epoch numbers, the unit told from the largest."""
    values = numbers.astype(np.float64)
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        problem = f"the epoch time {numbers[row]} is negative or not finite"
        raise InputError(problem, source=source, column=name, row=row, remedy="give seconds since 1970")
    largest = values.max(initial=0.0)
    _, unit, factor = next(entry for entry in _UNITS if largest < entry[0])
    other = (values < largest / 500) & (largest >= 1e9)
    if other.any():
        row = int(np.flatnonzero(other)[0])
        problem = f"the epoch time {numbers[row]} does not fit the unit of the others ({unit})"
        raise InputError(problem, source=source, column=name, row=row, remedy="use one unit in the whole column")
    if np.issubdtype(numbers.dtype, np.integer) and unit != "s":
        whole = numbers.astype(np.int64)
        return whole * 1000 if unit == "ms" else whole if unit == "us" else whole // 1000
    return np.rint(np.minimum(values * factor, 9e18)).astype(np.int64)


def _strings(column: pa.ChunkedArray, source: str, name: str) -> tuple[NDArray[np.int64], bool]:
    """ISO 8601 strings, or epoch numbers written as strings; the flag says that no zone was given."""
    try:
        return _epoch(pc.cast(column, pa.float64()).to_numpy(), source, name), False
    except pa.ArrowInvalid:
        pass  # not all of them are numbers: they have to be ISO 8601 then
    column = pc.utf8_trim_whitespace(column)
    zones = pc.fill_null(pc.struct_field(pc.extract_regex(column, _ZONE), "zone"), "")
    is_iso = pc.match_substring_regex(column, _ISO_START).to_numpy()
    text = pd.Series(column.to_pandas())
    stamps = pd.to_datetime(text.where(is_iso), utc=True, format="ISO8601", errors="coerce")
    unread = stamps.isna().to_numpy()
    if unread.any():
        row = int(np.flatnonzero(unread)[0])
        problem = f"{text.iloc[row][:60]!r} is not a time"
        raise InputError(
            problem, source=source, column=name, row=row, remedy="write ISO 8601, for example 2024-05-01T12:00:00Z"
        )
    return stamps.to_numpy(dtype="datetime64[us]").astype(np.int64), _is_naive(zones, source, name)


def _is_naive(zones: pa.ChunkedArray, source: str, name: str) -> bool:
    """Whether no row states a zone; rows that differ in it are refused."""
    as_utc = pc.if_else(pc.is_in(zones, pa.array(["Z", "z", "+00:00", "+0000", "+00", "-00:00"])), "Z", zones)
    differs = pc.not_equal(as_utc, as_utc[0]).to_numpy()
    if differs.any():
        row = int(np.flatnonzero(differs)[0])
        problem = f"the zone is {zones[row].as_py() or 'missing'!r}, in row 0 it is {zones[0].as_py() or 'missing'!r}"
        raise InputError(problem, source=source, column=name, row=row, remedy="write all times in UTC with a final Z")
    return not as_utc[0].as_py()


def _check_range(times: NDArray[np.int64], source: str, name: str) -> None:
    """Refuse what lies outside 1970 to 2200."""
    outside = (times < 0) | (times >= LAST_TIME.astype(np.int64))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        problem = "the time lies outside 1970 to 2200"
        raise InputError(problem, source=source, column=name, row=row, remedy="correct or remove the row")
