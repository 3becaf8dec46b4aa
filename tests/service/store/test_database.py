"""The way to the database: settings, locks, refusals."""

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
