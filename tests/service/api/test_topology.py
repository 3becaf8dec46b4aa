"""The service map and the series behind it."""

import httpx
import pytest

from service.api.app import create_app
from service.api.settings import ApiSettings
from tests.service.api.asgi import AppTransport
from tests.service.api.expect import problem

QUERY = {
    "component": "orders",
    "metric": "latency_p95_s",
    "start": "2026-03-01T12:00:00Z",
    "end": "2026-03-01T12:03:00Z",
}


def test_the_service_map(client):
    """Every component has its state, an unknown score is null, edges run to the callee and say how they are known."""
    body = client.get("/api/v1/topology").json()
    assert [(n["component"], n["score"], n["severity"]) for n in body["nodes"]] == [
        ("orders", 3.0, "HIGH"),
        ("payments", None, None),
    ]
    assert body["edges"][0] == {"caller": "orders", "callee": "payments", "sources": ["DECLARED"]}


def test_a_series(client):
    """A series has its times, values and band, all of one length, missing values as null."""
    body = client.get("/api/v1/series", params=QUERY).json()
    assert body["times"] == ["2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z", "2026-03-01T12:02:00Z"]
    assert body["values"] == [None, 1.0, 2.0]
    assert body["lower"] == [None, 0.0, 1.0]
    assert body["upper"] == [None, 2.0, 3.0]


def test_a_span_without_rows(client):
    """A span outside the window is an empty series."""
    query = QUERY | {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
    assert client.get("/api/v1/series", params=query).json()["times"] == []


def test_an_unknown_series(client):
    """A metric that nobody knows is a 404, however strange its name."""
    for name in ("nope", "\0", "../x", "🔥", "' OR 1=1 --"):
        problem(client.get("/api/v1/series", params=QUERY | {"metric": name}), 404)


@pytest.mark.parametrize(
    "change",
    [
        {"end": QUERY["start"]},
        {"start": "2026-03-02T12:00:00Z"},
        {"start": "2026-03-01T12:00:00"},
        {"start": "noon"},
        {"end": "9999-12-31T23:59:59Z"},
        {"component": "x" * 1001},
        {"metric": None},
        {"start": None},
    ],
)
def test_a_bad_span_is_refused(client, change):
    """An empty or backward span, a naive time, a missing or endless name are a 422."""
    query = {name: value for name, value in (QUERY | change).items() if value is not None}
    problem(client.get("/api/v1/series", params=query), 422)


def test_too_long_a_chart_is_refused(backend):
    """More rows than the settings allow are a 422 with the limit."""
    app = create_app(backend, ApiSettings(max_chart_rows=2))
    with httpx.Client(transport=AppTransport(app), base_url="http://127.0.0.1") as client:
        problem(client.get("/api/v1/series", params=QUERY), 422, "at most 2 rows")
