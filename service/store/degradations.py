"""Keeps where each component stands on its ladder of reduced function, with its timers, so that a restart goes on."""

from sqlalchemy import delete, insert, select, update

from service.records import Record
from service.recovery.degradation import LevelState
from service.store import codec, ledger
from service.store.database import Database
from service.store.tables import DegradationRow


class DegradationStore:
    """Levels in the database of the service.

    Parameters
    ----------
    database
        With the schema of this code.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> dict[str, LevelState]:
        """Load all that are kept.

        Returns
        -------
        dict of str to LevelState
            By component.
        """
        with self._database.reading() as session:
            rows = session.execute(select(DegradationRow.component, DegradationRow.body))
            return {component: codec.loads(LevelState, body) for component, body in rows}

    def save(self, component: str, state: LevelState, record: Record | None = None) -> None:
        """Keep where a component stands, and record its step, both or neither.

        Parameters
        ----------
        component
            Whose.
        state
            The whole of it.
        record
            For the ledger; None if it took no step.
        """
        values = {"level": state.level, "body": codec.dumps(state)}
        with self._database.writing() as session:
            known = update(DegradationRow).where(DegradationRow.component == component).values(**values)
            if not session.execute(known.returning(DegradationRow.component)).first():
                session.execute(insert(DegradationRow).values(component=component, **values))
            if record is not None:
                ledger.append(session, record)

    def forget(self, component: str) -> None:
        """Drop a component that has no ladder any more.

        Parameters
        ----------
        component
            Whose.
        """
        with self._database.writing() as session:
            session.execute(delete(DegradationRow).where(DegradationRow.component == component))
