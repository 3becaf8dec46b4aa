"""The ledger: records are added in a chain of digests, and never changed. ``service.store.audit`` checks the chain."""

import json
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.orm import Session

from models.errors import InputError
from service.records import Record, RecordKind
from service.store import chain, codec
from service.store.columns import check_zone
from service.store.tables import LedgerHeadRow, RecordRow

HEAD_ID = 1

# Built once: building a statement takes longer than carrying it out.
_HEAD = select(LedgerHeadRow.seq, LedgerHeadRow.digest).where(LedgerHeadRow.id == HEAD_ID)
_HELD_HEAD = _HEAD.with_for_update()
_ADDED = insert(RecordRow)
_MOVED = (
    update(LedgerHeadRow)
    .where(LedgerHeadRow.id == HEAD_ID)
    .values(seq=bindparam("new_seq"), digest=bindparam("new_digest"))
)


class Head(NamedTuple):
    """The newest record of the ledger: keep it elsewhere, and a ledger that was cut off shows."""

    seq: int
    digest: str


def append(session: Session, record: Record) -> Record:
    """Add a record.

    Parameters
    ----------
    session
        In a writing transaction. Writers take turns: the row of the head is held until the transaction ends.
    record
        Its ``seq`` is ignored.

    Returns
    -------
    Record
        With the ``seq`` it got.
    """
    before = head(session, is_held=True)
    check_zone(record.at)
    kept = replace(record, seq=before.seq + 1)
    data = codec.dumps(record.data)
    digest = chain.link(before.digest, _content(kept, data))
    row = {name: getattr(kept, name) for name in ("seq", "at", "subject", "message", "incident_id")}
    connection = session.connection()
    connection.execute(_ADDED, {**row, "kind": kept.kind.value, "data": data, "digest": digest})
    connection.execute(_MOVED, {"new_seq": kept.seq, "new_digest": digest})
    return kept


def head(session: Session, *, is_held: bool = False) -> Head:
    """Look up the newest record's number and digest.

    Parameters
    ----------
    session
        In any transaction.
    is_held
        Keep other writers waiting until the transaction ends.

    Returns
    -------
    Head
        Number 0 and ``chain.GENESIS`` for an empty ledger.

    Raises
    ------
    InputError
        If the row is gone: somebody tampered with the store.
    """
    row = session.connection().execute(_HELD_HEAD if is_held else _HEAD).first()
    if row is None:
        raise InputError(
            "the ledger has lost its head, so nothing can be added to it",
            remedy="run `faultline audit verify`, then restore the store from a backup",
        )
    return Head(row.seq, row.digest)


def _content(record: Record, data: str) -> str:
    return chain.canonical(
        seq=record.seq,
        at=record.at,
        kind=record.kind.value,
        subject=record.subject,
        message=record.message,
        incident_id=record.incident_id,
        data=json.loads(data),
    )


def select_records(
    *,
    after: int = 0,
    before: int | None = None,
    kind: RecordKind | None = None,
    subject: str | None = None,
    incident_id: str | None = None,
    newest_first: bool = False,
) -> Select[RecordRow]:
    """Ask for records.

    Parameters
    ----------
    after
        Only records with a higher number.
    before
        Only records with a lower number; None for no bound.
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
    Select
        Without a limit.
    """
    query = select(RecordRow).where(RecordRow.seq > after)
    if before is not None:
        query = query.where(RecordRow.seq < before)
    if kind is not None:
        query = query.where(RecordRow.kind == kind.value)
    if subject is not None:
        query = query.where(RecordRow.subject == subject)
    if incident_id is not None:
        query = query.where(RecordRow.incident_id == incident_id)
    return query.order_by(RecordRow.seq.desc() if newest_first else RecordRow.seq)


def to_record(row: RecordRow) -> Record:
    """Make the value of a row.

    Parameters
    ----------
    row
        Loaded.

    Returns
    -------
    Record
        With its number.
    """
    data: dict[str, Any] = json.loads(row.data)
    return Record(
        seq=row.seq,
        at=row.at,
        kind=RecordKind(row.kind),
        subject=row.subject,
        message=row.message,
        incident_id=row.incident_id,
        data=data,
    )
