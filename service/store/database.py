"""The way to the database: one engine, reading and writing transactions. It must not know what is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from models.errors import ConfigurationError

BUSY_TIMEOUT_S = 30.0
_LOCKS = 0x4661756C  # ours among the advisory locks of the database
_WRITING, _DURABLE = "faultline_writing", "faultline_durable"
_POSTGRESQL = {
    "connect_timeout": 10,
    # A server that fell silent is noticed; a client that was stopped in a transaction keeps nobody waiting for ever.
    "keepalives_idle": 10,
    "tcp_user_timeout": 15_000,
    "options": "-c timezone=UTC -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s",
}


class Database:
    """An engine with the settings that the store needs.

    SQLite runs in WAL mode with foreign keys on; a writing transaction takes its lock at once, so that it waits for
    another writer instead of failing half-way. A database in memory lives on one connection that
    all threads share in turn. PostgreSQL is reached through psycopg, the extra ``postgres``; a connection that broke is
    made anew.

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
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            dialect = parsed.get_backend_name()
            if dialect not in {"sqlite", "postgresql"}:
                raise ConfigurationError(f"The store cannot use {dialect}.", remedy="use a sqlite or postgresql URL")
            self.engine: Engine = create_engine(parsed, **_options(dialect, parsed.database))
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"The store's URL needs the Python package {error.name}.",
                remedy="install faultline with its extra: pip install 'faultline[postgres]'",
            ) from None
        except (ArgumentError, NoSuchModuleError) as error:
            raise ConfigurationError(
                f"The store's URL cannot be used: {error}", remedy="use for example sqlite:///faultline.db"
            ) from None
        self._reading = {} if dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}
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
        with self.read_connection() as connection, Session(connection) as session:
            yield session

    @contextmanager
    def read_connection(self) -> Iterator[Connection]:
        """As ``reading``, on the bare connection.

        Yields
        ------
        Connection
            In a transaction.
        """
        with self.engine.connect().execution_options(**self._reading) as connection:
            yield connection

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
    def write_connection(self, *, is_durable: bool = False) -> Iterator[Connection]:
        """As ``writing``, on the bare connection.

        Parameters
        ----------
        is_durable
            Whether it must survive a power failure, too, with all that was written before; PostgreSQL always does.

        Yields
        ------
        Connection
            In a transaction; on SQLite it holds the write lock.
        """
        options = {_WRITING: True, _DURABLE: is_durable}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def take_turns(self, connection: Connection, number: int) -> None:
        """Let only one writer at a time into what follows, until its transaction ends.

        Parameters
        ----------
        connection
            In a writing transaction. On SQLite that is enough already.
        number
            Which of the things that writers take turns in.
        """
        if self.engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCKS, number)))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _options(dialect: str, database: str | None) -> dict[str, Any]:
    if dialect != "sqlite":
        return {"pool_pre_ping": True, "connect_args": _POSTGRESQL}
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
    options = connection.get_execution_options()
    if not options.get(_WRITING, False):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get(_DURABLE, False) else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
