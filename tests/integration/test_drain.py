"""The journal restarts real servers behind a real HAProxy under load: drained, no request fails; at once, some do."""

from collections import Counter

import pytest

from benchmarks import drain, real_peers
from service.recovery.runs import RecoveryStatus, StepStatus

pytestmark = pytest.mark.usefixtures("haproxy_here")


def test_a_drained_restart_loses_no_request():
    """The run isolates, restarts, releases and verifies by what the clients see; not one of them notices."""
    got = drain.measure(300, is_drained=True, answer_s=0.03, at_least=2)
    assert (got.failed, set(got.outcomes)) == (0, {"200"})
    assert got.requests >= 300
    assert [run.status for run in got.runs] == [RecoveryStatus.COMPLETED] * len(got.runs)
    for run in got.runs:
        assert [(result.step_id, result.status) for result in run.results] == [
            (step, StepStatus.SUCCEEDED) for step in ("drain", "restart", "release", "verify")
        ]
        assert "no request is open" in run.results[0].detail
        assert "in place of" in run.results[1].detail


def test_without_draining_the_same_load_loses_requests():
    """What was under way is lost, so the measurement above can fail; the servers are as well in the end."""
    got = drain.measure(300, is_drained=False, answer_s=0.03, at_least=2)
    assert got.failed > 0
    assert all(result.status is StepStatus.SUCCEEDED for run in got.runs for result in run.results)


def test_a_restart_that_fails_is_taken_back():
    """A server that does not come up again: the run fails, its isolation is released, the other server serves on."""
    with real_peers.balanced() as peers, real_peers.Load(peers.port) as load:
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
