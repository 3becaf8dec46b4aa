"""DATABASE_QUERY: one query that cannot write, within a time."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from service.checks.probes import CheckFailedError, CheckTroubleError, brief
from service.ports import Clock

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

MOST_ROWS = 1000
_READING = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_TRANSACTION,
    }
)
_STEPS = 1000  # of SQLite's machine, between two looks at the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseProbe:
    """Connects anew and asks one query. The database itself refuses to write: SQLite by its mode, PostgreSQL likewise.

    Parameters
    ----------
    url
        SQLAlchemy URL of SQLite or PostgreSQL; never shown.
    query
        One statement.
    clock
        For the latency.
    at_least_rows
        Fewer are a failure.
    """

    url: str = field(repr=False)
    query: str
    clock: Clock
    at_least_rows: int = 0

    def measure(self, budget_s: float) -> Mapping[str, float]:
        """Ask once.

        Parameters
        ----------
        budget_s
            For connecting, waiting for locks, and the query, seconds.

        Returns
        -------
        Mapping of str to float
            ``latency_s``; ``rows``, at most 1000; ``value``, the first column of the first row, if it is a number.

        Raises
        ------
        CheckFailedError
            If the database does not answer, or refuses the query.
        CheckTroubleError
            If the URL cannot be used here.
        """
        from sqlalchemy import make_url
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        began = self.clock.monotonic_s()
        try:
            engine = self._engine(make_url(self.url), began + budget_s, budget_s)
            try:
                rows = _ask(engine, self.query)
            finally:
                engine.dispose()
        except DBAPIError as error:
            raise CheckFailedError(brief(f"{type(error.orig).__name__}: {error.orig}")) from None
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            raise CheckTroubleError(brief(f"the URL cannot be used: {type(error).__name__}")) from None
        values = {"latency_s": self.clock.monotonic_s() - began, "rows": float(len(rows))}
        if len(rows) < self.at_least_rows:
            raise CheckFailedError(f"there are {len(rows)} rows, at least {self.at_least_rows} are wanted", values)
        first = rows[0][0] if rows and len(rows[0]) else None
        return {**values, "value": _number(first)}

    def _engine(self, url: "URL", deadline_s: float, budget_s: float) -> "Engine":
        from sqlalchemy import NullPool, create_engine

        if url.get_backend_name() == "postgresql":
            milliseconds = max(int(budget_s * 1000), 1)
            options = f"-c default_transaction_read_only=on -c statement_timeout={milliseconds}"
            arguments = {"connect_timeout": max(int(budget_s), 2), "options": options}
            if url.drivername == "postgresql":
                url = url.set(drivername="postgresql+psycopg")
            return create_engine(url, poolclass=NullPool, connect_args=arguments)
        return create_engine("sqlite://", poolclass=NullPool, creator=lambda: self._open(url, deadline_s, budget_s))

    def _open(self, url: "URL", deadline_s: float, budget_s: float) -> sqlite3.Connection:
        """Open a file that must be there, for reading only; a query that lasts too long is interrupted."""
        path = Path(url.database or "")
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=budget_s / 2, check_same_thread=False
        )
        connection.set_authorizer(_allow)
        connection.set_progress_handler(lambda: self.clock.monotonic_s() > deadline_s, _STEPS)
        return connection


def _ask(engine: "Engine", query: str) -> list[Any]:
    """Ask in a transaction that has looked at something: PostgreSQL lets nobody turn that into a writing one.

    A cursor of the server takes one SELECT, no second statement, and holds the rows that are not fetched.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT 1")
            result = connection.exec_driver_sql(query, execution_options={"stream_results": True})
        else:
            result = connection.exec_driver_sql(query)
        return list(result.fetchmany(MOST_ROWS)) if result.returns_rows else []


def _allow(action: int, *_: str | None) -> int:
    """Let SQLite read and nothing else: no attached file, no copy into another one."""
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # whatever the database gives
    except (TypeError, ValueError, OverflowError):
        return float("nan")
