"""The service itself: alive, ready, well, and its figures."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.recovery.breakers import CircuitState
from tests.service.api.expect import problem
from tests.service.api.fakes import NOW, WELL, a_snapshot
from tests.service.store.examples import an_incident


class Untouchable:
    """A backend that must not be touched."""

    def __getattr__(self, name):
        raise AssertionError(name)


def test_alive_touches_nothing(client, backend):
    """The process answers even when the engine and the store do not."""
    client._transport._inner.app.state  # noqa: B018  # the attribute exists in every stack
    backend.__class__ = Untouchable
    backend.__dict__, kept = {}, backend.__dict__
    try:
        assert client.get("/livez").json() == {"status": "alive"}
    finally:
        from tests.service.api.fakes import FakeBackend

        backend.__class__, backend.__dict__ = FakeBackend, kept


def test_ready(client, backend):
    """Ready means that the engine watches and the store answers."""
    assert client.get("/readyz").json() == {"status": "ready"}
    backend.engine = replace(WELL, is_ready=False, reason="no bundle")
    problem(client.get("/readyz"), 503, "no bundle")
    backend.engine = replace(WELL, is_ready=False)
    problem(client.get("/readyz"), 503, "not started")


def test_a_store_that_is_gone_is_not_ready(client, backend):
    """A store that does not answer is a 503 without its details."""
    from sqlalchemy import text

    with backend.store.database.write_connection() as connection:
        connection.execute(text("DROP TABLE records"))
    body = problem(client.get("/readyz"), 503, "store")
    assert "SELECT" not in body["detail"]


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({}, "HEALTHY", ""),
        ({"is_ready": False, "reason": "no bundle"}, "UNHEALTHY", "no bundle"),
        ({"is_ready": False}, "UNHEALTHY", "the engine has not started"),
        ({"last_row_at": None}, "UNKNOWN", "no metric row was read yet"),
        ({"last_row_at": NOW - timedelta(hours=1)}, "DEGRADED", "the newest metric row is 3600 s old"),
        ({"reason": "the last step failed"}, "DEGRADED", "the last step failed"),
    ],
)
def test_health(client, backend, change, status, reason):
    """Each trouble of the loop and of its data has its verdict and its reason."""
    backend.engine = replace(WELL, **change)
    body = client.get("/health").json()
    assert (body["status"], body["reason"]) == (status, reason)
    assert body["now"] == "2026-03-01T13:00:00Z"
    assert (body["lag_s"] is None) == (backend.engine.last_row_at is None)


def test_figures(client, backend):
    """Prometheus gets the engine's figures and the requests by route, never by path; strange names are escaped."""
    backend.store.save_incident(an_incident())
    backend.breakers_by_name = {'a"b\\c\n': a_snapshot('a"b\\c\n', CircuitState.OPEN)}
    client.get("/api/v1/incidents/secret-id")
    client.get("/no-such-path")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    for line in (
        "faultline_ready 1.0",
        "faultline_data_lag_seconds 60.0",
        "faultline_rows_read_total 60.0",
        'faultline_incidents{status="OPEN"} 1.0',
        'faultline_incidents{status="RESOLVED"} 0.0',
        'faultline_breaker_state{breaker="a\\"b\\\\c\\n",state="OPEN"} 1.0',
        'faultline_http_requests_total{method="GET",route="/api/v1/incidents/{incident_id}",status="404"} 1.0',
        'faultline_http_requests_total{method="GET",route="unmatched",status="404"} 1.0',
    ):
        assert line in lines, response.text
    assert "secret-id" not in response.text
    assert "no-such-path" not in response.text


def test_figures_parse(client):
    """The text is what Prometheus reads, before the first row as well."""
    from prometheus_client.parser import text_string_to_metric_families

    names = {family.name for family in text_string_to_metric_families(client.get("/metrics").text)}
    assert {"faultline_ready", "faultline_incidents", "faultline_breaker_state", "faultline_breaker_calls"} <= names


def test_registries_do_not_meet(client, backend):
    """Two applications in one process count apart."""
    import httpx

    from service.api.app import create_app
    from tests.service.api.asgi import AppTransport

    client.get("/livez")
    with httpx.Client(transport=AppTransport(create_app(backend)), base_url="http://127.0.0.1") as other:
        assert 'route="/livez"' not in other.get("/metrics").text
    assert 'route="/livez"' in client.get("/metrics").text
