"""``topology.json``: edges, validity, aliases, attributes."""

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import CaseError
from models.sources.topology_file import StatedComponent, Validity, read_topology_file

JANUARY, MARCH, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 3, 5))
AB = {"caller": "a", "callee": "b"}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "aliases", "host"]), inner),
    max_leaves=6,
)


@pytest.fixture
def written(tmp_path):
    """Write a content and read it."""

    def write(content):
        path = tmp_path / "topology.json"
        path.write_text(json.dumps(content))
        return read_topology_file(path)

    return write


def test_the_old_format_holds_for_ever(written):
    """A list of edges is enough; loops, cycles and repetitions stay."""
    edges = [AB, {"caller": "b", "callee": "a"}, {"caller": "c::d/e", "callee": "c::d/e", "more": 1}, AB]
    read = written({"edges": edges})
    assert {edge.validity for edge in read.edges} == {Validity()}
    assert read.pairs_at(MARCH) == (("a", "b"), ("b", "a"), ("c::d/e", "c::d/e"))
    assert read.components == ()


def test_an_edge_may_state_its_own_validity(written):
    """The file's interval counts for edges without one; null takes a limit away."""
    own = AB | {"callee": "c", "valid_from": "2026-05-01T02:00:00+02:00", "valid_until": None}
    read = written({"edges": [AB, own], "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-03-01T00:00:00Z"})
    assert [edge.validity for edge in read.edges] == [Validity(first=JANUARY, last=MARCH), Validity(first=MAY)]
    assert read.pairs_at(MARCH) == (("a", "b"),)
    assert read.pairs_at(MAY) == (("a", "c"),)


def test_components_have_aliases_and_attributes(written):
    """A single value and a list are both fine; edges by an earlier name are edges of the present one."""
    described = {"name": "new", "aliases": ["old", "b"], "attributes": {"zone": ["s", "n", "s"], "host": "h1"}}
    read = written({"edges": [AB], "components": [described, {"name": "lone"}]})
    attributes = (("host", ("h1",)), ("zone", ("n", "s")))
    assert read.components == (
        StatedComponent(name="new", aliases=("b", "old"), attributes=attributes, validity=Validity()),
        StatedComponent(name="lone", aliases=(), attributes=(), validity=Validity()),
    )
    assert read.pairs_at(MARCH) == (("a", "new"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "not a JSON object"),
        ({}, "'edges': there is no list"),
        ({"edges": {}}, "'edges': there is no list"),
        ({"edges": [AB, 3]}, "'edges', row 1: 3 is no edge"),
        ({"edges": [{"caller": "a"}]}, "row 0: .* is no edge"),
        ({"edges": [AB | {"callee": ""}]}, "row 0: .* is no edge"),
        ({"edges": [AB | {"callee": "\ud800"}]}, r"row 0: .*ud800.* is no edge"),
        ({"edges": [AB | {"valid_from": "soon"}]}, "'edges.valid_from', row 0: 'soon' is not a time"),
        ({"edges": [AB | {"valid_until": "2026-01-01"}]}, "'edges.valid_until', row 0: .*with a zone"),
        ({"edges": [AB | {"valid_until": 17}]}, "'edges.valid_until', row 0: 17 is not a time"),
        ({"edges": [], "valid_from": "9999-12-31T23:59:59-12:00"}, "'valid_from': .* is not a time"),
        ({"edges": [], "valid_from": MAY.isoformat(), "valid_until": MARCH.isoformat()}, "lies after valid_until"),
        ({"edges": [AB | {"valid_from": MAY.isoformat()}], "valid_until": MARCH.isoformat()}, "'edges', row 0: valid_"),
        ({"edges": [], "components": {}}, "'components': {} is no list"),
        ({"edges": [], "components": ["a"]}, "'components', row 0: 'a' is no component"),
        ({"edges": [], "components": [{"name": ""}]}, "row 0: .* is no component"),
        ({"edges": [], "components": [{"name": "a", "aliases": "b"}]}, "the aliases of 'a' are 'b'"),
        ({"edges": [], "components": [{"name": "a", "aliases": [""]}]}, "the aliases of 'a'"),
        ({"edges": [], "components": [{"name": "a", "attributes": ["h"]}]}, "the attributes of 'a' hold"),
        ({"edges": [], "components": [{"name": "a", "attributes": {"host": 3}}]}, "the attributes of 'a' hold"),
        ({"edges": [], "components": [{"name": "a", "attributes": {"": "h"}}]}, "the attributes of 'a' hold"),
        ({"edges": [], "components": [{"name": "a"}, {"name": "a"}]}, "row 1: 'a' is listed twice"),
        ({"edges": [], "components": [{"name": "a", "aliases": ["a"]}]}, "alias 'a' of 'a'"),
        ({"edges": [], "components": [{"name": "a", "aliases": ["b"]}, {"name": "b"}]}, "already stands for 'b'"),
        (
            {"edges": [], "components": [{"name": "a", "aliases": ["x"]}, {"name": "b", "aliases": ["x"]}]},
            "alias 'x' of 'b' already stands for 'a'",
        ),
    ],
)
def test_a_broken_file_names_the_fault(written, content, message):
    """File, field and row of the entry at fault are in the message."""
    with pytest.raises(CaseError, match=r"(?s)topology\.json.*" + message):
        written(content)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"edges": [' + b'{"caller":' * 60_000])
def test_a_damaged_file_is_refused(tmp_path, raw):
    """No bare JSON, Unicode or recursion error reaches the user."""
    path = tmp_path / "topology.json"
    path.write_bytes(raw)
    with pytest.raises(CaseError, match=r"topology\.json"):
        read_topology_file(path)


def test_an_absent_file_is_named(tmp_path):
    """No bare FileNotFoundError reaches the user."""
    with pytest.raises(CaseError, match=r"nowhere\.json: there is no such file"):
        read_topology_file(tmp_path / "nowhere.json")


@settings(max_examples=80, deadline=None)
@given(content=st.fixed_dictionaries({"edges": st.just([AB])}, optional={"components": JSON, "valid_from": JSON}))
def test_random_json_gives_only_our_errors(tmp_path_factory, content):
    """Whatever stands in the new fields, the file is read or refused with CaseError."""
    path = tmp_path_factory.mktemp("random") / "topology.json"
    path.write_text(json.dumps(content))
    with contextlib.suppress(CaseError):
        assert read_topology_file(path).pairs_at(MARCH) is not None


def test_a_hundred_thousand_edges(tmp_path):
    """A huge file is read whole."""
    edges = [{"caller": f"c{i % 997}", "callee": f"c{i}"} for i in range(100_000)]
    path = tmp_path / "topology.json"
    path.write_text(json.dumps({"edges": edges}))
    assert len(read_topology_file(path).pairs_at(MARCH)) == 100_000
