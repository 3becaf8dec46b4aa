"""The way to the database: one engine, reading and writing transactions. It must not know what is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from models.errors import ConfigurationError

BUSY_TIMEOUT_S = 30.0
_WRITING = "faultline_writing"


class Database:
    """An engine with the settings that the store needs.

    SQLite runs in WAL mode with foreign keys on; a writing transaction takes its lock at once, so that it waits for
    another writer instead of failing half-way. A database in memory lives on one connection that
    all threads share in turn.

    Parameters
    ----------
    url
        SQLAlchemy URL of SQLite or PostgreSQL.

    Raises
    ------
    ConfigurationError
        If the URL is none, or its driver is not there, or names another kind of database.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            dialect = parsed.get_backend_name()
            if dialect not in {"sqlite", "postgresql"}:
                raise ConfigurationError(f"The store cannot use {dialect}.", remedy="use a sqlite or postgresql URL")
            self.engine: Engine = create_engine(parsed, **_options(dialect, parsed.database))
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise ConfigurationError(
                f"The store's URL cannot be used: {error}", remedy="use for example sqlite:///faultline.db"
            ) from None
        if dialect == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction that only reads; it sees one state of the database.

        Yields
        ------
        Session
            Closed at the end.
        """
        with self.engine.connect() as connection, Session(connection) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that writes: committed at the end, rolled back on an error.

        Yields
        ------
        Session
            Closed at the end.
        """
        with self.write_connection() as connection, Session(connection) as session:
            yield session
            session.flush()

    @contextmanager
    def write_connection(self) -> Iterator[Connection]:
        """As ``writing``, on the bare connection: for migrations.

        Yields
        ------
        Connection
            In a transaction that holds the write lock.
        """
        with self.engine.connect().execution_options(**{_WRITING: True}) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _options(dialect: str, database: str | None) -> dict[str, Any]:
    if dialect != "sqlite":
        return {"pool_pre_ping": True}
    options: dict[str, Any] = {
        "connect_args": {"check_same_thread": False, "timeout": BUSY_TIMEOUT_S},
        "poolclass": QueuePool,
    }
    if not database or ":memory:" in database or "mode=memory" in database:
        options |= {"pool_size": 1, "max_overflow": 0}
    return options


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
