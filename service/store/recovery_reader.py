"""Recovery runs as they are kept: looked up and listed."""

import json
from datetime import datetime

from sqlalchemy import select

from models.errors import UnknownNameError
from service.ports import ActionKind
from service.recovery.isolations import Isolation, Isolations, isolations_of
from service.recovery.runs import RecoveryRun, RecoveryStatus
from service.store import run_codec
from service.store.database import Database
from service.store.recovery_tables import ActionRow, IsolationRow, RunRow

UNFINISHED = [status.value for status in RecoveryStatus if not status.is_final]


class RecoveryReader:
    """What is kept of recovery; nothing here changes it.

    Parameters
    ----------
    database
        With the schema of this code.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, run_id: str) -> RecoveryRun:
        """Load one run.

        Parameters
        ----------
        run_id
            Its id.

        Returns
        -------
        RecoveryRun
            As it was saved last.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        with self._database.reading() as session:
            body = session.scalar(select(RunRow.body).where(RunRow.id == run_id))
        if body is None:
            raise UnknownNameError("recovery run", run_id)
        return run_codec.loads(body)

    def runs(
        self,
        *,
        status: RecoveryStatus | None = None,
        component: str | None = None,
        incident_id: str | None = None,
        limit: int = 100,
    ) -> tuple[RecoveryRun, ...]:
        """Load the latest runs.

        Parameters
        ----------
        status
            Only these; None for all.
        component
            Only on this one; None for all.
        incident_id
            Only of this one; None for all.
        limit
            At most so many.

        Returns
        -------
        tuple of RecoveryRun
            Newest first.
        """
        query = select(RunRow.body).order_by(RunRow.seq.desc()).limit(limit)
        if status is not None:
            query = query.where(RunRow.status == status.value)
        if component is not None:
            query = query.where(RunRow.component == component)
        if incident_id is not None:
            query = query.where(RunRow.incident_id == incident_id)
        with self._database.reading() as session:
            return run_codec.readable(session.scalars(query))

    def busy(self) -> tuple[tuple[str, str], ...]:
        """List who is worked on, or soon will be.

        Returns
        -------
        tuple of (str, str)
            Component and strategy id of every unfinished run, each pair once.
        """
        query = select(RunRow.component, RunRow.strategy_id).where(RunRow.status.in_(UNFINISHED)).distinct()
        with self._database.read_connection() as connection:
            return tuple((component, strategy_id) for component, strategy_id in connection.execute(query))

    def isolations(self) -> Isolations:
        """Load what is in force.

        Returns
        -------
        Isolations
            Oldest first.
        """
        query = select(IsolationRow).order_by(IsolationRow.since, IsolationRow.component, IsolationRow.kind)
        with self._database.reading() as session:
            return isolations_of(_to_isolation(row) for row in session.scalars(query))

    def in_doubt(self) -> tuple[tuple[str, datetime], ...]:
        """List actions that were begun and have no outcome.

        Returns
        -------
        tuple of (str, datetime)
            Key, and when it was begun.
        """
        query = select(ActionRow.key, ActionRow.intended_at).where(ActionRow.settled_at.is_(None))
        with self._database.read_connection() as connection:
            return tuple((key, at) for key, at in connection.execute(query.order_by(ActionRow.key)))

    def doubted(self, run_id: str) -> tuple[str, ...]:
        """List the actions of a run that were found interrupted, whatever came of them.

        Parameters
        ----------
        run_id
            Which run.

        Returns
        -------
        tuple of str
            Their keys.
        """
        query = select(ActionRow.key).where(ActionRow.run_id == run_id, ActionRow.doubted_at.is_not(None))
        with self._database.read_connection() as connection:
            return tuple(connection.execute(query.order_by(ActionRow.key)).scalars())


def _to_isolation(row: IsolationRow) -> Isolation:
    return Isolation(
        component=row.component,
        kind=ActionKind(row.kind),
        since=row.since,
        release_at=row.release_at,
        reason=row.reason,
        incident_id=row.incident_id,
        parameters=tuple((name, value) for name, value in json.loads(row.parameters)),
    )
