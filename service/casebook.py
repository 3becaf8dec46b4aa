"""Incidents as the loop keeps them: anomalies in; incidents grouped, saved and told of; their analyses out."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import pandas as pd

from analysis.findings import RootCauseAnalysis
from analysis.grouping import Grouping, GroupingSettings, group
from analysis.incidents import Incident, IncidentStatus
from analysis.pipeline import diagnose
from analysis.ranking.ranker import Ranker
from analysis.situation import Situation
from analysis.topology import DependencyGraph
from models.anomalies import Anomaly
from models.frames import MetricFrame
from service.ports import Change
from service.records import Record, RecordKind
from service.store.paging import MAX_LIMIT
from service.store.sql import SqlStore

Publish = Callable[[Record], None]
MOST_CHANGES = 10_000
"""Changes that are remembered, the latest ones."""


class Casebook:
    """Open incidents, and what is needed to analyse them.

    Parameters
    ----------
    store
        Where incidents and analyses are kept; open ones are taken up from there.
    publish
        Told of everything that happens.
    grouping
        What belongs together.
    history_rows
        Rows before the onset that an analysis compares with.
    ranker
        Learnt from resolved incidents; None orders candidates by their evidence alone.
    attributes
        Where each component runs and the like, as a situation has it; None if nobody says.
    """

    def __init__(
        self,
        store: SqlStore,
        publish: Publish,
        grouping: GroupingSettings,
        history_rows: int,
        ranker: Ranker | None = None,
        attributes: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    ) -> None:
        self._store = store
        self._publish = publish
        self._grouping = grouping
        self._history_rows = history_rows
        self._ranker = ranker
        self._attributes = attributes
        self._changes: deque[Change] = deque(_known_changes(store), maxlen=MOST_CHANGES)
        self._untold: deque[Record] = deque()
        self._open = {incident.id: incident for incident in _unresolved(store)}

    @property
    def open(self) -> tuple[Incident, ...]:
        """Incidents that are not resolved, oldest first."""
        return tuple(self._open[name] for name in sorted(self._open))

    def note_changes(self, changes: Iterable[Change]) -> None:
        """Remember deploys and configuration changes for later analyses, and record them.

        Parameters
        ----------
        changes
            In time order.
        """
        for change in changes:
            self._changes.append(change)
            self._publish(_change_record(change))

    def watched_since(self, fresh_start: datetime) -> datetime:
        """From when on present anomalies matter: the onset of the oldest open incident, or the fresh rows.

        Parameters
        ----------
        fresh_start
            Time of the first fresh row, UTC.

        Returns
        -------
        datetime
            UTC.
        """
        return min([fresh_start, *(incident.onset for incident in self._open.values())])

    def update(self, anomalies: Iterable[Anomaly], graph: DependencyGraph, now: datetime) -> Grouping:
        """Sort present anomalies into incidents, save what changed and tell of it.

        Parameters
        ----------
        anomalies
            All that last beyond ``watched_since``, as they are seen now.
        graph
            Who calls whom.
        now
            UTC.

        Returns
        -------
        Grouping
            What this step did.
        """
        grouping = group(self.open, anomalies, graph, self._grouping, now)
        for incident in grouping.incidents:
            if incident.id in grouping.opened:
                self._keep_and_tell(incident, RecordKind.INCIDENT_OPENED, now)
            elif incident.id in grouping.resolved:
                self._keep_and_tell(incident, RecordKind.INCIDENT_RESOLVED, now)
            elif incident.id in grouping.updated:
                self.keep(incident)
        self._tell()
        return grouping

    def _keep_and_tell(self, incident: Incident, kind: RecordKind, now: datetime) -> None:
        self.keep(incident)
        self._untold.append(_record(kind, incident, now))

    def _tell(self) -> None:
        """Publish what is saved; what cannot be published now is published with a later update."""
        while self._untold:
            self._publish(self._untold[0])
            self._untold.popleft()

    def latest_decision(self, incident_id: str) -> Record | None:
        """Look up the latest decision about an incident.

        Parameters
        ----------
        incident_id
            Of any incident.

        Returns
        -------
        Record or None
            Its subject is the component that was held responsible, or the incident itself for an abstention; None if
            nothing was decided yet.
        """
        made = self._store.records(kind=RecordKind.DECISION_MADE, incident_id=incident_id, limit=1, newest_first=True)
        return made[0] if made else None

    def keep(self, incident: Incident) -> None:
        """Save an incident as it is now.

        Parameters
        ----------
        incident
            New or changed.
        """
        self._store.save_incident(incident)
        if incident.status is IncidentStatus.RESOLVED:
            self._open.pop(incident.id, None)
        else:
            self._open[incident.id] = incident

    def analyse(
        self,
        incident: Incident,
        frame: MetricFrame,
        edges: tuple[tuple[str, str], ...] | None,
        now: datetime,
        onset: datetime | None = None,
    ) -> RootCauseAnalysis:
        """Look for the root cause with what is known now, and save the answer.

        Parameters
        ----------
        incident
            Open or not.
        frame
            The metrics that are kept.
        edges
            Who calls whom; None if nobody knows.
        now
            UTC; later rows are not looked at.
        onset
            Where the trouble that lasts began, UTC; None takes the onset of the incident.

        Returns
        -------
        RootCauseAnalysis
            May name no cause.
        """
        situation = self._situation(incident, frame, edges, now, onset or incident.onset)
        analysis = diagnose(situation, ranker=self._ranker)
        self._store.save_analysis(incident.id, analysis, now)
        return analysis

    def _situation(
        self,
        incident: Incident,
        frame: MetricFrame,
        edges: tuple[tuple[str, str], ...] | None,
        now: datetime,
        onset: datetime,
    ) -> Situation:
        first = max(frame.row_at(onset) - self._history_rows, 0)
        return Situation(
            detected_at=onset,
            frame=frame.rows(first, frame.row_at(now)),
            edges=edges,
            anomalies=incident.anomalies,
            events=_change_events(self.changes_before(incident, now)),
            attributes=self._attributes,
        )

    def changes_before(self, incident: Incident, now: datetime, reach_s: float = 1800.0) -> tuple[Change, ...]:
        """Changes that came shortly before the onset of an incident, or since.

        Parameters
        ----------
        incident
            Any.
        now
            UTC.
        reach_s
            How long before the onset counts as shortly, seconds.

        Returns
        -------
        tuple of Change
            In time order.
        """
        first = incident.onset - timedelta(seconds=reach_s)
        return tuple(change for change in self._changes if first <= change.at <= now)


def _unresolved(store: SqlStore) -> Iterator[Incident]:
    """All incidents that the store shows open, page by page."""
    for status in (IncidentStatus.OPEN, IncidentStatus.MITIGATING):
        page = store.incidents(status=status, limit=500)
        yield from page.items
        while page.next_cursor is not None:
            page = store.incidents(status=status, cursor=page.next_cursor, limit=500)
            yield from page.items


def _change_record(change: Change) -> Record:
    return Record(at=change.at, kind=RecordKind.CHANGE_OBSERVED, subject=change.component, message=change.name)


def _known_changes(store: SqlStore) -> list[Change]:
    """What an earlier life of the service recorded, in time order."""
    records = store.records(kind=RecordKind.CHANGE_OBSERVED, newest_first=True, limit=MAX_LIMIT)
    return [Change(at=r.at, component=r.subject, name=r.message) for r in reversed(records)]


def _change_events(changes: Iterable[Change]) -> pd.DataFrame | None:
    """The changes as the event table of the case format; None if there are none."""
    rows = [
        {
            "ts": change.at,
            "component": change.component,
            "caller": "",
            "kind": "CHANGE",
            "name": change.name,
            "sign": "",
        }
        for change in changes
    ]
    return pd.DataFrame(rows) if rows else None


def _record(kind: RecordKind, incident: Incident, now: datetime) -> Record:
    shown = ", ".join(incident.components[:5]) + (" and more" if len(incident.components) > 5 else "")
    n = len(incident.anomalies)
    what = "resolved" if kind is RecordKind.INCIDENT_RESOLVED else f"{incident.severity} severity"
    return Record(
        at=now,
        kind=kind,
        subject=incident.id,
        incident_id=incident.id,
        message=f"{what}, {n} {'anomaly' if n == 1 else 'anomalies'} on {shown}",
        data={"severity": incident.severity, "components": list(incident.components)},
    )
