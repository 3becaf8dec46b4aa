"""The life of a recovery run: signal in, new run and effects out. Pure; nothing here waits or acts.

::

    QUEUED ──> APPROVAL ──> READY <──────────┐ next step, or the same one again
       └─────────────────────┤               │
                             ├─> ACTING ──> CHECKING ──> ENDED (completed)
                             │      └─────────┤ no more tries, or cancelled
                             └────────────> UNDO_READY <──> UNDO_ACTING
                                                └──> ENDED (failed, cancelled)
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from models.errors import FaultlineError
from service.ports import ActionKind
from service.records import RecordKind
from service.recovery.isolations import REVERSALS, Isolation
from service.recovery.runs import (
    Acted,
    ActionFailed,
    Advance,
    Announce,
    Approve,
    Begin,
    Cancel,
    Drop,
    Effect,
    Hold,
    Perform,
    RecoveryRun,
    RecoveryStatus,
    RunPhase,
    Signal,
    StepResult,
    StepStatus,
    Tick,
)
from service.recovery.strategies import RecoveryStep, RecoveryType, StepType

_REVERSED = MappingProxyType({undo: kind for kind, undo in REVERSALS.items() if kind is not ActionKind.SCALE_DOWN})


class IllegalRunSignalError(FaultlineError):
    """A signal that has no meaning where the run stands; the run stays as it was."""


def advance(run: RecoveryRun, signal: Signal, now: datetime) -> Advance:
    """Take one signal.

    Parameters
    ----------
    run
        As it stands.
    signal
        What happened.
    now
        UTC.

    Returns
    -------
    Advance
        The same run, identical, if the signal changes nothing.

    Raises
    ------
    IllegalRunSignalError
        If the signal has no meaning in the phase of the run.
    """
    handler = HANDLERS.get((run.phase, type(signal)))
    if handler is None:
        raise IllegalRunSignalError(f"Run {run.id} is {run.status}; it cannot take {type(signal).__name__}.")
    result = handler(run, signal, now)
    return result if result.run is run else Advance(replace(result.run, updated_at=now), result.effects)


def _begin(run: RecoveryRun, _signal: Begin, now: datetime) -> Advance:
    run = replace(run, started_at=now)
    if run.strategy.type is RecoveryType.MANUAL:
        return _hand_over(run, now)
    text = f"{run.strategy.name} ({run.component})"
    if run.strategy.type is RecoveryType.SEMIAUTOMATIC:
        deadline = now + timedelta(seconds=run.strategy.approval_timeout_s)
        waiting = replace(run, phase=RunPhase.APPROVAL, deadline=deadline)
        message = f"{text} waits for {run.strategy.approvals} approval(s) until {deadline:%Y-%m-%d %H:%M:%S} UTC"
        return Advance(waiting, (_started(run, message),))
    return Advance(replace(run, phase=RunPhase.READY), (_started(run, f"{text} begins"),))


def _hand_over(run: RecoveryRun, now: datetime) -> Advance:
    def result(step: RecoveryStep) -> StepResult:
        is_done = step.type is StepType.DIAGNOSTIC
        status = StepStatus.SUCCEEDED if is_done else StepStatus.LEFT_TO_OPERATOR
        return StepResult(
            step_id=step.id,
            status=status,
            attempt=1,
            started_at=now,
            finished_at=now,
            detail=_facts_text(run) if is_done else step.description,
        )

    plan = "; ".join(run.strategy.plan)
    handed = replace(run, results=tuple(result(step) for step in run.strategy.steps))
    begun = _started(run, f"The plan for {run.component} is handed to the operator: {plan}")
    ended = _end(handed, RecoveryStatus.COMPLETED, "the plan was handed to the operator", now)
    return Advance(ended.run, (begun, *ended.effects))


def _approve(run: RecoveryRun, signal: Approve, _now: datetime) -> Advance:
    if signal.who in run.approvals:
        return Advance(run)
    agreed = replace(run, approvals=(*run.approvals, signal.who))
    count, needed = len(agreed.approvals), run.strategy.approvals
    told = Announce(
        RecordKind.RECOVERY_APPROVED,
        f"{signal.who} approves {run.strategy.name} ({run.component}), {count} of {needed}",
        {"who": signal.who, "approvals": count, "needed": needed, "strategy": run.strategy.id},
    )
    if count < needed:
        return Advance(agreed, (told,))
    started = replace(agreed, phase=RunPhase.READY, deadline=None)
    message = f"Recovery of {run.component} is approved by {', '.join(agreed.approvals)}"
    return Advance(started, (told, _started(run, message)))


def _await_approval(run: RecoveryRun, _signal: Tick, now: datetime) -> Advance:
    if run.deadline is None or now < run.deadline:
        return Advance(run)
    return _end(run, RecoveryStatus.CANCELLED, "nobody approved in time", now)


def _begin_step(run: RecoveryRun, _signal: Tick, now: datetime) -> Advance:
    step = run.step
    if run.not_before is not None and now < run.not_before:
        return Advance(run)
    if step is None:
        return _end(run, RecoveryStatus.COMPLETED, "every step succeeded", now)
    begun = replace(run, step_started_at=now, not_before=None, deadline=None, is_changed=False)
    announce = Announce(
        RecordKind.RECOVERY_STEP_STARTED,
        f"{run.component}, {step.id}: {step.description or step.action or step.type}",
        {"step": step.id, "type": step.type, "action": step.action, "attempt": run.attempt},
    )
    if step.action is not None:
        acting = replace(begun, phase=RunPhase.ACTING)
        return Advance(acting, (announce, *_performing(acting)))
    if step.success is not None:
        return Advance(_checking(begun, step, now), (announce,))
    done = _succeeded(begun, step, _facts_text(run), now)
    return Advance(done.run, (announce, *done.effects))


def _acted(run: RecoveryRun, signal: Acted, now: datetime) -> Advance:
    step = _present(run)
    marks = _marks(run, step, step.action, now, is_changed=signal.is_changed)
    acted = replace(run, acted_at=now, is_changed=signal.is_changed)
    if run.ending is not None:
        taken = _with_result(acted, step, StepStatus.SUCCEEDED, signal.detail, now)
        undoing = _undoing(taken.run, run.ending, run.reason)
        return Advance(undoing, (*marks, *taken.effects))
    if step.success is not None:
        return Advance(_checking(acted, step, now), marks)
    done = _succeeded(acted, step, signal.detail, now)
    return Advance(done.run, (*marks, *done.effects))


def _action_failed(run: RecoveryRun, signal: ActionFailed, now: datetime) -> Advance:
    step = _present(run)
    in_doubt = replace(run, is_changed=signal.is_in_doubt)
    status = StepStatus.IN_DOUBT if signal.is_in_doubt else StepStatus.FAILED
    return _failed(in_doubt, step, status, signal, now)


def _check(run: RecoveryRun, signal: Tick, now: datetime) -> Advance:
    step = _present(run)
    if step.success is None:  # pragma: no cover  # CHECKING is entered only with criteria
        return Advance(run)
    evaluation = step.success.evaluate(signal.facts)
    if evaluation.holds:
        return _succeeded(run, step, f"{step.success} holds: {evaluation}", now)
    if run.deadline is None or now < run.deadline:
        return Advance(run)
    detail = f"{step.success} did not hold within {step.timeout_s:g} s: {evaluation}"
    return _failed(run, step, StepStatus.FAILED, ActionFailed(detail, is_transient=True), now)


def _cancel_queued(run: RecoveryRun, signal: Cancel, now: datetime) -> Advance:
    return _end(run, RecoveryStatus.CANCELLED, signal.reason, now)


def _cancel_between(run: RecoveryRun, signal: Cancel, now: datetime) -> Advance:
    if run.phase is RunPhase.CHECKING and run.step is not None:
        stopped = _with_result(run, run.step, StepStatus.FAILED, "cancelled", now)
        return Advance(_undoing(stopped.run, RecoveryStatus.CANCELLED, signal.reason), stopped.effects)
    return Advance(_undoing(run, RecoveryStatus.CANCELLED, signal.reason))


def _cancel_acting(run: RecoveryRun, signal: Cancel, _now: datetime) -> Advance:
    return Advance(replace(run, ending=RecoveryStatus.CANCELLED, reason=signal.reason))


def _ignore(run: RecoveryRun, _signal: Signal, _now: datetime) -> Advance:
    return Advance(run)


def _begin_undo(run: RecoveryRun, _signal: Tick, now: datetime) -> Advance:
    if run.not_before is not None and now < run.not_before:
        return Advance(run)
    if run.to_undo is None:
        return _end(run, run.ending or RecoveryStatus.FAILED, run.reason, now)
    undoing = replace(run, phase=RunPhase.UNDO_ACTING, step_started_at=now, not_before=None)
    return Advance(undoing, _performing(undoing))


def _undone(run: RecoveryRun, signal: Acted, now: datetime) -> Advance:
    step = run.to_undo
    if step is None:  # pragma: no cover  # UNDO_ACTING is entered only with a step to take back
        return Advance(run)
    ready = replace(run, phase=RunPhase.UNDO_READY, attempt=1, acted_at=now)
    marks = _marks(run, step, step.rollback, now, is_changed=signal.is_changed)
    marked = _with_result(ready, step, StepStatus.ROLLED_BACK, signal.detail, now)
    return Advance(marked.run, (*marks, *marked.effects))


def _undo_failed(run: RecoveryRun, signal: ActionFailed, now: datetime) -> Advance:
    step = run.to_undo
    if step is None:  # pragma: no cover  # as above
        return Advance(run)
    ready = replace(run, phase=RunPhase.UNDO_READY)
    if signal.is_transient and run.attempt < step.retry.attempts:
        return Advance(_retrying(ready, step, signal, now))
    marked = _with_result(ready, step, StepStatus.ROLLBACK_FAILED, signal.detail, now)
    return Advance(replace(marked.run, attempt=1), marked.effects)


HANDLERS: MappingProxyType[tuple[RunPhase, type], Callable[[RecoveryRun, Any, datetime], Advance]] = MappingProxyType(
    {
        (RunPhase.QUEUED, Begin): _begin,
        (RunPhase.QUEUED, Tick): _ignore,
        (RunPhase.QUEUED, Cancel): _cancel_queued,
        (RunPhase.APPROVAL, Tick): _await_approval,
        (RunPhase.APPROVAL, Approve): _approve,
        (RunPhase.APPROVAL, Cancel): _cancel_queued,
        (RunPhase.READY, Tick): _begin_step,
        (RunPhase.READY, Cancel): _cancel_between,
        (RunPhase.ACTING, Acted): _acted,
        (RunPhase.ACTING, ActionFailed): _action_failed,
        (RunPhase.ACTING, Cancel): _cancel_acting,
        (RunPhase.CHECKING, Tick): _check,
        (RunPhase.CHECKING, Cancel): _cancel_between,
        (RunPhase.UNDO_READY, Tick): _begin_undo,
        (RunPhase.UNDO_READY, Cancel): _ignore,
        (RunPhase.UNDO_ACTING, Acted): _undone,
        (RunPhase.UNDO_ACTING, ActionFailed): _undo_failed,
        (RunPhase.UNDO_ACTING, Cancel): _ignore,
    }
)
"""Every pair that is not here is illegal."""


def _performing(run: RecoveryRun) -> tuple[Effect, ...]:
    return (Perform(run.action),) if run.action else ()


def _checking(run: RecoveryRun, step: RecoveryStep, now: datetime) -> RecoveryRun:
    return replace(run, phase=RunPhase.CHECKING, deadline=now + timedelta(seconds=step.timeout_s))


def _succeeded(run: RecoveryRun, step: RecoveryStep, detail: str, now: datetime) -> Advance:
    done = _with_result(run, step, StepStatus.SUCCEEDED, detail, now)
    onward = replace(done.run, phase=RunPhase.READY, position=run.position + 1, attempt=1, deadline=None)
    return Advance(onward, done.effects)


def _failed(run: RecoveryRun, step: RecoveryStep, status: StepStatus, failure: ActionFailed, now: datetime) -> Advance:
    noted = _with_result(run, step, status, failure.detail, now)
    if run.ending is None and failure.is_transient and run.attempt < step.retry.attempts:
        return Advance(_retrying(replace(noted.run, phase=RunPhase.READY), step, failure, now), noted.effects)
    ending, reason = run.ending or RecoveryStatus.FAILED, run.reason or f"step {step.id}: {failure.detail}"
    return Advance(_undoing(noted.run, ending, reason), noted.effects)


def _retrying(run: RecoveryRun, step: RecoveryStep, failure: ActionFailed, now: datetime) -> RecoveryRun:
    wait_s = max(step.retry.wait_s(run.attempt, f"{run.id}:{step.id}"), failure.retry_after_s)
    return replace(run, attempt=run.attempt + 1, not_before=now + timedelta(seconds=wait_s))


def _undoing(run: RecoveryRun, ending: RecoveryStatus, reason: str) -> RecoveryRun:
    return replace(
        run, phase=RunPhase.UNDO_READY, ending=ending, reason=reason, attempt=1, deadline=None, not_before=None
    )


def _end(run: RecoveryRun, status: RecoveryStatus, reason: str, now: datetime) -> Advance:
    ended = replace(run, phase=RunPhase.ENDED, ending=status, reason=reason, finished_at=now, deadline=None)
    announce = Announce(
        RecordKind.RECOVERY_FINISHED,
        f"{run.strategy.name} ({run.component}): {status}, {reason}",
        {"run": run.id, "strategy": run.strategy.id, "status": status, "component": run.component, "reason": reason},
    )
    return Advance(ended, (announce,))


def _started(run: RecoveryRun, message: str) -> Announce:
    return Announce(
        RecordKind.RECOVERY_STARTED,
        message,
        {
            "run": run.id,
            "strategy": run.strategy.id,
            "type": run.strategy.type,
            "component": run.component,
            "plan": list(run.strategy.plan),
        },
    )


def _with_result(run: RecoveryRun, step: RecoveryStep, status: StepStatus, detail: str, now: datetime) -> Advance:
    is_undo = status in {StepStatus.ROLLED_BACK, StepStatus.ROLLBACK_FAILED}
    result = StepResult(
        step_id=step.id,
        status=status,
        attempt=run.attempt,
        started_at=run.step_started_at or now,
        finished_at=now,
        detail=detail,
        is_changed=run.is_changed and not is_undo,
    )
    announce = Announce(
        RecordKind.RECOVERY_STEP_FINISHED,
        f"{run.component}, {step.id}: {status}, {detail}",
        {"run": run.id, "step": step.id, "status": status, "attempt": run.attempt, "detail": detail},
    )
    return Advance(replace(run, results=(*run.results, result), is_changed=False), (announce,))


def _marks(
    run: RecoveryRun, step: RecoveryStep, kind: ActionKind | None, now: datetime, *, is_changed: bool
) -> tuple[Effect, ...]:
    """Say what is in force after an action was done, and tell of isolations."""
    component = step.target(run.component)
    if kind is None:
        return ()
    if kind in _REVERSED:
        released = Announce(RecordKind.COMPONENT_RELEASED, f"{component} is released", subject=component)
        drop = Drop(component, _REVERSED[kind])
        return (drop, released) if kind is ActionKind.RELEASE_COMPONENT and is_changed else (drop,)
    if kind not in REVERSALS:
        return ()
    release_at = None if step.release_after_s is None else now + timedelta(seconds=step.release_after_s)
    hold = Hold(
        Isolation(
            component=component,
            kind=kind,
            since=now,
            release_at=release_at,
            reason=f"{run.strategy.name}, step {step.id}",
            incident_id=run.incident_id,
            parameters=step.parameters,
        )
    )
    until = f" until {release_at:%Y-%m-%d %H:%M:%S} UTC" if release_at else ""
    isolated = Announce(RecordKind.COMPONENT_ISOLATED, f"{component} is isolated{until}", subject=component)
    return (hold, isolated) if kind is ActionKind.ISOLATE_COMPONENT and is_changed else (hold,)


def _present(run: RecoveryRun) -> RecoveryStep:
    return run.strategy.steps[run.position]


def _facts_text(run: RecoveryRun) -> str:
    known = {name: value for name, value in run.facts.items() if value is not None}
    shown = {name: f"{value:.3g}" if isinstance(value, float) else value for name, value in known.items()}
    return ", ".join(f"{name} = {value}" for name, value in shown.items()) or "no facts are known"
