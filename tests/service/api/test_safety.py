"""The switch, the levels, the figures of strategies and the check of the ledger over HTTP."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from service.recovery.runs import RecoveryStatus, RunPhase
from service.safety_desk import NotAllowedError
from tests.service.api.expect import problem
from tests.service.recovery.plans import later, restart, run_of, strategy
from tests.service.store.examples import a_record

V1 = "/api/v1"
ORDER = {"by": "kim", "reason": "database move"}


def go_down(backend):
    """One look at a bad component."""
    bad = SimpleNamespace(facts=lambda _: {"worst_score": 5.0})
    backend.safety._degradations.observe(bad, backend.now())


def test_actions_are_stopped_and_resumed(client):
    """The answer says who and why; the ledger too."""
    before = client.get(f"{V1}/actions").json()
    assert (before["is_stopped"], before["since"], before["guard"]["max_out_share"]) == (False, None, 0.1)
    stopped = client.post(f"{V1}/actions/stop", json=ORDER).json()
    assert (stopped["is_stopped"], stopped["by"], stopped["reason"]) == (True, "kim", "database move")
    assert client.get(f"{V1}/actions").json() == stopped
    assert client.post(f"{V1}/actions/resume", json=ORDER).json()["is_stopped"] is False
    kinds = [item["kind"] for item in client.get(f"{V1}/events").json()["items"]]
    assert kinds == ["ACTIONS_RESUMED", "ACTIONS_STOPPED"]


@pytest.mark.parametrize("order", [{}, {"by": "kim"}, ORDER | {"by": "  "}, ORDER | {"reason": ""}, ORDER | {"x": 1}])
def test_an_order_needs_a_name_and_a_reason(client, order):
    """And nothing else; nothing is stopped without."""
    problem(client.post(f"{V1}/actions/stop", json=order), 422)
    assert client.get(f"{V1}/actions").json()["is_stopped"] is False


def test_levels_are_told_with_a_tag(client, backend):
    """An unchanged answer is not sent again; a changed one is."""
    first = client.get(f"{V1}/degradation", params={"component": "checkout"})
    (item,) = first.json()["items"]
    assert (item["level"], item["name"], item["gives_up"], item["since"]) == (0, "full", [], None)
    tag = {"If-None-Match": first.headers["etag"]}
    again = client.get(f"{V1}/degradation", params={"component": "checkout"}, headers=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    go_down(backend)
    changed = client.get(f"{V1}/degradation", params={"component": "checkout"}, headers=tag)
    assert (changed.status_code, changed.json()["items"][0]["gives_up"]) == (200, ["ads"])
    assert [item["component"] for item in client.get(f"{V1}/degradation").json()["items"]] == [
        "../odd/näme?",
        "checkout",
    ]


def test_a_component_without_levels_is_a_404(client):
    """That names those with levels."""
    problem(client.get(f"{V1}/degradation", params={"component": "nobody"}), 404, "nobody", "checkout")


def finished(name, ending, seconds):
    """A run."""
    plan = strategy(restart(), id=name)
    return replace(run_of(plan), phase=RunPhase.ENDED, ending=ending, finished_at=later(seconds))


def test_strategies_are_judged_by_their_runs(client, backend):
    """Success rate and mean time to recover, as JSON and as figures for Prometheus; unknown is null and left out."""
    backend.finished = [
        finished("restart", RecoveryStatus.COMPLETED, 100),
        finished("restart", RecoveryStatus.COMPLETED, 200),
        finished("restart", RecoveryStatus.FAILED, 1),
        finished("scale", RecoveryStatus.CANCELLED, 1),
    ]
    items = client.get(f"{V1}/strategies").json()["items"]
    told = [(item["strategy_id"], item["success_rate"], item["time_to_recover_s"]) for item in items]
    assert told == [("restart", pytest.approx(2 / 3), 150.0), ("scale", None, None)]
    text = client.get("/metrics").text
    assert 'faultline_strategy_runs{ending="completed",strategy="restart"} 2.0' in text
    assert 'faultline_strategy_success_ratio{strategy="restart"} 0.66' in text
    assert 'faultline_strategy_time_to_recover_seconds{strategy="restart"} 150.0' in text
    assert 'success_ratio{strategy="scale"}' not in text


def test_the_switch_and_the_levels_are_figures_too(client, backend):
    """For alerts on them."""
    client.post(f"{V1}/actions/stop", json=ORDER)
    go_down(backend)
    text = client.get("/metrics").text
    assert "faultline_actions_stopped 1.0" in text
    assert 'faultline_degradation_level{component="checkout"} 1.0' in text


def test_the_ledger_is_checked(client, backend):
    """Intact, with a head that was kept, and broken."""
    for n in range(5):
        backend.store.append(a_record(n))
    head = client.get(f"{V1}/audit/head").json()
    verdict = client.post(f"{V1}/audit/verify", json={"anchors": [head]}).json()
    assert (verdict["is_intact"], verdict["checked"], verdict["anchors"], verdict["head"]) == (True, 5, 1, head)
    with backend.store.database.write_connection() as connection:
        connection.exec_driver_sql("UPDATE records SET message = 'x' WHERE seq = 3")
    verdict = client.post(f"{V1}/audit/verify", json={}).json()
    assert (verdict["is_intact"], verdict["broken_seq"], verdict["checked"]) == (False, 3, 2)


@pytest.mark.parametrize("anchor", [{"seq": 1}, {"seq": -1, "digest": "a" * 64}, {"seq": 1, "digest": "A" * 64}])
def test_an_anchor_that_is_none_is_refused(client, anchor):
    """With its field."""
    problem(client.post(f"{V1}/audit/verify", json={"anchors": [anchor]}), 422, "anchors")


def test_somebody_who_may_not_approve_gets_403(client, backend):
    """And those who may are named."""
    backend.safety._approvers = frozenset({"lee"})
    with pytest.raises(NotAllowedError, match="lee"):
        backend.safety.check_approver("kim")
    backend.safety.check_approver("lee")
    backend.approve_run = lambda run_id, by: backend.safety.check_approver(by)
    problem(client.post(f"{V1}/recoveries/run-0001/approve", json={"by": "kim"}), 403, "kim", "lee")


def test_a_run_shows_its_plan_and_approvals(client):
    """So that an operator sees what is asked and who agreed."""
    run = client.get(f"{V1}/recoveries/run-0001").json()
    assert {"plan", "approvals", "approvals_needed"} <= set(run)


def test_who_cancels_is_recorded(client):
    """In the reason, which the ledger keeps."""
    body = {"reason": "not now", "by": "kim"}
    assert client.post(f"{V1}/recoveries/run-0001/cancel", json=body).json()["reason"] == "not now (kim)"
