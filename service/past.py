"""Past incidents as the analysis compares them: read from the store, with their causes, repairs and changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from analysis.correlation import IncidentHistory
from analysis.events import Event, EventKind
from analysis.incidents import Incident
from analysis.patterns import PastIncident, PatternMatch, PatternSettings, Resolution, identify_patterns, match
from analysis.topology import DependencyGraph
from models.frames import MetricFrame
from service.records import RecordKind
from service.recovery.runs import RecoveryRun, StepStatus
from service.recovery.single_steps import is_release
from service.store.paging import MAX_LIMIT
from service.store.past import causes_of, runs_of
from service.store.sql import SqlStore

MOST_MATCHES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The latest incidents of a store.

    Parameters
    ----------
    incidents
        Latest opened first.
    is_complete
        Whether there are no older ones.
    """

    incidents: tuple[Incident, ...]
    is_complete: bool


def latest_incidents(store: SqlStore, most: int) -> Past:
    """Read the latest incidents.

    Parameters
    ----------
    store
        Where they are kept.
    most
        So many at most, at least 1.

    Returns
    -------
    Past
        Without those that have no anomaly.
    """
    found: list[Incident] = []
    cursor: str | None = None
    while True:
        page = store.incidents(cursor=cursor, limit=min(most - len(found), MAX_LIMIT))
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) >= most:
            break
    return Past(incidents=tuple(i for i in found if i.anomalies), is_complete=cursor is None)


def with_outcomes(store: SqlStore, incidents: tuple[Incident, ...]) -> tuple[PastIncident, ...]:
    """Add what came of incidents.

    Parameters
    ----------
    store
        Where analyses and runs are kept.
    incidents
        Of that store.

    Returns
    -------
    tuple of PastIncident
        In the same order.
    """
    ids = [incident.id for incident in incidents]
    causes, runs = causes_of(store.database, ids), runs_of(store.database, ids)
    return tuple(
        PastIncident(
            incident=incident,
            cause=causes[incident.id].component if incident.id in causes else "",
            category=causes[incident.id].category if incident.id in causes else None,
            resolutions=tuple(r for run in runs.get(incident.id, ()) if (r := resolution_of(run)) is not None),
        )
        for incident in incidents
    )


def resolution_of(run: RecoveryRun) -> Resolution | None:
    """Tell what a run did.

    Parameters
    ----------
    run
        In any state.

    Returns
    -------
    Resolution or None
        None if it acted on nothing, or only took back what was in force.
    """
    done = {result.step_id for result in run.results if result.status is StepStatus.SUCCEEDED}
    actions = [step.action.value for step in run.strategy.steps if step.action is not None and step.id in done]
    if not actions or is_release(run.strategy):
        return None
    return Resolution(action=", ".join(actions), component=run.component, is_verified=run.is_verified)


def similar_to(store: SqlStore, incident_id: str, most: int) -> tuple[PatternMatch, ...]:
    """Find the earlier failures that an incident may repeat, those that were seen once included.

    Parameters
    ----------
    store
        Where everything is kept.
    incident_id
        UnknownNameError if there is none.
    most
        So many of the latest incidents are compared.

    Returns
    -------
    tuple of PatternMatch
        The most similar first, ten at most; empty for an incident without an anomaly.
    """
    incident = store.incident(incident_id)
    if not incident.anomalies:
        return ()
    others = latest_incidents(store, most).incidents
    earlier = tuple(each for each in others if each.id != incident_id and each.onset < incident.onset)
    patterns = identify_patterns(with_outcomes(store, earlier), PatternSettings(least_count=1))
    (own,) = with_outcomes(store, (incident,))
    return match(own, patterns)[:MOST_MATCHES]


def history_of(
    store: SqlStore, past: Past, graph: DependencyGraph, frame: MetricFrame | None, now: datetime
) -> IncidentHistory:
    """Lay out past incidents with what is known around them.

    Parameters
    ----------
    store
        Where everything is kept.
    past
        From that store.
    graph
        Who calls whom.
    frame
        The metrics that are still in memory.
    now
        UTC.

    Returns
    -------
    IncidentHistory
        Watched since the first record, or since the oldest incident where older ones are left out. No change that was
        ever recorded is told as nobody recording them.
    """
    first = store.records(limit=1)
    onsets = [incident.onset for incident in past.incidents]
    start = min(onsets) if onsets and not past.is_complete else first[0].at if first else now
    changes = tuple(sorted(_changes(store)))
    return IncidentHistory(
        incidents=past.incidents,
        graph=graph,
        changes=changes or None,
        frame=frame,
        observed=(start, now) if start < now else None,
    )


def _changes(store: SqlStore) -> Iterator[Event]:
    """Every change on record."""
    last = 0
    while records := store.records(kind=RecordKind.CHANGE_OBSERVED, after=last, limit=MAX_LIMIT):
        last = records[-1].seq
        for record in records:
            yield Event(at=record.at, component=record.subject, kind=EventKind.CHANGE, name=record.message)
