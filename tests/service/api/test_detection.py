"""Scoring and the list of anomalies."""

import json

import numpy as np
import pytest

from models.errors import NotFittedError
from models.frames import SeriesKey
from service.api.app import create_app
from service.api.settings import ApiSettings
from tests.service.api.asgi import AppTransport
from tests.service.api.expect import problem
from tests.service.store.examples import an_anomaly, an_incident

SCORE = "/api/v1/score"


def point(minute=0, value=1.0, component="orders", metric="cpu"):
    """One point."""
    return {"component": component, "metric": metric, "ts": f"2026-03-01T12:{minute:02d}:00Z", "value": value}


def send(client, text):
    """Post a body as it is."""
    return client.post(SCORE, content=text, headers={"content-type": "application/json"})


def one(value="1", ts='"2026-03-01T12:00:00Z"', component='"a"', more=""):
    """A request with one point, as text."""
    return f'{{"points": [{{"component": {component}, "metric": "m", "ts": {ts}, "value": {value}{more}}}]}}'


def test_points_become_a_frame(client, backend):
    """Points in any order, with gaps, reach the engine as one grid; what was mended is told."""
    points = [point(3, 4.0), point(0, 1), point(1, 2.0), point(1, 2.5), point(0, 9.0, "näme/🔥\0", "?&")]
    body = client.post(SCORE, json={"points": points}).json()
    assert backend.frame.keys == (SeriesKey("näme/🔥\0", "?&"), SeriesKey("orders", "cpu"))
    assert np.array_equal(backend.frame.values[:, 1], [1.0, 2.5, np.nan, 4.0], equal_nan=True)
    assert {k: body[k] for k in ("n_points", "n_rows", "n_series", "step_s")} == {
        "n_points": 5,
        "n_rows": 4,
        "n_series": 2,
        "step_s": 60.0,
    }
    assert body["repairs"] == [{"problem": "duplicate time of a series", "action": "kept the last value", "count": 1}]


def test_an_anomaly_carries_its_evidence(client):
    """The answer holds every field of the anomaly; unknown numbers are null, infinite ones huge."""
    response = client.post(SCORE, json={"points": [point()], "step_s": 60})
    (found,) = json.loads(response.text, parse_constant=pytest.fail)["anomalies"]
    assert found["component"] == "orders"
    assert found["type"] == "STATISTICAL_OUTLIER"
    assert found["start"] == "2026-03-01T12:00:00Z"
    assert found["duration_s"] == 180.0
    assert found["previous_value"] is None
    assert found["deviation"] > 1e308


def test_series_that_were_not_judged_are_named(client, backend):
    """No anomaly of a series says something only if the series is not among the unknown ones."""
    assert client.post(SCORE, json={"points": [point()], "step_s": 60}).json()["unknown"] == []
    backend.unknown = (SeriesKey("odrers", "cpu"), SeriesKey("ordérs", "?&"))
    body = client.post(SCORE, json={"points": [point()], "step_s": 60}).json()
    assert body["unknown"] == [{"component": "odrers", "metric": "cpu"}, {"component": "ordérs", "metric": "?&"}]


def test_a_stated_step_is_taken(client, backend):
    """With a stated step one point is enough."""
    client.post(SCORE, json={"points": [point()], "step_s": 30})
    assert backend.frame.step_s == 30.0


@pytest.mark.parametrize(
    "text",
    [
        one("NaN"),
        one("Infinity"),
        one("-Infinity"),
        one("1e999"),
        one('"1.0"'),
        one("true"),
        one("null"),
        one("[]"),
        one(ts='"2026-03-01T12:00:00"'),
        one(ts='"yesterday"'),
        one(ts="null"),
        one(ts='"2026-13-45T99:00:00Z"'),
        one(component="7"),
        one(component='"\\ud800"'),
        one(component=json.dumps("x" * 1001)),
        one(more=', "unit": "s"'),
        '{"points": []}',
        '{"points": null}',
        '{"points": 3}',
        "{}",
        "[]",
        "null",
        "3",
        "",
        '{"points": [], "step_s": 0}',
        '{"points": [{}], "step_s": NaN}',
        one()[:-1] + ', "step_s": -1}',
        one()[:-1] + ', "step_s": 1e9}',
        one()[:-1] + ', "step_s": "60"}',
        one(),  # a single time does not tell the step
    ],
)
def test_what_does_not_fit_is_refused(client, backend, text):
    """Wrong types, non-finite values, naive times, unknown fields and empty lists are a 422 that names the place."""
    problem(send(client, text), 422)
    assert backend.frame is None


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, '{"points": ' * 5000, b"\xff\xfe", b"\x00", "NaN!", one("9" * 5000) + "x", "{'a': 1}"]
)
def test_what_is_no_json_is_refused(client, text):
    """Cut, too deep or wrongly encoded bodies are a 400."""
    problem(send(client, text), 400)


def test_a_number_of_five_thousand_digits(client):
    """A number that no float can hold is refused, not a failure."""
    assert send(client, one("9" * 5000)).status_code in {400, 422}


def test_the_errors_are_listed(client):
    """Every wrong field is named by its place, at most twenty of them, without its value."""
    body = problem(client.post(SCORE, json={"points": [point(value="secret")] * 30, "step_s": 60}), 422)
    assert len(body["errors"]) == 20
    assert body["errors"][7]["location"] == "body/points/7/value"
    assert "secret" not in json.dumps(body)


def test_far_off_times_do_not_fill_the_memory(client):
    """Two points a century apart at a small step are refused before the grid is made."""
    points = [point(), point() | {"ts": "2126-01-01T00:00:00Z"}]
    problem(client.post(SCORE, json={"points": points, "step_s": 0.001}), 422, "points")


@pytest.mark.parametrize("ts", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_the_calendar(client, ts):
    """Times before 1970 and after 2199 are refused, in a body and in a query."""
    problem(client.post(SCORE, json={"points": [point() | {"ts": ts}], "step_s": 60}), 422, "1970")
    problem(client.get("/api/v1/anomalies", params={"since": ts}), 422, "1970")


def test_too_many_points_are_refused(backend):
    """More points than the settings allow are a 422 with the limit."""
    import httpx

    app = create_app(backend, ApiSettings(max_points=2))
    with httpx.Client(transport=AppTransport(app), base_url="http://127.0.0.1") as client:
        assert client.post(SCORE, json={"points": [point(0), point(1)]}).status_code == 200
        problem(client.post(SCORE, json={"points": [point(n) for n in range(3)]}), 422, "at most 2")


def test_without_a_bundle(client, backend):
    """Scoring before training is a conflict that says so."""
    backend.fault = NotFittedError("There is no trained bundle.", remedy="run `faultline train`.")
    problem(client.post(SCORE, json={"points": [point()], "step_s": 60}), 409, "faultline train")


def test_anomalies_page_by_page(client, backend):
    """The pages hold every anomaly once; the filters narrow them."""
    backend.store.save_anomalies([an_anomaly(f"c{n}", minute=n) for n in range(5)])
    backend.store.save_incident(an_incident(anomalies=(an_anomaly("inside", "other", minute=50),)))
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/v1/anomalies", params=query).json()
        seen += [item["component"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["inside", "c4", "c3", "c2", "c1", "c0"]
    for query, expected in [
        ({"component": "c1"}, ["c1"]),
        ({"metric": "other"}, ["inside"]),
        ({"incident_id": "inc-0001"}, ["inside"]),
        ({"since": "2026-03-01T12:04:00Z"}, ["inside", "c4"]),
        ({"component": "nobody"}, []),
        ({"component": "'; DROP TABLE anomalies; --\0"}, []),
    ]:
        page = client.get("/api/v1/anomalies", params=query).json()
        assert [item["component"] for item in page["items"]] == expected


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": 501},
        {"limit": "many"},
        {"limit": 10**40},
        {"cursor": "made up"},
        {"cursor": "\0"},
        {"cursor": "ünï"},
        {"since": "2026-03-01T12:00:00"},
        {"since": "soon"},
        {"component": "x" * 1001},
    ],
)
def test_a_bad_query_is_refused(client, query):
    """Limits out of range, made-up cursors, naive times and endless names are a 422."""
    problem(client.get("/api/v1/anomalies", params=query), 422)
