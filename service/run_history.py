"""What is known of recovery runs: looked up, listed, and summed up for the next decision."""

from collections.abc import Iterable
from datetime import datetime

from service.journal_store import RunStore
from service.recovery.breakers.events import BreakerSnapshot
from service.recovery.decisions import PastAction, State
from service.recovery.isolations import Isolations
from service.recovery.runs import RecoveryRun, RecoveryStatus
from service.recovery.single_steps import RELEASE_PREFIX, is_release

_PAST_RUNS = 50


class RunHistory:
    """Runs as they stand; nothing here changes one.

    Parameters
    ----------
    store
        Where runs are kept.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def run(self, run_id: str) -> RecoveryRun:
        """Look a run up; UnknownNameError if there is none.

        Parameters
        ----------
        run_id
            Which.

        Returns
        -------
        RecoveryRun
            As it stands.
        """
        return self._store.run(run_id)

    def runs(
        self,
        *,
        status: RecoveryStatus | None = None,
        component: str | None = None,
        incident_id: str | None = None,
        limit: int = 100,
    ) -> tuple[RecoveryRun, ...]:
        """List runs.

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
        return self._store.runs(status=status, component=component, incident_id=incident_id, limit=limit)

    def isolations(self) -> Isolations:
        """List what is in force.

        Returns
        -------
        Isolations
            Oldest first.
        """
        return self._store.isolations()

    def state(self, now: datetime, component: str, breakers: Iterable[BreakerSnapshot] = ()) -> State:
        """Collect what the next decision about a component needs to know.

        Parameters
        ----------
        now
            UTC.
        component
            The one held responsible.
        breakers
            As the board gives them.

        Returns
        -------
        State
            For ``decide``; its past is that of the component.
        """
        past = self._store.runs(component=component, limit=_PAST_RUNS)
        busy = self._store.busy()
        return State(
            now=now,
            busy=frozenset(name for name, strategy_id in busy if not strategy_id.startswith(RELEASE_PREFIX)),
            breakers={breaker.name: breaker for breaker in breakers},
            isolations=self._store.isolations(),
            past=tuple(_past(run) for run in past if not is_release(run.strategy)),
        )


def _past(run: RecoveryRun) -> PastAction:
    return PastAction(
        component=run.component,
        at=run.acted_at or run.created_at,
        incident_id=run.incident_id,
        strategy_id=run.strategy.id,
        has_acted=run.acted_at is not None,
    )
