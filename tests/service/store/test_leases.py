"""Who holds a run: leases by the database's clock, fences, admission, takeover."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from service.custody import Change, FencedError, Holder
from service.ports import Action, ActionKind
from service.records import Record, RecordKind
from service.recovery.runs import RecoveryStatus, RunPhase
from service.requests import Request, RequestKind
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from tests.service.recovery.plans import NOW, later, run_of, strategy

A = Holder(instance="a", life="a1", lease_s=30.0)
B = Holder(instance="b", life="b1", lease_s=30.0)


@pytest.fixture
def database(store_url):
    """An empty store of each kind."""
    whole = SqlStore(store_url)
    yield whole.database
    whole.close()


@pytest.fixture
def store(database):
    """Its recovery runs."""
    return RecoveryStore(database)


def ask(store, number=1, component="orders", **more):
    """Put a run into the queue."""
    return store.ask(run_of(strategy(id=f"plan-{number}"), id=f"run-{number}", component=component, **more))


def expire(database, run_id="run-1"):
    """Let the lease of a run be over."""
    with database.write_connection() as connection:
        connection.execute(text("UPDATE recovery_runs SET lease_until = 1 WHERE id = :id"), {"id": run_id})


def test_a_run_is_admitted_once(store):
    """The second instance finds the queue empty, and the fence rose."""
    run = ask(store)
    held = store.admit(A, 4, NOW)
    assert (held.run, held.fence) == (run, 1)
    assert (store.admit(B, 4, NOW), store.take(B, NOW, inherits=True)) == (None, ())
    assert store.take(A, NOW, inherits=False) == (held,)


def test_instances_that_admit_at_once_share_the_queue(store):
    """No run goes to two, and no more run than may, over all of them."""
    for number in range(8):
        ask(store, number, f"component-{number}")
    holders = [Holder(instance=str(n), life=str(n), lease_s=30.0) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda n: store.admit(holders[n % 4], 5, NOW), range(12)))
    held = [each.run.id for each in taken if each is not None]
    assert (len(held), len(set(held))) == (5, 5)


def test_a_component_is_worked_on_by_one_run_at_a_time(store):
    """The next run on it waits; a release does not."""
    ask(store, 1)
    ask(store, 2)
    store.ask(run_of(strategy(id="release:ISOLATE_COMPONENT"), id="run-3"))
    assert [store.admit(A, 1, NOW).run.id for _ in range(2)] == ["run-1", "run-3"]
    assert store.admit(A, 9, NOW) is None


def test_a_lease_that_is_over_is_taken_over(store, database):
    """The new holder gets a higher fence; the old one can write nothing any more, in no part of a change."""
    run = ask(store)
    old = store.admit(A, 4, NOW)
    expire(database)
    (new,) = store.take(B, NOW, inherits=False)
    assert (new.run, new.fence) == (run, old.fence + 1)
    action = Action(key="k", kind=ActionKind.SCALE_UP, component="orders")
    with pytest.raises(FencedError, match="run-1"):
        store.save(replace(run, phase=RunPhase.CHECKING), Change(intent=action), A, old.fence)
    with pytest.raises(FencedError):
        store.renew(A, run.id, old.fence)
    assert (store.run(run.id), store.in_doubt(), store.take(A, NOW, inherits=False)) == (run, (), ())
    store.save(replace(run, phase=RunPhase.CHECKING), Change(), B, new.fence)
    with pytest.raises(FencedError):
        store.save(run, Change(), B, old.fence)


def test_a_lease_that_nobody_took_goes_on(store, database):
    """A holder that was slow, and lost nothing, is not stopped."""
    run = ask(store)
    held = store.admit(A, 4, NOW)
    expire(database)
    store.save(run, Change(), A, held.fence)
    assert store.take(B, NOW, inherits=False) == ()


def test_signs_of_life_keep_a_lease(store):
    """A short lease that is renewed in time stays; by the database's clock, whatever the records say."""
    run = ask(store)
    short = Holder(instance="a", life="a1", lease_s=0.3)
    held = store.admit(short, 4, NOW)
    for _ in range(4):
        time.sleep(0.1)
        store.renew(short, run.id, held.fence)
        assert store.take(B, later(10**6), inherits=False) == ()
    time.sleep(0.4)
    assert len(store.take(B, NOW, inherits=False)) == 1


def test_the_next_life_inherits_at_once(store):
    """Only of its own name, and only when it asks for it."""
    ask(store)
    store.admit(A, 4, NOW)
    after = Holder(instance="a", life="a2", lease_s=30.0)
    assert store.take(after, NOW, inherits=False) == ()
    (held,) = store.take(after, NOW, inherits=True)
    assert (held.fence, store.take(A, NOW, inherits=False)) == (2, ())


def test_requests_wait_for_the_holder(store):
    """The save of the holder tells that there are some; an answer is part of a change; asking twice is once."""
    run = ask(store)
    held = store.admit(A, 4, NOW)
    for _ in range(2):
        store.request(Request(run_id=run.id, kind=RequestKind.APPROVE, who="ann", at=NOW))
    store.request(Request(run_id=run.id, kind=RequestKind.CANCEL, who="", at=NOW, reason="stop"))
    assert store.save(run, Change(), A, held.fence) is True
    approval, cancel = store.requests([run.id, "other"])
    assert (approval.who, cancel.reason) == ("ann", "stop")
    assert store.save(run, Change(request=approval.number), A, held.fence) is True
    store.answered(cancel.number, NOW)
    assert (store.save(run, Change(), A, held.fence), store.requests([run.id])) == (False, ())


def test_a_claim_takes_what_is_free(store, database):
    """A queued run, or one whose lease is over; not one that is held, or over."""
    run = ask(store)
    held = store.claim(A, run.id)
    assert (store.claim(A, run.id), store.claim(B, run.id), store.claim(A, "run-9")) == (held, None, None)
    store.save(replace(run, phase=RunPhase.ENDED, ending=RecoveryStatus.CANCELLED), Change(), A, held.fence)
    expire(database)
    assert store.claim(B, run.id) is None


def test_a_damaged_run_is_set_aside(store, database):
    """It fails, it is told, and it stops nobody: neither in the queue nor under way, nor in lists."""
    ask(store, 1)
    ask(store, 2)
    good = ask(store, 3, "cart")
    store.admit(A, 4, NOW)
    with database.write_connection() as connection:
        connection.execute(text("UPDATE recovery_runs SET body = '{' WHERE component = 'orders'"))
    assert store.take(A, NOW, inherits=False) == ()
    assert store.admit(A, 4, NOW).run == good
    assert (store.runs(), store.busy()) == ((good,), (("cart", "plan-3"),))
    told = [record for _, record in store.untold("a")]
    assert [(record.kind, record.data["run"]) for record in told] == [
        (RecordKind.ENGINE_ERROR, "run-1"),
        (RecordKind.ENGINE_ERROR, "run-2"),
    ]


def test_one_open_run_for_one_request(store):
    """However many instances ask at once, there is one; when it is over, there can be another."""
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda n: store.ask(run_of(strategy(), id=f"run-{n}")), range(8)))
    (run,) = store.runs()
    assert {each.id for each in runs} == {run.id}
    held = store.admit(A, 4, NOW)
    store.save(replace(run, phase=RunPhase.ENDED), Change(), A, held.fence)
    assert store.ask(run_of(strategy(), id="run-9")).id == "run-9"


def test_records_of_a_dead_instance_are_told_by_another(store, database):
    """At first only by its own name, later by anybody."""
    run = ask(store)
    held = store.admit(A, 4, NOW)
    record = told_of(run)
    store.save(run, Change(records=(record,)), A, held.fence)
    assert ([r for _, r in store.untold("a")], store.untold("b")) == ([record], ())
    with database.write_connection() as connection:
        connection.execute(text("UPDATE recovery_outbox SET due_at = 1"))
    assert [r for _, r in store.untold("b")] == [record]


def told_of(run):
    """Something to tell."""
    return Record(at=NOW, kind=RecordKind.RECOVERY_STARTED, subject=run.component, message="begins")
