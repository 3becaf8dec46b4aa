"""The description of the API is complete and true."""

import json

import pytest

from service.api.app import create_app
from service.api.problems import MEDIA_TYPE, TITLES
from tests.service.api.fakes import FakeBackend

BACKEND = FakeBackend()
SPEC = create_app(BACKEND).openapi()
BACKEND.store.close()
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, operations in SPEC["paths"].items()
    for method, operation in operations.items()
]


def resolved(schema):
    """A schema, its reference followed."""
    return SPEC["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_is_described(path, method, operation):
    """Every operation has a summary, a description, one tag, and an example of what it answers."""
    assert operation["summary"]
    assert operation["description"]
    assert len(operation["tags"]) == 1
    success = operation["responses"]["200"]
    assert success["description"]
    for media_type, content in success["content"].items():
        if media_type == "application/json":
            assert resolved(content["schema"])["examples"]
        else:
            assert content["example"]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_has_problems(path, method, operation):
    """Every error of every operation is a problem with an example, and those that any request can meet are listed."""
    errors = {int(status): response for status, response in operation["responses"].items() if int(status) >= 400}
    assert {421, 500} <= set(errors)
    if method == "post":
        assert {403, 413, 415} <= set(errors)
    if "requestBody" in operation:
        assert {400, 422} <= set(errors)
        assert resolved(operation["requestBody"]["content"]["application/json"]["schema"])["examples"]
    if "{" in path:
        assert 404 in errors
    for status, response in errors.items():
        assert list(response["content"]) == [MEDIA_TYPE]
        content = response["content"][MEDIA_TYPE]
        assert resolved(content["schema"])["title"] == "Problem"
        assert content["example"]["status"] == status
        assert response["description"] == TITLES[status]


@pytest.mark.parametrize("name", sorted(SPEC["components"]["schemas"]))
def test_every_schema_has_a_description(name):
    """Every object says what it is."""
    schema = SPEC["components"]["schemas"][name]
    assert schema["description"]


def schemas_with_examples():
    """Every wire schema of the package."""
    from service.api.schemas import (
        cards,
        checks,
        control,
        detection,
        health,
        incidents,
        ledger,
        related,
        safety,
        topology,
    )
    from service.api.schemas.base import Schema

    modules = (cards, checks, control, detection, health, incidents, ledger, related, safety, topology)
    found = {
        value for m in modules for value in vars(m).values() if isinstance(value, type) and issubclass(value, Schema)
    }
    return sorted(found - {Schema}, key=lambda schema: schema.__name__)


@pytest.mark.parametrize("schema", schemas_with_examples(), ids=lambda schema: schema.__name__)
def test_every_example_is_valid(schema):
    """The example of a schema is an instance of it, and is written back as it stands."""
    from service.api.schemas.base import example_of

    shown = example_of(schema)
    assert json.loads(schema.model_validate_json(json.dumps(shown)).model_dump_json()) == shown


def test_every_reference_leads_somewhere():
    """The document refers to nothing that it does not hold, and the framework's own error schemas are gone."""
    text = json.dumps(SPEC)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(SPEC["components"]["schemas"])
    assert "HTTPValidationError" not in text


def test_the_document_loads_nothing_from_elsewhere(client):
    """The description is served, and names no other host."""
    response = client.get("/openapi.json")
    assert response.json() == SPEC
    assert "//" not in response.text.replace("http://127.0.0.1", "")


def test_operation_ids_are_unique():
    """Generated clients get one function an operation."""
    ids = [operation.values[2]["operationId"] for operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
