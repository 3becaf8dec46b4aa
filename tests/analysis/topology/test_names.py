"""Renames that two graphs suggest."""

from analysis.topology import RenameSuggestion, from_edges, suggest_renames

BEFORE = (("web", "pay"), ("pay", "bank"), ("pay", "db"), ("web", "db"))


def renamed(old, new):
    """The graph in which one component has another name."""
    return from_edges([(new if a == old else a, new if b == old else b) for a, b in BEFORE])


def test_the_same_neighbours_suggest_a_rename():
    """One component went, another came with the same callers and callees."""
    assert suggest_renames(from_edges(BEFORE), renamed("pay", "billing")) == (
        RenameSuggestion(before=("pay",), after=("billing",), overlap=1.0),
    )


def test_nothing_changed_suggests_nothing():
    """The same graph, a component that only came and one that only went are no renames."""
    graph = from_edges(BEFORE)
    more = from_edges([*BEFORE, ("pay", "fraud")])
    assert suggest_renames(graph, graph) == suggest_renames(graph, more) == suggest_renames(more, graph) == ()
    assert suggest_renames(from_edges([]), graph) == ()


def test_direction_counts():
    """A newcomer that calls those who were callers is another component."""
    turned = from_edges([("billing", "web"), ("bank", "billing"), ("db", "billing"), ("web", "db")])
    assert suggest_renames(from_edges(BEFORE), turned) == ()


def test_too_little_in_common_suggests_nothing():
    """A third of the neighbours is not enough, unless the caller says so."""
    after = from_edges([("web", "billing"), ("web", "db"), ("web", "bank")])
    assert suggest_renames(from_edges(BEFORE), after) == ()
    (found,) = suggest_renames(from_edges(BEFORE), after, least_overlap=0.3)
    assert (found.before, found.after) == (("pay",), ("billing",))


def test_twins_are_told_as_such():
    """Components that their neighbours cannot tell apart are named together, not guessed."""
    before = from_edges([("web", "a1"), ("web", "a2")])
    (found,) = suggest_renames(before, from_edges([("web", "b1"), ("web", "b2")]))
    assert (found.before, found.after, found.is_unique) == (("a1", "a2"), ("b1", "b2"), False)


def test_the_better_match_wins():
    """Of two newcomers the one with more of the neighbours is suggested."""
    after = from_edges([("web", "part"), ("part", "db"), ("web", "all"), ("all", "bank"), ("all", "db"), ("web", "db")])
    assert [found.after for found in suggest_renames(from_edges(BEFORE), after)] == [("all",)]


def test_names_play_no_part():
    """Strangers without a common neighbour are not matched, however alike their names."""
    assert suggest_renames(from_edges([("a", "pay-v1")]), from_edges([("b", "pay-v2")])) == ()
