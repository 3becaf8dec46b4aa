"""Incidents, their root cause and their timeline."""

import json
from dataclasses import replace

import pytest

from analysis.incidents import IncidentStatus
from models.errors import NotFittedError
from service.ports import TransientError
from service.records import RecordKind
from tests.service.api.expect import problem
from tests.service.store.examples import MINUTE, T0, a_record, an_analysis, an_anomaly, an_incident

INCIDENTS = "/api/v1/incidents"


def test_incidents_page_by_page(client, backend):
    """The pages hold every incident once, newest first; status and component narrow them."""
    for number in range(5):
        status = IncidentStatus.OPEN if number < 2 else IncidentStatus.RESOLVED
        backend.store.save_incident(an_incident(number, (an_anomaly(f"c{number}", minute=number),), status=status))
    first = client.get(INCIDENTS, params={"limit": 3}).json()
    second = client.get(INCIDENTS, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [i["id"] for i in first["items"] + second["items"]] == [f"inc-{n:04d}" for n in (4, 3, 2, 1, 0)]
    assert second["next_cursor"] is None
    found = client.get(INCIDENTS, params={"status": "OPEN"}).json()["items"]
    assert [i["id"] for i in found] == ["inc-0001", "inc-0000"]
    found = client.get(INCIDENTS, params={"component": "c3"}).json()["items"]
    assert [(i["id"], i["components"], i["n_anomalies"]) for i in found] == [("inc-0003", ["c3"], 1)]


def test_one_incident(client, backend):
    """An incident comes with its anomalies, severity, onset and components."""
    backend.store.save_incident(an_incident(5, (an_anomaly("b", minute=3), an_anomaly("a", minute=1))))
    body = client.get(f"{INCIDENTS}/inc-0005").json()
    assert [a["component"] for a in body["anomalies"]] == ["b", "a"]
    assert (body["severity"], body["onset"], body["components"]) == ("HIGH", "2026-03-01T12:01:00Z", ["a", "b"])


@pytest.mark.parametrize(
    "name",
    ["nope", "%00", "..%2F..%2Fetc%2Fpasswd", "x" * 5000, "'; DROP TABLE incidents; --", "%F0%9F%94%A5", "%ED%A0%80"],
)
@pytest.mark.parametrize("part", ["", "/card", "/root-cause", "/timeline", "/event-graph"])
def test_an_unknown_incident(client, name, part):
    """An id that nobody knows is a 404, however strange it is."""
    problem(client.get(f"{INCIDENTS}/{name}{part}"), 404)


def test_an_incident_with_a_strange_id(client, backend):
    """An id that holds quotes and an emoji is found again."""
    backend.store.save_incident(an_incident(id='in\'c "1" 🔥'))
    assert client.get(f"{INCIDENTS}/in'c%20%221%22%20🔥").json()["id"] == 'in\'c "1" 🔥'


def test_the_event_graph(client, backend):
    """Events have ids that links, roots and the critical path refer to."""
    backend.store.save_incident(an_incident(1, anomalies=(an_anomaly(), an_anomaly("payments-db", "cpu", minute=-2))))
    body = client.get(f"{INCIDENTS}/inc-0001/event-graph").json()
    ids = {event["id"] for event in body["events"]}
    assert len(ids) == len(body["events"]) == 2
    assert {end for link in body["links"] for end in link.values()} | set(body["roots"]) <= ids
    assert set(body["critical_path"]) <= ids
    assert body["roots"]


def _an_incident_of_three(backend):
    """The data store is busy, then its callers are slow."""
    found = (an_anomaly("payments-db", "cpu", 1), an_anomaly("payments", minute=2), an_anomaly("orders", minute=3))
    backend.store.save_incident(an_incident(anomalies=found))


def test_the_card(client, backend):
    """Three buckets with every component in one of them, and the story; numbers that are none are null."""
    _an_incident_of_three(backend)
    backend.store.save_analysis("inc-0001", an_analysis(), T0 + MINUTE)
    body = json.loads(client.get(f"{INCIDENTS}/inc-0001/card").text, parse_constant=pytest.fail)
    assert body["incident_id"] == "inc-0001"
    assert body["root_cause"]["component"] == "payments-db"
    assert [party["component"] for party in body["critical_failure"]["parties"]] == ["orders"]
    assert [party["component"] for party in body["impact"]["affected"]] == ["payments"]
    assert body["impact"]["at_risk"] == []
    assert body["impact"]["why_none_at_risk"]
    assert body["propagation"] == ["payments-db", "payments", "orders"]
    assert [moment["component"] for moment in body["critical_path"]] == ["payments-db", "payments", "orders"]
    assert [(branch["parent"], branch["depth"]) for branch in body["event_tree"]] == [(None, 0), (0, 1), (1, 2)]
    assert body["times"]["began_at"] == "2026-03-01T12:01:00Z"
    assert body["left_out"] == {}


def test_the_card_before_the_analysis(client, backend):
    """Nothing is named yet, and the card says why; what is felt is told already."""
    _an_incident_of_three(backend)
    body = client.get(f"{INCIDENTS}/inc-0001/card").json()
    assert (body["root_cause"]["component"], body["root_cause"]["confidence"]) == ("", None)
    assert "not been analysed" in body["root_cause"]["why_empty"]
    assert [party["component"] for party in body["critical_failure"]["parties"]] == ["orders"]


def test_the_card_of_a_flood_stays_small(client, backend):
    """A thousand anomalies make a card of a bounded size that counts what it leaves out."""
    found = tuple(an_anomaly(f"c{n}", f"m{k}", n) for n in range(250) for k in range(4))
    backend.store.save_incident(an_incident(anomalies=found))
    response = client.get(f"{INCIDENTS}/inc-0001/card")
    assert len(response.content) < 200_000
    assert response.json()["left_out"]["timeline"] == 250 - len(response.json()["timeline"])


def test_the_links_of_a_flood_are_counted(client, backend, monkeypatch):
    """Links that do not fit are left out and counted."""
    monkeypatch.setattr("service.api.schemas.incidents.MOST_LINKS", 3)
    backend.store.save_incident(an_incident(anomalies=tuple(an_anomaly("orders", f"m{n}", n) for n in range(9))))
    body = client.get(f"{INCIDENTS}/inc-0001/event-graph").json()
    assert (len(body["links"]), body["n_links_left_out"]) == (3, 5)


def test_the_root_cause(client, backend):
    """The stored analysis is told in full, and when it was made."""
    backend.store.save_incident(an_incident())
    backend.store.save_analysis("inc-0001", an_analysis(), T0 + MINUTE)
    body = json.loads(client.get(f"{INCIDENTS}/inc-0001/root-cause").text, parse_constant=pytest.fail)
    assert body["analysed_at"] == "2026-03-01T12:01:00Z"
    assert body["most_likely_cause"]["component"] == "payments-db"
    assert body["most_likely_cause"]["category"] == "RESOURCE"
    assert body["most_likely_cause"]["propagation"] == ["payments-db", "payments", "orders"]
    assert body["evidence"][0]["numbers"] == {"lead_s": 120.0, "unknown": None, "ratio": 1.7976931348623157e308}
    assert body["metric_ranking"] == [{"component": "payments-db", "metric": "cpu"}]
    assert body["skipped"] == [{"name": "traces", "reason": "there are no traces"}]


def test_not_enough_evidence(client, backend):
    """An analysis that names nothing says null, and keeps its candidates."""
    backend.store.save_incident(an_incident())
    backend.store.save_analysis("inc-0001", replace(an_analysis(), most_likely_cause=None), T0)
    body = client.get(f"{INCIDENTS}/inc-0001/root-cause").json()
    assert body["most_likely_cause"] is None
    assert len(body["possible_causes"]) == 1


def test_not_analysed_yet(client, backend):
    """Before the first analysis the root cause is a 404 that says of which incident."""
    backend.store.save_incident(an_incident())
    problem(client.get(f"{INCIDENTS}/inc-0001/root-cause"), 404, "root cause", "inc-0001")


def test_analysed_again(client, backend):
    """Asking for a new analysis runs it, keeps it and gives it."""
    backend.store.save_incident(an_incident())
    body = client.post(f"{INCIDENTS}/inc-0001/root-cause", json={}).json()
    assert body["confidence"] == 0.8
    assert client.get(f"{INCIDENTS}/inc-0001/root-cause").json() == body


def test_an_analysis_that_cannot_run(client, backend):
    """An unknown incident, a missing bundle and passing trouble are told apart."""
    path = f"{INCIDENTS}/inc-0001/root-cause"
    problem(client.post(path, json={}), 404)
    backend.store.save_incident(an_incident())
    backend.fault = NotFittedError("no bundle")
    problem(client.post(path, json={}), 409, "no bundle")
    backend.fault = TransientError("the window is being read", retry_after_s=2.4)
    response = client.post(path, json={})
    problem(response, 503, "being read")
    assert response.headers["retry-after"] == "2"


def test_the_timeline(client, backend):
    """What was seen and what was done stand in one list, in order of time, records of other incidents left out."""
    backend.store.save_incident(
        an_incident(anomalies=(an_anomaly(minute=2), an_anomaly("db", "cpu", expected=float("nan"))))
    )
    backend.store.append(a_record(3, kind=RecordKind.DECISION_MADE, incident_id="inc-0001"))
    backend.store.append(a_record(1, kind=RecordKind.INCIDENT_OPENED, incident_id="inc-0001"))
    backend.store.append(a_record(1, incident_id="inc-0002"))
    body = client.get(f"{INCIDENTS}/inc-0001/timeline").json()
    assert [(e["kind"], e["subject"], e["seq"]) for e in body["items"]] == [
        ("ANOMALY_STARTED", "db", None),
        ("INCIDENT_OPENED", "orders", 2),
        ("ANOMALY_STARTED", "orders", None),
        ("DECISION_MADE", "orders", 1),
    ]
    assert body["is_complete"] is True


def test_a_long_timeline_says_so(client, backend):
    """With more records than a page holds the timeline is marked as incomplete."""
    backend.store.save_incident(an_incident())
    for number in range(501):
        backend.store.append(a_record(number, incident_id="inc-0001"))
    assert client.get(f"{INCIDENTS}/inc-0001/timeline").json()["is_complete"] is False


@pytest.mark.parametrize(
    "query", [{"status": "BROKEN"}, {"limit": 0}, {"limit": 501}, {"cursor": "x"}, {"component": "x" * 1001}]
)
def test_a_bad_query_is_refused(client, query):
    """An unknown status, a limit out of range and a made-up cursor are a 422."""
    problem(client.get(INCIDENTS, params=query), 422)
