"""Whatever is sent, the answer is a result or a problem, and never a failure of the service."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.api.expect import problem
from tests.service.api.test_openapi import SPEC

quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
READS = [
    (path, operation)
    for path, operations in SPEC["paths"].items()
    for method, operation in operations.items()
    if method == "get" and not path.endswith("/stream")
]
WRITES = [
    (path, operation)
    for path, operations in SPEC["paths"].items()
    for m, operation in operations.items()
    if m == "post"
]

words = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["", "0", "-1", "1e400", "null", "\0", "%00", "../.."]
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | words
names = words | st.sampled_from(["points", "component", "metric", "ts", "value", "step_s", "name", "reason", "by"])
bodies = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=20
)


def check(response, operation):
    """The answer is one that the description of the API names."""
    assert str(response.status_code) in operation["responses"], response.text
    assert response.status_code < 500, response.text
    if response.status_code != 200:
        problem(response, response.status_code)


def _is_a_name(word):
    """What a path can hold, and what an answer may repeat without looking like a trace."""
    return bool(word.strip("./")) and ".py" not in word


def filled(path, data):
    """A path with something in the place of each parameter."""
    while "{" in path:
        name = path[path.index("{") : path.index("}") + 1]
        path = path.replace(name, quote(data.draw(words.filter(_is_a_name)), safe=""))
    return path


@pytest.mark.parametrize(("path", "operation"), READS, ids=[path for path, _ in READS])
@given(data=st.data())
@quick
def test_any_query(client, path, operation, data):
    """Any text in any parameter of any path gets a described answer."""
    query = {
        parameter["name"]: data.draw(words)
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and data.draw(st.booleans())
    }
    response = client.get(filled(path, data), params=query)
    check(response, operation)


@pytest.mark.parametrize(("path", "operation"), WRITES, ids=[path for path, _ in WRITES])
@given(data=st.data())
@quick
def test_any_body(client, path, operation, data):
    """Any JSON, NaN and infinities included, gets a described answer."""
    content = json.dumps(data.draw(bodies))
    response = client.post(filled(path, data), content=content, headers={"content-type": "application/json"})
    check(response, operation)


@pytest.mark.parametrize(("path", "operation"), WRITES, ids=[path for path, _ in WRITES])
@given(content=st.binary(max_size=60))
@quick
def test_any_bytes(client, path, operation, content):
    """Any bytes that claim to be JSON get a described answer."""
    path = path.replace("{incident_id}", "x").replace("{run_id}", "x")
    check(client.post(path, content=content, headers={"content-type": "application/json"}), operation)
