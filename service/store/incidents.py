"""Incidents as rows, with their anomalies in order and their latest analysis."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from analysis.findings import RootCauseAnalysis
from analysis.incidents import Incident, IncidentStatus
from models.anomalies import Anomaly
from models.errors import UnknownNameError
from service.store import anomalies, codec
from service.store.tables import AnalysisRow, AnomalyRow, IncidentRow, MemberRow


def save(session: Session, incident: Incident) -> None:
    """Add an incident with its anomalies, or bring it to its present state.

    Parameters
    ----------
    session
        In a writing transaction.
    incident
        The whole of it: anomalies that are no longer in it leave it, and the store if no other incident holds them.
    """
    session.merge(
        IncidentRow(
            id=incident.id,
            status=incident.status.value,
            opened_at=incident.opened_at,
            updated_at=incident.updated_at,
            resolved_at=incident.resolved_at,
        )
    )
    session.flush()
    ids = anomalies.upsert(session, incident.anomalies)
    before = _members(session, incident.id)
    if ids != before:
        session.execute(delete(MemberRow).where(MemberRow.incident_id == incident.id))
        _link(session, incident.id, ids, first=0)
        anomalies.forget_orphans(session, set(before) - set(ids))


def add_members(session: Session, incident_id: str, ids: Iterable[int]) -> None:
    """Put anomalies behind those that an incident has.

    Parameters
    ----------
    session
        In a writing transaction.
    incident_id
        Of a saved incident.
    ids
        Rows of anomalies; those already in it stay where they are.

    Raises
    ------
    UnknownNameError
        If there is no such incident.
    """
    if session.get(IncidentRow, incident_id) is None:
        raise UnknownNameError("incident", incident_id)
    present = set(_members(session, incident_id))
    last = session.scalar(select(func.max(MemberRow.position)).where(MemberRow.incident_id == incident_id))
    _link(session, incident_id, [i for i in ids if i not in present], first=0 if last is None else last + 1)


def save_analysis(session: Session, incident_id: str, analysis: RootCauseAnalysis, at: datetime) -> None:
    """Keep the analysis of an incident in place of an earlier one.

    Parameters
    ----------
    session
        In a writing transaction.
    incident_id
        Of a saved incident.
    analysis
        The finding.
    at
        When it was made, UTC.

    Raises
    ------
    UnknownNameError
        If there is no such incident.
    """
    if session.get(IncidentRow, incident_id) is None:
        raise UnknownNameError("incident", incident_id)
    session.merge(AnalysisRow(incident_id=incident_id, at=at, body=codec.dumps(analysis)))


def to_incidents(session: Session, rows: Sequence[IncidentRow]) -> tuple[Incident, ...]:
    """Make the values of rows, with one query for all their anomalies.

    Parameters
    ----------
    session
        The one that loaded the rows.
    rows
        At most a page.

    Returns
    -------
    tuple of Incident
        In the order of the rows.
    """
    query = (
        select(MemberRow.incident_id, AnomalyRow)
        .join(AnomalyRow, AnomalyRow.id == MemberRow.anomaly_id)
        .where(MemberRow.incident_id.in_([row.id for row in rows]))
        .order_by(MemberRow.incident_id, MemberRow.position)
    )
    found = session.execute(query)
    members = {
        incident_id: tuple(anomalies.to_anomaly(row) for _, row in group)
        for incident_id, group in groupby(found, key=itemgetter(0))
    }
    return tuple(_to_incident(row, members.get(row.id, ())) for row in rows)


def _to_incident(row: IncidentRow, members: tuple[Anomaly, ...]) -> Incident:
    return Incident(
        id=row.id,
        status=IncidentStatus(row.status),
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
        anomalies=members,
    )


def _members(session: Session, incident_id: str) -> list[int]:
    query = select(MemberRow.anomaly_id).where(MemberRow.incident_id == incident_id).order_by(MemberRow.position)
    return list(session.scalars(query))


def _link(session: Session, incident_id: str, ids: Sequence[int], *, first: int) -> None:
    rows = [{"incident_id": incident_id, "position": first + i, "anomaly_id": id_} for i, id_ in enumerate(ids)]
    if rows:
        session.execute(insert(MemberRow), rows)
