"""The client's part of safety, against the real application: switch, levels, approvals, ledger."""

from types import SimpleNamespace

import pytest

from service.api.app import create_app
from service.client import ApiError, FaultlineClient
from tests.service.api.asgi import AppTransport
from tests.service.api.fakes import FakeBackend
from tests.service.store.examples import a_record


class Counting(AppTransport):
    """Keeps the statuses of the answers."""

    def __init__(self, app):
        super().__init__(app)
        self.statuses = []

    def handle_request(self, request):
        """Pass on."""
        response = super().handle_request(request)
        self.statuses.append(response.status_code)
        return response


@pytest.fixture
def backend():
    """Fresh, with a store in memory."""
    backend = FakeBackend()
    yield backend
    backend.store.close()


@pytest.fixture
def transport(backend):
    """To that application."""
    return Counting(create_app(backend))


@pytest.fixture
def client(transport):
    """A client of it."""
    with FaultlineClient("http://127.0.0.1", transport=transport) as client:
        yield client


def test_actions_are_stopped_and_resumed(client):
    """Each gives the state after it."""
    assert client.stop_actions("kim", "move")["by"] == "kim"
    assert client.actions()["is_stopped"]
    assert not client.resume_actions("kim", "moved")["is_stopped"]


def test_levels_are_polled_cheaply(client, transport, backend):
    """An answer that did not change is not sent again, and the client gives the one it has."""
    looks = [client.degradation("checkout") for _ in range(3)]
    assert (transport.statuses, len(set(looks))) == ([200, 304, 304], 1)
    assert (looks[0].level, looks[0].name, looks[0].allows("ads")) == (0, "full", True)
    bad = SimpleNamespace(facts=lambda _: {"worst_score": 5.0})
    backend.safety._degradations.observe(bad, backend.now())
    after = client.degradation("checkout")
    assert (after.level, after.name, after.allows("ads"), after.allows("search")) == (1, "lean", False, True)
    assert transport.statuses[-1] == 200
    assert [item["component"] for item in client.degradations()] == ["../odd/näme?", "checkout"]
    assert client.degradation("../odd/näme?").level == 0
    with pytest.raises(ApiError, match="404"):
        client.degradation("nobody")


def test_a_run_is_looked_up(client):
    """With its plan and approvals."""
    assert client.recovery("run-0001")["approvals"] == []
    assert client.cancel("run-0001", "no", by="kim")["reason"] == "no (kim)"


def test_the_ledger_is_checked(client, backend):
    """With a head that was kept."""
    for n in range(3):
        backend.store.append(a_record(n))
    head = client.audit_head()
    verdict = client.audit_verify([head])
    assert (verdict["is_intact"], verdict["anchors"], head[0]) == (True, 1, 3)
    assert client.strategies() == []
