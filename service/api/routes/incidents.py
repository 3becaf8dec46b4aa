"""Incidents, their root cause, their timeline."""

from fastapi import APIRouter

from analysis.incidents import IncidentStatus
from models.anomalies import Anomaly
from models.errors import UnknownNameError
from service.api.dependencies import PREFIX, Cursor, Engine, Filter, Limit
from service.api.openapi import problems
from service.api.schemas.cards import IncidentCard
from service.api.schemas.incidents import (
    EventGraph,
    Incident,
    IncidentDetail,
    IncidentPage,
    RootCause,
    Timeline,
    TimelineEntry,
)
from service.incident_card import incident_card
from service.records import Record
from service.store.paging import MAX_LIMIT

router = APIRouter(prefix=f"{PREFIX}/incidents", tags=["incidents"])


@router.get("", summary="List incidents", responses=problems(422))
def incidents(
    engine: Engine,
    status: IncidentStatus | None = None,
    component: Filter = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> IncidentPage:
    """Page through the incidents, latest opened first."""
    page = engine.store.incidents(status=status, component=component, cursor=cursor, limit=limit)
    return IncidentPage(items=[Incident.of(incident) for incident in page.items], next_cursor=page.next_cursor)


@router.get("/{incident_id}", summary="Look up an incident", responses=problems(404))
def incident(incident_id: str, engine: Engine) -> IncidentDetail:
    """Look up an incident with all its anomalies."""
    return IncidentDetail.of(engine.store.incident(incident_id))


@router.get("/{incident_id}/card", summary="Look up the card of an incident", responses=problems(404))
def card(incident_id: str, engine: Engine) -> IncidentCard:
    """Tell root cause, critical failure and impact, with timeline, event tree, root events and critical path."""
    return IncidentCard.of(incident_id, incident_card(engine, incident_id))


@router.get("/{incident_id}/root-cause", summary="Look up the root cause", responses=problems(404))
def root_cause(incident_id: str, engine: Engine) -> RootCause:
    """Look up the latest analysis of an incident; 404 if it was not analysed yet."""
    engine.store.incident(incident_id)
    return _root_cause(incident_id, engine)


@router.post(
    "/{incident_id}/root-cause",
    summary="Analyse an incident again",
    responses=problems(403, 404, 409, 413, 415, 503),
)
def diagnose(incident_id: str, engine: Engine) -> RootCause:
    """Run the analysis with what is known now, keep it and return it. The body may be an empty object."""
    engine.store.incident(incident_id)
    engine.diagnose(incident_id)
    return _root_cause(incident_id, engine)


@router.get("/{incident_id}/timeline", summary="Look up the timeline of an incident", responses=problems(404))
def timeline(incident_id: str, engine: Engine) -> Timeline:
    """Tell what was seen and what was done in an incident, in order of time."""
    found = engine.store.incident(incident_id)
    records = engine.store.records(incident_id=incident_id, limit=MAX_LIMIT)
    entries = [_seen(anomaly) for anomaly in found.anomalies] + [_done(record) for record in records]
    entries.sort(key=lambda entry: (entry.at, entry.seq or 0))
    return Timeline(incident_id=incident_id, items=entries, is_complete=len(records) < MAX_LIMIT)


@router.get("/{incident_id}/event-graph", summary="Look up the event graph of an incident", responses=problems(404))
def event_graph(incident_id: str, engine: Engine) -> EventGraph:
    """Lay out anomalies, changes, changes of health and our own actions, with what can have led to what."""
    return EventGraph.of(incident_id, engine.event_graph(incident_id))


def _root_cause(incident_id: str, engine: Engine) -> RootCause:
    analysis, at = engine.store.analysis(incident_id), engine.store.analysed_at(incident_id)
    if analysis is None or at is None:
        raise UnknownNameError("root cause of incident", incident_id)
    return RootCause.of(incident_id, at, analysis)


def _seen(anomaly: Anomaly) -> TimelineEntry:
    return TimelineEntry(
        at=anomaly.start,
        kind="ANOMALY_STARTED",
        subject=anomaly.key.component,
        message=f"{anomaly.key.metric}: {anomaly.value:.4g} instead of {anomaly.expected:.4g} at the peak",
        seq=None,
    )


def _done(record: Record) -> TimelineEntry:
    return TimelineEntry(
        at=record.at, kind=record.kind.value, subject=record.subject, message=record.message, seq=record.seq
    )
