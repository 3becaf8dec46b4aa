"""Carries recovery runs out, durably: the intent is stored before an action, its outcome after.

The journal keeps nothing in memory but its lock: each tick begins with what the store holds, so a restart is nothing
special. A run that the store shows waiting for an outcome was interrupted; its action is probed, never blindly
repeated. One journal at a time may work on a store.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from threading import RLock
from typing import Protocol

from models.errors import FaultlineError
from service.ports import Action, Actuator, TransientError
from service.records import Record
from service.recovery.breakers.events import BreakerSnapshot
from service.recovery.decisions import PastAction, State
from service.recovery.facts import Facts
from service.recovery.isolations import Isolation, Isolations
from service.recovery.lifecycle import advance
from service.recovery.runs import (
    Acted,
    ActionFailed,
    Announce,
    Approve,
    Begin,
    Cancel,
    Drop,
    Hold,
    Perform,
    RecoveryRun,
    RecoveryStatus,
    RunPhase,
    Signal,
    Tick,
)
from service.recovery.single_steps import is_release, release_strategy
from service.recovery.strategies import RecoveryStrategy

_AWAITING = frozenset({RunPhase.ACTING, RunPhase.UNDO_ACTING})
_RELEASE_PAUSE = timedelta(minutes=5)
_PAST_RUNS = 50

FactsOf = Callable[[RecoveryRun], Facts]
Publish = Callable[[Record], object]


class RunStore(Protocol):
    """Where runs are kept; each method is one transaction."""

    def save(
        self,
        run: RecoveryRun,
        *,
        marks: Iterable[Hold | Drop] = (),
        records: Iterable[Record] = (),
        intent: Action | None = None,
        settled: tuple[str, str] | None = None,
    ) -> None:
        """Keep a run and everything that changed with it."""

    def unfinished(self) -> tuple[RecoveryRun, ...]:
        """Load the runs that are not over, in the order in which they were asked for."""

    def run(self, run_id: str) -> RecoveryRun:
        """Load one run; UnknownNameError if there is none."""

    def runs(
        self,
        *,
        status: RecoveryStatus | None = None,
        component: str | None = None,
        incident_id: str | None = None,
        limit: int = 100,
    ) -> tuple[RecoveryRun, ...]:
        """Load the latest runs, newest first."""

    def isolations(self) -> Isolations:
        """Load what is in force."""


class Outbox(Protocol):
    """Where records wait until they are told."""

    def untold(self) -> tuple[tuple[int, Record], ...]:
        """Load the records that are still to be told, with their numbers."""

    def told(self, numbers: Sequence[int]) -> None:
        """Take records out of the outbox."""


class JournalStore(RunStore, Outbox, Protocol):
    """What the journal needs of a store."""


class RecoveryJournal:
    """Starts, advances and remembers recovery runs.

    Every record is published at least once: one whose publication was interrupted is published again.

    Parameters
    ----------
    store
        Where runs are kept.
    actuator
        The hand that acts.
    publish
        Takes every record; an error of it leaves the record for the next time.
    max_running
        So many runs act or verify at one time; the others wait. At most one of them on each component.
    """

    def __init__(self, store: JournalStore, actuator: Actuator, publish: Publish, *, max_running: int = 4) -> None:
        self._store = store
        self._actuator = actuator
        self._publish = publish
        self._max_running = max_running
        self._lock = RLock()

    def start(
        self, strategy: RecoveryStrategy, incident_id: str, component: str, facts: Facts, now: datetime
    ) -> RecoveryRun:
        """Ask for a run; it begins with a later tick.

        Parameters
        ----------
        strategy
            Kept as it is now.
        incident_id
            The incident it belongs to; empty if none.
        component
            On whom.
        facts
            Of the finding.
        now
            UTC.

        Returns
        -------
        RecoveryRun
            The unfinished one of the same strategy, incident and component, if there is one.
        """
        with self._lock:
            for run in self._store.unfinished():
                if (run.strategy.id, run.incident_id, run.component) == (strategy.id, incident_id, component):
                    return run
            run = RecoveryRun(
                id=self._new_id(strategy.id, incident_id, component, now),
                strategy=strategy,
                incident_id=incident_id,
                component=component,
                facts=dict(facts),
                created_at=now,
                updated_at=now,
            )
            self._store.save(run)
            return run

    def tick(self, now: datetime, facts_of: FactsOf) -> tuple[RecoveryRun, ...]:
        """Take every run as far as it goes without waiting.

        Parameters
        ----------
        now
            UTC.
        facts_of
            Gives the verification facts of a run that waits for its success criteria.

        Returns
        -------
        tuple of RecoveryRun
            Those that changed, as they are now.
        """
        with self._lock:
            changed = {run.id: run for run in self.resume(now)}
            self._release_due(now)
            under_way: list[RecoveryRun] = []
            for run in sorted(self._store.unfinished(), key=lambda run: run.phase is RunPhase.QUEUED):
                after = self._pursue(run, now, facts_of) if self._has_room(run, under_way) else run
                if after is not run:
                    changed[run.id] = after
                if after.phase not in {RunPhase.QUEUED, RunPhase.ENDED}:
                    under_way.append(after)
            self._tell()
            return tuple(changed.values())

    def resume(self, now: datetime) -> tuple[RecoveryRun, ...]:
        """Clear up after an interruption: tell what was not told, settle actions in doubt. Every tick does it.

        Parameters
        ----------
        now
            UTC.

        Returns
        -------
        tuple of RecoveryRun
            Those whose action was in doubt.
        """
        with self._lock:
            self._tell()
            doubtful = [run for run in self._store.unfinished() if run.phase in _AWAITING]
            return tuple(self._settle(run, now) for run in doubtful)

    def approve(self, run_id: str, who: str, now: datetime) -> RecoveryRun:
        """Agree to a run that waits for it; UnknownNameError or IllegalRunSignalError if there is nothing to agree to.

        Parameters
        ----------
        run_id
            Which.
        who
            One person counts once.
        now
            UTC.

        Returns
        -------
        RecoveryRun
            It goes on with the next tick when enough people agree.
        """
        with self._lock:
            run = self._store.run(run_id)
            if run.phase is RunPhase.APPROVAL:
                run = self._apply(run, Tick(), now)  # an approval that comes too late finds the run cancelled
            run = self._apply(run, Approve(who), now)
            self._tell()
            return run

    def cancel(self, run_id: str, now: datetime, reason: str = "cancelled by hand") -> RecoveryRun:
        """Call a run off; UnknownNameError or IllegalRunSignalError if there is nothing to call off.

        Parameters
        ----------
        run_id
            Which.
        now
            UTC.
        reason
            For people.

        Returns
        -------
        RecoveryRun
            What it did is taken back with the next ticks.
        """
        with self._lock:
            run = self._apply(self._store.run(run_id), Cancel(reason), now)
            self._tell()
            return run

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
        return State(
            now=now,
            busy=frozenset(run.component for run in self._store.unfinished() if not is_release(run.strategy)),
            breakers={breaker.name: breaker for breaker in breakers},
            isolations=self._store.isolations(),
            past=tuple(_past(run) for run in past if not is_release(run.strategy)),
        )

    def _has_room(self, run: RecoveryRun, under_way: list[RecoveryRun]) -> bool:
        if run.phase is not RunPhase.QUEUED or is_release(run.strategy):
            return True
        if any(other.component == run.component for other in under_way):
            return False
        return sum(other.phase is not RunPhase.APPROVAL for other in under_way) < self._max_running

    def _pursue(self, run: RecoveryRun, now: datetime, facts_of: FactsOf) -> RecoveryRun:
        """Signal until nothing changes any more."""
        if run.phase is RunPhase.QUEUED:
            run = self._apply(run, Begin(), now)
        while not run.status.is_final:
            facts = facts_of(run) if run.phase is RunPhase.CHECKING else {}
            after = self._apply(run, Tick(facts), now)
            if after is run:
                break
            run = after
        return run

    def _apply(
        self, run: RecoveryRun, signal: Signal, now: datetime, settled: tuple[str, str] | None = None
    ) -> RecoveryRun:
        """Advance, store, then act and feed the outcome back."""
        step = advance(run, signal, now)
        if step.run is run:
            return run
        action = next((effect.action for effect in step.effects if isinstance(effect, Perform)), None)
        self._store.save(
            step.run,
            marks=[effect for effect in step.effects if isinstance(effect, Hold | Drop)],
            records=[_record(effect, run, now) for effect in step.effects if isinstance(effect, Announce)],
            intent=action,
            settled=settled,
        )
        return step.run if action is None else self._outcome(step.run, action, self._perform(action), now)

    def _outcome(self, run: RecoveryRun, action: Action, outcome: Acted | ActionFailed, now: datetime) -> RecoveryRun:
        word = "done" if isinstance(outcome, Acted) else "in doubt" if outcome.is_in_doubt else "failed"
        return self._apply(run, outcome, now, settled=(action.key, f"{word}: {outcome.detail}"))

    def _perform(self, action: Action) -> Acted | ActionFailed:
        """Ask the actuator; whatever it raises becomes an outcome, so that one run cannot stop the others."""
        try:
            if action.kind not in self._actuator.kinds:
                return ActionFailed(f"the actuator cannot do {action.kind}")
            if action.component not in self._actuator.components:
                return ActionFailed(f"the actuator does not know {action.component}")
            outcome = self._actuator.perform(action)
        except TransientError as error:
            return ActionFailed(str(error), is_transient=True, retry_after_s=error.retry_after_s or 0.0)
        except FaultlineError as error:
            return ActionFailed(str(error))
        except Exception as error:  # noqa: BLE001  # an actuator may raise anything; what it did is then in doubt
            return ActionFailed(f"{type(error).__name__}: {error}", is_in_doubt=True)
        return Acted(outcome.is_changed, outcome.detail)

    def _settle(self, run: RecoveryRun, now: datetime) -> RecoveryRun:
        """Find out whether an interrupted action is done."""
        action = run.action
        if action is None:  # pragma: no cover  # these phases always have one
            return run
        is_done = self._probe(action)
        if is_done:
            outcome: Acted | ActionFailed = Acted(is_changed=True, detail="it was found in place after an interruption")
        elif is_done is None:
            outcome = ActionFailed("it was interrupted, and nobody can tell whether it is in place", is_in_doubt=True)
        else:
            outcome = self._perform(action)
        return self._outcome(run, action, outcome, now)

    def _probe(self, action: Action) -> bool | None:
        try:
            return self._actuator.probe(action)
        except Exception:  # noqa: BLE001  # as in _perform: what cannot be found out stays in doubt, and is recorded so
            return None

    def _release_due(self, now: datetime) -> None:
        for isolation in self._store.isolations().due(now):
            strategy = release_strategy(isolation)
            if not self._failed_lately(isolation, strategy, now):
                self.start(strategy, isolation.incident_id, isolation.component, {}, now)

    def _failed_lately(self, isolation: Isolation, strategy: RecoveryStrategy, now: datetime) -> bool:
        runs = self._store.runs(component=isolation.component, status=RecoveryStatus.FAILED, limit=20)
        latest = next((run for run in runs if run.strategy.id == strategy.id), None)
        return latest is not None and now - latest.updated_at < _RELEASE_PAUSE

    def _tell(self) -> None:
        told: list[int] = []
        try:
            for number, record in self._store.untold():
                self._publish(record)
                told.append(number)
        finally:
            self._store.told(told)

    def _new_id(self, strategy_id: str, incident_id: str, component: str, now: datetime) -> str:
        latest = next((run.id for run in self._store.runs(component=component, limit=1)), "")
        name = repr((strategy_id, incident_id, component, latest))
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return f"run-{now:%Y%m%d%H%M%S}-{digest[:10]}"


def _record(effect: Announce, run: RecoveryRun, now: datetime) -> Record:
    return Record(
        at=now,
        kind=effect.kind,
        subject=effect.subject or run.component,
        message=effect.message,
        incident_id=run.incident_id,
        data={"run": run.id, **effect.data},
    )


def _past(run: RecoveryRun) -> PastAction:
    return PastAction(
        component=run.component,
        at=run.acted_at or run.created_at,
        incident_id=run.incident_id,
        strategy_id=run.strategy.id,
        has_acted=run.acted_at is not None,
    )
