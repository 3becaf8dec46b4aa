"""Checks the chain of the ledger, cuts its old end off so that the rest stays verifiable, and hands it out.

What it finds: a record that was altered, removed, inserted or moved, and a tail that was cut off. Somebody who can
write to the database can also make the whole chain anew; only a head that was kept elsewhere (an anchor) shows that.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from analysis.incidents import IncidentStatus
from models.errors import InputError
from service.records import Record, RecordKind
from service.store import chain, ledger
from service.store.database import Database
from service.store.ledger import Head
from service.store.tables import IncidentRow, LedgerCheckpointRow, RecordRow

_CHUNK = 1000
_COLUMNS = (
    RecordRow.seq,
    RecordRow.at,
    RecordRow.kind,
    RecordRow.subject,
    RecordRow.message,
    RecordRow.incident_id,
    RecordRow.data,
    RecordRow.digest,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check of the ledger found.

    Parameters
    ----------
    is_intact
        Whether every record is what it was when it was added, and none is missing.
    checked
        So many records were checked before the end or the first broken one.
    head
        What the store says is the newest record.
    broken_seq
        The first record that is broken or missing; None if intact.
    reason
        What is wrong with it; empty if intact.
    checkpoint_seq
        Records up to this one were removed on purpose, 0 for none.
    anchors
        So many heads that were kept elsewhere were found in the chain.
    """

    is_intact: bool
    checked: int
    head: Head
    broken_seq: int | None = None
    reason: str = ""
    checkpoint_seq: int = 0
    anchors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed from the old end.

    Parameters
    ----------
    removed
        So many records.
    checkpoint
        The last of them.
    """

    removed: int
    checkpoint: Head


class _Broken(Exception):  # noqa: N818  # it ends the walk and never leaves this module
    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason


class AuditLog:
    """The ledger as an auditor sees it.

    Parameters
    ----------
    database
        With the schema of this code.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self) -> Head:
        """Look up the newest record's number and digest, to be kept elsewhere.

        Returns
        -------
        Head
            Number 0 for an empty ledger; InputError if the store has lost it.
        """
        with self._database.reading() as session:
            return ledger.head(session)

    def verify(self, anchors: Iterable[Head] = ()) -> Verdict:
        """Check the whole chain, in steps of a thousand records.

        Parameters
        ----------
        anchors
            Heads that were kept elsewhere; those that were pruned since are passed over.

        Returns
        -------
        Verdict
            Names the first broken record.
        """
        with self._database.reading() as session:
            return _Walk(session, anchors).verdict()

    def lines(self) -> Iterator[str]:
        """Hand the ledger out, one record a line, each as canonical JSON with its digest beside it.

        Yields
        ------
        str
            A JSON object with ``record`` and ``digest``; the digest is that of the line before, a line feed and the
            canonical JSON of ``record``. The first line has only ``checkpoint``: what the chain begins with.

        Raises
        ------
        InputError
            If a record cannot be read.
        """
        with self._database.reading() as session:
            start = _checkpoint(session)
            yield json.dumps({"checkpoint": {"seq": start.seq, "digest": start.digest}})
            try:
                for row in _rows(session, after=start.seq):
                    yield f'{{"digest":{json.dumps(row.digest)},"record":{_canonical(row)}}}'
            except _Broken as broken:
                raise InputError(f"record {broken.seq} of the ledger: {broken.reason}") from broken

    def prune(self, before: datetime, *, now: datetime, by: str) -> Pruned:
        """Remove the oldest records; the rest stays verifiable from a checkpoint, and the chain says so itself.

        Parameters
        ----------
        before
            Only records from before this time, UTC. Records of an incident that is not resolved stay, and all after.
        now
            UTC.
        by
            Who asks.

        Returns
        -------
        Pruned
            What was removed; nothing if there is nothing so old.

        Raises
        ------
        InputError
            If the chain is broken: evidence of that is not removed.
        """
        verdict = self.verify()
        if not verdict.is_intact:
            raise InputError(
                f"the ledger is broken at {verdict.broken_seq}: {verdict.reason}", remedy="keep it as it is"
            )
        with self._database.writing() as session:
            through = _last_removable(session, before)
            row = session.execute(select(RecordRow.digest).where(RecordRow.seq == through)).first()
            if row is None:
                return Pruned(removed=0, checkpoint=_checkpoint(session))
            checkpoint = Head(through, row.digest or "")
            removed = session.scalar(select(func.count()).where(RecordRow.seq <= through)) or 0
            session.execute(delete(RecordRow).where(RecordRow.seq <= through))
            session.execute(delete(LedgerCheckpointRow))
            values = {"seq": checkpoint.seq, "digest": checkpoint.digest, "at": now}
            session.execute(insert(LedgerCheckpointRow).values(**values))
            ledger.append(session, _pruned(checkpoint, removed, by, now))
            return Pruned(removed=removed, checkpoint=checkpoint)


class _Walk:
    """One pass along the chain."""

    def __init__(self, session: Session, anchors: Iterable[Head]) -> None:
        self._session = session
        self._anchors = {(anchor.seq, anchor.digest) for anchor in anchors}
        self._head = Head(0, "")
        self._at = self._start = _checkpoint(session)
        self._checked = 0
        self._is_start_recorded = self._start.seq == 0

    def verdict(self) -> Verdict:
        try:
            self._head = _head_of(self._session)
            self._check_start()
            for row in _rows(self._session, after=self._start.seq, until=self._head.seq):
                self._check(row)
            self._check_end()
            found = self._check_anchors()
        except _Broken as broken:
            return Verdict(
                is_intact=False,
                checked=self._checked,
                head=self._head,
                broken_seq=broken.seq,
                reason=broken.reason,
                checkpoint_seq=self._start.seq,
            )
        return Verdict(
            is_intact=True,
            checked=self._checked,
            head=self._head,
            checkpoint_seq=self._start.seq,
            anchors=found,
        )

    def _check_start(self) -> None:
        oldest = self._session.scalar(select(func.min(RecordRow.seq)))
        if oldest is not None and oldest <= self._start.seq:
            raise _Broken(oldest, f"it was inserted before the checkpoint at {self._start.seq}")

    def _check(self, row: Any) -> None:
        digest = chain.link(self._at.digest, _canonical(row))
        if digest != row.digest:
            missing = row.seq - self._at.seq - 1
            if missing:
                raise _Broken(self._at.seq + 1, f"{missing} record(s) are missing before record {row.seq}")
            raise _Broken(row.seq, "its content, its number or the record before it is not what it was")
        self._at = Head(row.seq, digest)
        self._checked += 1
        for anchor in [a for a in self._anchors if a[0] == row.seq and a[1] != digest]:
            raise _Broken(row.seq, f"it is not the record that was kept elsewhere as {anchor[1][:12]}…")
        if row.kind == RecordKind.LEDGER_PRUNED:
            said = json.loads(row.data)
            self._is_start_recorded |= (said.get("through_seq"), said.get("digest")) == self._start

    def _check_end(self) -> None:
        if self._at != self._head:
            raise _Broken(self._at.seq + 1, f"the ledger ended at {self._head.seq}, its end was cut off")
        newest = self._session.scalar(select(func.max(RecordRow.seq))) or 0
        now = _head_of(self._session)  # a database without snapshots may have grown meanwhile
        if newest > now.seq:
            raise _Broken(now.seq + 1, "it was added by somebody else than the ledger")
        if not self._is_start_recorded:
            raise _Broken(self._start.seq, "the ledger does not say that it was cut off here")

    def _check_anchors(self) -> int:
        beyond = [seq for seq, _ in self._anchors if seq > self._at.seq]
        if beyond:
            raise _Broken(self._at.seq + 1, f"a head kept elsewhere says that the ledger had {max(beyond)} records")
        at_start = [digest for seq, digest in self._anchors if seq == self._start.seq and seq]
        if any(digest != self._start.digest for digest in at_start):
            raise _Broken(self._start.seq, "the checkpoint is not the record that was kept elsewhere")
        return sum(seq >= self._start.seq for seq, _ in self._anchors)


def _rows(session: Session, *, after: int, until: int | None = None) -> Iterator[Any]:
    size = _CHUNK
    while True:
        query = select(*_COLUMNS).where(RecordRow.seq > after).order_by(RecordRow.seq).limit(size)
        try:
            rows = session.execute(query if until is None else query.where(RecordRow.seq <= until)).all()
        except (ValueError, TypeError) as error:  # a column that is no time any more; one by one tells which
            if size == 1:
                raise _Broken(after + 1, f"it cannot be read: {error}") from error
            size = 1
            continue
        yield from rows
        if len(rows) < size:
            return
        after = rows[-1].seq


def _canonical(row: Any) -> str:
    try:
        data = json.loads(row.data)
        values = {name: getattr(row, name) for name in ("seq", "at", "kind", "subject", "message", "incident_id")}
        return chain.canonical(**values, data=data)
    except (ValueError, TypeError, AttributeError) as error:
        raise _Broken(row.seq, f"it cannot be read: {error}") from error


def _head_of(session: Session) -> Head:
    try:
        return ledger.head(session)
    except InputError as error:
        newest = session.scalar(select(func.max(RecordRow.seq))) or 0
        raise _Broken(newest + 1, "the ledger has lost its head, so its end cannot be checked") from error


def _checkpoint(session: Session) -> Head:
    query = select(LedgerCheckpointRow.seq, LedgerCheckpointRow.digest).order_by(LedgerCheckpointRow.seq.desc())
    row = session.execute(query.limit(1)).first()
    return Head(0, chain.GENESIS) if row is None else Head(row.seq, row.digest)


def _last_removable(session: Session, before: datetime) -> int:
    """The newest record is never removed, so that there is always something that the chain goes on from."""
    open_ids = select(IncidentRow.id).where(IncidentRow.status != IncidentStatus.RESOLVED.value)
    kept = (
        select(func.min(RecordRow.seq)).where(RecordRow.at >= before),
        select(func.min(RecordRow.seq)).where(RecordRow.incident_id.in_(open_ids)),
        select(func.max(RecordRow.seq)),
    )
    return min((seq for query in kept if (seq := session.scalar(query)) is not None), default=1) - 1


def _pruned(checkpoint: Head, removed: int, by: str, now: datetime) -> Record:
    return Record(
        at=now,
        kind=RecordKind.LEDGER_PRUNED,
        subject="ledger",
        message=f"{removed} records up to {checkpoint.seq} were removed by {by}",
        data={"through_seq": checkpoint.seq, "digest": checkpoint.digest, "removed": removed, "by": by},
    )
