"""Related incidents and recurring failures over the API."""

import pytest

from service.api.backend import ConflictError
from service.store.recovery import RecoveryStore
from tests.service.api.expect import problem
from tests.service.store.examples import T0, an_analysis, an_anomaly, an_incident
from tests.service.test_past import HOUR, db_incident, finished


def test_correlations(client, backend):
    """A burst among incidents of a day is told with its sentence, and so is what could not run."""
    minutes = [0, 1, 2, 3, 4, 500, 1000, 1500, 2500]
    for number, minute in enumerate(minutes):
        incident = an_incident(number, (an_anomaly(f"c{number}", minute=minute - 3000),))
        backend.store.save_incident(incident)
    body = client.get("/api/v1/correlations").json()
    (burst,) = body["items"]
    assert (burst["kind"], burst["incident_ids"]) == ("TEMPORAL", [f"inc-{n:04d}" for n in range(5)])
    assert "5 incidents began within 240 s" in burst["description"]
    assert (body["n_incidents"], body["is_complete"]) == (9, True)
    assert {"CAUSAL", "COMPONENT"} <= {method["name"] for method in body["skipped"]}
    few = client.get("/api/v1/correlations", params={"latest": 3}).json()
    assert (few["n_incidents"], few["is_complete"]) == (3, False)


def test_patterns_and_similar_failures(client, backend):
    """A failure that recurs comes with its repair; a new incident is shown the earlier ones."""
    for number, hour in enumerate((0, 5, 10)):
        backend.store.save_incident(db_incident(number, hour))
        backend.store.save_analysis(f"inc-{number:04d}", an_analysis(), T0 + hour * HOUR)
    RecoveryStore(backend.store.database).ask(finished(1, "inc-0001"))
    (pattern,) = client.get("/api/v1/patterns").json()["items"]
    assert (pattern["count"], pattern["cause"], pattern["category"]) == (3, "payments-db", "RESOURCE")
    assert pattern["resolutions"] == [
        {"action": "RESTART_COMPONENT", "component": "payments-db", "tries": 1, "verified": 1}
    ]
    (match,) = client.get("/api/v1/incidents/inc-0002/similar").json()["items"]
    assert match["similarity"] == 1
    assert match["pattern"]["incident_ids"] == ["inc-0000", "inc-0001"]
    first = client.get("/api/v1/incidents/inc-0000/similar").json()
    assert first == {"incident_id": "inc-0000", "items": []}


def test_nothing_yet(client):
    """An empty store has no relations and no patterns, and no error."""
    assert client.get("/api/v1/patterns").json() == {"items": [], "n_incidents": 0, "is_complete": True}
    assert client.get("/api/v1/correlations").json()["items"] == []


@pytest.mark.parametrize("latest", [0, -1, 2001, "many"])
@pytest.mark.parametrize("path", ["correlations", "patterns", "incidents/inc-0001/similar"])
def test_how_many_is_bounded(client, path, latest):
    """A senseless number of incidents is refused."""
    problem(client.get(f"/api/v1/{path}", params={"latest": latest}), 422)


def test_an_unknown_incident(client):
    """What nobody knows is like nothing: 404."""
    problem(client.get("/api/v1/incidents/nope/similar"), 404)


def test_an_engine_that_refuses(client, backend):
    """A fault of the engine is a problem."""
    backend.fault = ConflictError("not now")
    problem(client.get("/api/v1/correlations"), 409)
