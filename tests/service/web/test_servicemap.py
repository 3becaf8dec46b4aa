"""The map says in words what it shows in colours, and stays readable."""

from itertools import combinations

from models.anomalies import AnomalySeverity
from service.web.servicemap import MOST_NODES, NODE_WIDTH, Look, draw_map


def _look(name, **changes):
    return Look(name=name, **changes)


def test_boxes_do_not_overlap():
    """Forty components with symptoms keep clear of each other and inside the drawing."""
    names = [f"c{i}" for i in range(40)]
    looks = [_look(n, severity=AnomalySeverity.HIGH, symptom="cpu 99 %") for n in names]
    drawn = draw_map(looks, [(names[i // 3], names[i]) for i in range(1, 40)])
    for a, b in combinations(drawn.nodes, 2):
        assert abs(a.x - b.x) >= NODE_WIDTH or abs(a.y - b.y) >= max(a.height, b.height)
    assert all(n.x >= 0 and n.x + NODE_WIDTH <= drawn.width for n in drawn.nodes)
    assert all(n.y >= 0 and n.y + n.height <= drawn.height for n in drawn.nodes)


def test_calls_on_the_propagation_are_marked_either_way():
    """The path runs from the cause to the symptom, so against the calls."""
    drawn = draw_map([_look(n) for n in "abc"], [("a", "b"), ("b", "c"), ("a", "c")], ["c", "b", "a"])
    marked = {(e.caller, e.callee) for e in drawn.edges if "on-path" in e.classes.split()}
    assert marked == {("a", "b"), ("b", "c")}


def test_calls_to_what_is_cut_off_are_marked():
    """An isolated component and an open breaker cut calls; a half-open breaker does not."""
    looks = [_look("a"), _look("b", is_isolated=True), _look("c", breaker="OPEN"), _look("d", breaker="HALF_OPEN")]
    looks += [_look("e", breaker="FORCED_OPEN")]
    drawn = draw_map(looks, [("a", "b"), ("a", "c"), ("a", "d"), ("a", "e")])
    assert {e.callee for e in drawn.edges if "cut" in e.classes.split()} == {"b", "c", "e"}
    assert {n.look.name: n.look.flags for n in drawn.nodes} == {
        "a": (),
        "b": ("isolated",),
        "c": ("breaker open",),
        "d": ("breaker half-open",),
        "e": ("breaker forced open",),
    }


def test_a_crowd_is_reduced_to_the_incident_and_its_neighbours():
    """Of more components than can be read, the drawing shows those that matter; the table lists all."""
    names = [f"n{i:03}" for i in range(200)]
    looks = [_look(n, severity=AnomalySeverity.LOW if n == "n150" else None) for n in names]
    drawn = draw_map(looks, [("n199", "n150"), ("n150", "n198")])
    shown = {n.look.name for n in drawn.nodes}
    assert {"n150", "n198", "n199"} <= shown
    assert (len(shown), drawn.n_hidden, len(drawn.looks)) == (MOST_NODES, 200 - MOST_NODES, 200)


def test_the_table_begins_with_the_root_cause():
    """Then come the components by severity, then by name."""
    looks = [
        _look("a"),
        _look("b", severity=AnomalySeverity.LOW),
        _look("c", severity=AnomalySeverity.CRITICAL),
        _look("d", severity=AnomalySeverity.MEDIUM, is_root_cause=True),
    ]
    assert [look.name for look in draw_map(looks, []).looks] == ["d", "c", "b", "a"]


def test_long_names_are_cut_and_squeezed_into_their_box():
    """A name of any length has a label of bounded length; short ones keep their shape."""
    drawn = draw_map([_look("x" * 300), _look("short")], [])
    labels = {n.look.name: (len(n.label), n.label_width > 0) for n in drawn.nodes}
    assert labels == {"x" * 300: (18, True), "short": (5, False)}


def test_an_empty_map_has_no_nodes():
    """No component is no error."""
    drawn = draw_map([], [])
    assert (drawn.nodes, drawn.edges, drawn.looks) == ((), (), ())
