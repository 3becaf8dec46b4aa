"""N of M people approve, end to end: store, journal, desk, HTTP, client, ledger."""

import pytest

from service.api.app import create_app
from service.client import ApiError, FaultlineClient
from service.degradations import DegradationKeeper
from service.desk import Desk
from service.records import RecordKind
from service.recovery.guard_settings import GuardSettings
from service.recovery.strategies import RecoveryType
from service.safety import ActionSwitch
from service.safety_desk import SafetyDesk
from service.store.audit import AuditLog
from service.store.degradations import DegradationStore
from service.store.switch import SwitchStore
from tests.service.api.asgi import AppTransport
from tests.service.loops import World
from tests.service.recovery.plans import restart, strategy


class Loop:
    """As much of the engine as the desk needs here."""

    def __init__(self):
        from threading import RLock

        self.lock = RLock()


@pytest.fixture
def world(monkeypatch):
    """A loop with a run that two of three people must approve within half an hour."""
    world = World(monkeypatch)
    two = strategy(restart(), id="careful", name="Careful", type=RecoveryType.SEMIAUTOMATIC, approvals=2)
    world.run = world.journal.start(two, "inc-0001", "payments-db", {}, world.clock.now())
    yield world
    world.store.close()


@pytest.fixture
def client(world):
    """Over HTTP."""
    safety = SafetyDesk(
        switch=ActionSwitch(SwitchStore(world.store.database)),
        degradations=DegradationKeeper((), DegradationStore(world.store.database)),
        runs=world.journal,
        store=world.store,
        guard=GuardSettings(),
        now=world.clock.now,
        approvers=("kim", "lee", "max"),
    )
    desk = Desk(
        engine=Loop(),
        journal=world.journal,
        board=world.board,
        store=world.store,
        clock=world.clock,
        is_acting=True,
        safety=safety,
        checks=None,
        policies=None,
    )
    with FaultlineClient("http://127.0.0.1", transport=AppTransport(create_app(desk))) as client:
        yield client


def tick(world, minutes=1):
    """Time passes."""
    for _ in range(minutes):
        world.clock.move_by(60)
        world.responder.advance(world.observer, (), world.clock.now())


def test_two_of_three_approve(world, client):
    """One person counts once, a stranger not at all; with the second the run goes on. The ledger says who."""
    tick(world)
    waiting = client.recovery(world.run.id)
    assert (waiting["status"], waiting["approvals_needed"], waiting["approvals"]) == ("WAITING_APPROVAL", 2, [])
    assert waiting["approval_expires_at"]
    assert waiting["plan"]
    with pytest.raises(ApiError, match=r"403.*kim, lee, max"):
        client.approve(world.run.id, "eve")
    for _ in range(2):
        assert client.approve(world.run.id, "kim")["approvals"] == ["kim"]
    tick(world)
    assert world.hand.done == []
    assert client.approve(world.run.id, "lee")["status"] == "RUNNING"
    tick(world)
    assert len(world.hand.done) == 1
    told = world.store.records(kind=RecordKind.RECOVERY_APPROVED)
    assert [(r.data["who"], r.data["approvals"], r.data["needed"]) for r in told] == [("kim", 1, 2), ("lee", 2, 2)]
    assert {r.data["run"] for r in told} == {world.run.id}
    assert AuditLog(world.store.database).verify().is_intact


def test_too_late_is_too_late(world, client):
    """After half an hour the run is cancelled, one approval or not, and nothing was done."""
    tick(world)
    client.approve(world.run.id, "kim")
    tick(world, 30)
    assert client.recovery(world.run.id)["status"] == "CANCELLED"
    with pytest.raises(ApiError, match="409"):
        client.approve(world.run.id, "lee")
    assert world.hand.done == []


def test_approvals_survive_a_restart(world, client):
    """The first came before it, the second after it."""
    tick(world)
    client.approve(world.run.id, "kim")
    world.restart()
    tick(world)
    world.journal.approve(world.run.id, "lee", world.clock.now())
    tick(world)
    assert len(world.hand.done) == 1


def test_a_manual_run_hands_the_plan_over(world, client):
    """It is over at once, touched nothing, and shows the steps for the operator."""
    manual = strategy(restart(description="Restart it by hand"), id="ask", type=RecoveryType.MANUAL)
    run = world.journal.start(manual, "inc-0002", "web", {}, world.clock.now())
    tick(world)
    shown = client.recovery(run.id)
    assert (shown["status"], shown["plan"], shown["steps"][0]["status"]) == (
        "COMPLETED", ["Restart it by hand"], "LEFT_TO_OPERATOR",
    )  # fmt: skip
    assert world.hand.done == []
