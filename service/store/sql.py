"""The one store of the service: what was seen, concluded and done. Every state can be rebuilt from it."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from analysis.findings import RootCauseAnalysis
from analysis.incidents import Incident, IncidentStatus
from models.anomalies import Anomaly
from models.errors import ConfigurationError, UnknownNameError
from service.records import Record, RecordKind
from service.store import anomalies, codec, incidents, ledger, schema
from service.store.database import Database
from service.store.paging import Page, check_limit, make_cursor, read_cursor
from service.store.tables import AnalysisRow, AnomalyRow, Base, IncidentRow, MemberRow

Row = TypeVar("Row", bound=Base)


class SqlStore:
    """Incidents, anomalies, analyses and the ledger in a database, which is made or renewed when it is opened.

    Every method is one transaction and may be called from any thread.

    Parameters
    ----------
    url
        SQLAlchemy URL, for example ``sqlite:///faultline.db``; ``sqlite://`` keeps everything in memory.

    Attributes
    ----------
    database
        The way to it, for repositories of other parts.

    Raises
    ------
    ConfigurationError
        If the URL is none, or the database cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        with ExitStack() as unless_opened:  # nobody gets a store then that could be closed
            unless_opened.callback(self.database.close)
            try:
                schema.upgrade(self.database)
            except DBAPIError as error:
                place = self.database.engine.url.render_as_string(hide_password=True)
                raise ConfigurationError(
                    f"The store {place} cannot be opened: {error.orig}.",
                    remedy="check that it is a database of Faultline, that its directory exists, and who may use it.",
                ) from error
            unless_opened.pop_all()

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()

    def append(self, record: Record) -> Record:
        """Add a line to the ledger.

        Parameters
        ----------
        record
            Its ``seq`` is ignored.

        Returns
        -------
        Record
            With its number, higher than all before.
        """
        with self.database.writing() as session:
            return ledger.append(session, record)

    def records(
        self,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
        kind: RecordKind | None = None,
        subject: str | None = None,
        incident_id: str | None = None,
        newest_first: bool = False,
    ) -> tuple[Record, ...]:
        """Read lines of the ledger.

        Parameters
        ----------
        after
            Only those with a higher number.
        before
            Only those with a lower number; None for no bound.
        limit
            At most so many, 1 to 500.
        kind
            Only this kind; None for all.
        subject
            Only about this component, breaker, run or incident; None for all.
        incident_id
            Only of this incident; None for all.
        newest_first
            Highest number first.

        Returns
        -------
        tuple of Record
            In order of their numbers.
        """
        with self.database.reading() as session:
            query = ledger.select_records(
                after=after,
                before=before,
                kind=kind,
                subject=subject,
                incident_id=incident_id,
                newest_first=newest_first,
            )
            return tuple(ledger.to_record(row) for row in session.scalars(query.limit(check_limit(limit))))

    def record_page(
        self,
        *,
        cursor: str | None = None,
        limit: int = 100,
        kind: RecordKind | None = None,
        subject: str | None = None,
        incident_id: str | None = None,
    ) -> Page[Record]:
        """List the ledger, newest first.

        Parameters
        ----------
        cursor
            From the page before; None for the first.
        limit
            At most so many, 1 to 500.
        kind
            Only this kind; None for all.
        subject
            Only about this component, breaker, run or incident; None for all.
        incident_id
            Only of this incident; None for all.

        Returns
        -------
        Page of Record
            And where the next one begins.
        """
        query = ledger.select_records(
            before=None if cursor is None else read_cursor("records", cursor, int)[0],
            kind=kind,
            subject=subject,
            incident_id=incident_id,
            newest_first=True,
        )
        with self.database.reading() as session:
            rows, last = _cut(session, query, limit)
            place = make_cursor("records", last.seq) if last else None
            return Page(items=tuple(ledger.to_record(row) for row in rows), next_cursor=place)

    def save_anomalies(self, found: Iterable[Anomaly], incident_id: str | None = None) -> None:
        """Add anomalies, or renew those with the same component, metric and start.

        Parameters
        ----------
        found
            Any number.
        incident_id
            The saved incident that they belong to; None leaves that as it is.
        """
        with self.database.writing() as session:
            ids = anomalies.upsert(session, found)
            if incident_id is not None:
                incidents.add_members(session, incident_id, ids)

    def anomalies(
        self,
        *,
        component: str | None = None,
        metric: str | None = None,
        incident_id: str | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Anomaly]:
        """List anomalies, latest start first.

        Parameters
        ----------
        component
            Only its; None for all.
        metric
            Only of this metric; None for all.
        incident_id
            Only of this incident; None for all.
        since
            Only those that start at or after this time; None for all.
        cursor
            From the page before; None for the first.
        limit
            At most so many, 1 to 500.

        Returns
        -------
        Page of Anomaly
            And where the next one begins.
        """
        query = select(AnomalyRow).order_by(AnomalyRow.start.desc(), AnomalyRow.id.desc())
        if component is not None:
            query = query.where(AnomalyRow.component == component)
        if metric is not None:
            query = query.where(AnomalyRow.metric == metric)
        if since is not None:
            query = query.where(AnomalyRow.start >= since)
        if incident_id is not None:
            query = query.join(MemberRow).where(MemberRow.incident_id == incident_id)
        if cursor is not None:
            start, row_id = read_cursor("anomalies", cursor, datetime, int)
            query = query.where(tuple_(AnomalyRow.start, AnomalyRow.id) < (start, row_id))
        with self.database.reading() as session:
            rows, last = _cut(session, query, limit)
            place = make_cursor("anomalies", last.start, last.id) if last else None
            return Page(items=tuple(anomalies.to_anomaly(row) for row in rows), next_cursor=place)

    def save_incident(self, incident: Incident) -> None:
        """Add an incident with its anomalies, or bring it to its present state.

        Parameters
        ----------
        incident
            The whole of it: anomalies that are no longer in it leave it, and the store if no other incident holds them.
        """
        with self.database.writing() as session:
            incidents.save(session, incident)

    def incident(self, incident_id: str) -> Incident:
        """Look one incident up.

        Parameters
        ----------
        incident_id
            Its id.

        Returns
        -------
        Incident
            As it was saved last.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        with self.database.reading() as session:
            row = session.get(IncidentRow, incident_id)
            if row is None:
                raise UnknownNameError("incident", incident_id)
            return incidents.to_incidents(session, [row])[0]

    def incidents(
        self,
        *,
        status: IncidentStatus | None = None,
        component: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Incident]:
        """List incidents, latest opened first.

        Parameters
        ----------
        status
            Only those that stand there; None for all.
        component
            Only those with an anomaly of this component; None for all.
        cursor
            From the page before; None for the first.
        limit
            At most so many, 1 to 500.

        Returns
        -------
        Page of Incident
            And where the next one begins.
        """
        query = select(IncidentRow).order_by(IncidentRow.opened_at.desc(), IncidentRow.id.desc())
        if status is not None:
            query = query.where(IncidentRow.status == status.value)
        if component is not None:
            query = query.where(IncidentRow.id.in_(_incidents_with(component)))
        if cursor is not None:
            opened_at, row_id = read_cursor("incidents", cursor, datetime, str)
            query = query.where(tuple_(IncidentRow.opened_at, IncidentRow.id) < (opened_at, row_id))
        with self.database.reading() as session:
            rows, last = _cut(session, query, limit)
            place = make_cursor("incidents", last.opened_at, last.id) if last else None
            return Page(items=incidents.to_incidents(session, rows), next_cursor=place)

    def count_incidents(self) -> Mapping[IncidentStatus, int]:
        """Count incidents by status.

        Returns
        -------
        Mapping of IncidentStatus to int
            Every status, zero included.
        """
        query = select(IncidentRow.status, func.count()).group_by(IncidentRow.status)
        with self.database.reading() as session:
            found = {IncidentStatus(status): count for status, count in session.execute(query)}
        return {status: found.get(status, 0) for status in IncidentStatus}

    def save_analysis(self, incident_id: str, analysis: RootCauseAnalysis, at: datetime) -> None:
        """Keep the analysis of an incident in place of an earlier one.

        Parameters
        ----------
        incident_id
            Of a saved incident.
        analysis
            The finding.
        at
            When it was made, UTC.
        """
        with self.database.writing() as session:
            incidents.save_analysis(session, incident_id, analysis, at)

    def analysis(self, incident_id: str) -> RootCauseAnalysis | None:
        """Look up the latest analysis of an incident.

        Parameters
        ----------
        incident_id
            Of any incident.

        Returns
        -------
        RootCauseAnalysis or None
            None if there is none yet.
        """
        with self.database.reading() as session:
            row = session.get(AnalysisRow, incident_id)
            return None if row is None else codec.loads(RootCauseAnalysis, row.body)

    def analysed_at(self, incident_id: str) -> datetime | None:
        """Tell when the latest analysis of an incident was made.

        Parameters
        ----------
        incident_id
            Of any incident.

        Returns
        -------
        datetime or None
            UTC; None if there is none yet.
        """
        with self.database.reading() as session:
            return session.scalar(select(AnalysisRow.at).where(AnalysisRow.incident_id == incident_id))


def _incidents_with(component: str) -> Select[str]:
    return select(MemberRow.incident_id).join(AnomalyRow).where(AnomalyRow.component == component)


def _cut(session: Session, query: Select[Row], limit: int) -> tuple[list[Row], Row | None]:
    """Load one page; the second value is its last row if there is more behind it."""
    rows = list(session.scalars(query.limit(check_limit(limit) + 1)))
    return rows[:limit], rows[limit - 1] if len(rows) > limit else None
