"""The topology through time: provenance, validity, merging, change."""

from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.topology import Edge, EdgeSource, Fact, FactKind, TopologyHistory
from models.errors import ConfigurationError, InputError
from models.sources.topology_file import StatedComponent, StatedEdge, TopologyFile, Validity
from tests.analysis.builders import at, span

DAY = timedelta(days=1)
MOMENTS = st.one_of(st.none(), st.integers(0, 9).map(lambda days: at(0) + days * DAY))
NAMES = st.sampled_from("abcd")


@st.composite
def facts(draw):
    """Any fact, its times in order."""
    kind = draw(st.sampled_from(FactKind))
    first, last = draw(MOMENTS), draw(MOMENTS)
    if first and last and first > last:
        first, last = last, first
    return Fact(
        kind=kind,
        names=tuple(draw(NAMES) for _ in range(kind.n_names)),
        source=draw(st.sampled_from(EdgeSource)),
        first_seen=first,
        last_seen=last,
        count=draw(st.integers(0, 3)),
        strength=draw(st.none() | st.sampled_from([0.1, 0.5])),
    )


def calls(first, last, *, trace=1):
    """Spans in which web calls db at two minutes."""
    return pd.DataFrame(
        [
            span(trace, "a", "", "web", first, 1.0),
            span(trace, "b", "a", "db", first, 0.5),
            span(trace, "c", "a", "db", last, 0.5),
        ]
    )


def stated(*edges, components=(), first=None, last=None):
    """A topology file."""
    validity = Validity(first=first, last=last)
    return TopologyFile(
        edges=tuple(StatedEdge(caller=a, callee=b, validity=validity) for a, b in edges), components=components
    )


def component(name, aliases=(), **attributes):
    """A component of a topology file."""
    return StatedComponent(
        name=name, aliases=aliases, attributes=tuple(sorted(attributes.items())), validity=Validity()
    )


@settings(max_examples=100, deadline=None)
@given(known=st.lists(facts(), max_size=12), order=st.randoms(use_true_random=False), cut=st.integers(0, 12))
def test_merging_knows_no_order_and_no_repetition(known, order, cut):
    """However facts arrive - shuffled, in two lots, twice - the same is known."""
    shuffled = list(known)
    order.shuffle(shuffled)
    whole = TopologyHistory(facts=tuple(known))
    assert TopologyHistory(facts=tuple(shuffled)) == whole
    assert TopologyHistory(facts=tuple(shuffled[:cut])).with_facts(shuffled[cut:]).with_facts(known) == whole


@settings(max_examples=100, deadline=None)
@given(known=st.lists(facts(), max_size=12), days=st.integers(-2, 12))
def test_merging_changes_no_moment(known, days):
    """An edge is in the graph of a moment exactly if one of the single facts holds then."""
    moment = at(0) + days * DAY
    history = TopologyHistory(facts=tuple(known))
    held = {
        tuple(map(history.canonical, fact.names))
        for fact in known
        if fact.kind is FactKind.EDGE and fact.holds_at(moment, DAY)
    }
    drawn = history.at(moment, with_hints=True).edges
    assert {(edge.caller, edge.callee) for edge in drawn} == held


def test_a_stated_edge_holds_in_its_interval():
    """Both ends of the interval belong to it; a file without one holds for ever."""
    history = TopologyHistory().with_file(stated(("a", "b"), first=at(10), last=at(20))).with_file(stated(("a", "c")))
    assert [history.at(at(m)).dependencies_of("a") for m in (9, 10, 20, 21)] == [
        ("c",),
        ("b", "c"),
        ("b", "c"),
        ("c",),
    ]


def test_a_traced_edge_holds_until_it_is_stale():
    """From the first call to the last one and the staleness longer; never before it was seen."""
    history = TopologyHistory(staleness_s=600).observed(calls(5, 7), at(60))
    seen = {minute: "db" in history.at(at(minute)) for minute in (4, 5, 7, 17, 18)}
    assert seen == {4: False, 5: True, 7: True, 17: True, 18: False}


def test_calls_that_paused_for_long_are_two_intervals():
    """A call that rested for longer than the staleness was not known to hold meanwhile."""
    history = TopologyHistory(staleness_s=600).observed(calls(0, 1), at(60)).observed(calls(40, 41, trace=2), at(60))
    (edge,) = history.known()
    assert [(fact.first_seen, fact.last_seen, fact.count) for fact in edge.facts] == [
        (at(0), at(1), 2),
        (at(40), at(41), 2),
    ]
    assert history.at(at(20)).edges == ()
    joined = TopologyHistory(staleness_s=3600).with_facts(history.facts)
    assert [(fact.first_seen, fact.last_seen) for fact in joined.known()[0].facts] == [(at(0), at(41))]


def test_nothing_is_known_before_it_is_read():
    """Spans later than the reading are left out; spans without a time count as seen at the reading."""
    early = TopologyHistory().observed(calls(5, 9), at(6))
    assert [(f.last_seen, f.count) for f in early.known()[0].facts] == [(at(5), 1)]
    timeless = TopologyHistory().observed(calls(5, 9).drop(columns="ts"), at(6))
    assert [(f.first_seen, f.last_seen) for f in timeless.known()[0].facts] == [(at(6), at(6))]


def test_times_without_a_zone_are_refused():
    """Spans whose times have no zone could mean anything."""
    naive = calls(0, 1).assign(ts=lambda table: table["ts"].dt.tz_localize(None))
    with pytest.raises(InputError, match="'ts'"):
        TopologyHistory().observed(naive, at(6))


def test_every_source_of_an_edge_is_told():
    """File and traces unite to one edge that names both, each with its own times."""
    history = TopologyHistory().with_file(stated(("web", "db"))).observed(calls(5, 7), at(60))
    (edge,) = history.known()
    assert edge.sources == (EdgeSource.FILE, EdgeSource.TRACES)
    assert [(fact.source, fact.first_seen) for fact in edge.facts] == [
        (EdgeSource.FILE, None),
        (EdgeSource.TRACES, at(5)),
    ]
    assert history.at(at(6)).edges == (Edge(caller="web", callee="db", sources=edge.sources),)
    assert history.at(at(0)).edges == (Edge(caller="web", callee="db", sources=(EdgeSource.FILE,)),)


def test_lag_is_a_hint_only():
    """An edge that nothing but lag speaks for is in no graph unless it is asked for."""
    history = TopologyHistory().with_edges([("a", "b")], source=EdgeSource.LAG).with_edges([("b", "c")])
    assert [(edge.caller, edge.is_hint) for edge in history.known()] == [("a", True), ("b", False)]
    assert history.at(None).components == ("b", "c")
    assert history.at(None, with_hints=True).components == ("a", "b", "c")


def test_aliases_rename_everywhere():
    """Edges, components and attributes of the earlier names count for the present one, also along a chain."""
    history = (
        TopologyHistory()
        .with_file(stated(("web", "one"), components=(component("two", ("one",)),)))
        .with_file(stated(("two", "db"), components=(component("three", ("two",), host=("h1", "h2")),)))
    )
    assert history.canonical("one") == "three"
    assert [(edge.caller, edge.callee) for edge in history.at(None).edges] == [("three", "db"), ("web", "three")]
    assert history.attributes_at(None) == {"three": {"host": ("h1", "h2")}}


def test_attributes_have_their_time():
    """Where something ran is known for the stated interval only."""
    moved = [
        StatedComponent(
            name="db",
            aliases=(),
            attributes=(("host", (host,)),),
            validity=Validity(first=at(first), last=at(first + 9)),
        )
        for host, first in (("h1", 0), ("h2", 10))
    ]
    history = TopologyHistory()
    for one in moved:
        history = history.with_file(stated(components=(one,)))
    assert [history.attributes_at(at(m)) for m in (5, 12, 30)] == [
        {"db": {"host": ("h1",)}},
        {"db": {"host": ("h2",)}},
        {},
    ]


def test_changes_between_two_moments():
    """Edges and components that came and went are told by name."""
    history = TopologyHistory().with_file(stated(("a", "b"), last=at(10))).with_file(stated(("a", "c"), first=at(20)))
    change = history.changes_between(at(5), at(25))
    assert (change.added_edges, change.removed_edges) == ((("a", "c"),), (("a", "b"),))
    assert (change.added_components, change.removed_components) == (("c",), ("b",))
    assert history.changes_between(at(5), at(6)).added_edges == ()


def test_a_new_value_for_each_reading():
    """What was known before stays as it was."""
    empty = TopologyHistory()
    assert empty.with_edges([("a", "b")]) != empty
    assert empty.facts == ()


def test_moments_of_other_zones():
    """The same instant in another zone gives the same graph; the ends of time are no trouble."""
    history = TopologyHistory().observed(calls(5, 7), at(60))
    assert "db" in history.at(at(6).astimezone(timezone(timedelta(hours=9))))
    for end in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)):
        assert history.at(end).edges == ()


@pytest.mark.parametrize("staleness_s", [-1.0, float("nan"), float("inf")])
def test_an_impossible_staleness_is_refused(staleness_s):
    """The setting is named."""
    with pytest.raises(ConfigurationError, match="staleness_s"):
        TopologyHistory(staleness_s=staleness_s)
