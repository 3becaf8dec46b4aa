"""The ledger: pages and stream."""

import json

import httpx
import pytest

from service.api.app import create_app
from service.api.settings import ApiSettings
from service.records import RecordKind
from tests.service.api.asgi import AppTransport
from tests.service.api.expect import problem
from tests.service.store.examples import a_record

EVENTS = "/api/v1/events"


def test_events_page_by_page(client, backend):
    """The pages hold every record once, newest first; the filters narrow them."""
    for number in range(5):
        backend.store.append(a_record(number, subject=f"s{number % 2}"))
    backend.store.append(a_record(9, kind=RecordKind.ENGINE_ERROR, incident_id="i", data={"why": None, "n": [1]}))
    first = client.get(EVENTS, params={"limit": 4}).json()
    second = client.get(EVENTS, params={"limit": 4, "cursor": first["next_cursor"]}).json()
    assert [r["seq"] for r in first["items"] + second["items"]] == [6, 5, 4, 3, 2, 1]
    assert first["items"][0]["data"] == {"why": None, "n": [1]}
    for query, expected in [
        ({"kind": "ENGINE_ERROR"}, [6]),
        ({"subject": "s1"}, [4, 2]),
        ({"incident_id": "i"}, [6]),
        ({"subject": "' OR 1=1 --"}, []),
    ]:
        assert [r["seq"] for r in client.get(EVENTS, params=query).json()["items"]] == expected


@pytest.mark.parametrize("query", [{"kind": "NOPE"}, {"limit": 0}, {"limit": 501}, {"cursor": "x"}])
def test_a_bad_query_is_refused(client, query):
    """An unknown kind, a limit out of range and a made-up cursor are a 422."""
    problem(client.get(EVENTS, params=query), 422)


def streamed(backend, headers=None):
    """What a stream that ends at once sends: the messages as (id, kind, message)."""
    app = create_app(backend, ApiSettings(stream_max_s=0.05, stream_poll_s=0.01))
    with httpx.Client(transport=AppTransport(app), base_url="http://127.0.0.1") as client:
        response = client.get(f"{EVENTS}/stream", headers=headers or {})
    if response.status_code != 200:
        return response
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] in {"no-cache", "no-store"}
    messages = []
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            messages.append((fields["id"], fields["event"], json.loads(fields["data"])["message"]))
    return messages


def test_the_stream_resumes(backend):
    """With Last-Event-ID the stream begins behind that record, each record once, with its number and kind."""
    for number in range(1, 4):
        backend.store.append(a_record(number, message=f"line\nbreak {number}"))
    assert streamed(backend, {"last-event-id": "1"}) == [
        ("2", "ANOMALY_DETECTED", "line\nbreak 2"),
        ("3", "ANOMALY_DETECTED", "line\nbreak 3"),
    ]


def test_the_stream_begins_now(backend):
    """Without an id only what comes from now on is sent."""
    backend.store.append(a_record(1))
    assert streamed(backend) == []


def test_a_long_absence_is_caught_up(backend):
    """More records than one page holds are all sent."""
    for number in range(502):
        backend.store.append(a_record(number))
    assert len(streamed(backend, {"last-event-id": "0"})) == 502


@pytest.mark.parametrize("number", ["-1", "x", str(2**63), "1.5"])
def test_a_bad_place_in_the_stream(backend, number):
    """A Last-Event-ID that is no number of a record is a 422."""
    problem(streamed(backend, {"last-event-id": number}), 422)
