"""The dependency graph and its walks."""

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.topology import Edge, EdgeSource, from_edges, path_edges
from models.errors import InputError
from tests.analysis.builders import CHAIN

PAIRS = st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=20)
PRICES = st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from([0.0, 0.5, 1.0, 2.0]))


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
    assert (graph.n_below("ghost"), graph.reaches("ghost", "db"), graph.reaches("web", "ghost")) == (0, False, False)


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


def test_path_edges_name_the_calls():
    """A path from cause to symptom runs against the calls."""
    assert path_edges(("db", "orders", "web")) == (("orders", "db"), ("web", "orders"))


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, prices=PRICES, hops=st.integers(0, 4))
def test_the_walks_equal_those_of_networkx(pairs, prices, hops):
    """Distances, reach, nearness and the cheapest, first-named path are those of a slow, obvious oracle."""
    graph, oracle = from_edges(pairs), nx.DiGraph(sorted(pairs))
    around = oracle.to_undirected()
    for one in oracle:
        near = nx.single_source_shortest_path_length(oracle, one, cutoff=hops)
        assert graph.distances_from(one, at_most=hops) == {name: n for name, n in near.items() if name != one}
        assert set(graph.upstream_of(one)) == nx.ancestors(oracle, one) - {one}
        assert graph.dependencies_of(one) == tuple(sorted(set(oracle.successors(one)) - {one}))
        assert graph.dependents_of(one) == tuple(sorted(set(oracle.predecessors(one)) - {one}))
        within = nx.single_source_shortest_path_length(around, one, cutoff=hops)
        assert {other for other in oracle if graph.is_within(one, other, hops)} == set(within)
        assert graph.n_below(one) == len(nx.descendants(oracle, one) - {one})
        for other in oracle:
            assert graph.reaches(one, other) == (other in nx.descendants(oracle, one) - {one})
            assert graph.propagation(one, other, prices) == cheapest(oracle, one, other, prices)


def cheapest(oracle, cause, symptom, prices):
    """Of all simple paths from callee to caller the cheapest one, ties by name."""
    paths = [(cause,)] if cause == symptom else map(tuple, nx.all_simple_paths(oracle.reverse(), cause, symptom))
    costs = {path: round(sum(1e-3 + prices.get(name, 1.0) for name in path[1:]), 9) for path in paths}
    return min(costs, key=lambda path: (costs[path], path), default=())


@given(pairs=PAIRS, order=st.randoms(use_true_random=False))
def test_the_order_of_edges_never_matters(pairs, order):
    """Shuffled edges give the same graph, and each walk lists the same names in the same order."""
    shuffled = list(pairs)
    order.shuffle(shuffled)
    one, other = from_edges(pairs), from_edges(shuffled)
    assert (one.edges, one.components, one.cycles()) == (other.edges, other.components, other.cycles())
    for name in one.components:
        assert [*one.distances_from(name, at_most=3)] == [*other.distances_from(name, at_most=3)]


def test_an_infinite_cost_blocks_the_way():
    """Trouble goes round a component that nothing passes, and nowhere if there is no way round."""
    graph = from_edges([("top", "a"), ("a", "db"), ("top", "b"), ("b", "c"), ("c", "db")])
    assert graph.propagation("db", "top", {"a": float("inf")}) == ("db", "c", "b", "top")
    assert graph.propagation("db", "top", {"a": float("inf"), "b": float("inf")}) == ()


@pytest.mark.parametrize("price", [-1.0, float("nan"), 1e7])
def test_an_impossible_cost_is_refused(price):
    """The message names the component whose cost is at fault."""
    with pytest.raises(InputError, match="'orders'"):
        from_edges(CHAIN).propagation("db", "web", {"orders": price})


def test_nearness_across_a_hub():
    """Two callers of a component that everybody calls are two hops apart, and what one of them calls is three away."""
    graph = from_edges([(f"c{i}", "hub") for i in range(2000)] + [("c1", "x"), ("x", "y")])
    assert graph.is_within("c7", "c1", 2)
    assert graph.is_within("c7", "x", 3)
    assert not graph.is_within("c7", "y", 3)
