"""The HAProxy actuator on a real HAProxy with small HTTP servers behind it."""

import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from benchmarks import real_peers
from service.actuators.haproxy_socket import HaproxySocket
from service.actuators.waiting import Deadline
from service.ports import Action, ActionKind, PermanentError, TransientError
from tests.contracts.rigs import hand_of

ALL = [
    "ISOLATE_COMPONENT",
    "RELEASE_COMPONENT",
    "REDIRECT_TRAFFIC",
    "RESTORE_TRAFFIC",
    "ENABLE_BACKUP",
    "DISABLE_BACKUP",
]
COMPONENTS = {
    "one": {"servers": ["web/one"]},
    "two": {"servers": ["web/two"]},
    "web": {"servers": ["web/one", "web/two"], "backups": ["web/spare"]},
    "wrong": {"servers": ["web/one"], "backups": ["web/two"]},
    "typo": {"servers": ["web/onne"]},
    "elsewhere": {"servers": ["nowhere/one"]},
}
pytestmark = pytest.mark.usefixtures("haproxy_here")


@pytest.fixture(scope="module")
def peer(directory, haproxy_here):
    """Address of the runtime socket, port of the frontend, and the server that answers slowly on request."""
    script = directory / "backend.py"
    script.write_text(real_peers.BACKEND)
    ports = dict(zip(("one", "two", "spare"), real_peers.free_ports(3), strict=True))
    with ExitStack() as held:
        for name, port in ports.items():
            argv = [sys.executable, "-S", "-E", str(script), str(port), "0.2" if name == "two" else "0.0", name]
            held.enter_context(real_peers.ended(subprocess.Popen(argv)))
        real_peers.wait_until(lambda: all(real_peers.can_connect(port) for port in ports.values()))
        lines = [f"{name} 127.0.0.1:{port}{' backup' * (name == 'spare')}" for name, port in ports.items()]
        yield held.enter_context(real_peers.haproxy(directory, lines))


@pytest.fixture
def runtime(peer):
    """A look at HAProxy past the actuator; every test begins with all servers ready and up."""
    look = HaproxySocket("look", peer[0])
    names = ("one", "two", "spare")
    look.change(
        [f"set server web/{name} {what}" for name in names for what in ("state ready", "weight 100")], Deadline(5)
    )
    real_peers.wait_until(lambda: all(state.is_serving for state in look.states("web", Deadline(5)).values()))
    return look


@pytest.fixture
def hand(peer, runtime):
    """A fresh actuator."""
    return hand_of(settings(peer[0]), "balancer")


def settings(url, **more):
    """Of an actuator that may do everything that it can."""
    return {"type": "haproxy", "url": url, "allow": ALL, "components": COMPONENTS, "drain_s": 5} | more


def action(kind, component="one", key="run-1:a:1", **parameters):
    """One action."""
    return Action(key=key, kind=ActionKind(kind), component=component, parameters=parameters)


def served(port, count=4):
    """Who answers."""
    return {real_peers.get(port).split(" ")[0] for _ in range(count)}


def test_an_isolated_server_gets_no_request_and_a_released_one_does(peer, hand, runtime):
    """Drain and ready, seen by those who ask; twice is the same as once."""
    assert served(peer[1]) == {"one", "two"}
    outcome = hand.perform(action("ISOLATE_COMPONENT"))
    assert outcome.detail == "balancer: set server web/one state drain, verified; no request is open"
    assert served(peer[1]) == {"two"}
    assert not hand.perform(action("ISOLATE_COMPONENT", key="2")).is_changed
    assert hand.perform(action("RELEASE_COMPONENT", key="3")).is_changed
    assert served(peer[1]) == {"one", "two"}
    assert not hand.perform(action("RELEASE_COMPONENT", key="4")).is_changed


def test_isolation_waits_for_requests_under_way(peer, hand, runtime):
    """The request that was there before the drain is answered, and the isolation ends after it, not before."""
    runtime.change(["set server web/one state maint"], Deadline(5))
    answers = []
    asking = threading.Thread(target=lambda: answers.append(real_peers.get(peer[1])))
    asking.start()
    real_peers.wait_until(lambda: runtime.stat("web", Deadline(5))["web/two"]["scur"] == "1")
    runtime.change(["set server web/one state ready"], Deadline(5))
    assert "no request is open" in hand.perform(action("ISOLATE_COMPONENT", "two")).detail
    asking.join(5)
    assert answers[0].startswith("two")


def test_requests_that_outlast_the_drain_are_told(peer, runtime):
    """The isolation stands, and its outcome says how many were left."""
    hand = hand_of(settings(peer[0], drain_s=0.05), "balancer")
    runtime.change(["set server web/one state maint"], Deadline(5))
    asking = threading.Thread(target=lambda: real_peers.get(peer[1]))
    asking.start()
    real_peers.wait_until(lambda: runtime.stat("web", Deadline(5))["web/two"]["scur"] == "1")
    runtime.change(["set server web/one state ready"], Deadline(5))
    assert "1 requests were still open after 0.05 s" in hand.perform(action("ISOLATE_COMPONENT", "two")).detail
    asking.join(5)


def test_the_last_serving_server_is_not_taken(peer, hand, runtime):
    """Counted after the action: it is refused and nothing changes; with min_serving 0 it is allowed."""
    hand.perform(action("ISOLATE_COMPONENT", "two", "1"))
    runtime.change(["set server web/spare state maint"], Deadline(5))
    for kind in ("ISOLATE_COMPONENT", "REDIRECT_TRAFFIC"):
        with pytest.raises(PermanentError, match="would leave 0 serving servers in backend web"):
            hand.perform(action(kind, "one", "2"))
        with pytest.raises(PermanentError, match="min_serving is 1"):
            hand.rehearse(action(kind, "one", "2"))
    assert served(peer[1]) == {"one"}
    assert hand_of(settings(peer[0], min_serving=0)).perform(action("ISOLATE_COMPONENT", "one")).is_changed


def test_traffic_is_redirected_by_weight_and_restored(peer, hand, runtime):
    """No share, a small one, and all of it again."""
    hand.perform(action("REDIRECT_TRAFFIC"))
    assert served(peer[1]) == {"two"}
    assert hand.probe(action("REDIRECT_TRAFFIC", key="unseen")) is True
    assert hand.probe(action("REDIRECT_TRAFFIC", key="unseen", percent=10)) is False
    hand.perform(action("REDIRECT_TRAFFIC", key="2", percent=10))
    assert runtime.states("web", Deadline(5))["web/one"].weight == 10
    hand.perform(action("RESTORE_TRAFFIC", key="3", percent=10))
    assert runtime.states("web", Deadline(5))["web/one"].weight == 100


@pytest.mark.parametrize("percent", [-1, 100, 0.1, "ten", True, float("nan")])
def test_a_senseless_share_is_refused(hand, runtime, percent):
    """It is an error for good, and the weight stays."""
    with pytest.raises(PermanentError):
        hand.perform(action("REDIRECT_TRAFFIC", percent=percent))
    assert runtime.states("web", Deadline(5))["web/one"].weight == 100


def test_the_backup_serves_and_the_others_return(peer, hand, runtime):
    """Enabled, only the backup answers; disabled, only the others."""
    assert hand.perform(action("ENABLE_BACKUP", "web", "1")).is_changed
    assert served(peer[1]) == {"spare"}
    assert hand.probe(action("ENABLE_BACKUP", "web", "unseen")) is True
    assert hand.perform(action("DISABLE_BACKUP", "web", "2")).is_changed
    assert served(peer[1]) == {"one", "two"}
    assert not hand.perform(action("DISABLE_BACKUP", "web", "3")).is_changed


def test_a_backup_must_be_one_in_the_configuration(hand, runtime):
    """Servers without the word backup would not take over; those without backups are refused at once."""
    with pytest.raises(PermanentError, match="web/two is no backup server"):
        hand.perform(action("ENABLE_BACKUP", "wrong"))
    assert "no backups of one" in hand.refusal(ActionKind.ENABLE_BACKUP, "one")
    assert all(state.is_serving for state in runtime.states("web", Deadline(5)).values())


def test_a_release_is_done_when_the_server_is_up(directory, haproxy_here):
    """A server that its health check finds dead is not reported as released."""
    (dead,) = real_peers.free_ports(1)
    with (
        real_peers.scratch() as scratch,
        real_peers.haproxy(scratch, [f"one 127.0.0.1:{dead}", "two 127.0.0.1:1 no-check"]) as (url, _),
    ):
        hand = hand_of(settings(url, timeout_s=0.5), "balancer")
        look = HaproxySocket("look", url)
        real_peers.wait_until(lambda: not look.states("web", Deadline(5))["web/one"].is_up)
        with pytest.raises(TransientError, match="web/one is ready, down"):
            hand.perform(action("RELEASE_COMPONENT"))


@pytest.mark.parametrize(
    ("component", "said"), [("typo", "no server web/onne; it has web/one"), ("elsewhere", "backend 'nowhere'")]
)
def test_names_that_haproxy_does_not_know_are_told(hand, component, said):
    """By name, with what there is."""
    with pytest.raises(PermanentError, match=said):
        hand.perform(action("ISOLATE_COMPONENT", component))


def test_a_rehearsal_shows_the_commands(hand, runtime):
    """And how the servers are now."""
    assert (
        hand.rehearse(action("ISOLATE_COMPONENT")) == "balancer would set server web/one state drain (web/one is ready)"
    )


def test_nobody_there_is_an_error_that_may_pass(directory):
    """No socket: nothing was done for certain, and a probe cannot tell."""
    hand = hand_of(settings(f"unix://{directory}/none.sock"))
    with pytest.raises(TransientError, match="cannot be reached"):
        hand.perform(action("ISOLATE_COMPONENT"))
    assert hand.probe(action("ISOLATE_COMPONENT")) is None


def test_a_socket_without_the_right_is_told(haproxy_here):
    """A socket of a lower level refuses changes in words; they come through."""
    with real_peers.scratch() as scratch:
        with real_peers.haproxy(scratch, ["one 127.0.0.1:1 no-check", "two 127.0.0.1:1 no-check"]):
            pass
        text = (scratch / "haproxy.conf").read_text().replace("level admin", "level user")
        (scratch / "haproxy.conf").write_text(text)
        argv = [real_peers.find_haproxy(), "-db", "-f", str(scratch / "haproxy.conf")]
        (scratch / "haproxy.sock").unlink(missing_ok=True)
        with real_peers.ended(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
            real_peers.wait_until((scratch / "haproxy.sock").exists)
            time.sleep(0.1)
            with pytest.raises(PermanentError, match=r"[Pp]ermission denied"):
                hand_of(settings(f"unix://{scratch}/haproxy.sock")).perform(action("ISOLATE_COMPONENT"))
