"""Health checks over HTTP: listed, summed up, looked up, paged, put into maintenance, in the health and the figures."""

from datetime import timedelta

import pytest

from models.errors import ConfigurationError
from service.checks.custom import FunctionProbe
from service.checks.runner import CheckRunner
from service.client import ApiError, FaultlineClient
from service.clock import SystemClock
from service.recovery.breakers import CircuitState
from service.recovery.checkup import Check, CheckPolicy, CheckSet, CheckType
from service.store.checks import CheckStore
from tests.service.api.expect import problem
from tests.service.api.fakes import NOW, a_snapshot
from tests.service.checks.peers import until

FAST = CheckPolicy(interval_s=0.05, retry_interval_s=0.02, max_retries=0, successes=1, timeout_s=1, jitter=0)


def broken():
    """Always wrong."""
    raise RuntimeError("stuck")


def a_check(name, function, *parents):
    """A quick check by a function."""
    probe = FunctionProbe(name=name, function=function, metrics=("depth",))
    return Check(id=name, component="orders", type=CheckType.CUSTOM, policy=FAST, depends_on=parents, target=probe)


@pytest.fixture
def running(backend):
    """The backend's checks, running: a well one, a failing one, and a child of that."""
    checks = (a_check("well", lambda: {"depth": 7}), a_check("bad", broken), a_check("child", broken, "bad"))
    runner = CheckRunner(
        lambda: CheckSet(checks),
        store=CheckStore(backend.store.database),
        clock=SystemClock(),
        now=backend.now,
        publish=backend.store.append,
    )
    backend._checks = runner
    with runner:
        until(lambda: runner.overview().status == "UNHEALTHY" and runner.view("child").phase == "SUPPRESSED")
        until(lambda: all(runner.history(name).items for name in ("well", "bad")))
        yield runner


def test_the_list_names_the_worst(client, running):
    """Each check is there with what it measured; the overall status is the worst, and says which."""
    body = client.get("/api/v1/checks").json()
    assert [item["id"] for item in body["items"]] == ["well", "bad", "child"]
    assert body["items"][0]["values"] == {"depth": 7.0}
    assert body["items"][2]["reason"] == "it depends on bad, which is not well"
    assert (body["overall"]["status"], body["overall"]["worst"]) == ("UNHEALTHY", "bad")
    assert body["overall"]["counts"] == {"HEALTHY": 1, "DEGRADED": 0, "UNHEALTHY": 1, "UNKNOWN": 1}
    assert client.get("/api/v1/checks/bad").json()["reason"] == "RuntimeError: stuck"
    problem(client.get("/api/v1/checks/nope"), 404, "nope")


def test_the_history_is_paged(client, running):
    """Newest first, without gap; a foreign cursor is refused."""
    until(lambda: len(running.history("bad").items) >= 4)
    first = client.get("/api/v1/checks/bad/history?limit=2").json()
    second = client.get("/api/v1/checks/bad/history", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    seqs = [item["seq"] for page in (first, second) for item in page["items"]]
    assert seqs == sorted(seqs, reverse=True)
    assert first["items"][0]["reason"] == "RuntimeError: stuck"
    problem(client.get("/api/v1/checks/nope/history"), 404, "nope")
    problem(client.get("/api/v1/checks/bad/history?cursor=abc"), 422)


def test_maintenance_is_ordered_and_ended(client, running):
    """Meanwhile the check is not reported; a time that is over is refused."""
    path = "/api/v1/checks/bad/maintenance"
    order = {"until": (NOW + timedelta(hours=1)).isoformat()}
    assert client.post(path, json=order).json()["phase"] == "MAINTENANCE"
    assert client.get("/api/v1/checks").json()["overall"]["status"] == "HEALTHY"
    problem(client.post(path, json={"until": (NOW - timedelta(hours=1)).isoformat()}), 422, "over")
    problem(client.post(path, json={"until": "2026-03-01T12:00:00"}), 422)
    assert client.post(path, json={"until": None}).json()["phase"] != "MAINTENANCE"
    problem(client.post("/api/v1/checks/nope/maintenance", json={"until": None}), 404)


def test_a_refused_reload_is_a_problem_and_a_warning(client, running):
    """The set in force stays, and the service says so."""

    def load():
        raise ConfigurationError("checks.yaml: line 3: checks[0].unit is wrong.", remedy="mend it")

    running._load = load
    problem(client.post("/api/v1/checks/reload", json={}), 422, "line 3")
    assert len(client.get("/api/v1/checks").json()["items"]) == 3
    assert "line 3" in client.get("/health").json()["warnings"][0]


def test_an_open_breaker_is_a_warning_and_never_unready(client, backend):
    """It is seen in the health, and the service stays ready and healthy."""
    backend.breakers_by_name["payments-db"] = a_snapshot("payments-db", CircuitState.OPEN, "drill")
    body = client.get("/health").json()
    assert (body["status"], body["warnings"]) == ("HEALTHY", ["the breaker of payments-db is open"])
    assert client.get("/readyz").status_code == 200


def test_a_failing_check_does_not_make_the_service_unready(client, running):
    """The checks are of others; the health shows them beside the service's own."""
    body = client.get("/health").json()
    assert (body["status"], body["checks"]["worst"]) == ("HEALTHY", "bad")
    assert client.get("/readyz").status_code == 200


def test_the_figures_hold_every_check(client, running):
    """Status, values, outcomes and hung runs can be scraped."""
    text = client.get("/metrics").text
    assert 'faultline_check_status{check="bad",component="orders",status="UNHEALTHY"} 1.0' in text
    assert 'faultline_check_value{check="well",component="orders",metric="depth"} 7.0' in text
    assert 'faultline_check_runs_total{check="bad",component="orders",outcome="failed"}' in text
    assert "faultline_checks_hung 0.0" in text


def test_the_client_reads_and_orders(client, running):
    """All of it is there for Python."""
    faultline = FaultlineClient("http://127.0.0.1", transport=client._transport)
    assert faultline.checks()["overall"]["worst"] == "bad"
    assert faultline.check("well")["status"] == "HEALTHY"
    assert next(faultline.check_history("bad"))["status"] == "UNHEALTHY"
    assert faultline.maintain_check("bad", NOW + timedelta(hours=1))["phase"] == "MAINTENANCE"
    assert faultline.maintain_check("bad", None)["maintenance_until"] is None
    assert len(faultline.reload_checks()["items"]) == 3
    with pytest.raises(ApiError, match="nope"):
        faultline.check("nope")
