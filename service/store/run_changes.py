"""What changes together with a recovery run: its actions, what is in force, and the outbox."""

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Double, bindparam, delete, insert, select, update

from service.custody import Change, Holder
from service.ports import Action
from service.records import Record
from service.recovery.runs import Drop, Hold, RecoveryRun
from service.store import codec
from service.store.columns import database_now
from service.store.recovery_tables import ActionRow, IsolationRow, OutboxRow, RequestRow

# Built once: building a statement takes longer than carrying it out.
_SETTLED = (
    update(ActionRow)
    .where(ActionRow.key == bindparam("done_key"))
    .values(settled_at=bindparam("done_at"), outcome=bindparam("done_outcome"))
)
_INTENDED = insert(ActionRow)
_TOLD = insert(OutboxRow).values(
    body=bindparam("told_body"),
    instance=bindparam("told_by"),
    due_at=database_now() + bindparam("lease_s", type_=Double),
)


def save_change(connection: Connection, run: RecoveryRun, change: Change, holder: Holder) -> None:
    """Keep all of a change but the run itself.

    Parameters
    ----------
    connection
        In a writing transaction.
    run
        As it is now.
    change
        What came with it.
    holder
        Who tells the records.
    """
    for mark in change.marks:
        _save_mark(connection, mark)
    if change.settled is not None:
        key, outcome = change.settled
        connection.execute(_SETTLED, {"done_key": key, "done_at": run.updated_at, "done_outcome": outcome})
    if change.doubted:
        doubted = update(ActionRow).where(ActionRow.key == change.doubted)
        connection.execute(doubted.values(doubted_at=run.updated_at))
    if change.intent is not None:
        _save_intent(connection, run, change.intent)
    put_into_outbox(connection, change.records, holder)


def put_into_outbox(connection: Connection, records: Iterable[Record], holder: Holder) -> None:
    """Keep records until they are told.

    Parameters
    ----------
    connection
        In a writing transaction.
    records
        Any number.
    holder
        Who tells them.
    """
    shared = {"told_by": holder.instance, "lease_s": holder.lease_s}
    rows = [{"told_body": codec.dumps(record), **shared} for record in records]
    if rows:
        connection.execute(_TOLD, rows)


def answer(connection: Connection, number: int, at: datetime) -> None:
    """Note that a request was answered.

    Parameters
    ----------
    connection
        In a writing transaction.
    number
        Of the request.
    at
        UTC.
    """
    connection.execute(update(RequestRow).where(RequestRow.seq == number).values(answered_at=at))


def _save_intent(connection: Connection, run: RecoveryRun, action: Action) -> None:
    values = {"key": action.key, "run_id": run.id, "kind": action.kind.value, "component": action.component}
    connection.execute(_INTENDED, {**values, "intended_at": run.updated_at, "outcome": ""})


def _save_mark(connection: Connection, mark: Hold | Drop) -> None:
    if isinstance(mark, Drop):
        place = (IsolationRow.component == mark.component, IsolationRow.kind == mark.kind.value)
        connection.execute(delete(IsolationRow).where(*place))
        return
    held = mark.isolation
    place = (IsolationRow.component == held.component, IsolationRow.kind == held.kind.value)
    if connection.execute(select(IsolationRow.kind).where(*place)).first() is None:
        connection.execute(
            insert(IsolationRow).values(
                component=held.component,
                kind=held.kind.value,
                since=held.since,
                release_at=held.release_at,
                reason=held.reason,
                incident_id=held.incident_id,
                parameters=json.dumps(held.parameters),
            )
        )
