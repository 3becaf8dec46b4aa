"""What every request has to pass, and what every error looks like."""

import json
import logging

import httpx
import pytest

from service.api.app import create_app
from service.api.settings import ApiSettings
from tests.service.api.asgi import AppTransport
from tests.service.api.expect import problem

TRIP = "/api/v1/breakers/trip"
ORDER = {"name": "payments-db", "reason": "drill"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8321", "localhost:8321", "LOCALHOST", "[::1]", "[::1]:8321"])
def test_our_own_names(client, host):
    """A request to a loopback name is answered, with any port."""
    assert client.get("/livez", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "testserver",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8321",
        "evil.example#localhost",
        "user@localhost",
        "localhost:port",
        "[::1",
        "::1",
        "[evil]",
        "",
        "localhost:8321:8321",
        "x" * 5000,
    ],
)
def test_a_foreign_name_is_refused(client, host):
    """A name that somebody else can point at the loopback address gets nothing, not even the health of the service."""
    for path in ("/livez", "/api/v1/incidents", "/nowhere"):
        problem(client.get(path, headers={"host": host}), 421)


def test_a_name_of_the_settings(backend):
    """Another name is answered when the settings allow it, and then only that."""
    app = create_app(backend, ApiSettings(allowed_hosts=frozenset({"faultline.test"})))
    with httpx.Client(transport=AppTransport(app), base_url="http://faultline.test") as client:
        assert client.get("/livez").status_code == 200
        problem(client.get("/livez", headers={"host": "127.0.0.1"}), 421)


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"],
)
@pytest.mark.parametrize(
    "path", [TRIP, "/api/v1/score", "/api/v1/incidents/x/root-cause", "/api/v1/recoveries/x/cancel"]
)
def test_only_json_changes_anything(client, backend, path, content_type):
    """What a foreign page can send without asking first, a form or plain text, is a 415 and changes nothing."""
    headers = {} if content_type is None else {"content-type": content_type}
    problem(client.post(path, content=json.dumps(ORDER), headers=headers), 415, "application/json")
    assert backend.breakers_by_name["payments-db"].state == "CLOSED"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_by_any_name(client, content_type):
    """Parameters and case of the content type do not matter."""
    response = client.post(TRIP, content=json.dumps(ORDER), headers={"content-type": content_type})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_another_origin_changes_nothing(client, site, status):
    """A browser that says that the request comes from another origin is refused."""
    response = client.post(TRIP, json=ORDER, headers={"sec-fetch-site": site})
    assert response.status_code == status
    if status == 403:
        problem(response, 403)


def test_a_large_body_is_refused(client, backend):
    """Ten megabytes are a 413, whether the length is stated or found out on the way."""
    headers = {"content-type": "application/json"}
    big = b" " * 10_000_000
    problem(client.post("/api/v1/score", content=big, headers=headers), 413)
    problem(client.post("/api/v1/score", content=(big[:65536] for _ in range(160)), headers=headers), 413)
    assert backend.frame is None


@pytest.mark.parametrize("length", ["-1", "many", "9" * 30, "1_0", "١٢"])
def test_a_false_length_is_refused(client, length):
    """A content length that is no length is refused before the body is read."""
    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    problem(client.request("POST", TRIP, headers=headers), 413)


def test_a_small_limit(backend):
    """The limit of the settings is the limit."""
    app = create_app(backend, ApiSettings(max_body_bytes=10))
    with httpx.Client(transport=AppTransport(app), base_url="http://127.0.0.1") as client:
        problem(client.post(TRIP, json=ORDER), 413, "10 bytes")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/livez"),
        ("PUT", "/api/v1/incidents"),
        ("DELETE", "/api/v1/incidents/x"),
        ("DELETE", "/livez"),
        ("DELETE", "/api/v1/events"),
        ("PATCH", "/api/v1/score"),
        ("GET", "/api/v1/score"),
        ("OPTIONS", "/api/v1/incidents"),
        ("TRACE", "/api/v1/incidents"),
        ("BREW", "/api/v1/topology"),
    ],
)
def test_a_wrong_method(client, method, path):
    """A method that a path does not know is a 405 that lists those it knows; only a POST has to be JSON first."""
    headers = {"content-type": "application/json"} if method == "POST" else {}
    response = client.request(method, path, headers=headers)
    problem(response, 405)
    assert response.headers["allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/v1",
        "/api/v2/incidents",
        "/api/v1/incidents/",
        "/api/v1/incidents/x%2F",
        "/docs",
        "/redoc",
        "/%2e%2e/etc/passwd",
        "/\U0001f525",
    ],
)
def test_an_unknown_path(client, path):
    """A path that nobody serves is a 404 problem, the framework's script-loading pages included."""
    problem(client.get(path), 404)


def test_the_request_id(client):
    """A request id that is fit to log is kept, any other is replaced; each answer has one."""
    assert client.get("/livez", headers={"x-request-id": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"
    for given in ("", "a b", "x" * 65, "ü", "a\tb"):
        made = client.get("/livez", headers={"x-request-id": given.encode()}).headers["x-request-id"]
        assert made != given
        assert len(made) == 16
    assert client.get("/livez").headers["x-request-id"] != client.get("/livez").headers["x-request-id"]


def test_safe_headers(client):
    """Every answer forbids sniffing and framing."""
    for path in ("/livez", "/nowhere", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("fault", [RuntimeError("the password is hunter2"), KeyError("secret"), MemoryError()])
def test_a_failure_leaks_nothing(client, backend, caplog, fault):
    """An unexpected error is a 500 without a word of it; the log has all, under the request id."""
    backend.fault = fault
    with caplog.at_level(logging.ERROR):
        body = problem(client.get("/api/v1/topology"), 500)
    assert "hunter2" not in json.dumps(body)
    assert "secret" not in json.dumps(body)
    assert body["request_id"] in caplog.text


def test_an_unexpected_own_error_is_a_failure(client, backend, caplog):
    """An error of ours that no route expects is a 500 as well, and is logged."""
    from models.errors import BundleError

    backend.fault = BundleError("/srv/private/bundle is damaged")
    with caplog.at_level(logging.ERROR):
        body = problem(client.get("/api/v1/topology"), 500)
    assert "private" not in json.dumps(body)
    assert "private" in caplog.text


def test_a_long_message_is_cut(client, backend):
    """No answer echoes an endless message or path, nor one that UTF-8 cannot carry."""
    from models.errors import UnknownNameError

    backend.fault = UnknownNameError("component", "\ud800" + "x" * 100_000)
    assert len(problem(client.get("/api/v1/topology"), 404)["detail"]) <= 2000
    assert len(problem(client.get("/" + "y" * 50_000), 404)["instance"]) <= 2000
