"""Whatever is done to the ledger behind the service's back is found, and the first broken record is named."""

import hashlib
import json
import multiprocessing
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from models.errors import InputError
from service.records import RecordKind
from service.store import chain, schema
from service.store.audit import AuditLog
from service.store.database import Database
from service.store.ledger import Head
from service.store.sql import SqlStore
from tests.service.store.examples import MINUTE, T0, a_record, an_incident

END = T0 + timedelta(days=1)


@pytest.fixture
def store(tmp_path):
    """Ten records, a minute apart."""
    store = SqlStore(f"sqlite:///{tmp_path}/ledger.db")
    for n in range(1, 11):
        store.append(a_record(n, data={"n": n, "x": 0.1 * n, "text": "ä\ud800\0"}))
    yield store
    store.close()


@pytest.fixture
def log(store):
    """Of that store."""
    return AuditLog(store.database)


def do(store, *statements):
    """Tamper."""
    with store.database.write_connection() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_an_untouched_ledger_is_intact(log):
    """Ten of ten, up to the head."""
    verdict = log.verify([log.head()])
    assert (verdict.is_intact, verdict.checked, verdict.head, verdict.anchors) == (True, 10, log.head(), 1)
    assert verdict.broken_seq is None


def test_an_empty_ledger_is_intact():
    """Nothing to check is no error."""
    store = SqlStore("sqlite://")
    verdict = AuditLog(store.database).verify()
    store.close()
    assert (verdict.is_intact, verdict.head) == (True, Head(0, chain.GENESIS))


TAMPERED = {
    "message": ("UPDATE records SET message = 'nothing' WHERE seq = 4", 4),
    "data": ("UPDATE records SET data = replace(data, '4', '5') WHERE seq = 4", 4),
    "data that is no JSON": ("UPDATE records SET data = '{' WHERE seq = 4", 4),
    "time": ("UPDATE records SET at = '2020-01-01 00:00:00.000000' WHERE seq = 4", 4),
    "time that is none": ("UPDATE records SET at = 'yesterday' WHERE seq = 4", 4),
    "kind": ("UPDATE records SET kind = 'HEALTH_CHANGED' WHERE seq = 4", 4),
    "kind that nobody knows": ("UPDATE records SET kind = 'LUNCH' WHERE seq = 4", 4),
    "incident": ("UPDATE records SET incident_id = 'other' WHERE seq = 1", 1),
    "digest": ("UPDATE records SET digest = replace(digest, 'a', 'b') WHERE seq = 4", 4),
    "no digest": ("UPDATE records SET digest = NULL WHERE seq = 4", 4),
    "deleted": ("DELETE FROM records WHERE seq = 4", 4),
    "first deleted": ("DELETE FROM records WHERE seq = 1", 1),
    "several deleted": ("DELETE FROM records WHERE seq IN (4, 5, 6)", 4),
    "tail cut off": ("DELETE FROM records WHERE seq > 7", 8),
    "all deleted": ("DELETE FROM records", 1),
    "added behind": (
        """INSERT INTO records (seq, at, kind, subject, message, incident_id, data, digest)
        SELECT 11, at, kind, subject, message, incident_id, data, digest FROM records WHERE seq = 10""",
        11,
    ),
    "added before": (
        """INSERT INTO records (seq, at, kind, subject, message, incident_id, data, digest)
        SELECT 0, at, kind, subject, message, incident_id, data, digest FROM records WHERE seq = 10""",
        0,
    ),
    "head lost": ("DELETE FROM ledger_head", 11),
    "head moved": ("UPDATE ledger_head SET seq = 9", 10),
    "checkpoint forged": (
        "INSERT INTO ledger_checkpoints (seq, digest, at) SELECT 3, digest, at FROM records WHERE seq = 3",
        1,
    ),
}


@pytest.mark.parametrize(("statement", "broken"), TAMPERED.values(), ids=TAMPERED)
def test_what_was_tampered_with_is_named(store, log, statement, broken):
    """The first record that is not what it was, or that is missing."""
    do(store, statement)
    verdict = log.verify()
    assert (verdict.is_intact, verdict.broken_seq) == (False, broken)
    assert verdict.reason


def test_a_record_in_the_middle_is_inserted(store, log):
    """Numbers moved up to make room do not hide it."""
    do(
        store,
        "UPDATE records SET seq = -seq WHERE seq > 5",
        "UPDATE records SET seq = 1 - seq WHERE seq < 0",
        """INSERT INTO records (seq, at, kind, subject, message, incident_id, data, digest)
        SELECT 6, at, kind, subject, message, incident_id, data, digest FROM records WHERE seq = 5""",
        "UPDATE ledger_head SET seq = 11",
    )
    assert log.verify().broken_seq == 6


def test_two_records_that_changed_places(store, log):
    """Order is part of what was recorded."""
    do(
        store,
        "UPDATE records SET seq = 100 WHERE seq = 3",
        "UPDATE records SET seq = 3 WHERE seq = 4",
        "UPDATE records SET seq = 4 WHERE seq = 100",
    )
    assert log.verify().broken_seq == 3


def test_a_forged_checkpoint_is_found(store, log):
    """Cutting the old end off by hand needs a record in the chain that says so."""
    do(
        store,
        "INSERT INTO ledger_checkpoints (seq, digest, at) SELECT 3, digest, at FROM records WHERE seq = 3",
        "DELETE FROM records WHERE seq <= 3",
    )
    assert "does not say" in log.verify().reason


def test_a_chain_that_was_made_anew_is_found_by_an_anchor(store, log):
    """Who may write can forge the whole chain, and cut it off with its head; a head kept elsewhere shows both."""
    anchor = log.head()
    do(
        store,
        "DELETE FROM records WHERE seq > 7",
        "UPDATE ledger_head SET seq = 7, digest = (SELECT digest FROM records WHERE seq = 7)",
    )
    assert log.verify().is_intact
    cut = log.verify([anchor])
    assert (cut.is_intact, cut.broken_seq, "kept elsewhere" in cut.reason) == (False, 8, True)
    for n in range(8, 11):
        store.append(a_record(n, message="invented"))
    assert log.verify().is_intact
    assert log.verify([anchor]).broken_seq == 10


def test_a_ledger_without_a_head_takes_nothing_more(store):
    """What was tampered with is not covered up by the next record."""
    do(store, "DELETE FROM ledger_head")
    with pytest.raises(InputError, match="audit verify"):
        store.append(a_record(11))


def test_the_old_end_can_be_removed(store, log):
    """The rest is verified from the checkpoint, which the chain itself names; a second time too."""
    anchors = [log.head()]
    pruned = log.prune(T0 + 4.5 * MINUTE, now=END, by="kim")
    assert (pruned.removed, pruned.checkpoint.seq) == (4, 4)
    verdict = log.verify(anchors)
    assert (verdict.is_intact, verdict.checked, verdict.checkpoint_seq, verdict.anchors) == (True, 7, 4, 1)
    (said,) = store.records(kind=RecordKind.LEDGER_PRUNED)
    assert (said.seq, said.data["by"], said.data["digest"]) == (11, "kim", pruned.checkpoint.digest)
    anchors.append(pruned.checkpoint)
    assert log.prune(T0 + 6.5 * MINUTE, now=END, by="kim").removed == 2
    assert log.verify(anchors).is_intact
    do(store, "UPDATE records SET message = 'x' WHERE seq = 8")
    assert log.verify(anchors).broken_seq == 8


def test_nothing_old_is_nothing_removed(log):
    """No checkpoint, no record."""
    assert log.prune(T0 - MINUTE, now=END, by="kim").removed == 0
    assert log.verify().checked == 10


def test_the_newest_record_stays(log):
    """However far the time lies ahead."""
    assert log.prune(END, now=END, by="kim").removed == 9
    assert log.verify().is_intact


def test_records_of_an_open_incident_stay(store, log):
    """They and all after them, until it is resolved."""
    store.save_incident(an_incident(1))
    store.append(a_record(11, incident_id="inc-0001"))
    store.append(a_record(12))
    assert log.prune(END, now=END, by="kim").removed == 10
    assert log.verify().is_intact


def test_a_broken_ledger_is_not_pruned(store, log):
    """Else the evidence would go."""
    do(store, "UPDATE records SET message = 'x' WHERE seq = 2")
    with pytest.raises(InputError, match="broken at 2"):
        log.prune(END, now=END, by="kim")


def test_a_forged_checkpoint_digest_is_found_by_an_anchor(store, log):
    """An anchor at the checkpoint itself is compared too."""
    checkpoint = log.prune(T0 + 4.5 * MINUTE, now=END, by="kim").checkpoint
    assert not log.verify([replace_digest(checkpoint)]).is_intact


def replace_digest(head):
    """Another digest at the same place."""
    return Head(head.seq, "f" * 64)


def test_the_export_can_be_checked_by_anybody(log):
    """With nothing but the lines: SHA-256 over the digest before, a line feed and the record as it stands there."""
    log.prune(T0 + 2.5 * MINUTE, now=END, by="kim")
    first, *lines = log.lines()
    digest = json.loads(first)["checkpoint"]["digest"]
    for line in lines:
        record = line.partition('"record":')[2][:-1]
        digest = hashlib.sha256(f"{digest}\n{record}".encode()).hexdigest()
        assert json.loads(line)["digest"] == digest
    assert (len(lines), digest) == (9, log.head().digest)


def test_an_export_of_what_cannot_be_read_says_so(store, log):
    """With the number of the record."""
    do(store, "UPDATE records SET data = '{' WHERE seq = 4")
    with pytest.raises(InputError, match="record 4"):
        list(log.lines())


def add(url, name, n):
    """Add records, in a process of its own."""
    store = SqlStore(url)
    for i in range(n):
        store.append(a_record(i, subject=name))
    store.close()


def test_two_processes_add_to_one_chain(store_url):
    """Writers take turns, on both databases: no fork, no gap, nothing lost; pruning goes on meanwhile."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add, args=(store_url, name, 40)) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    store = SqlStore(store_url)
    log = AuditLog(store.database)
    verdict = log.verify()
    assert (verdict.is_intact, verdict.checked, verdict.head.seq) == (True, 80, 80)
    assert len(store.records(subject="one", limit=500)) == 40
    assert log.prune(END, now=END, by="kim").removed == 79
    assert log.verify([verdict.head]).is_intact
    with store.database.write_connection() as connection:
        connection.exec_driver_sql("UPDATE records SET subject = 'three' WHERE seq = 80")
    assert log.verify().broken_seq == 80
    store.close()


def test_a_check_while_records_are_added(store_url):
    """What comes in meanwhile is no breach."""
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=add, args=(store_url, "one", 150))
    worker.start()
    store = SqlStore(store_url)
    log, verdicts = AuditLog(store.database), []
    while worker.is_alive():
        verdicts.append(log.verify())
    worker.join(60)
    assert all(verdict.is_intact for verdict in verdicts)
    assert log.verify().checked == 150
    store.close()


def test_a_failed_transaction_leaves_the_chain_as_it_was(store, log):
    """Record and head change together or not at all."""
    with pytest.raises(InputError):
        store.append(replace(a_record(1), data={"x": object()}))
    store.append(a_record(11))
    assert log.verify().checked == 11


def test_records_from_before_the_chain_are_chained_by_the_migration(tmp_path):
    """An older store is sealed as it was found; numbers that it never had are no breach."""
    path = tmp_path / "old.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    schema.downgrade(database, "0003")
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO records (seq, at, kind, subject, message, incident_id, data)"
            " VALUES (?, '2026-01-01 00:00:00.000000', 'ENGINE_ERROR', 's', 'm', '', '{\"x\":1.5}')",
            [(1,), (2,), (5,)],
        )
    connection.close()
    schema.upgrade(database)
    verdict = AuditLog(database).verify()
    database.close()
    assert (verdict.is_intact, verdict.checked, verdict.head.seq) == (True, 3, 5)
