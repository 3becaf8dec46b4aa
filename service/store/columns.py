"""Column types that all tables share: times always in UTC, text that may hold anything, numbers that may be missing."""

import math
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Double, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from models.errors import InputError

# Autoincrement on SQLite needs the very word INTEGER.
Sequence64 = BigInteger().with_variant(Integer, "sqlite")

_TROUBLE = re.compile("[\\\\\0\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|u[0-9a-f]{4})")


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware datetime, kept and given back in UTC; one without a zone is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn into UTC; SQLite has no zones, so it gets the bare UTC time."""
        if value is None:
            return None
        utc = check_zone(value).astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class OpaqueText(TypeDecorator[str]):
    r"""Any string, also with NUL or lone surrogates, which databases refuse or cut.

    These and the backslash are kept escaped (``\u0000``, ``\\``); equal strings stay equal, so filters work.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Escape what a database cannot hold."""
        return None if value is None else _TROUBLE.sub(_escape, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Undo the escape."""
        return None if value is None else _ESCAPED.sub(_unescape, value)


class NullableFloat(TypeDecorator[float]):
    """A float whose NaN is NULL in the database and NaN in Python."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> float | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """NaN becomes NULL; numpy scalars become floats."""
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:  # noqa: ARG002  # the signature is SQLAlchemy's
        """NULL becomes NaN."""
        return math.nan if value is None else value


def check_zone(value: datetime) -> datetime:
    """Refuse a time without a zone.

    Parameters
    ----------
    value
        Any time.

    Returns
    -------
    datetime
        The same.

    Raises
    ------
    InputError
        If it has no zone.
    """
    if value.tzinfo is None:
        raise InputError(f"the time {value} has no time zone", remedy="state it in UTC")
    return value


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return "\\\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    return "\\" if code == "\\" else chr(int(code[1:], 16))


class database_now(FunctionElement[float]):  # noqa: N801  # an SQL function
    """The clock of the database, seconds since 1970: all instances share it."""

    type = Double()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _now_sqlite(_element: database_now, _compiler: object, **_more: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now, "postgresql")
def _now_postgresql(_element: database_now, _compiler: object, **_more: object) -> str:
    return "extract(epoch from clock_timestamp())::double precision"
