"""Events and how they hang together."""

import pandas as pd

from analysis.event_graph import EventGraph, blast_radius
from analysis.events import Event, EventKind, from_anomalies, from_table
from analysis.topology import from_edges
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


def test_blast_radius_tells_hit_from_threatened():
    """Callers with trouble are impacted, those without are at risk."""
    radius = blast_radius("db", ["orders", "cache", "db"], GRAPH)
    assert radius == {"impacted": ("orders",), "at_risk": ("web",), "unrelated": ("cache",)}


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
