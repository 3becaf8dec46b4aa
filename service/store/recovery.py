"""Keeps recovery runs: a run, its intent, what it puts in force and what it tells change in one transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Double, Row, Select, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from models.errors import InputError
from service.custody import Change, FencedError, Held, Holder
from service.records import Record, RecordKind
from service.recovery.runs import RecoveryRun, RecoveryStatus
from service.requests import Request, RequestKind
from service.store import codec, leases, run_codec
from service.store.columns import database_now
from service.store.database import Database
from service.store.recovery_reader import UNFINISHED, RecoveryReader
from service.store.recovery_tables import OutboxRow, RequestRow, RunRow
from service.store.run_changes import answer, put_into_outbox, save_change

ADMISSION_TURN = 2
_TELL_AT_ONCE = 500
_MAX_NAME_BYTES = 600
"""Of what a run is looked up by: databases bound what an index can hold."""
_ASKED = (
    select(*RequestRow.__table__.columns)
    .where(RequestRow.run_id.in_(bindparam("asked_ids", expanding=True)), RequestRow.answered_at.is_(None))
    .order_by(RequestRow.seq)
)
_WAITING = select(RunRow.seq).where(RunRow.status == leases.PENDING).limit(1)
_REQUESTS = select(func.count()).where(RequestRow.run_id == bindparam("saved_id"), RequestRow.answered_at.is_(None))
_SAVED = (
    update(RunRow)
    .where(
        RunRow.id == bindparam("saved_id"),
        RunRow.fence == bindparam("saved_fence"),
        RunRow.instance == bindparam("saved_instance"),
        RunRow.life == bindparam("saved_life"),
    )
    .values(
        status=bindparam("saved_status"),
        updated_at=bindparam("saved_at"),
        body=bindparam("saved_body"),
        lease_until=database_now() + bindparam("saved_lease_s", type_=Double),
    )
    .returning(_REQUESTS.scalar_subquery())
)
"""These are built once: building a statement takes longer than carrying it out."""


class RecoveryStore(RecoveryReader):
    """Recovery runs in the database of the service.

    Every method is one transaction and may be called from any thread.

    Parameters
    ----------
    database
        With the schema of this code.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        is_postgresql = database.engine.dialect.name == "postgresql"
        self._insert = postgresql.insert if is_postgresql else sqlite.insert

    def ask(self, run: RecoveryRun) -> RecoveryRun:
        """Add a run, unless an unfinished one of the same strategy, incident and component is there.

        Parameters
        ----------
        run
            New; of any instance.

        Returns
        -------
        RecoveryRun
            The one that is there now.

        Raises
        ------
        InputError
            If it cannot be kept: it is too large, or a name is.
        """
        names = {"component": run.component, "incident_id": run.incident_id, "strategy_id": run.strategy.id}
        for name, value in names.items():
            if len(value.encode("utf-8", "surrogatepass")) > _MAX_NAME_BYTES:
                raise InputError(f"the {name} {value[:40]!r}... is too long", remedy=f"use {_MAX_NAME_BYTES} bytes")
        values = {
            "id": run.id,
            "status": run.status.value,
            "created_at": run.created_at,
            "updated_at": run.updated_at,
            "body": run_codec.dumps(run),
        }
        added = self._insert(RunRow).values(**values, **names).on_conflict_do_nothing().returning(RunRow.seq)
        same = select(RunRow.body).where(RunRow.status.in_(UNFINISHED))
        for name, value in names.items():
            same = same.where(getattr(RunRow, name) == value)
        with self._database.write_connection() as connection:
            if connection.execute(added).first() is not None:
                return run
            body = connection.execute(same).scalar()
        return self.run(run.id) if body is None else run_codec.loads(body)

    def take(self, holder: Holder, now: datetime, *, inherits: bool) -> tuple[Held, ...]:
        """Renew what is held, and take over what nobody holds any more.

        Parameters
        ----------
        holder
            Who takes.
        now
            UTC, for records.
        inherits
            Whether runs of an earlier life of the same instance are taken before their lease is over.

        Returns
        -------
        tuple of Held
            All runs under way that are held, in the order in which they were asked for; without damaged ones, which
            are set aside and told.
        """
        with self._database.read_connection() as connection:
            is_due = leases.is_anything_due(connection, holder, inherits=inherits)
        if is_due:
            with self._database.write_connection() as connection:
                leases.take_over(connection, holder, inherits=inherits)
                leases.renew(connection, holder)
        mine = select(RunRow.id, RunRow.component, RunRow.body, RunRow.fence).order_by(RunRow.seq)
        mine = mine.where(RunRow.status.in_(leases.ACTIVE), leases.is_mine(holder))
        with self._database.read_connection() as connection:
            rows = connection.execute(mine).all()
        return self._held(rows, holder, now)

    def admit(self, holder: Holder, max_running: int, now: datetime) -> Held | None:
        """Take the next run of the queue that has room.

        Parameters
        ----------
        holder
            Who takes.
        max_running
            So many runs act or verify at one time, over all instances.
        now
            UTC, for records.

        Returns
        -------
        Held or None
            It counts as running from now on.
        """
        while True:
            with self._database.read_connection() as connection:
                if connection.execute(_WAITING).first() is None:
                    return None
            with self._database.write_connection() as connection:
                self._database.take_turns(connection, ADMISSION_TURN)
                run_id = leases.admit(connection, holder, max_running)
                rows = [] if run_id is None else connection.execute(_run_row(run_id)).all()
            held = self._held(rows, holder, now)
            if held or run_id is None:
                return held[0] if held else None

    def claim(self, holder: Holder, run_id: str) -> Held | None:
        """Take one unfinished run.

        Parameters
        ----------
        holder
            Who takes.
        run_id
            Which.

        Returns
        -------
        Held or None
            None if another instance holds it, or it is over.
        """
        query = _run_row(run_id).where(RunRow.status.in_(UNFINISHED), leases.is_mine(holder))
        with self._database.write_connection() as connection:
            leases.claim(connection, holder, run_id)
            row = connection.execute(query).first()
        return None if row is None else Held(run=run_codec.loads(row.body), fence=row.fence)

    def renew(self, holder: Holder, run_id: str, fence: int) -> None:
        """Give a sign of life for all runs that are held.

        Parameters
        ----------
        holder
            Whose.
        run_id
            The run that is worked on; FencedError if it was taken over.
        fence
            Of that run.
        """
        with self._database.write_connection() as connection:
            leases.renew(connection, holder)
            leases.check_fence(connection, holder, run_id, fence)

    def save(self, run: RecoveryRun, change: Change, holder: Holder, fence: int) -> bool:
        """Keep a run and everything that changed with it.

        Parameters
        ----------
        run
            Held.
        change
            All in one transaction. A change with an intent survives a power failure, too.
        holder
            Who writes.
        fence
            As it was when the run was taken.

        Returns
        -------
        bool
            Whether requests wait for the run.

        Raises
        ------
        FencedError
            If another life took the run: nothing was written.
        """
        values = {
            "saved_id": run.id,
            "saved_fence": fence,
            "saved_instance": holder.instance,
            "saved_life": holder.life,
            "saved_status": run.status.value,
            "saved_at": run.updated_at,
            "saved_body": run_codec.dumps(run),
            "saved_lease_s": holder.lease_s,
        }
        with self._database.write_connection(is_durable=change.intent is not None) as connection:
            if change.request is not None:
                answer(connection, change.request, run.updated_at)
            row = connection.execute(_SAVED, values).first()
            if row is None:
                raise FencedError(leases.lost(run.id))
            save_change(connection, run, change, holder)
        return bool(row[0])

    def request(self, request: Request) -> None:
        """Keep what somebody asks of a run until whoever holds the run answers it.

        Parameters
        ----------
        request
            The same from the same person again is one request.
        """
        values = {"reason": request.reason, "at": request.at, "answered_at": None}
        added = self._insert(RequestRow).values(
            run_id=request.run_id, kind=request.kind.value, who=request.who, **values
        )
        keys = ["run_id", "kind", "who"]
        with self._database.write_connection() as connection:
            connection.execute(added.on_conflict_do_update(index_elements=keys, set_=values))

    def requests(self, run_ids: Sequence[str]) -> tuple[Request, ...]:
        """Load the requests to runs that wait for an answer.

        Parameters
        ----------
        run_ids
            Of which runs; a few.

        Returns
        -------
        tuple of Request
            In the order in which they were made.
        """
        with self._database.read_connection() as connection:
            return tuple(_to_request(row) for row in connection.execute(_ASKED, {"asked_ids": list(run_ids)}))

    def answered(self, number: int, at: datetime) -> None:
        """Note that a request was answered without a change of its run.

        Parameters
        ----------
        number
            Of the request.
        at
            UTC.
        """
        with self._database.write_connection() as connection:
            answer(connection, number, at)

    def untold(self, instance: str) -> tuple[tuple[int, Record], ...]:
        """Load the oldest records that are still to be told.

        Parameters
        ----------
        instance
            Who is going to tell them: its own, and those that their owner did not tell in time.

        Returns
        -------
        tuple of (int, Record)
            Oldest first, each with the number that ``told`` takes; not all at once if there are very many.
        """
        query = select(OutboxRow.id, OutboxRow.body).order_by(OutboxRow.id).limit(_TELL_AT_ONCE)
        query = query.where(or_(OutboxRow.instance == instance, OutboxRow.due_at <= database_now()))
        with self._database.read_connection() as connection:
            return tuple((number, codec.loads(Record, body)) for number, body in connection.execute(query))

    def told(self, numbers: Sequence[int]) -> None:
        """Take records out of the outbox.

        Parameters
        ----------
        numbers
            As ``untold`` gave them.
        """
        if numbers:
            with self._database.write_connection() as connection:
                connection.execute(delete(OutboxRow).where(OutboxRow.id.in_(numbers)))

    def _held(self, rows: Iterable[Row[str, str, str, int]], holder: Holder, now: datetime) -> tuple[Held, ...]:
        held = []
        for row in rows:
            try:
                held.append(Held(run=run_codec.loads(row.body), fence=row.fence))
            except InputError as error:
                self._set_aside(row.id, row.component, str(error), holder, now)
        return tuple(held)

    def _set_aside(self, run_id: str, component: str, why: str, holder: Holder, now: datetime) -> None:
        """A run that cannot be read must not stop the others."""
        failed = update(RunRow).where(RunRow.id == run_id).values(status=RecoveryStatus.FAILED.value, updated_at=now)
        message = f"the recovery run {run_id} is damaged and was set aside; look at {component} yourself. {why}"
        record = Record(at=now, kind=RecordKind.ENGINE_ERROR, subject=component, message=message, data={"run": run_id})
        with self._database.write_connection() as connection:
            connection.execute(failed)
            put_into_outbox(connection, [record], holder)


def _run_row(run_id: str) -> Select[str, str, str, int]:
    return select(RunRow.id, RunRow.component, RunRow.body, RunRow.fence).where(RunRow.id == run_id)


def _to_request(row: Row[Any]) -> Request:
    return Request(
        run_id=row.run_id, kind=RequestKind(row.kind), who=row.who, reason=row.reason, at=row.at, number=row.seq
    )
