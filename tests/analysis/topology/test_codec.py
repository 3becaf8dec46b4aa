"""A topology history as JSON."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.topology import TopologyHistory, history_from_json, history_to_json
from models.errors import InputError
from tests.analysis.topology.test_history import facts

GOOD = {
    "kind": "EDGE",
    "names": ["a", "b"],
    "source": "TRACES",
    "first_seen": "2026-03-01T00:00:00+00:00",
    "last_seen": None,
    "count": 3,
    "strength": None,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD]), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(known=st.lists(facts(), max_size=8), staleness_s=st.floats(0, 1e9))
def test_there_and_back(known, staleness_s):
    """What is written is read again as an equal value, and equal histories are equal documents."""
    history = TopologyHistory(facts=tuple(known), staleness_s=staleness_s)
    text = json.dumps(history_to_json(history), allow_nan=False)
    assert history_from_json(json.loads(text), "memory") == history
    again = TopologyHistory(facts=tuple(reversed(known)), staleness_s=staleness_s)
    assert json.dumps(history_to_json(again)) == text


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "NODE"},
        {"names": ["a"]},
        {"names": ["a", ""]},
        {"names": "ab"},
        {"names": ["a", "\ud800"]},
        {"source": "RUMOUR"},
        {"source": ["TRACES"]},
        {"first_seen": "soon"},
        {"first_seen": "2026-03-01T00:00:00"},
        {"first_seen": 12},
        {"last_seen": "2026-02-01T00:00:00Z"},
        {"count": -1},
        {"count": True},
        {"count": 1.5},
        {"strength": 2},
        {"strength": "much"},
        {"kind": None},
    ],
)
def test_a_broken_fact_is_named(change):
    """File and row of the fact at fault are in the message."""
    content = {"schema_version": 1, "staleness_s": 60, "facts": [GOOD, GOOD | change]}
    with pytest.raises(InputError, match=r"known.json, column 'facts', row 1: "):
        history_from_json(content, "known.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "schema version"),
        ({"schema_version": 2}, "schema version is 2"),
        ({"schema_version": True, "facts": []}, "schema version is True"),
        ({"schema_version": 1}, "no list of facts"),
        ({"schema_version": 1, "facts": [], "staleness_s": "long"}, "staleness is 'long'"),
        ({"schema_version": 1, "facts": [], "staleness_s": -1}, "staleness is -1"),
        ({"schema_version": 1, "facts": []}, "staleness is None"),
        ({"schema_version": 1, "facts": [3], "staleness_s": 0}, "row 0"),
    ],
)
def test_a_broken_history_is_named(content, message):
    """Another version, no facts or no staleness: the field is named."""
    with pytest.raises(InputError, match=message):
        history_from_json(content, "known.json")


@settings(max_examples=60, deadline=None)
@given(listed=st.lists(st.dictionaries(st.sampled_from([*GOOD]), JSON).map(lambda part: GOOD | part), max_size=2))
def test_random_json_gives_only_our_errors(listed):
    """Whatever stands in a fact, it is read or refused with InputError."""
    with contextlib.suppress(InputError):
        history_from_json({"schema_version": 1, "staleness_s": 1, "facts": listed}, "known.json")
