"""Carries recovery runs out, durably: the intent is stored before an action, its outcome after.

The journal keeps nothing in memory but which runs it holds: each tick begins with what the store holds, so a restart
is nothing special. A run that the store shows waiting for an outcome was interrupted; its action is noted as doubted
and probed, never blindly repeated. Any number of instances may work on one store: ``service.custody`` says who may
work on which run.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import RLock

from service.custody import Change, Custody, FencedError, Holder
from service.hand import Hand
from service.journal_store import JournalStore
from service.ports import Action, Actuator
from service.records import Record, RecordKind
from service.recovery.facts import Facts
from service.recovery.isolations import Isolation
from service.recovery.lifecycle import IllegalRunSignalError, advance
from service.recovery.runs import (
    Acted,
    ActionFailed,
    Advance,
    Announce,
    Begin,
    Drop,
    Hold,
    Perform,
    RecoveryRun,
    RecoveryStatus,
    RunPhase,
    Signal,
    Tick,
)
from service.recovery.single_steps import release_strategy
from service.recovery.strategies import RecoveryStrategy
from service.requests import Request, RequestKind
from service.run_history import RunHistory

_AWAITING = frozenset({RunPhase.ACTING, RunPhase.UNDO_ACTING})
_RELEASE_PAUSE = timedelta(minutes=5)
_ADMITTED_AT_ONCE = 100
_PATIENCE_S = 1.0
_NOTHING = Change()

FactsOf = Callable[[RecoveryRun], Facts]
Publish = Callable[[Record], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """How runs are carried out.

    Parameters
    ----------
    max_running
        So many runs act or verify at one time, over all instances; the others wait. At most one on each component.
    action_timeout_s
        An action that takes longer is in doubt, seconds.
    lease_s
        The runs of an instance that gave no sign of life for so long are taken over, seconds.
    instance
        Name of this one. The next life of the same name goes on with its runs at once, so no two with one name may
        live at the same time. Empty: one that nobody else has.
    """

    max_running: int = 4
    action_timeout_s: float = 180.0
    lease_s: float = 30.0
    instance: str = "local"


class _BrokenRunError(Exception):
    """A run for which the rules of its own life break; the others must go on."""


class RecoveryJournal(RunHistory):
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
    settings
        How runs are carried out.
    """

    def __init__(
        self, store: JournalStore, actuator: Actuator, publish: Publish, settings: JournalSettings | None = None
    ) -> None:
        super().__init__(store)
        chosen, life = settings or JournalSettings(), uuid.uuid4().hex
        holder = Holder(instance=chosen.instance or life, life=life, lease_s=chosen.lease_s)
        self._journal = store
        self._instance = holder.instance
        self._custody = Custody(store, holder, chosen.max_running)
        self._hand = Hand(actuator, chosen.action_timeout_s, self._custody.beat_s)
        self._publish = publish
        self._lock = RLock()
        self._asked: set[str] = set()

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
        return self._journal.ask(
            RecoveryRun(
                id=self._new_id(strategy.id, incident_id, component, now),
                strategy=strategy,
                incident_id=incident_id,
                component=component,
                facts=dict(facts),
                created_at=now,
                updated_at=now,
            )
        )

    def tick(self, now: datetime, facts_of: FactsOf) -> tuple[RecoveryRun, ...]:
        """Take every run as far as it goes without waiting.

        Parameters
        ----------
        now
            UTC.
        facts_of
            Gives the verification facts of a run that waits for its success criteria. If it fails for a run, nothing
            is known of that run; the error is raised when all the others had their turn.

        Returns
        -------
        tuple of RecoveryRun
            Those that changed, as they are now.
        """
        facts = _Facts(facts_of)
        with self._lock:
            before = self._settled(now)
            self._release_due(now)
            after = [(run, self._pursue(held, now, facts)) for run, held in before]
            for _ in range(_ADMITTED_AT_ONCE):
                run = self._custody.next(now)
                if run is None:
                    break
                self._asked.add(run.id)
                after.append((run, self._pursue(run, now, facts)))
            self._tell()
        facts.complain()
        return tuple(run for old, run in after if run is not old)

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
            return tuple(after for before, after in self._settled(now) if after is not before)

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
            It goes on with the next tick when enough people agree. If another instance holds it, that one counts the
            approval with its next tick.
        """
        return self._ask(Request(run_id=run_id, kind=RequestKind.APPROVE, who=who, at=now), now)

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
            What it did is taken back with the next ticks. If it is being worked on just now, it ends after that.
        """
        return self._ask(Request(run_id=run_id, kind=RequestKind.CANCEL, who="", reason=reason, at=now), now)

    def _ask(self, request: Request, now: datetime) -> RecoveryRun:
        """Keep a request; answer it at once if nobody works on the run."""
        run = self._journal.run(request.run_id)
        advance(run, request.signal, now)  # refuses what makes no sense
        self._journal.request(request)
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return run
        try:
            held = self._custody.claim(run.id)
            if held is None:
                return self._journal.run(run.id)
            run = self._answer(held, now)
            self._tell()
            return run
        finally:
            self._lock.release()

    def _answer(self, run: RecoveryRun, now: datetime) -> RecoveryRun:
        """Answer what was asked of a run; what no longer makes sense is refused."""
        for request in self._journal.requests([run.id]):
            if run.phase is RunPhase.APPROVAL:
                run = self._apply(run, Tick(), now)  # an approval that comes too late finds the run cancelled
            try:
                after = self._apply(run, request.signal, now, Change(request=request.number))
            except IllegalRunSignalError:
                self._journal.answered(request.number, now)
                raise
            if after is run:
                self._journal.answered(request.number, now)
            run = after
        return run

    def _settled(self, now: datetime) -> list[tuple[RecoveryRun, RecoveryRun]]:
        """The runs under way, as they were and as they are when nothing is in doubt any more."""
        self._tell()
        held = self._custody.under_way(now)
        self._asked = (
            {request.run_id for request in self._journal.requests([run.id for run in held])} if held else set()
        )
        return [(run, self._guarded(run, now, self._settle)) for run in held]

    def _pursue(self, run: RecoveryRun, now: datetime, facts_of: FactsOf) -> RecoveryRun:
        return self._guarded(run, now, partial(self._carry_on, facts_of=facts_of))

    def _guarded(
        self, run: RecoveryRun, now: datetime, work: Callable[[RecoveryRun, datetime], RecoveryRun]
    ) -> RecoveryRun:
        """Let one run neither stop the others nor be worked on by two."""
        try:
            return work(run, now)
        except FencedError:
            return run
        except _BrokenRunError as error:
            return self._set_aside(run, f"it cannot be carried out: {error}", now)

    def _carry_on(self, run: RecoveryRun, now: datetime, facts_of: FactsOf) -> RecoveryRun:
        """Signal until nothing changes any more."""
        run = self._heed(run, now)
        if run.phase is RunPhase.QUEUED:
            run = self._apply(run, Begin(), now)
        while not run.status.is_final:
            facts = facts_of(run) if run.phase is RunPhase.CHECKING else {}
            after = self._apply(run, Tick(facts), now)
            if after is run:
                break
            run = self._heed(after, now)
        return run

    def _heed(self, run: RecoveryRun, now: datetime) -> RecoveryRun:
        """Answer requests, if there are some."""
        if run.id not in self._asked:
            return run
        self._asked.discard(run.id)
        try:
            return self._answer(run, now)
        except IllegalRunSignalError:  # it came too late; the next look at the run shows that
            return self._journal.run(run.id)

    def _apply(self, run: RecoveryRun, signal: Signal, now: datetime, change: Change = _NOTHING) -> RecoveryRun:
        """Advance, store, then act and feed the outcome back."""
        step = _advance(run, signal, now)
        if step.run is run:
            return run
        whole = _with_effects(change, step, run, now)
        self._save(step.run, whole)
        if whole.intent is None:
            return step.run
        self._custody.assure(run.id)
        outcome = self._hand.perform(whole.intent, partial(self._custody.beat, run.id))
        return self._outcome(step.run, whole.intent, outcome, now)

    def _settle(self, run: RecoveryRun, now: datetime) -> RecoveryRun:
        """Find out whether an interrupted action is done; the doubt is noted first."""
        action = run.action
        if run.phase not in _AWAITING or action is None:
            return run
        self._save(replace(run, updated_at=now), Change(doubted=action.key))
        return self._outcome(run, action, self._hand.settle(action, partial(self._custody.beat, run.id)), now)

    def _outcome(self, run: RecoveryRun, action: Action, outcome: Acted | ActionFailed, now: datetime) -> RecoveryRun:
        word = "done" if isinstance(outcome, Acted) else "in doubt" if outcome.is_in_doubt else "failed"
        return self._apply(run, outcome, now, Change(settled=(action.key, f"{word}: {outcome.detail}")))

    def _save(self, run: RecoveryRun, change: Change) -> None:
        if self._custody.save(run, change):
            self._asked.add(run.id)

    def _set_aside(self, run: RecoveryRun, why: str, now: datetime) -> RecoveryRun:
        """End a run as it is; what it did stays, and people are told."""
        latest = self._journal.run(run.id)
        ended = replace(
            latest, phase=RunPhase.ENDED, ending=RecoveryStatus.FAILED, reason=why, finished_at=now, updated_at=now
        )
        told = Announce(RecordKind.ENGINE_ERROR, f"{run.strategy.name} ({run.component}) was set aside: {why}")
        self._save(ended, Change(records=(_record(told, run, now),)))
        return ended

    def _release_due(self, now: datetime) -> None:
        for isolation in self._journal.isolations().due(now):
            strategy = release_strategy(isolation)
            if not self._failed_lately(isolation, strategy, now):
                self.start(strategy, isolation.incident_id, isolation.component, {}, now)

    def _failed_lately(self, isolation: Isolation, strategy: RecoveryStrategy, now: datetime) -> bool:
        runs = self.runs(component=isolation.component, status=RecoveryStatus.FAILED, limit=20)
        latest = next((run for run in runs if run.strategy.id == strategy.id), None)
        return latest is not None and now - latest.updated_at < _RELEASE_PAUSE

    def _tell(self) -> None:
        while waiting := self._journal.untold(self._instance):
            told: list[int] = []
            try:
                for number, record in waiting:
                    self._publish(record)
                    told.append(number)
            finally:
                self._journal.told(told)

    def _new_id(self, strategy_id: str, incident_id: str, component: str, now: datetime) -> str:
        latest = next((run.id for run in self.runs(component=component, limit=1)), "")
        name = repr((strategy_id, incident_id, component, latest))
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return f"run-{now:%Y%m%d%H%M%S}-{digest[:10]}"


class _Facts:
    """Verification facts of runs; one that cannot be told is told as unknown, and complained of at the end."""

    def __init__(self, facts_of: FactsOf) -> None:
        self._facts_of = facts_of
        self._errors: list[Exception] = []

    def __call__(self, run: RecoveryRun) -> Facts:
        try:
            return self._facts_of(run)
        except Exception as error:  # noqa: BLE001  # one run must not stop the others; it is raised at the end
            self._errors.append(error)
            return {}

    def complain(self) -> None:
        """Raise what went wrong."""
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise ExceptionGroup("the facts of several recovery runs cannot be told", self._errors)


def _advance(run: RecoveryRun, signal: Signal, now: datetime) -> Advance:
    try:
        return advance(run, signal, now)
    except IllegalRunSignalError:
        raise
    except Exception as error:
        raise _BrokenRunError(f"{type(error).__name__}: {error}") from error


def _with_effects(change: Change, step: Advance, run: RecoveryRun, now: datetime) -> Change:
    return replace(
        change,
        marks=tuple(effect for effect in step.effects if isinstance(effect, Hold | Drop)),
        records=tuple(_record(effect, run, now) for effect in step.effects if isinstance(effect, Announce)),
        intent=next((effect.action for effect in step.effects if isinstance(effect, Perform)), None),
    )


def _record(effect: Announce, run: RecoveryRun, now: datetime) -> Record:
    return Record(
        at=now,
        kind=effect.kind,
        subject=effect.subject or run.component,
        message=effect.message,
        incident_id=run.incident_id,
        data={"run": run.id, **effect.data},
    )
