"""service.incident_events: everything that happened in an incident, as events."""

from dataclasses import replace
from datetime import timedelta

from analysis.event_graph import EventGraph
from analysis.events import EventKind
from analysis.topology import from_edges
from service.incident_events import incident_events
from service.ports import Change
from service.records import Record, RecordKind
from tests.service.store.examples import T0, an_anomaly, an_incident


def _record(kind, subject, minutes):
    return Record(at=T0 + timedelta(minutes=minutes), kind=kind, subject=subject, message="m")


def _incident():
    found = an_anomaly()
    incident = an_incident()
    return replace(incident, anomalies=(found,), resolved_at=None, updated_at=found.start + timedelta(minutes=30))


def test_changes_health_and_actions_are_events_and_chatter_is_not():
    """The deploy, the change of health of a touched component and our action are in; other records are not."""
    incident = _incident()
    own, onset = incident.components[0], incident.onset
    minutes = (onset - T0).total_seconds() / 60
    records = [
        _record(RecordKind.HEALTH_CHANGED, own, minutes + 1),
        _record(RecordKind.HEALTH_CHANGED, "somebody-else", minutes + 1),
        _record(RecordKind.HEALTH_CHANGED, own, minutes - 60),
        _record(RecordKind.RECOVERY_STEP_FINISHED, own, minutes + 2),
        _record(RecordKind.ROOT_CAUSE_FOUND, own, minutes + 2),
    ]
    changes = [Change(at=onset - timedelta(minutes=1), component=own, name="deploy v2")]
    events = incident_events(incident, changes, records)
    assert [event.kind for event in events] == [
        EventKind.DEPLOY,
        EventKind.ANOMALY,
        EventKind.HEALTH,
        EventKind.ACTION,
    ]


def test_the_deploy_is_the_root_of_what_follows():
    """On the event graph the change before the onset leads to the anomaly."""
    incident = _incident()
    own = incident.components[0]
    change = Change(at=incident.onset, component=own, name="deploy v2")
    graph = EventGraph(incident_events(incident, [change], []), from_edges([("x", own)]))
    assert [event.kind for event in graph.roots] == [EventKind.DEPLOY]
    assert [event.kind for event in graph.critical_path()] == [EventKind.DEPLOY, EventKind.ANOMALY]
