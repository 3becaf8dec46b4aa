"""Contradictions between sources are told, and nothing is decided between them."""

from analysis.topology import ConflictKind, EdgeSource, TopologyHistory
from models.sources.topology_file import StatedComponent, TopologyFile, Validity
from tests.analysis.builders import at, span
from tests.analysis.topology.test_history import calls


def alias(old, new):
    """A file that says only what a component was called."""
    component = StatedComponent(name=new, aliases=(old,), attributes=(), validity=Validity())
    return TopologyFile(edges=(), components=(component,))


def kinds(history, time=None):
    """Kind and names of every conflict."""
    return [(conflict.kind, conflict.names) for conflict in history.conflicts(time)]


def test_a_disputed_direction_is_told_and_both_edges_stay():
    """The file says there, the traces say back: one conflict of the pair, two edges in the graph."""
    history = TopologyHistory().with_edges([("db", "web")], source=EdgeSource.FILE).observed(calls(5, 7), at(9))
    (reversed_,) = history.conflicts()
    assert (reversed_.kind, reversed_.names) == (ConflictKind.REVERSED, ("db", "web"))
    assert reversed_.statement == "FILE says that db calls web, TRACES says that web calls db"
    assert [(edge.caller, edge.callee) for edge in history.at(at(6)).edges] == [("db", "web"), ("web", "db")]


def test_a_cycle_of_one_source_is_no_dispute():
    """Two components that call each other are normal, also if another source knows only one direction."""
    history = TopologyHistory().with_edges([("a", "b"), ("b", "a"), ("a", "a")])
    assert history.conflicts() == ()
    assert history.with_edges([("a", "b")], source=EdgeSource.LAG).conflicts() == ()


def test_a_dispute_lasts_as_long_as_both_are_known():
    """Before the traces were seen there was nothing to contradict."""
    history = TopologyHistory().with_edges([("db", "web")]).observed(calls(5, 7), at(9))
    assert kinds(history, at(0)) == []
    assert (ConflictKind.REVERSED, ("db", "web")) in kinds(history, at(6))


def test_a_stated_call_that_never_shows():
    """It counts only if the traces show both ends: an end that is not traced cannot show a call."""
    history = TopologyHistory().observed(calls(5, 7), at(9)).with_edges([("web", "db"), ("web", "cache")])
    assert kinds(history) == []
    spans = calls(5, 7).iloc[:0]
    spans.loc[0] = span(3, "z", "", "cache", 5, 1.0)
    assert kinds(history.observed(spans, at(9))) == [(ConflictKind.NOT_SEEN, ("web", "cache"))]


def test_a_traced_call_that_nobody_states():
    """It counts only if both ends are in stated calls: a file may be partial."""
    history = TopologyHistory().observed(calls(5, 7), at(9))
    assert kinds(history.with_edges([("web", "x")])) == []
    assert kinds(history.with_edges([("web", "x"), ("x", "db")])) == [(ConflictKind.NOT_STATED, ("web", "db"))]


def test_an_alias_of_two_components_is_not_applied():
    """Two files give the same earlier name to different components: told, and the name stays as it is."""
    history = TopologyHistory().with_file(alias("old", "a")).with_file(alias("old", "b")).with_edges([("old", "x")])
    assert kinds(history) == [(ConflictKind.AMBIGUOUS_ALIAS, ("old", "a", "b"))]
    assert history.canonical("old") == "old"


def test_aliases_in_a_circle_are_not_applied():
    """Two files that rename there and back are told; the names stay."""
    history = TopologyHistory().with_file(alias("a", "b")).with_file(alias("b", "a"))
    assert kinds(history) == [(ConflictKind.CIRCULAR_ALIAS, ("a", "b")), (ConflictKind.CIRCULAR_ALIAS, ("b", "a"))]
    assert history.canonical("a") == "a"
