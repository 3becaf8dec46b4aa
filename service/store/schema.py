"""Brings a database to the schema of this code, and back. Alembic is imported only when there is work."""

from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, MetaData, inspect, text

from models.errors import ConfigurationError
from service.store.database import Database

_MIGRATIONS = Path(__file__).with_name("migrations")
SCHEMA_TURN = 1
_ALEMBIC = Lock()  # alembic keeps its context in module globals


def metadata() -> MetaData:
    """Collect the tables of the whole service.

    Returns
    -------
    sqlalchemy.MetaData
        Of ``Base``, with the tables of every module that declares some.
    """
    from service.store import check_tables, recovery_tables

    del check_tables  # imported for its tables
    return recovery_tables.RunRow.metadata


def revisions() -> tuple[str, ...]:
    """Name the revisions, oldest first: the digits that the file names begin with.

    Returns
    -------
    tuple of str
        At least one.
    """
    return tuple(sorted(path.stem.partition("_")[0] for path in _MIGRATIONS.glob("versions/[0-9]*.py")))


def upgrade(database: Database) -> None:
    """Make or renew the schema; instant when it is current.

    Parameters
    ----------
    database
        May be empty. Several processes may do this at the same time.

    Raises
    ------
    ConfigurationError
        If a newer version of Faultline made the database.
    """
    with database.reading() as session:
        if _current(session.connection()) == revisions()[-1]:
            return
    with database.write_connection() as connection:
        database.take_turns(connection, SCHEMA_TURN)
        current = _current(connection)
        if current and current not in revisions():
            raise ConfigurationError(
                f"The store has schema {current}, this version of Faultline knows up to {revisions()[-1]}.",
                remedy="run the newer version, or name another store",
            )
        if current != revisions()[-1]:
            _run(connection, "upgrade", "head")


def downgrade(database: Database, revision: str = "base") -> None:
    """Go back to an older schema; what only the newer one can hold is lost.

    Parameters
    ----------
    database
        At any revision.
    revision
        One of ``revisions()``, or ``base`` for the empty database.
    """
    with database.write_connection() as connection:
        _run(connection, "downgrade", revision)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _run(connection: Connection, direction: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with _ALEMBIC:
        getattr(command, direction)(config, revision)
