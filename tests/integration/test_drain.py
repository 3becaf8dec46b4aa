"""The journal restarts real servers behind a real HAProxy under load: drained, no request fails; at once, some do."""

from collections import Counter

import pytest

from benchmarks import drain, real_peers
from service.actuators.supervisor_rpc import SupervisorRpc
from service.actuators.waiting import Deadline
from service.bootstrap import real_actuators
from service.ports import ActionKind
from service.recovery.runs import RecoveryStatus, StepStatus


@pytest.fixture(scope="module")
def peers(haproxy_here):
    """Two servers under supervisor, behind HAProxy; every test leaves both serving."""
    with real_peers.balanced(answer_s=0.03) as made:
        yield made


def test_a_drained_restart_loses_no_request(peers):
    """The run isolates, restarts, releases and verifies by what the clients see; not one of them notices."""
    got = drain.measure(peers, 300, is_drained=True, at_least=2)
    assert (got.failed, set(got.outcomes)) == (0, {"200"})
    assert got.requests >= 300
    assert [run.status for run in got.runs] == [RecoveryStatus.COMPLETED] * len(got.runs)
    for run in got.runs:
        assert [(result.step_id, result.status) for result in run.results] == [
            (step, StepStatus.SUCCEEDED) for step in ("drain", "restart", "release", "verify")
        ]
        assert "no request is open" in run.results[0].detail
        assert "in place of" in run.results[1].detail


def test_without_draining_the_same_load_loses_requests(peers):
    """What was under way is lost, so the measurement above can fail; the servers are as well in the end."""
    got = drain.measure(peers, 300, is_drained=False, at_least=2)
    assert got.failed > 0
    assert all(result.status is StepStatus.SUCCEEDED for run in got.runs for result in run.results)


class Dying:
    """The actuators of the settings, in a process that dies right after an action, before it could note the outcome."""

    def __init__(self, hand, kind):
        self._hand, self._kind = hand, kind
        self.kinds, self.components, self.refusal, self.probe = hand.kinds, hand.components, hand.refusal, hand.probe
        self.rehearse = hand.rehearse

    def perform(self, action):
        """Act, then die."""
        outcome = self._hand.perform(action)
        if action.kind is self._kind:
            raise SystemExit
        return outcome


def test_a_restart_is_not_repeated_after_a_crash(monkeypatch, peers):
    """Killed after the restart, before its outcome was stored: the next life probes, finds it done and goes on."""
    with real_peers.Load(peers.port) as load:
        rpc = SupervisorRpc("look", peers.supervisor_url, "", "")
        before = rpc.info("web-1", Deadline(5))["pid"]
        with monkeypatch.context() as patch:
            patch.setattr(drain, "real_actuators", lambda s: Dying(real_actuators(s), ActionKind.RESTART_COMPONENT))
            dying = drain.Restarts(peers, load, store_url=f"sqlite:///{peers.directory}/runs.db")
            with pytest.raises(SystemExit):
                dying.restart("web-1", "restart-drained")
            dying.close()
        restarted = rpc.info("web-1", Deadline(5))["pid"]
        assert restarted != before
        fresh = drain.Restarts(peers, load, store_url=f"sqlite:///{peers.directory}/runs.db")
        run = fresh.restart("web-1", "restart-drained")
        fresh.close()
        assert rpc.info("web-1", Deadline(5))["pid"] == restarted
    assert run.status is RecoveryStatus.COMPLETED
    assert "found in place after an interruption" in run.results[1].detail
    assert load.failed == 0


def test_a_restart_that_fails_is_taken_back(peers):
    """A server that does not come up again: the run fails, its isolation is released, the other server serves on."""
    with real_peers.Load(peers.port) as load:
        restarts = drain.Restarts(peers, load, components={"web-1": ["nobody"], "web-2": ["web-2"]})
        try:
            run = restarts.restart("web-1", "restart-drained")
        finally:
            restarts.close()
    assert run.status is RecoveryStatus.FAILED
    assert Counter(result.status for result in run.results) == {
        StepStatus.SUCCEEDED: 1,
        StepStatus.FAILED: 1,
        StepStatus.ROLLED_BACK: 1,
    }
    assert "no process 'nobody'" in run.reason
    assert load.failed == 0
