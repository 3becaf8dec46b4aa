"""The layout is sound for any graph: complete, ordered, without overlap, and always the same."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from service.web.layout import NODE_PITCH, lay_out

NAMES = st.text(max_size=3)
GRAPHS = st.tuples(st.sets(NAMES, max_size=14), st.lists(st.tuples(NAMES, NAMES), max_size=30))


def test_a_chain_gets_a_column_each():
    """Callers stand left of what they call, at one height."""
    layout = lay_out("abc", [("a", "b"), ("b", "c")])
    assert layout.places == {"a": (0, 0.0), "b": (1, 0.0), "c": (2, 0.0)}
    assert (layout.n_columns, layout.height) == (3, 0.0)


def test_nothing_is_laid_out_as_nothing():
    """An empty graph is no error."""
    layout = lay_out([], [("a", "b")])
    assert (layout.places, layout.routes, layout.n_columns, layout.height) == ({}, {}, 0, 0.0)


def test_components_without_calls_spread_over_the_columns():
    """Components without a call fill the drawing instead of one tall column."""
    layout = lay_out("abcdef", [])
    assert len({column for column, _ in layout.places.values()}) == 6


def test_a_long_call_runs_past_the_components_between():
    """A call over two columns has a waypoint that keeps its distance from every component."""
    layout = lay_out("abc", [("a", "b"), ("b", "c"), ("a", "c")])
    ((column, height),) = layout.routes["a", "c"]
    assert column == 1
    assert abs(height - layout.places["b"][1]) > 0.5 * NODE_PITCH


def test_parallel_chains_do_not_cross():
    """Two chains that share nothing keep their order in every column."""
    layout = lay_out("abcdef", [("a", "f"), ("f", "c"), ("d", "b"), ("b", "e")])
    above = [layout.places[x][1] < layout.places[y][1] for x, y in zip("afc", "dbe", strict=True)]
    assert len(set(above)) == 1


def test_a_cycle_is_drawn_with_one_call_backwards():
    """A cycle is no error, and each of its calls keeps its own direction."""
    layout = lay_out("abc", [("a", "b"), ("b", "c"), ("c", "a")])
    assert sorted(column for column, _ in layout.places.values()) == [0, 1, 2]
    assert set(layout.routes) == {("a", "b"), ("b", "c"), ("c", "a")}


@settings(max_examples=150, deadline=None)
@given(GRAPHS)
def test_any_graph_is_placed_completely_and_without_overlap(graph):
    """Every component and every call between two of them is drawn; neighbours in a column keep the pitch."""
    names, edges = graph
    layout = lay_out(names, edges)
    assert set(layout.places) == names
    assert set(layout.routes) == {(a, b) for a, b in edges if a != b and {a, b} <= names}
    columns = {}
    for column, height in layout.places.values():
        columns.setdefault(column, []).append(height)
    for heights in columns.values():
        assert all(b - a > NODE_PITCH - 1e-6 for a, b in pairwise(sorted(heights)))
    assert all(0 <= height <= layout.height for _, height in layout.places.values())
    assert all(0 <= column < layout.n_columns for column in columns)


@settings(max_examples=50, deadline=None)
@given(GRAPHS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(graph, random):
    """The same graph gives the same drawing."""
    names, edges = graph
    shuffled = random.sample(edges, len(edges))
    assert lay_out(sorted(names, reverse=True), shuffled) == lay_out(names, edges)


def test_a_deep_chain_is_no_trouble():
    """Depth is not bounded by the recursion limit."""
    names = [f"{i:04}" for i in range(1200)]
    assert lay_out(names, list(pairwise(names))).n_columns == 1200
