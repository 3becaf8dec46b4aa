"""The ledger: records are added, never changed and never removed."""

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from service.records import Record, RecordKind
from service.store import codec
from service.store.tables import RecordRow


def append(session: Session, record: Record) -> Record:
    """Add a record.

    Parameters
    ----------
    session
        In a writing transaction.
    record
        Its ``seq`` is ignored.

    Returns
    -------
    Record
        With the ``seq`` it got.
    """
    row = {
        "at": record.at,
        "kind": record.kind.value,
        "subject": record.subject,
        "message": record.message,
        "incident_id": record.incident_id,
        "data": codec.dumps(record.data),
    }
    seq = session.execute(insert(RecordRow).values(**row).returning(RecordRow.seq)).scalar_one()
    return replace(record, seq=seq)


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
