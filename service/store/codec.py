"""Dataclasses to JSON and back, without loss: the one place that knows how a value is written down.

Works from the annotations of frozen dataclasses: nested dataclasses, tuples, sets, mappings, enums, datetimes, optional
fields. NaN is null where a float is declared; infinities are the strings ``"Infinity"`` and ``"-Infinity"``, because
JSON has none. What is neither a plain value nor a dataclass raises InputError.
"""

import json
import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from models.errors import InputError

T = TypeVar("T")


def dumps(value: Any) -> str:
    """Write a value as JSON.

    Parameters
    ----------
    value
        A dataclass, or anything made of dataclasses and plain values.

    Returns
    -------
    str
        ASCII, without NaN or Infinity literals.
    """
    return json.dumps(encode(value), allow_nan=False, separators=(",", ":"))


def loads(cls: type[T], text: str) -> T:
    """Read a value that ``dumps`` wrote.

    Parameters
    ----------
    cls
        What it was.
    text
        JSON.

    Returns
    -------
    T
        Equal to the value that was written.

    Raises
    ------
    InputError
        If the text is not JSON, or is something else.
    """
    try:
        decoded: T = decode(cls, json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"this is not a stored {cls.__name__}: {error!r}", remedy="restore the store") from error
    return decoded


def encode(value: Any) -> Any:
    """Turn a value into what JSON can hold.

    Parameters
    ----------
    value
        A dataclass, or anything made of dataclasses and plain values.

    Returns
    -------
    Any
        dict, list, str, int, float, bool or None.
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return _encode_float(value)
    if isinstance(value, datetime):
        return _encode_time(value)
    return _encode_many(value)


def _encode_many(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_encode_name(name): encode(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(encode(item) for item in value)
    raise InputError(f"a {type(value).__name__} cannot be written as JSON", remedy="give plain values and dataclasses")


def _encode_name(name: Any) -> str:
    if isinstance(name, str):
        return str(name.value) if isinstance(name, Enum) else str(name)
    raise InputError(f"the key {name!r} of a mapping is not a string")


def _encode_float(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def _encode_time(value: datetime) -> str:
    if value.tzinfo is None:
        raise InputError(f"the time {value} has no time zone", remedy="state it in UTC")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def decode(cls: Any, raw: Any) -> Any:
    """Make a value of a declared type from what JSON held.

    Parameters
    ----------
    cls
        A type or annotation.
    raw
        What ``json.loads`` gave.

    Returns
    -------
    Any
        A value of that type.
    """
    origin = get_origin(cls)
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in get_args(cls) if argument is not type(None))
        return None if raw is None else decode(inner, raw)
    if origin is not None:
        return _decode_many(origin, get_args(cls), raw)
    return _decode_one(cls, raw)


def _decode_one(cls: Any, raw: Any) -> Any:
    if cls is float:
        return math.nan if raw is None else float(raw)
    if cls is datetime:
        return datetime.fromisoformat(raw)
    if is_dataclass(cls):
        return _construct(cls, raw)
    if isinstance(cls, type) and issubclass(cls, Enum):
        return cls(raw)
    return raw


def _construct(cls: Any, raw: Mapping[str, Any]) -> Any:
    return cls(**{name: decode(hint, raw[name]) for name, hint in _hints(cls).items() if name in raw})


def _decode_many(origin: Any, arguments: tuple[Any, ...], raw: Any) -> Any:
    if issubclass(origin, Mapping):
        return {decode(arguments[0], name): decode(arguments[1], item) for name, item in raw.items()}
    if origin is tuple and arguments[-1] is not Ellipsis:
        return tuple(decode(hint, item) for hint, item in zip(arguments, raw, strict=True))
    return origin(decode(arguments[0], item) for item in raw)


@cache
def _hints(cls: type) -> dict[str, Any]:
    declared = get_type_hints(cls)
    return {field.name: declared[field.name] for field in fields(cls) if field.init}
