"""Events and how they hang together."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from analysis.event_graph import CHANGES, EventGraph, window_of
from analysis.events import Event, EventKind, from_anomalies, from_table
from analysis.topology import from_edges
from models.anomalies import AnomalyType
from tests.analysis.builders import CHAIN, anomaly, at, event

GRAPH = from_edges(CHAIN)


def seen(component, minute, kind=EventKind.ANOMALY, name="cpu", weight=1.0):
    """An event at a minute."""
    return Event(at=at(minute), component=component, kind=kind, name=name, weight=weight)


def test_the_root_is_the_earliest_event_below():
    """Trouble of the database leads to that of its callers, not the other way round."""
    events = EventGraph([seen("web", 3), seen("orders", 2), seen("db", 1)], GRAPH)
    assert [e.component for e in events.roots] == ["db"]
    assert [e.component for e in events.critical_path()] == ["db", "orders", "web"]
    assert [e.component for e in events.consequences_of(events.roots[0])] == ["orders", "web"]


def test_a_change_leads_to_what_starts_with_it():
    """A deploy at the same moment comes first."""
    deploy = seen("db", 1, EventKind.DEPLOY, "v2")
    events = EventGraph([seen("db", 1), deploy], GRAPH)
    assert events.timeline[0] == deploy
    assert events.roots == (deploy,)


def test_callers_do_not_lead_to_callees_and_old_events_to_nothing():
    """Direction and window both limit what can follow."""
    assert EventGraph([seen("web", 1), seen("db", 2)], GRAPH).links == ()
    assert EventGraph([seen("db", 1), seen("db", 90)], GRAPH).links == ()


def test_cyclic_topology_gives_no_cycle_of_events():
    """Time orders the events even where components call each other."""
    events = EventGraph([seen("a", 1), seen("b", 2), seen("a", 3)], from_edges([("a", "b"), ("b", "a")]))
    assert len(events.links) == 3
    assert len(events.critical_path()) == 3


def test_no_events_no_path():
    """An empty incident has no roots."""
    events = EventGraph([], GRAPH)
    assert events.roots == events.critical_path() == events.timeline == ()
    assert events.consequences_of(seen("db", 1)) == ()


def test_the_critical_path_is_the_heaviest():
    """Weight, not length, decides."""
    events = EventGraph([seen("db", 1, weight=9.0), seen("orders", 2, weight=1.0), seen("web", 1)], GRAPH)
    assert [e.component for e in events.critical_path()] == ["db", "orders"]


def test_anomalies_become_events_once():
    """Two detectors on one series at one time are one event, the gravest."""
    events = from_anomalies([anomaly("db", 1, 3, score=2.0), anomaly("db", 1, 3, score=4.0)])
    assert [(e.component, e.kind, e.weight) for e in events] == [("db", EventKind.ANOMALY, 4.0)]


def test_table_rows_become_deploys_changes_and_alerts():
    """Kinds of the case format map to kinds of events."""
    table = pd.DataFrame(
        [event("a", 1), event("b", 2, name="flag on"), event("c", 3, kind="METRIC", name="cpu", sign="up")]
    )
    assert [e.kind for e in from_table(table)] == [EventKind.DEPLOY, EventKind.CHANGE, EventKind.ALERT]


def can_lead(earlier, later, graph, window_s=300.0):
    """The definition, word by word."""
    is_caller = later.component in graph.dependents_of(earlier.component)
    is_circle = later.component in graph.distances_from(earlier.component, at_most=99)
    is_change = [e.kind in CHANGES for e in (earlier, later)]
    is_first = is_change == [True, False] or (is_change == [False, False] and is_caller and not is_circle)
    is_before = earlier.at < later.at or (earlier.at == later.at and is_first)
    is_near = later.component == earlier.component or is_caller
    return is_before and is_near and (later.at - earlier.at).total_seconds() <= window_s


def naive(events, graph):
    """The graph with every link: roots, consequences of each event, weight of the heaviest chain."""
    after = {e: [f for f in events if can_lead(e, f, graph)] for e in events}
    reached, heaviest = {}, {}

    def visit(one):
        if one not in reached:
            for later in after[one]:
                visit(later)
            reached[one] = set(after[one]).union(*(reached[f] for f in after[one]))
            heaviest[one] = one.weight + max((heaviest[f] for f in after[one]), default=0.0)

    for one in events:
        visit(one)
    led_to = {f for later in after.values() for f in later}
    return {e for e in events if e not in led_to}, reached, max(heaviest.values(), default=0.0)


@pytest.mark.parametrize("seed", range(12))
def test_fewer_links_say_the_same(seed):
    """Roots, consequences and the heaviest chain are those of the graph that keeps every link."""
    rng = np.random.default_rng(seed)
    names, kinds = "abcde", [EventKind.ANOMALY, EventKind.ANOMALY, EventKind.DEPLOY, EventKind.ACTION]
    graph = from_edges([tuple(rng.choice(list(names), 2)) for _ in range(7)])
    events = {
        seen(
            str(rng.choice(list(names))),
            int(rng.integers(0, 20)),
            kinds[rng.integers(0, 4)],
            name=f"m{rng.integers(0, 3)}",
            weight=float(rng.integers(0, 5)),
        )
        for _ in range(40)
    }
    found, (roots, reached, heaviest) = EventGraph(events, graph), naive(events, graph)
    assert set(found.roots) == roots
    assert all(set(found.consequences_of(event)) == reached[event] for event in events)
    path = found.critical_path()
    assert sum(event.weight for event in path) == heaviest
    assert all(can_lead(earlier, later, graph) for earlier, later in pairwise((*path,)))
    assert all(can_lead(earlier, later, graph) for earlier, later in found.links)


def test_the_order_of_the_input_does_not_matter():
    """Shuffled and repeated events give the same graph."""
    events = [seen(name, minute) for name in ("db", "orders", "web") for minute in range(9)]
    one, other = EventGraph(events, GRAPH), EventGraph([*events[::-1], *events], GRAPH)
    assert (one.links, one.bursts, one.before) == (other.links, other.bursts, other.before)
    assert one.critical_path() == other.critical_path()


def test_thousands_of_simultaneous_events_are_one_burst():
    """Links are counted by events, not by pairs of them."""
    events = [seen("db", minute, name=f"m{i}") for minute in (1, 2) for i in range(1000)]
    found = EventGraph(events, GRAPH)
    assert (len(found.bursts), len(found.links), len(found.roots)) == (2, 1000, 1000)
    assert len(found.critical_path()) == 2


def test_a_link_that_follows_from_others_is_left_out():
    """What led to the earlier event of a component is not linked to its later one again."""
    first, second, third = seen("db", 1), seen("orders", 2), seen("orders", 3)
    assert EventGraph([first, second, third], GRAPH).links == ((first, second), (second, third))


def test_odd_weights_break_no_chain():
    """A weight that is no number, endless or negative neither hides the chain nor overflows."""
    weights = (float("nan"), float("inf"), -5.0, 1.0)
    found = EventGraph([seen("db", n, weight=weight) for n, weight in enumerate(weights)], GRAPH)
    assert [event.weight for event in found.critical_path()] == [float("inf"), 1.0]


def test_an_event_of_strangers_has_no_consequences():
    """An event that shares time and component with one of the graph, but is another, leads to nothing."""
    found = EventGraph([seen("db", 1), seen("orders", 2)], GRAPH)
    assert found.consequences_of(seen("db", 1, name="other")) == ()
    assert len(found.consequences_of(seen("db", 1))) == 1


def test_events_know_whether_callers_feel_them():
    """Latency, errors and slow calls are symptoms; saturation and changes are not; the caller is told."""
    rows = [
        event("a", 1, kind="TRACE", name="GET", sign="500", caller="web"),
        event("a", 2, kind="METRIC", name="cpu_usage", sign="up"),
        event("a", 3, kind="METRIC", name="error_rate", sign="up", caller="a"),
        event("a", 4, kind="LOG", name="template 7"),
    ]
    found = from_table(pd.DataFrame(rows))
    assert [e.is_symptom for e in found] == [True, False, True, False]
    assert [e.detail for e in found][:3] == [
        "trace GET 500, called by web",
        "metric cpu_usage up",
        "metric error_rate up",
    ]
    lasting = from_anomalies([anomaly("db", 1, 3, metric="latency_ms")])
    assert [(e.is_symptom, e.lasted_s) for e in lasting] == [(True, 120.0)]


def test_calls_order_what_a_coarse_step_hides():
    """At the same time trouble passes from callee to caller; not in a circle, and not from one change to another."""
    found = EventGraph([seen(name, 1) for name in ("web", "orders", "db")], GRAPH)
    assert [e.component for e in found.critical_path()] == ["db", "orders", "web"]
    circle = from_edges([("a", "b"), ("b", "a"), ("c", "a")])
    assert [[e.component for e in pair] for pair in EventGraph([seen(n, 1) for n in "abc"], circle).links] == [
        ["a", "c"]
    ]
    assert EventGraph([seen(n, 1, EventKind.DEPLOY) for n in ("orders", "db")], GRAPH).links == ()


def test_missing_data_is_told_without_made_up_numbers():
    """A metric that is gone is no latency that callers feel, and has no value."""
    gone = replace(anomaly("db", 1, 3, metric="latency_ms"), type=AnomalyType.MISSING_DATA, value=float("nan"))
    (found,) = from_anomalies([gone])
    assert (found.detail, found.is_symptom) == ("no data where 1 was expected (high)", False)
    (bare,) = from_anomalies([replace(gone, value=4.0, expected=float("nan"))])
    assert bare.detail == "4 (high)"


def test_the_window_follows_the_step():
    """Five minutes, or three rows of a coarse metric."""
    assert (window_of(10.0), window_of(300.0)) == (300.0, 900.0)
