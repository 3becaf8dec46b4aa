"""The supervisor actuator on a real supervisor, over its unix socket and over HTTP."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks import real_peers
from service.actuators.supervisor_rpc import SupervisorRpc
from service.actuators.waiting import Deadline
from service.ports import Action, ActionKind, PermanentError, TransientError
from tests.contracts.rigs import hand_of

ALL = ["RESTART_COMPONENT", "ISOLATE_COMPONENT", "RELEASE_COMPONENT", "SCALE_UP", "SCALE_DOWN"]
PASSWORD = "pass-word-secret"
COMPONENTS = {
    "web": {"programs": ["web"], "slots": ["web-2", "web-3"]},
    "pair": {"programs": ["left", "right"]},
    "broken": {"programs": ["broken"]},
    "missing": {"programs": ["missing"]},
    "stubborn": {"programs": ["stubborn"]},
    "unknown": {"programs": ["nobody"]},
}


@pytest.fixture(scope="module")
def urls(directory):
    """Addresses of a supervisor whose programs are good, broken, missing and stubborn."""
    sleep = {"startsecs": 0}
    programs = [real_peers.program(name, "/bin/sleep 600", **sleep) for name in ("web", "left", "right")]
    programs += [real_peers.program(name, "/bin/sleep 600", autostart="false", **sleep) for name in ("web-2", "web-3")]
    programs += [
        real_peers.program("broken", "/bin/false", autostart="false", startretries=0),
        real_peers.program("missing", "/no/such/program", autostart="false"),
        real_peers.program(
            "stubborn", "/bin/sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'", autostart="false", startsecs=0
        ),
    ]
    with real_peers.supervisor(directory, programs, password=PASSWORD) as addresses:
        yield addresses


@pytest.fixture
def rpc(urls):
    """A look at the supervisor past the actuator; every test begins with the same programs running."""
    look = SupervisorRpc("look", urls[0], "", "")
    for name in ("web", "left", "right"):
        look.start(name, Deadline(5))
    for name in ("web-2", "web-3"):
        look.stop(name, Deadline(5))
    running = ("web", "left", "right")
    real_peers.wait_until(lambda: all(look.info(name, Deadline(5))["state"] == 20 for name in running))
    return look


@pytest.fixture
def hand(urls, rpc):
    """A fresh actuator over the unix socket."""
    return hand_of(settings(urls[0]), "processes")


def settings(url, **more):
    """Of an actuator that may do everything that it can."""
    return {"type": "supervisor", "url": url, "allow": ALL, "components": COMPONENTS} | more


def action(kind, component="web", key="run-1:a:1", asked_at=None, **parameters):
    """One action."""
    return Action(key=key, kind=ActionKind(kind), component=component, parameters=parameters, asked_at=asked_at)


def pid(rpc, name):
    """The process behind a program; 0 if it does not run."""
    return rpc.info(name, Deadline(5))["pid"]


def test_a_restart_gives_a_new_process(hand, rpc):
    """Each program of the component runs as another process, the outcome names both; the others are untouched."""
    before = {name: pid(rpc, name) for name in ("web", "left", "right")}
    outcome = hand.perform(action("RESTART_COMPONENT", "pair"))
    after = {name: pid(rpc, name) for name in before}
    assert outcome.is_changed
    assert "verified" in outcome.detail
    assert {name for name in before if after[name] != before[name]} == {"left", "right"}
    assert all(after.values())


def test_a_stopped_component_is_started_by_a_restart(hand, rpc):
    """Fault 70, NOT_RUNNING, is no error."""
    rpc.stop("web", Deadline(5))
    real_peers.wait_until(lambda: pid(rpc, "web") == 0)
    assert hand.perform(action("RESTART_COMPONENT")).is_changed
    assert pid(rpc, "web")


def test_isolating_and_releasing_twice_is_the_same_as_once(hand, rpc):
    """Faults 60 and 70 are successes that changed nothing."""
    for kind, other, is_up in (("ISOLATE_COMPONENT", "RELEASE", False), ("RELEASE_COMPONENT", "ISOLATE", True)):
        assert hand.perform(action(kind, key=f"{kind}:1")).is_changed
        assert bool(pid(rpc, "web")) is is_up
        assert hand.probe(action(kind, key="unseen")) is True
        assert hand.probe(action(f"{other}_COMPONENT", key="unseen")) is False
        again = hand.perform(action(kind, key=f"{kind}:2"))
        assert (again.is_changed, "so already" in again.detail) == (False, True)


def test_scaling_uses_the_slots_in_order(hand, rpc):
    """Up by a factor and to a number, down again; beyond the slots it is refused and nothing is started."""
    hand.perform(action("SCALE_UP", key="1"))
    assert [bool(pid(rpc, name)) for name in ("web", "web-2", "web-3")] == [True, True, False]
    with pytest.raises(PermanentError, match="need 4 processes"):
        hand.perform(action("SCALE_UP", key="2"))
    assert pid(rpc, "web-3") == 0
    hand.perform(action("SCALE_UP", key="3", replicas=3))
    assert hand.probe(action("SCALE_UP", key="unseen", replicas=3)) is True
    hand.perform(action("SCALE_DOWN", key="4", factor=3))
    assert [bool(pid(rpc, name)) for name in ("web", "web-2", "web-3")] == [True, False, False]
    assert not hand.perform(action("SCALE_DOWN", key="5")).is_changed


def test_a_component_without_slots_is_not_scaled(hand):
    """It is refused before anybody is asked."""
    assert "no slots of pair" in hand.refusal(ActionKind.SCALE_UP, "pair")
    with pytest.raises(PermanentError, match="no slots of pair"):
        hand.perform(action("SCALE_UP", "pair"))


@pytest.mark.parametrize(
    ("component", "said"),
    [
        ("broken", "did not start|SPAWN_ERROR"),
        ("missing", "NO_FILE|did not start|no such"),
        ("unknown", "no process 'nobody'"),
    ],
)
def test_what_cannot_start_is_an_error_for_good(hand, component, said):
    """Faults 10, 20 and 50, and a program that exits at once, are named."""
    with pytest.raises(PermanentError, match=f"(?i){said}"):
        hand.perform(action("RESTART_COMPONENT", component))


@pytest.mark.timeout(30)
def test_a_process_that_ignores_its_end_is_not_waited_for_without_end(urls, rpc):
    """The action ends after its own time and says what is left; supervisor kills the process later."""
    rpc.start("stubborn", Deadline(5))
    time.sleep(0.3)  # until it has set its trap
    hand = hand_of(settings(urls[0], timeout_s=0.5), "processes")
    with pytest.raises(TransientError, match="stubborn is still STOPPING"):
        hand.perform(action("ISOLATE_COMPONENT", "stubborn"))
    real_peers.wait_until(lambda: pid(rpc, "stubborn") == 0)


def test_an_interrupted_restart_is_told_and_completed(urls, hand, rpc):
    """A new hand sees by the times what is restarted, and restarts only what is not: no process is restarted twice."""
    asked = action("RESTART_COMPONENT", "pair", asked_at=datetime.now(UTC))
    fresh = hand_of(settings(urls[0]), "processes")
    assert fresh.probe(asked) is False
    rpc.stop("left", Deadline(5))
    real_peers.wait_until(lambda: pid(rpc, "left") == 0)
    assert fresh.probe(asked) is False
    rpc.start("left", Deadline(5))
    real_peers.wait_until(lambda: rpc.info("left", Deadline(5))["state"] == 20)
    left, right = pid(rpc, "left"), pid(rpc, "right")
    assert fresh.probe(asked) is False
    assert "right" in fresh.perform(asked).detail
    assert pid(rpc, "left") == left
    assert pid(rpc, "right") not in {0, right}
    assert hand_of(settings(urls[0])).probe(asked) is True


def test_over_http_whole_seconds_decide(urls, hand, rpc):
    """Another machine's processes cannot be looked at: what lies within a second of each other is unknown."""
    far = hand_of(settings(urls[1], username="faultline", password=PASSWORD))
    asked = action("RESTART_COMPONENT", asked_at=datetime.now(UTC))
    hand.perform(asked)
    assert far.probe(asked) is not False
    assert far.probe(action("RESTART_COMPONENT", asked_at=datetime.now(UTC) - timedelta(minutes=1))) is True
    assert far.probe(action("RESTART_COMPONENT", asked_at=datetime.now(UTC) + timedelta(minutes=1))) is False


def test_without_a_time_nobody_can_tell_about_a_restart(hand):
    """A running process may be the old one or a new one."""
    assert hand.probe(action("RESTART_COMPONENT")) is None
    now = datetime.now(UTC)
    assert hand.probe(action("RESTART_COMPONENT", asked_at=now + timedelta(hours=1))) is False


def test_it_works_over_http_with_a_password(urls, rpc):
    """The same over a port; a wrong password is an error for good that does not repeat it."""
    web = pid(rpc, "web")
    right = settings(urls[1], username="faultline", password=PASSWORD)
    assert hand_of(right).perform(action("RESTART_COMPONENT")).is_changed
    assert pid(rpc, "web") != web
    with pytest.raises(PermanentError, match="401") as caught:
        hand_of(right | {"password": "wrong-secret"}).perform(action("RESTART_COMPONENT"))
    assert "wrong-secret" not in str(caught.value)


def test_a_rehearsal_names_programs_and_states(hand):
    """What would be done, and how the processes are now."""
    assert hand.rehearse(action("SCALE_UP")) == (
        "processes would start web-2 (web is RUNNING, web-2 is STOPPED, web-3 is STOPPED)"
    )


def test_nobody_there_is_an_error_that_may_pass(directory):
    """No socket, and no port: nothing was done for certain."""
    for url in (f"unix://{directory}/none.sock", f"http://127.0.0.1:{real_peers.free_ports(1)[0]}"):
        with pytest.raises(TransientError, match="cannot be reached"):
            hand_of(settings(url)).perform(action("RESTART_COMPONENT"))
