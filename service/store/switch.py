"""Keeps the switch that stops all actions: on or off, since when, by whom and why; it outlives every process."""

from sqlalchemy import delete, insert, select

from service.records import Record
from service.recovery.guards import Stop
from service.store import ledger
from service.store.database import Database
from service.store.tables import SwitchRow

_ID = 1


class SwitchStore:
    """The switch in the database of the service; all processes that share the database share it.

    Parameters
    ----------
    database
        With the schema of this code.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> Stop | None:
        """Look at the switch.

        Returns
        -------
        Stop or None
            None if actions are not stopped.
        """
        with self._database.reading() as session:
            row = session.get(SwitchRow, _ID)
            return None if row is None or not row.is_stopped else Stop(at=row.at, who=row.who, reason=row.reason)

    def throw(self, stop: Stop, record: Record, *, is_stopped: bool) -> bool:
        """Set the switch and record it, both or neither.

        Parameters
        ----------
        stop
            When, who and why; also of a resumption.
        record
            For the ledger.
        is_stopped
            Where it is to stand.

        Returns
        -------
        bool
            False if it stood there already: nothing was changed and nothing recorded.
        """
        with self._database.writing() as session:
            ledger.head(session, is_held=True)  # writers take turns, also over this row
            stands = session.scalar(select(SwitchRow.is_stopped).where(SwitchRow.id == _ID)) or False
            if stands is is_stopped:
                return False
            session.execute(delete(SwitchRow))
            row = {"id": _ID, "is_stopped": is_stopped, "at": stop.at, "who": stop.who, "reason": stop.reason}
            session.execute(insert(SwitchRow).values(**row))
            ledger.append(session, record)
            return True
