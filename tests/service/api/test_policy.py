"""Strategies, boundaries and routes over HTTP, and the guard of an application that asks for them."""

import pytest

from service.api.app import create_app
from service.client import ApiError, FaultlineClient
from service.recovery import RouteBlockedError, RouteGuard
from tests.service.api.asgi import AppTransport
from tests.service.api.expect import problem
from tests.service.recovery.test_documents import STRATEGIES

V1 = "/api/v1"


@pytest.fixture
def faultline(backend):
    """The Python client."""
    with FaultlineClient("http://127.0.0.1", transport=AppTransport(create_app(backend))) as client:
        yield client


def test_what_is_in_force_is_told(client):
    """Each strategy with condition and steps, each boundary with its components."""
    told = client.get(f"{V1}/policy").json()
    assert (told["default"], told["strategies_from"], told["since"]) == (
        "hand-to-operator",
        "shipped with Faultline",
        None,
    )
    assert told["boundaries"][0]["components"] == ["orders", "payments", "../odd/näme?"]
    assert all(one["steps"] and one["condition"] for one in told["strategies"])


def test_a_reload_takes_the_whole_file_or_nothing(client, backend, tmp_path):
    """A wrong file is refused with line and remedy and changes nothing; the right one is in force at once."""
    backend.plans = tmp_path / "plans.yaml"
    before = client.get(f"{V1}/policy").json()
    backend.plans.write_text(STRATEGIES.replace("category ==", "categry =="))
    said = problem(client.post(f"{V1}/policy/reload", json={}), 422, "plans.yaml: line 13, column 16")
    assert "Remedy: did you mean category?" in said["detail"]
    stayed = client.get(f"{V1}/policy").json()
    assert stayed == before | {"refused": stayed["refused"]}
    assert stayed["refused"] == said["detail"]
    backend.plans.write_text(STRATEGIES)
    after = client.post(f"{V1}/policy/reload", json={}).json()
    assert ([one["id"] for one in after["strategies"]], after["refused"]) == (["ask", "again"], "")
    assert (after["strategies_from"], after["since"] is None) == (str(backend.plans), False)
    kinds = [item["kind"] for item in client.get(f"{V1}/events").json()["items"]]
    assert kinds == ["POLICY_RELOADED", "POLICY_REFUSED"]


def test_a_route_is_answered(client):
    """Open, cut by an isolation, or of a component that nobody knows."""
    ask = f"{V1}/routes/check"
    answer = client.get(ask, params={"caller": "orders", "callee": "../odd/näme?"}).json()
    assert (answer["is_open"], answer["boundary"], answer["reason"]) == (True, "", "")
    answer = client.get(ask, params={"caller": "orders", "callee": "payments"}).json()
    assert (answer["is_open"], answer["boundary"], answer["reason"]) == (False, "system", "payments is isolated")
    problem(client.get(ask, params={"caller": "orders", "callee": "nobody"}), 404, "nobody")
    problem(client.get(ask, params={"caller": "orders"}), 422, "callee")


def test_an_application_guards_its_calls_by_the_table_of_the_service(faultline):
    """One request, then any number of decisions; the guard refuses what the service would refuse."""
    table = faultline.route_table()
    assert RouteGuard(lambda: table, "orders", "../odd/näme?").call(int, "3") == 3
    with pytest.raises(RouteBlockedError, match="payments is isolated") as caught:
        RouteGuard(lambda: table, "orders", "payments").call(int, "3")
    assert caught.value.boundary == faultline.route("orders", "payments")["boundary"] == "system"


def test_the_client_reloads(faultline, backend, tmp_path):
    """Its error is the API's."""
    assert faultline.reload_policy()["version"] == faultline.policy()["version"]
    backend.plans = tmp_path / "none.yaml"
    with pytest.raises(ApiError, match=r"none\.yaml: cannot be read: No such file"):
        faultline.reload_policy()
