"""Keeps the results of health checks, the newest of each, and what is believed of each check."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from service.recovery.checkup import CheckResult, CheckState
from service.store import codec
from service.store.check_tables import CheckResultRow, CheckStateRow
from service.store.database import Database
from service.store.paging import MAX_LIMIT, Page, check_limit, make_cursor, read_cursor

TRIM_EVERY = 50
"""So many results of a check more than wanted may be there before they are removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """What is kept of a check besides its results.

    Parameters
    ----------
    state
        What is believed.
    until
        End of the maintenance that somebody asked for, UTC; None if nobody did.
    """

    state: CheckState
    until: datetime | None = None


class CheckStore:
    """Results of health checks in the database of the service.

    Every method is one transaction and may be called from any thread.

    Parameters
    ----------
    database
        With the schema of this code.
    most_kept
        Results kept of each check.
    """

    def __init__(self, database: Database, most_kept: int = 1000) -> None:
        self._database = database
        self._most_kept = most_kept
        self._since_trim: dict[str, int] = {}

    def save(self, results: Iterable[tuple[CheckResult, KeptState]]) -> None:
        """Keep results, and what is believed after each.

        Parameters
        ----------
        results
            In the order in which they came.
        """
        with self._database.writing() as session:
            for result, kept in results:
                session.execute(insert(CheckResultRow).values(**_row(result)))
                _save_state(session, result.check_id, result.at, kept)
                self._trim(session, result.check_id)

    def save_state(self, check_id: str, at: datetime, kept: KeptState) -> None:
        """Keep what is believed, without a result.

        Parameters
        ----------
        check_id
            Of which check.
        at
            UTC.
        kept
            What is kept.
        """
        with self._database.writing() as session:
            _save_state(session, check_id, at, kept)

    def states(self) -> dict[str, KeptState]:
        """Load what is believed of each check, by id."""
        with self._database.reading() as session:
            rows = session.execute(select(CheckStateRow.check_id, CheckStateRow.body)).all()
        return {check_id: _state(body) for check_id, body in rows}

    def history(self, check_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[CheckResult]:
        """Page through the results of a check, newest first.

        Parameters
        ----------
        check_id
            Of which check; there is nothing of one that nobody knows.
        cursor
            From the page before; None for the first.
        limit
            At most so many, 1 to 500.

        Returns
        -------
        Page of CheckResult
            With their numbers.
        """
        query = select(CheckResultRow).where(CheckResultRow.check_id == check_id)
        if cursor is not None:
            query = query.where(CheckResultRow.seq < read_cursor("check-history", cursor, int)[0])
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(CheckResultRow.seq.desc()).limit(check_limit(limit) + 1)).all()
            found = tuple(_result(row) for row in rows)
        more = make_cursor("check-history", found[limit - 1].seq) if len(found) > limit else None
        return Page(items=found[:limit], next_cursor=more)

    def all_results(self) -> list[CheckResult]:
        """Load all results that are kept, in the order in which they came."""
        found: list[CheckResult] = []
        while True:
            after = found[-1].seq if found else 0
            query = select(CheckResultRow).where(CheckResultRow.seq > after).order_by(CheckResultRow.seq)
            with self._database.reading() as session:
                rows = [_result(row) for row in session.scalars(query.limit(MAX_LIMIT))]
            found += rows
            if len(rows) < MAX_LIMIT:
                return found

    def _trim(self, session: Session, check_id: str) -> None:
        """Look now and then for results that are too many: looking each time costs as much as the writing."""
        self._since_trim[check_id] = self._since_trim.get(check_id, TRIM_EVERY) + 1
        if self._since_trim[check_id] <= TRIM_EVERY:
            return
        self._since_trim[check_id] = 0
        own = select(CheckResultRow.seq).where(CheckResultRow.check_id == check_id)
        last = session.scalar(own.order_by(CheckResultRow.seq.desc()).offset(self._most_kept).limit(1))
        if last is not None:
            old = (CheckResultRow.check_id == check_id) & (CheckResultRow.seq <= last)
            session.execute(delete(CheckResultRow).where(old))


def _row(result: CheckResult) -> dict[str, Any]:
    return {
        "check_id": result.check_id,
        "component": result.component,
        "at": result.at,
        "status": result.status.value,
        "body": codec.dumps(result),
    }


def _result(row: CheckResultRow) -> CheckResult:
    return replace(codec.loads(CheckResult, row.body), seq=row.seq)


def _save_state(session: Session, check_id: str, at: datetime, kept: KeptState) -> None:
    session.merge(CheckStateRow(check_id=check_id, updated_at=at, body=codec.dumps(kept)))


def _state(body: str) -> KeptState:
    kept = codec.loads(KeptState, body)
    return replace(kept, state=kept.state.after_restart())
