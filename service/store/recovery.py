"""Keeps recovery runs: a run, its intent, what it puts in force and what it tells change in one transaction."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from models.errors import UnknownNameError
from service.ports import Action, ActionKind
from service.records import Record
from service.recovery.isolations import Isolation, Isolations, isolations_of
from service.recovery.runs import Drop, Hold, RecoveryRun, RecoveryStatus
from service.store import codec, run_codec
from service.store.database import Database
from service.store.recovery_tables import ActionRow, IsolationRow, OutboxRow, RunRow

_UNFINISHED = [status.value for status in RecoveryStatus if not status.is_final]


class RecoveryStore:
    """Recovery runs in the database of the service.

    Every method is one transaction and may be called from any thread.

    Parameters
    ----------
    database
        With the schema of this code.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self,
        run: RecoveryRun,
        *,
        marks: Iterable[Hold | Drop] = (),
        records: Iterable[Record] = (),
        intent: Action | None = None,
        settled: tuple[str, str] | None = None,
    ) -> None:
        """Keep a run and everything that changed with it.

        Parameters
        ----------
        run
            New or changed.
        marks
            What is in force from now on, or no more.
        records
            To be told; they wait in the outbox.
        intent
            An action that is about to be done.
        settled
            Key and outcome of an action that was awaited.
        """
        with self._database.writing() as session:
            _save_run(session, run)
            for mark in marks:
                _save_mark(session, mark)
            if settled is not None:
                key, outcome = settled
                changed = update(ActionRow).where(ActionRow.key == key)
                session.execute(changed.values(settled_at=run.updated_at, outcome=outcome))
            if intent is not None:
                _save_intent(session, run, intent)
            bodies = [{"body": codec.dumps(record)} for record in records]
            if bodies:
                session.execute(insert(OutboxRow), bodies)

    def unfinished(self) -> tuple[RecoveryRun, ...]:
        """Load the runs that are not over.

        Returns
        -------
        tuple of RecoveryRun
            In the order in which they were asked for.
        """
        query = select(RunRow.body).where(RunRow.status.in_(_UNFINISHED)).order_by(RunRow.seq)
        with self._database.reading() as session:
            return tuple(run_codec.loads(body) for body in session.scalars(query))

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
            return tuple(run_codec.loads(body) for body in session.scalars(query))

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

    def untold(self) -> tuple[tuple[int, Record], ...]:
        """Load the records that are still to be told.

        Returns
        -------
        tuple of (int, Record)
            Oldest first, each with the number that ``told`` takes.
        """
        with self._database.reading() as session:
            rows = session.scalars(select(OutboxRow).order_by(OutboxRow.id))
            return tuple((row.id, codec.loads(Record, row.body)) for row in rows)

    def told(self, numbers: Sequence[int]) -> None:
        """Take records out of the outbox.

        Parameters
        ----------
        numbers
            As ``untold`` gave them.
        """
        if numbers:
            with self._database.writing() as session:
                session.execute(delete(OutboxRow).where(OutboxRow.id.in_(numbers)))

    def in_doubt(self) -> tuple[tuple[str, datetime], ...]:
        """List actions that were begun and have no outcome.

        Returns
        -------
        tuple of (str, datetime)
            Key, and when it was begun.
        """
        query = select(ActionRow.key, ActionRow.intended_at).where(ActionRow.settled_at.is_(None))
        with self._database.reading() as session:
            return tuple((key, at) for key, at in session.execute(query.order_by(ActionRow.key)))


def _save_run(session: Session, run: RecoveryRun) -> None:
    values = {"status": run.status.value, "updated_at": run.updated_at, "body": run_codec.dumps(run)}
    changed = session.execute(update(RunRow).where(RunRow.id == run.id).values(**values).returning(RunRow.seq)).first()
    if changed is None:
        session.add(
            RunRow(
                id=run.id,
                component=run.component,
                incident_id=run.incident_id,
                strategy_id=run.strategy.id,
                created_at=run.created_at,
                **values,
            )
        )
        session.flush()


def _save_intent(session: Session, run: RecoveryRun, action: Action) -> None:
    session.add(
        ActionRow(
            key=action.key,
            run_id=run.id,
            kind=action.kind.value,
            component=action.component,
            intended_at=run.updated_at,
            settled_at=None,
            outcome="",
        )
    )


def _save_mark(session: Session, mark: Hold | Drop) -> None:
    if isinstance(mark, Drop):
        place = (IsolationRow.component == mark.component, IsolationRow.kind == mark.kind.value)
        session.execute(delete(IsolationRow).where(*place))
        return
    held = mark.isolation
    if session.get(IsolationRow, (held.component, held.kind.value)) is None:
        session.add(
            IsolationRow(
                component=held.component,
                kind=held.kind.value,
                since=held.since,
                release_at=held.release_at,
                reason=held.reason,
                incident_id=held.incident_id,
                parameters=json.dumps(held.parameters),
            )
        )
        session.flush()


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
