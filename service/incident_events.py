"""The events of one incident, from all that the service knows: anomalies, changes, health, and its own actions."""

from collections.abc import Iterable
from types import MappingProxyType

from analysis.events import Event, EventKind, from_anomalies, kind_of_change
from analysis.incidents import Incident
from service.ports import Change
from service.records import Record, RecordKind

_KINDS = MappingProxyType(
    {
        RecordKind.HEALTH_CHANGED: EventKind.HEALTH,
        RecordKind.CIRCUIT_BREAKER_TRIPPED: EventKind.ACTION,
        RecordKind.CIRCUIT_BREAKER_RESET: EventKind.ACTION,
        RecordKind.CIRCUIT_BREAKER_FORCED: EventKind.ACTION,
        RecordKind.COMPONENT_ISOLATED: EventKind.ACTION,
        RecordKind.COMPONENT_RELEASED: EventKind.ACTION,
        RecordKind.RECOVERY_STEP_FINISHED: EventKind.ACTION,
    }
)


def incident_events(incident: Incident, changes: Iterable[Change], records: Iterable[Record]) -> tuple[Event, ...]:
    """Collect the events of an incident.

    Parameters
    ----------
    incident
        Its anomalies count.
    changes
        Made shortly before it or since.
    records
        Of the ledger; those of health count from the onset to the end of the incident, on its components.

    Returns
    -------
    tuple of Event
        Sorted, each once.
    """
    end = incident.resolved_at or incident.updated_at
    wanted = (
        record
        for record in records
        if record.kind in _KINDS
        and (record.kind is not RecordKind.HEALTH_CHANGED or incident.onset <= record.at <= end)
        and (record.kind is not RecordKind.HEALTH_CHANGED or record.subject in incident.components)
    )
    found = {
        *from_anomalies(incident.anomalies),
        *(_change(change) for change in changes),
        *(_recorded(record) for record in wanted),
    }
    return tuple(sorted(found))


def _change(change: Change) -> Event:
    return Event(at=change.at, component=change.component, kind=kind_of_change(change.name), name=change.name)


def _recorded(record: Record) -> Event:
    return Event(
        at=record.at,
        component=record.subject,
        kind=_KINDS[record.kind],
        name=record.kind.value,
        detail=record.message,
        weight=0.0,
    )
