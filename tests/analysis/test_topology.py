"""The dependency graph."""

import json

import pandas as pd
import pytest

from analysis.topology import Edge, EdgeSource, from_edges, from_traces, path_edges, read_topology
from models.errors import InputError
from tests.analysis.builders import CHAIN, span


def test_dependencies_run_from_caller_to_callee():
    """The callee is a dependency of the caller, the caller a dependent of the callee."""
    graph = from_edges(CHAIN)
    assert graph.dependencies_of("web") == ("orders",)
    assert graph.dependents_of("db") == ("orders",)
    assert graph.upstream_of("db") == ("orders", "web")


def test_unknown_components_have_no_neighbours():
    """A name that nobody declared is no error, as components without edges are normal."""
    graph = from_edges(CHAIN)
    assert "ghost" not in graph
    assert graph.dependencies_of("ghost") == graph.dependents_of("ghost") == graph.upstream_of("ghost") == ()
    assert graph.distances_from("ghost", at_most=3) == {}
    assert graph.propagation("ghost", "web") == ()
    assert not graph.is_within("ghost", "web", 9)


def test_cycles_and_self_calls_are_reported_and_harmless():
    """Circular calls end every walk."""
    graph = from_edges([("a", "b"), ("b", "a"), ("c", "c"), ("b", "c")])
    assert graph.cycles() == (("a", "b"), ("c",))
    assert graph.distances_from("a", at_most=9) == {"b": 1, "c": 2}
    assert graph.dependencies_of("c") == ()
    assert graph.propagation("c", "a") == ("c", "b", "a")


def test_propagation_prefers_odd_components():
    """A cheap way round beats a short way through components that show nothing."""
    graph = from_edges([("top", "calm"), ("calm", "db"), ("top", "odd"), ("odd", "odder"), ("odder", "db")])
    assert graph.propagation("db", "top") == ("db", "calm", "top")
    assert graph.propagation("db", "top", {"odd": 0.1, "odder": 0.1, "top": 0.1}) == ("db", "odder", "odd", "top")


def test_no_way_up_gives_no_path():
    """Trouble does not travel from caller to callee."""
    assert from_edges(CHAIN).propagation("web", "db") == ()


def test_hops_count_in_both_directions():
    """Two callers of one callee are two hops apart."""
    graph = from_edges([("a", "db"), ("b", "db")])
    assert graph.is_within("a", "b", 2)
    assert not graph.is_within("a", "b", 1)


def test_united_edges_keep_all_sources():
    """An edge that file and traces know names both."""
    both = from_edges([("a", "b")], source=EdgeSource.FILE).united_with(
        from_edges([("a", "b")], source=EdgeSource.TRACES, components=["c"])
    )
    assert both.edges == (Edge(caller="a", callee="b", sources=(EdgeSource.FILE, EdgeSource.TRACES)),)
    assert both.components == ("a", "b", "c")


def test_traces_give_calls_between_components_only():
    """A parent in another component is a call; a parent in the same one, or a lost one, is not."""
    spans = pd.DataFrame(
        [
            span(1, "a", "", "web", 0, 1.0),
            span(1, "b", "a", "web", 0, 0.8),
            span(1, "c", "b", "db", 0, 0.5),
            span(2, "d", "lost", "queue", 0, 0.5),
        ]
    )
    graph = from_traces(spans)
    assert [(e.caller, e.callee) for e in graph.edges] == [("web", "db")]
    assert graph.components == ("db", "queue", "web")


def test_traces_without_a_column_name_it():
    """The error says which column is missing."""
    with pytest.raises(InputError, match="parent_span_id"):
        from_traces(pd.DataFrame({"trace_id": [], "span_id": [], "component": []}))


def test_reads_the_case_format(tmp_path):
    """Edges of a topology file come from FILE."""
    path = tmp_path / "topology.json"
    path.write_text(json.dumps({"edges": [{"caller": "a", "callee": "b::c/d"}]}))
    assert read_topology(path).edges == (Edge(caller="a", callee="b::c/d", sources=(EdgeSource.FILE,)),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "no list of edges"),
        ('{"edges": 3}', "no list of edges"),
        ('{"edges": [{"caller": "a"}]}', "row 0"),
        ('{"edges": [{"caller": "a", "callee": ""}]}', "is no edge"),
    ],
)
def test_broken_topology_names_the_fault(tmp_path, content, message):
    """File and place of the fault are in the message."""
    path = tmp_path / "topology.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_topology(path)


def test_missing_topology_file_is_an_input_error(tmp_path):
    """No bare FileNotFoundError reaches the user."""
    with pytest.raises(InputError, match="no such file"):
        read_topology(tmp_path / "nowhere.json")


def test_path_edges_name_the_calls():
    """A path from cause to symptom runs against the calls."""
    assert path_edges(("db", "orders", "web")) == (("orders", "db"), ("web", "orders"))
