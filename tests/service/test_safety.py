"""The switch stops everything, is remembered, and says who and why; the guards see what was done lately."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from analysis.incidents import IncidentStatus
from models.anomalies import AnomalySeverity
from models.errors import ConfigurationError
from service.config import load_settings
from service.ports import Action, ActionKind, TransientError
from service.records import RecordKind
from service.recovery.runs import RecoveryStatus, RunPhase
from service.recovery.strategies import RecoveryType
from service.safety import ActionSwitch, Controls, StoppableActuator, recent_actions
from service.store.sql import SqlStore
from service.store.switch import SwitchStore
from tests.service.loops import Hand, World, a_finding
from tests.service.recovery.plans import NOW, later, restart, run_of, strategy
from tests.service.store.examples import T0, an_anomaly, an_incident


@pytest.fixture
def store(store_url):
    """On either database."""
    store = SqlStore(store_url)
    yield store
    store.close()


@pytest.fixture
def switch(store):
    """Off."""
    return ActionSwitch(SwitchStore(store.database))


@pytest.fixture
def world(monkeypatch):
    """A loop with an incident."""
    world = World(monkeypatch)
    world.trouble()
    yield world
    world.store.close()


def with_controls(world, **controls):
    """Give the loop its controls."""
    world.responder._controls = Controls(**controls)


def test_a_stop_is_recorded_and_outlives_the_process(store, switch):
    """Who, why and since when are kept, also by another opening of the store, until somebody resumes."""
    assert switch.stopped is None
    stop = switch.stop("kim", "database move", NOW)
    again = SqlStore(store.database.engine.url.render_as_string(hide_password=False))
    try:
        other = ActionSwitch(SwitchStore(again.database))
        assert other.stopped == stop
        assert other.resume("lee", "moved", later(60))
    finally:
        again.close()
    assert switch.stopped is None
    told = store.records()
    assert [(r.kind, r.data["who"], r.data["reason"]) for r in told] == [
        (RecordKind.ACTIONS_STOPPED, "kim", "database move"),
        (RecordKind.ACTIONS_RESUMED, "lee", "moved"),
    ]


def test_what_is_stopped_is_not_stopped_again(store, switch):
    """The first stop stays in force; nothing is resumed twice."""
    first = switch.stop("kim", "one", NOW)
    assert switch.stop("lee", "two", later(5)) == first
    assert switch.resume("kim", "done", later(9))
    assert not switch.resume("kim", "done", later(9))
    assert len(store.records()) == 2


def test_many_stop_at_once(store, switch):
    """One of them is recorded."""
    with ThreadPoolExecutor(4) as pool:
        stops = list(pool.map(lambda n: switch.stop(f"p{n}", "x", NOW), range(8)))
    assert (len(set(stops)), len(store.records())) == (1, 1)


@pytest.mark.parametrize(("who", "reason"), [("", "x"), ("kim", " "), ("  ", "")])
def test_who_and_why_are_asked_for(store, switch, who, reason):
    """Nobody stops anything without a name and a reason."""
    with pytest.raises(ConfigurationError, match="Who and why"):
        switch.stop(who, reason, NOW)
    assert switch.stopped is None


def test_a_stopped_hand_does_nothing(switch):
    """Between the look of the loop and the action somebody may have pulled the switch; looking stays allowed."""
    hand = Hand()
    stoppable = StoppableActuator(hand, switch)
    action = Action(key="k", kind=ActionKind.SCALE_UP, component="web")
    assert stoppable.perform(action).is_changed
    switch.stop("kim", "x", NOW)
    with pytest.raises(TransientError, match="stopped by kim"):
        stoppable.perform(action)
    assert (len(hand.done), stoppable.probe(action)) == (1, None)
    assert (stoppable.kinds, stoppable.components) == (hand.kinds, hand.components)


def test_nothing_is_decided_automatically_while_all_is_stopped(world):
    """The decision says which guard refused; the breaker stays closed, and nothing is done."""
    switch = ActionSwitch(SwitchStore(world.store.database))
    with_controls(world, stopped=lambda: switch.stopped)
    switch.stop("kim", "database move", world.clock.now())
    world.live(10)
    (decision,) = world.store.records(kind=RecordKind.DECISION_MADE)
    assert (world.hand.done, world.journal.runs()[0].strategy.id) == ([], "ask")
    assert decision.data["refusals"][0]["objections"][0]["guard"] == "KILL_SWITCH"
    assert decision.data["plan"]
    refused = world.store.records(kind=RecordKind.ACTION_REFUSED)
    assert {r.data["objections"][0]["figures"]["who"] for r in refused} == {"kim"}
    assert {r.subject for r in refused} == {"payments-db"}


def test_what_is_under_way_stands_still_and_goes_on(world):
    """A run that waits for its verification is neither failed nor repeated by a stop."""
    stopped = []
    with_controls(world, stopped=lambda: stopped[0] if stopped else None)
    world.live(5)
    before = world.journal.runs()
    stopped.append(ActionSwitch(SwitchStore(world.store.database)).stop("kim", "x", world.clock.now()))
    world.live(120)
    assert world.journal.runs() == before
    stopped.clear()
    world.score = 0.1
    world.live(3)
    assert [run.status for run in world.journal.runs()] == [RecoveryStatus.COMPLETED]
    assert len(world.hand.done) == 1


def test_a_system_that_is_ill_all_over_is_left_to_people(monkeypatch):
    """60 % of the components are unhealthy: the guard halts and asks."""
    world = World(monkeypatch, min_fleet=2)
    world.trouble()
    components = [component for boundary in world.responder._policy.boundaries.all for component in boundary.components]
    with_controls(world, unhealthy=lambda: components)
    world.live(10)
    assert (world.hand.done, [run.strategy.id for run in world.journal.runs()]) == ([], ["ask"])
    figures = world.store.records(kind=RecordKind.ACTION_REFUSED)[0].data["objections"][0]["figures"]
    assert figures["unhealthy"] == figures["components"]
    world.store.close()


def test_trouble_is_acted_on_once_it_has_lasted(monkeypatch):
    """Not before once_after_s."""
    world = World(monkeypatch, once_after_s=600)
    world.trouble()
    world.live(9)
    assert world.decisions == []
    world.live(1)
    assert len(world.hand.done) == 1
    world.store.close()


def test_the_fleet_counts_together(monkeypatch):
    """An action for one incident uses up the limit of the fleet for the next, on whatever component."""
    world = World(monkeypatch, max_fleet_actions=1, max_out_share=1)
    world.trouble()
    world.live(5)
    assert len(world.hand.done) == 1
    world.resolve()
    world.score = 0.1
    world.live(3)
    world.score = 5.0
    world.finding = a_finding(component="payments")
    world.trouble(60, number=2)
    world.live(12)
    (refused,) = [o for r in world.store.records(kind=RecordKind.ACTION_REFUSED) for o in r.data["objections"]]
    assert (refused["guard"], refused["figures"]["scope"], len(world.hand.done)) == ("RATE_LIMIT", "fleet", 1)
    world.store.close()


class Runs:
    """A list of runs."""

    def __init__(self, runs):
        self.all = sorted(runs, key=lambda run: run.created_at, reverse=True)
        self.asked = []

    def runs(self, *, status=None, limit=100):
        """As the journal."""
        self.asked.append(limit)
        return tuple(run for run in self.all if status is None or run.status is status)[:limit]


def ended(name, created, acted=None, **more):
    """A finished run."""
    run = run_of(more.pop("plan", strategy(restart())), phase=RunPhase.ENDED, ending=RecoveryStatus.COMPLETED)
    at = None if acted is None else later(-acted)
    return replace(run, id=name, created_at=later(-created), updated_at=NOW, acted_at=at, **more)


def test_recent_actions_are_those_that_acted_or_may_act():
    """Old ones, cancelled ones that never acted, and plans for operators are none; a late action of an old run is."""
    manual = strategy(restart(), type=RecoveryType.MANUAL)
    pending = replace(run_of(strategy(restart())), id="pending", created_at=later(-99999))
    runs = Runs([
        ended("late", 9000, 10), ended("old", 9000, 8000), ended("never", 50), ended("asked", 10, plan=manual), pending,
    ])  # fmt: skip
    found = recent_actions(runs, NOW, 3600)
    assert sorted((p.at, p.is_pending) for p in found) == [(later(-99999), True), (later(-10), False)]


def test_recent_actions_are_found_behind_any_number_of_runs():
    """As many are read as lie in the window, however many that are."""
    runs = Runs(ended(f"r{n}", n, n) for n in range(1000))
    assert len(recent_actions(runs, NOW, 500)) == 500
    assert max(runs.asked) < 2000


def test_a_long_queue_is_not_read_to_its_end():
    """Ten thousand may still act; when the limit is reached, the rest does not matter. Without a limit all are read."""
    queued = [replace(run_of(strategy(restart())), id=f"r{n}", created_at=later(-n)) for n in range(10_000)]
    runs = Runs(queued)
    found = recent_actions(runs, NOW, 3600, enough=12)
    assert 12 <= len(found) < 1000
    assert max(runs.asked) <= 100
    assert len(recent_actions(runs, NOW, 3600)) == 10_000


def test_the_settings_choose_what_may_be_acted_on(tmp_path, monkeypatch):
    """By environment; one that is not declared is refused, and none at all allows everything."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faultline.toml").write_text(
        "[engine.guard]\nenvironment = 'prod'\nmax_fleet_actions = 2\n"
        "[engine.guard.environments.prod]\nact_on = ['web-*']\nleave_alone = ['web-9']\n"
    )
    guard = load_settings().engine.guard.settings(is_dry_run=False)
    assert [guard.is_in_scope(name) for name in ("web-1", "web-9", "db")] == [True, False, False]
    assert guard.max_fleet_actions == 2
    monkeypatch.setenv("FAULTLINE_ENGINE__GUARD__ENVIRONMENT", "lab")
    with pytest.raises(ConfigurationError, match="'lab' is not declared, known: prod"):
        load_settings().engine.guard.settings(is_dry_run=False)


def test_the_settings_and_the_guards_agree(tmp_path, monkeypatch):
    """What is not configured is the default of the guards."""
    monkeypatch.chdir(tmp_path)
    from service.recovery.guard_settings import GuardSettings

    assert load_settings().engine.guard.settings(is_dry_run=True) == GuardSettings(is_dry_run=True)


def test_a_flapping_component_becomes_manual(monkeypatch):
    """Trouble that comes back twelve times in six hours: three times at most it is acted on, else a person is asked."""
    world = World(monkeypatch, max_flaps=3)
    for number in range(1, 13):
        anomaly = an_anomaly("orders", severity=AnomalySeverity.HIGH, end=T0 + timedelta(days=1))
        world.casebook.keep(replace(an_incident(number, opened_at=world.clock.now()), anomalies=(anomaly,)))
        world.live(25, lasting=False)
        world.score = 0.1
        world.live(5, lasting=False)
        world.score = 5.0
        for incident in world.casebook.open:
            world.casebook.keep(incident.moved_to(IncidentStatus.RESOLVED, world.clock.now()))
    refused = [
        objection["guard"]
        for record in world.store.records(kind=RecordKind.ACTION_REFUSED, limit=500)
        for objection in record.data["objections"]
    ]
    window = timedelta(seconds=world.guard.flap_window_s)
    incidents = {run.incident_id for run in world.journal.runs(limit=500) if run.acted_at is not None}
    assert len(incidents) <= 3
    assert world.clock.now() - T0 <= window
    assert "CRASH_LOOP" in refused
    by_hand = [run for run in world.journal.runs(limit=500) if run.strategy.id == "ask"]
    assert len(by_hand) + len(incidents) >= 12
    assert all(run.status is RecoveryStatus.COMPLETED for run in by_hand)
    world.store.close()
