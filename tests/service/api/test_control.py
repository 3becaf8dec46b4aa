"""Breakers and recovery runs, by hand."""

import pytest

from analysis.incidents import IllegalTransitionError
from service.ports import PermanentError
from service.recovery.breakers.states import IllegalSignalError
from service.recovery.lifecycle import IllegalRunSignalError
from tests.service.api.expect import problem

BREAKERS = "/api/v1/breakers"
RUNS = "/api/v1/recoveries"
ORDER = {"name": "payments-db", "reason": "drill"}
STRANGE = "../odd/näme?\0"


def test_breakers(client):
    """All breakers are listed with their figures."""
    body = client.get(BREAKERS).json()
    assert [b["name"] for b in body["items"]] == ["payments-db", STRANGE]
    assert body["items"][0]["state"] == "CLOSED"
    assert body["next_cursor"] is None


@pytest.mark.parametrize("name", ["payments-db", STRANGE])
def test_trip_and_reset(client, name):
    """A breaker is opened and closed by hand, and the answer shows it; doing it twice is no error."""
    order = {"name": name, "reason": "drill"}
    for _ in range(2):
        opened = client.post(f"{BREAKERS}/trip", json=order).json()
        assert (opened["name"], opened["state"], opened["reason"]) == (name, "OPEN", "drill")
    assert client.post(f"{BREAKERS}/reset", json=order).json()["state"] == "CLOSED"


@pytest.mark.parametrize("state", ["FORCED_OPEN", "DISABLED", "METRICS_ONLY"])
def test_force(client, state):
    """A breaker is put into a forced state by hand and comes back by a reset."""
    forced = client.post(f"{BREAKERS}/force", json=ORDER | {"state": state}).json()
    assert (forced["state"], forced["reason"]) == (state, ORDER["reason"])
    assert client.post(f"{BREAKERS}/reset", json=ORDER).json()["state"] == "CLOSED"


@pytest.mark.parametrize("order", [ORDER, ORDER | {"state": "OPEN"}, ORDER | {"state": "disabled"}])
def test_a_state_that_nobody_can_force(client, backend, order):
    """Open and half open are reached by themselves; the answer names what can be forced."""
    problem(client.post(f"{BREAKERS}/force", json=order), 422, "state")
    assert backend.breakers_by_name["payments-db"].state == "CLOSED"


@pytest.mark.parametrize("what", ["trip", "reset"])
def test_an_unknown_breaker(client, what):
    """A breaker that nobody declared is a 404 that lists those that exist."""
    problem(client.post(f"{BREAKERS}/{what}", json=ORDER | {"name": "nope"}), 404, "nope", "payments-db")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (IllegalSignalError("no"), 409),
        (IllegalTransitionError("no"), 409),
        (IllegalRunSignalError("no"), 409),
        (PermanentError("no"), 502),
    ],
)
def test_an_order_that_cannot_be_followed(client, backend, fault, status):
    """An illegal order is a conflict, trouble of a port a bad gateway."""
    backend.fault = fault
    problem(client.post(f"{BREAKERS}/trip", json=ORDER), status, "no")


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"name": "payments-db"},
        {"name": "payments-db", "reason": ""},
        {"name": "payments-db", "reason": "x" * 501},
        {"name": 7, "reason": "x"},
        ORDER | {"force": True},
        [],
    ],
)
def test_an_order_that_does_not_fit(client, backend, order):
    """An order without a name or reason, or with unknown fields, is a 422 and changes nothing."""
    problem(client.post(f"{BREAKERS}/trip", json=order), 422)
    assert backend.breakers_by_name["payments-db"].state == "CLOSED"


def test_runs_page_by_page(client, backend):
    """The pages hold every run once, newest first; status and incident narrow them."""
    first = client.get(RUNS, params={"limit": 3}).json()
    second = client.get(RUNS, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [r["id"] for r in first["items"] + second["items"]] == [f"run-{n:04d}" for n in (5, 4, 3, 2, 1)]
    assert second["next_cursor"] is None
    assert client.get(RUNS, params={"status": "RUNNING"}).json()["items"] == []
    assert client.get(RUNS, params={"incident_id": "other"}).json()["items"] == []
    assert len(client.get(RUNS, params={"incident_id": "inc-0001", "limit": 5}).json()["items"]) == 5


def test_one_run(client):
    """A run comes with its steps."""
    body = client.get(f"{RUNS}/run-0001").json()
    assert body["steps"] == [
        {
            "name": "restart",
            "type": "RESTART",
            "status": "PENDING",
            "attempts": 0,
            "detail": "",
            "started_at": None,
            "finished_at": None,
        }
    ]
    problem(client.get(f"{RUNS}/nope"), 404, "nope")


def test_approve(client):
    """A run that waits goes on; approving it again is a conflict."""
    body = client.post(f"{RUNS}/run-0001/approve", json={"by": "kim"}).json()
    assert (body["status"], body["reason"]) == ("RUNNING", "approved by kim")
    problem(client.post(f"{RUNS}/run-0001/approve", json={"by": "kim"}), 409, "RUNNING")


def test_cancel(client):
    """A run is ended with a reason; an unknown one is a 404."""
    body = client.post(f"{RUNS}/run-0002/cancel", json={"reason": "we do it"}).json()
    assert (body["status"], body["reason"]) == ("CANCELLED", "we do it")
    problem(client.post(f"{RUNS}/nope/cancel", json={"reason": "x"}), 404, "nope")


@pytest.mark.parametrize(
    ("path", "body"), [("approve", {}), ("approve", {"by": ""}), ("cancel", {}), ("cancel", {"reason": 3})]
)
def test_an_unsigned_decision_is_refused(client, backend, path, body):
    """Nobody approves or cancels without saying who or why."""
    problem(client.post(f"{RUNS}/run-0001/{path}", json=body), 422)
    assert backend.runs_by_id["run-0001"].status == "WAITING_APPROVAL"


@pytest.mark.parametrize("query", [{"limit": 0}, {"cursor": "x"}, {"status": "NOPE"}])
def test_a_bad_query_is_refused(client, query):
    """A limit out of range, a made-up cursor and an unknown status are a 422."""
    problem(client.get(RUNS, params=query), 422)
