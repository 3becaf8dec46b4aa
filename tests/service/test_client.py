"""The Python client: every method against the real application, and every way to fail."""

from datetime import timedelta

import httpx
import pytest

from models.errors import FaultlineError
from service.api.app import create_app
from service.client import ApiError, FaultlineClient, UnreachableError
from tests.service.api.asgi import AppTransport
from tests.service.api.fakes import FakeBackend
from tests.service.store.examples import MINUTE, T0, a_record, an_anomaly, an_incident


@pytest.fixture
def backend():
    """Fresh, with a store in memory."""
    backend = FakeBackend()
    yield backend
    backend.store.close()


@pytest.fixture
def client(backend):
    """A client of an application over the fake backend."""
    with FaultlineClient("http://127.0.0.1", transport=AppTransport(create_app(backend))) as client:
        yield client


def answering(status, **arguments):
    """A client whose service always answers the same."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, **arguments))
    return FaultlineClient("http://127.0.0.1", transport=transport)


def test_score(client, backend):
    """Points with datetimes are judged, with a stated step or without."""
    points = [{"component": "a", "metric": "m", "ts": T0 + n * MINUTE, "value": n} for n in range(3)]
    assert client.score(points)["n_rows"] == 3
    assert client.score(points[:1], step_s=60)["anomalies"][0]["component"] == "orders"


def test_listings_go_through_all_pages(client, backend):
    """A listing gives every item of every page, fetched as needed."""
    for number in range(501):
        backend.store.append(a_record(number))
    backend.store.save_anomalies([an_anomaly(minute=n) for n in range(501)])
    assert [r["seq"] for r in client.events()] == list(range(501, 0, -1))
    assert len(list(client.events(kind="ENGINE_ERROR"))) == 0
    assert len(list(client.anomalies(since=T0 + MINUTE))) == 500
    assert next(iter(client.events()))["seq"] == 501
    assert [run["id"] for run in client.recoveries()] == [f"run-{n:04d}" for n in (5, 4, 3, 2, 1)]


def test_incidents(client, backend):
    """Incidents, their analysis and their timeline can be asked for, whatever the id."""
    backend.store.save_incident(an_incident(id="odd id?#%"))
    assert [i["id"] for i in client.incidents(status="OPEN")] == ["odd id?#%"]
    assert client.incident("odd id?#%")["components"] == ["orders"]
    assert client.diagnose("odd id?#%")["confidence"] == 0.8
    assert client.root_cause("odd id?#%")["most_likely_cause"]["component"] == "payments-db"
    assert client.card("odd id?#%")["root_cause"]["component"] == "payments-db"
    assert client.timeline("odd id?#%")["items"][0]["kind"] == "ANOMALY_STARTED"


def test_related_incidents(client, backend):
    """Relations, recurring failures and earlier ones like an incident."""
    backend.store.save_incident(an_incident(1))
    assert client.correlations()["n_incidents"] == 1
    assert client.patterns(latest=5)["items"] == []
    assert client.similar("inc-0001")["items"] == []
    with pytest.raises(ApiError, match="404"):
        client.similar("nope")


def test_the_map_and_a_series(client):
    """The service map and a chart can be asked for."""
    assert len(client.topology()["nodes"]) == 2
    series = client.series("orders", "latency_p95_s", T0, T0 + timedelta(minutes=2))
    assert len(series["times"]) == 2


def test_acting(client):
    """Breakers and runs can be acted on."""
    assert [b["state"] for b in client.breakers()] == ["CLOSED", "CLOSED"]
    assert client.trip_breaker("payments-db", "drill")["state"] == "OPEN"
    assert client.reset_breaker("payments-db", "drill")["state"] == "CLOSED"
    assert client.force_breaker("payments-db", "DISABLED", "drill")["state"] == "DISABLED"
    assert client.approve("run-0001", "kim")["status"] == "RUNNING"
    assert client.cancel("run-0002", "no")["status"] == "CANCELLED"


def test_health(client):
    """The service can be asked how it is."""
    assert client.health()["status"] == "HEALTHY"


def test_a_problem_is_an_error(client):
    """A problem becomes an error with its status, words, fields and request id."""
    with pytest.raises(ApiError, match=r"404.*nope") as caught:
        client.root_cause("nope")
    assert caught.value.status == 404
    assert len(caught.value.request_id) == 16
    with pytest.raises(ApiError) as caught:
        client.score([{"component": "a", "metric": "m", "ts": T0, "value": "x"}])
    assert caught.value.errors[0]["location"] == "body/points/0/value"
    assert isinstance(caught.value, FaultlineError)


def test_something_else_answers():
    """An error page of another server is an error that says so."""
    with (
        answering(502, text="<html>Bad gateway</html>") as client,
        pytest.raises(ApiError, match="Faultline") as caught,
    ):
        client.topology()
    assert caught.value.status == 502


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"", b"\xff\xfe", b"[]", b'"text"'])
def test_something_else_succeeds(body):
    """A success that is not the service's JSON is an error that says so."""
    with answering(200, content=body) as client, pytest.raises(ApiError, match="Faultline"):
        client.topology()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"detail": 3}'])
def test_a_broken_problem(body):
    """A problem that is none is still an error with its status."""
    headers = {"content-type": "application/problem+json"}
    with answering(500, content=body, headers=headers) as client, pytest.raises(ApiError) as caught:
        client.topology()
    assert caught.value.status == 500


def test_nobody_answers():
    """A service that does not run is an error with a remedy."""

    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    client = FaultlineClient("http://127.0.0.1:9", transport=httpx.MockTransport(refuse))
    with client, pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9.*Remedy"):
        client.health()
