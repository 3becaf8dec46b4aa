"""The course of one run: signals in, the store and the actuator out, and what was asked of it in between."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from service.custody import Change, Custody, FencedError
from service.hand import Hand
from service.journal_store import JournalStore
from service.ports import Action
from service.records import Record, RecordKind
from service.recovery.facts import Facts
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

_AWAITING = frozenset({RunPhase.ACTING, RunPhase.UNDO_ACTING})
_NOTHING = Change()

FactsOf = Callable[[RecoveryRun], Facts]


class _BrokenRunError(Exception):
    """A run for which the rules of its own life break; the others must go on."""


class RunCourse:
    """Takes runs that this instance holds further. One that was taken over, or breaks the rules, stops no other.

    Parameters
    ----------
    store
        Where runs and requests are kept.
    custody
        Which runs this instance holds.
    hand
        Acts and probes.

    Attributes
    ----------
    hand
        As given.
    """

    def __init__(self, store: JournalStore, custody: Custody, hand: Hand) -> None:
        self.hand = hand
        self._store = store
        self._custody = custody
        self._asked: set[str] = set()

    def look_for_requests(self, runs: Sequence[RecoveryRun]) -> None:
        """Find out what was asked of runs since they were last looked at.

        Parameters
        ----------
        runs
            Held.
        """
        if runs:
            self._asked |= {request.run_id for request in self._store.requests([run.id for run in runs])}

    def carry_on(self, run: RecoveryRun, now: datetime, facts_of: FactsOf) -> RecoveryRun:
        """Signal until nothing changes any more.

        Parameters
        ----------
        run
            Held; nothing of it in doubt.
        now
            UTC.
        facts_of
            Gives its verification facts.

        Returns
        -------
        RecoveryRun
            As far as it went.
        """
        return self._guarded(run, now, lambda: self._carry_on(run, now, facts_of))

    def settle(self, run: RecoveryRun, now: datetime) -> RecoveryRun:
        """Find out whether an interrupted action is done.

        Parameters
        ----------
        run
            Held; if it awaits an outcome, it was interrupted.
        now
            UTC.

        Returns
        -------
        RecoveryRun
            Nothing of it in doubt.
        """
        return self._guarded(run, now, lambda: self._settle(run, now))

    def answer(self, run: RecoveryRun, now: datetime) -> RecoveryRun:
        """Answer what was asked of a run; IllegalRunSignalError if that makes no sense any more.

        Parameters
        ----------
        run
            Held.
        now
            UTC.

        Returns
        -------
        RecoveryRun
            As it is then.
        """
        return self._guarded(run, now, lambda: self._answer(run, now))

    def _guarded(self, run: RecoveryRun, now: datetime, work: Callable[[], RecoveryRun]) -> RecoveryRun:
        """Let one run neither stop the others nor be worked on by two."""
        with suppress(FencedError):
            try:
                return work()
            except _BrokenRunError as error:
                return self._set_aside(run, f"it cannot be carried out: {error}", now)
        return run

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
            return self._store.run(run.id)

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
        outcome = self.hand.perform(whole.intent, partial(self._custody.beat, run.id))
        return self._outcome(step.run, whole.intent, outcome, now)

    def _settle(self, run: RecoveryRun, now: datetime) -> RecoveryRun:
        """Find out whether an interrupted action is done; the doubt is noted first."""
        action = run.action
        if run.phase not in _AWAITING or action is None:
            return run
        self._save(replace(run, updated_at=now), Change(doubted=action.key))
        return self._outcome(run, action, self.hand.settle(action, partial(self._custody.beat, run.id)), now)

    def _outcome(self, run: RecoveryRun, action: Action, outcome: Acted | ActionFailed, now: datetime) -> RecoveryRun:
        word = "done" if isinstance(outcome, Acted) else "in doubt" if outcome.is_in_doubt else "failed"
        return self._apply(run, outcome, now, Change(settled=(action.key, f"{word}: {outcome.detail}")))

    def _save(self, run: RecoveryRun, change: Change) -> None:
        if self._custody.save(run, change):
            self._asked.add(run.id)

    def _set_aside(self, run: RecoveryRun, why: str, now: datetime) -> RecoveryRun:
        """End a run as it is; what it did stays, and people are told."""
        latest = self._store.run(run.id)
        ended = replace(
            latest, phase=RunPhase.ENDED, ending=RecoveryStatus.FAILED, reason=why, finished_at=now, updated_at=now
        )
        told = Announce(RecordKind.ENGINE_ERROR, f"{run.strategy.name} ({run.component}) was set aside: {why}")
        self._save(ended, Change(records=(_record(told, run, now),)))
        return ended

    def _answer(self, run: RecoveryRun, now: datetime) -> RecoveryRun:
        """Answer what was asked of a run; what no longer makes sense is refused."""
        for request in self._store.requests([run.id]):
            if run.phase is RunPhase.APPROVAL:
                run = self._apply(run, Tick(), now)  # an approval that comes too late finds the run cancelled
            try:
                after = self._apply(run, request.signal, now, Change(request=request.number))
            except IllegalRunSignalError:
                self._store.answered(request.number, now)
                raise
            if after is run:
                self._store.answered(request.number, now)
            run = after
        return run


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
