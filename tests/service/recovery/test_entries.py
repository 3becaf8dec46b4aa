"""The published schemas and the loader agree: what a schema refuses is never loaded, what is loaded it accepts."""

import json
import math
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from models.errors import ConfigurationError
from models.shaping.yaml_reader import read_yaml
from service.recovery import defaults
from service.recovery.documents import read_boundaries, read_strategies, strategy_document
from service.recovery.entries import BoundaryFile, StrategyFile, boundary_schema, fields_at, strategy_schema
from tests.service.recovery.plans import isolate, restart, strategy, verify
from tests.service.recovery.test_documents import BOUNDARIES, STRATEGIES
from tests.service.recovery.test_mistakes import WRONG_BOUNDARIES, WRONG_STRATEGIES

STRATEGY, BOUNDARY = Draft202012Validator(strategy_schema()), Draft202012Validator(boundary_schema())


def shipped(name):
    """A shipped file."""
    return files(defaults).joinpath(name).read_text("utf-8")


@pytest.mark.parametrize("schema", [STRATEGY, BOUNDARY])
def test_the_schemas_are_schemas(schema):
    """By the meta-schema; every field says what it is."""
    schema.check_schema(schema.schema)
    entries = [schema.schema, *schema.schema["$defs"].values()]
    for entry in entries:
        for name, field in entry.get("properties", {}).items():
            told = field.get("description") or name in {"strategies", "boundaries"}
            assert told, (entry["title"], name)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (STRATEGY, STRATEGIES),
        (BOUNDARY, BOUNDARIES),
        (STRATEGY, shipped("strategies.yaml")),
        (BOUNDARY, shipped("boundaries.yaml")),
    ],
)
def test_good_files_are_valid(schema, text):
    """The loader takes them, too, in the other tests."""
    assert list(schema.iter_errors(read_yaml(text, "x").content)) == []


def test_what_is_written_back_is_valid():
    """As a strategy of a file."""
    plan = strategy(isolate(release_after_s=5.0, parameters=(("drain", 2.0), ("to", "x"))), restart(), verify())
    assert list(STRATEGY.iter_errors({"default": "plan", "strategies": [strategy_document(plan)]})) == []


def refused_by_schema(schema, text):
    """Whether a text is YAML that the schema refuses."""
    try:
        return not schema.is_valid(read_yaml(text, "x").content)
    except (ConfigurationError, UnicodeError):
        return False


def test_much_of_what_is_wrong_is_seen_by_the_schema():
    """An editor that knows it shows most mistakes that are no matter of conditions and references."""
    texts = [(STRATEGY, STRATEGIES.replace(old, new, 1)) for old, new, *_ in WRONG_STRATEGIES]
    texts += [(BOUNDARY, BOUNDARIES.replace(old, new, 1)) for old, new, *_ in WRONG_BOUNDARIES]
    assert sum(refused_by_schema(schema, text) for schema, text in texts) >= 35


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**7),
    st.floats(allow_nan=False),
    st.sampled_from(["true", "x", "", "1"]),
)
FIELDS = st.sampled_from(["priority: 1", "approvals: 2", "attempts: 3", "backoff_s: 1.5", "timeout_s: 60", "name: Ask"])
ROUTED = st.sampled_from(
    ["breaker_threshold: 3", "call_timeout_s: 2", "priority: 5", "timeout_s: 300", "name: The shop"]
)


def written(value):
    """A value as YAML."""
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, float) and math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return json.dumps(value)


def agree(schema, text, read):
    """Neither takes a value that the other refuses."""
    is_valid = schema.is_valid(read_yaml(text, "x").content)
    try:
        read(text)
    except ConfigurationError as error:
        fitting = ("cannot be taken back", "window_calls", "Nothing can open")
        assert not is_valid or any(part in str(error) for part in fitting), error  # noqa: PT017  # either is fine
    else:
        assert is_valid


@given(FIELDS, VALUES)
def test_schema_and_loader_agree_on_any_value_of_a_strategy(field, value):
    """Types and ranges are the same in both."""
    text = STRATEGIES.replace(field, f"{field.split(':')[0]}: {written(value)}")
    agree(STRATEGY, text, lambda content: read_strategies(content, source="x"))


@given(ROUTED, VALUES)
def test_schema_and_loader_agree_on_any_value_of_a_boundary(field, value):
    """Types and ranges are the same in both."""
    text = BOUNDARIES.replace(field, f"{field.split(':')[0]}: {written(value)}")
    agree(BOUNDARY, text, lambda content: read_boundaries(content, source="x"))


def test_fields_are_found_at_their_place():
    """For suggestions: of the map that holds the unknown name."""
    assert fields_at(StrategyFile, ("strategies", 0, "steps", 2, "retry"))[:2] == ("attempts", "backoff_s")
    assert fields_at(BoundaryFile, ("boundaries", 0, "bulkhead")) == ("max_running", "max_waiting", "max_wait_s")
    assert fields_at(StrategyFile, ("strategies", 0, "name")) == ()
