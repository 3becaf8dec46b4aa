"""Recovery runs in the store: one transaction a change, looked up by what they are about."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from models.errors import InputError, UnknownNameError
from service.ports import Action, ActionKind
from service.records import Record, RecordKind
from service.recovery.isolations import Isolation
from service.recovery.runs import Drop, Hold, RecoveryStatus, RunPhase
from service.store import run_codec
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from tests.service.recovery.plans import NOW, run_of, strategy
from tests.service.store.holding import save

CUT = ActionKind.ISOLATE_COMPONENT


@pytest.fixture
def store(store_url):
    """An empty store of each kind."""
    whole = SqlStore(store_url)
    yield RecoveryStore(whole.database)
    whole.close()


def hold(component="orders", reason="rule", seconds=5):
    """Something that is in force."""
    release_at = NOW + timedelta(seconds=seconds)
    parameters = (("factor", 2.0), ("to", "é\0"))
    return Hold(
        Isolation(component=component, kind=CUT, since=NOW, release_at=release_at, reason=reason, parameters=parameters)
    )


def record(message):
    """Something to tell."""
    return Record(at=NOW, kind=RecordKind.RECOVERY_STARTED, subject="orders", message=message, data={"n": 1})


def action(key="k"):
    """Something to do."""
    return Action(key=key, kind=CUT, component="orders")


def test_a_run_is_kept_as_it_is_and_renewed(store):
    """The latest state comes back equal; there is one row a run."""
    run = run_of(strategy())
    save(store, run)
    changed = run_of(strategy(), phase=RunPhase.CHECKING, position=2, approvals=("ann",), deadline=NOW)
    save(store, changed)
    assert (store.run("run-1"), store.runs()) == (changed, (changed,))


def test_runs_are_found_by_what_they_are_about(store):
    """Newest first, filtered, limited; who is busy is known."""
    for number, (component, phase) in enumerate(
        [("a", RunPhase.QUEUED), ("b", RunPhase.ENDED), ("a", RunPhase.CHECKING), ("b", RunPhase.APPROVAL)]
    ):
        store.ask(run_of(strategy(), id=f"run-{number}", component=component, phase=phase, incident_id=str(number)))

    def ids(**asked):
        return [run.id for run in store.runs(**asked)]

    assert ids() == ["run-3", "run-2", "run-1", "run-0"]
    assert ids(component="a") == ["run-2", "run-0"]
    assert ids(status=RecoveryStatus.RUNNING) == ["run-2"]
    assert ids(incident_id="1") == ["run-1"]
    assert ids(limit=1) == ["run-3"]
    assert sorted(store.busy()) == [("a", "plan"), ("b", "plan")]


def test_an_unknown_run_is_named(store):
    """The error says what was asked for."""
    with pytest.raises(UnknownNameError, match="recovery run 'x'"):
        store.run("x")


def test_what_is_in_force_is_kept_once_until_it_is_dropped(store):
    """A second hold of the same kind changes nothing; parameters and times survive."""
    run = run_of(strategy())
    save(store, run, marks=(hold(), hold("cart", seconds=1)))
    save(store, run, marks=(hold(reason="another", seconds=99),))
    kept = store.isolations()
    assert {isolation.component: isolation for isolation in kept.active}["orders"] == hold().isolation
    assert [isolation.component for isolation in kept.due(NOW + timedelta(seconds=1))] == ["cart"]
    save(store, run, marks=(Drop("orders", CUT), Drop("nobody", CUT)))
    assert store.isolations().isolated == {"cart"}


def test_an_intent_is_in_doubt_until_it_is_settled(store):
    """The row is there before the action; its outcome settles it."""
    run = run_of(strategy())
    save(store, run, intent=action())
    assert store.in_doubt() == (("k", NOW),)
    save(store, run, settled=("k", "done"))
    assert store.in_doubt() == ()


def test_a_key_that_was_used_spoils_the_whole_change(store):
    """The same intent twice is refused, and nothing else of that change is kept."""
    run = run_of(strategy())
    save(store, run, intent=action())
    changed = run_of(strategy(), phase=RunPhase.CHECKING)
    with pytest.raises(IntegrityError):
        save(store, changed, intent=action(), marks=(hold(),), records=(record("a"),))
    assert (store.run("run-1"), store.isolations().active, store.untold("local")) == (run, (), ())


def test_the_outbox_keeps_order_until_it_is_told(store):
    """Records wait in order; only those that were told leave."""
    save(store, run_of(strategy()), records=(record("a"), record("b")))
    save(store, run_of(strategy()), records=(record("c"),))
    numbers, records = zip(*store.untold("local"), strict=True)
    assert records == (record("a"), record("b"), record("c"))
    store.told(numbers[:2])
    assert [kept.message for _, kept in store.untold("local")] == ["c"]
    store.told([])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"strategy": 1}', "null", "x" * 10])
def test_a_damaged_run_is_named(text):
    """What is no run raises InputError."""
    with pytest.raises(InputError, match="not a stored recovery run"):
        run_codec.loads(text)


def test_a_run_with_a_damaged_plan_is_named():
    """A strategy that no longer makes sense is an error of ours, too."""
    text = run_codec.dumps(run_of(strategy())).replace("worst_score", "wurst_score")
    with pytest.raises(InputError, match="wurst_score"):
        run_codec.loads(text)
