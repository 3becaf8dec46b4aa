"""The shell of the guards: the switch that stops all actions, and what was done lately."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from models.errors import ConfigurationError
from service.ports import Action, ActionKind, ActionOutcome, Actuator, TransientError
from service.records import Record, RecordKind
from service.recovery.capability import Refuses, nothing_refused
from service.recovery.guards import PastAction, Stop
from service.recovery.runs import RecoveryRun, RecoveryStatus
from service.recovery.single_steps import is_release
from service.recovery.strategies import RecoveryType

_LOOKED_AT = 100
_PAUSE_S = 30.0


class SwitchKeeper(Protocol):
    """Where the switch is kept."""

    def read(self) -> Stop | None:
        """Look at it; None if actions are not stopped."""

    def throw(self, stop: Stop, record: Record, *, is_stopped: bool) -> bool:
        """Set it and record it; False if it stood there already."""


class RunList(Protocol):
    """Who knows the recovery runs."""

    def runs(self, *, status: RecoveryStatus | None = None, limit: int = 100) -> tuple[RecoveryRun, ...]:
        """List the latest, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What the guards ask of the rest of the service.

    Parameters
    ----------
    stopped
        Gives the stop in force; None if there is none.
    unhealthy
        Names the components whose health is bad.
    refuses
        What the actuators will never do.
    """

    stopped: Callable[[], Stop | None] = lambda: None
    unhealthy: Callable[[], Collection[str]] = tuple
    refuses: Refuses = nothing_refused


class ActionSwitch:
    """Stops all actions, and lets them go on.

    While it is on, nothing new is decided automatically, and the recoveries that are under way stand still before
    their next action; they go on when it is off again.

    Parameters
    ----------
    keeper
        Where it is kept.
    """

    def __init__(self, keeper: SwitchKeeper) -> None:
        self._keeper = keeper

    @property
    def stopped(self) -> Stop | None:
        """The stop in force; None if there is none. Always read anew: somebody may use the command line."""
        return self._keeper.read()

    def stop(self, who: str, reason: str, now: datetime) -> Stop:
        """Stop all actions; when they are stopped already, nothing changes.

        Parameters
        ----------
        who
            By whom.
        reason
            Why.
        now
            UTC.

        Returns
        -------
        Stop
            The one in force, perhaps an earlier one.
        """
        stop = _checked(who, reason, now)
        record = _record(RecordKind.ACTIONS_STOPPED, "all actions are stopped", stop)
        self._keeper.throw(stop, record, is_stopped=True)
        return self._keeper.read() or stop

    def resume(self, who: str, reason: str, now: datetime) -> bool:
        """Let actions go on.

        Parameters
        ----------
        who
            By whom.
        reason
            Why.
        now
            UTC.

        Returns
        -------
        bool
            False if they were not stopped.
        """
        stop = _checked(who, reason, now)
        record = _record(RecordKind.ACTIONS_RESUMED, "actions go on", stop)
        return self._keeper.throw(stop, record, is_stopped=False)


class StoppableActuator:
    """A hand that does nothing while all actions are stopped: the last line, for a stop in the middle of a step.

    Parameters
    ----------
    actuator
        The hand.
    switch
        Asked before every action.
    """

    def __init__(self, actuator: Actuator, switch: ActionSwitch) -> None:
        self._actuator = actuator
        self._switch = switch

    @property
    def kinds(self) -> frozenset[ActionKind]:
        """What the hand can do."""
        return self._actuator.kinds

    @property
    def components(self) -> frozenset[str]:
        """On what the hand can act."""
        return self._actuator.components

    def refusal(self, kind: ActionKind, component: str) -> str:
        """Why the hand will never do this; a stop passes, so it is no such reason."""
        return self._actuator.refusal(kind, component)

    def rehearse(self, action: Action) -> str:
        """Say what perform would do; changes nothing, so it is allowed while actions are stopped."""
        return self._actuator.rehearse(action)

    def perform(self, action: Action) -> ActionOutcome:
        """Act.

        Parameters
        ----------
        action
            What to do.

        Returns
        -------
        ActionOutcome
            Of the hand.

        Raises
        ------
        TransientError
            If all actions are stopped.
        """
        stop = self._switch.stopped
        if stop is not None:
            raise TransientError(f"all actions are stopped by {stop.who}: {stop.reason}", retry_after_s=_PAUSE_S)
        return self._actuator.perform(action)

    def probe(self, action: Action) -> bool | None:
        """Whether the effect is in place; looking is always allowed."""
        return self._actuator.probe(action)


def recent_actions(runs: RunList, now: datetime, window_s: float, enough: int = 0) -> tuple[PastAction, ...]:
    """Collect what was done to all components lately, and what may still act.

    Parameters
    ----------
    runs
        Who knows the runs.
    now
        UTC.
    window_s
        How far back, seconds.
    enough
        Where so many may still act, the limit is reached anyway and the rest of a long queue is not read; 0 reads all.

    Returns
    -------
    tuple of PastAction
        One a run that acted within the window or may still act; releases and plans for operators are none.
    """
    since = now - timedelta(seconds=window_s)
    unfinished = [status for status in RecoveryStatus if not status.is_final]
    found = [run for status in unfinished for run in _unfinished(runs, status, enough)]
    by_id = {run.id: run for run in (*_since(runs, since, enough), *found)}
    acted = (run for run in by_id.values() if not run.status.is_final or (run.acted_at and run.acted_at > since))
    return tuple(_past(run) for run in acted if _is_action(run))


def _since(runs: RunList, since: datetime, enough: int) -> tuple[RecoveryRun, ...]:
    """List so many of the newest that none since then is missing, or enough that count."""
    limit = max(_LOOKED_AT, enough)
    while True:
        found = runs.runs(limit=limit)
        counted = sum(_is_action(run) and (not run.status.is_final or run.acted_at is not None) for run in found)
        if len(found) < limit or found[-1].created_at <= since or 0 < enough <= counted:
            return found
        limit *= 4


def _unfinished(runs: RunList, status: RecoveryStatus, enough: int) -> tuple[RecoveryRun, ...]:
    limit = max(_LOOKED_AT, enough)
    while True:
        found = runs.runs(status=status, limit=limit)
        if len(found) < limit or 0 < enough <= sum(map(_is_action, found)):
            return found
        limit *= 4


def _is_action(run: RecoveryRun) -> bool:
    return run.strategy.type is not RecoveryType.MANUAL and not is_release(run.strategy)


def _past(run: RecoveryRun) -> PastAction:
    return PastAction(
        component=run.component,
        at=run.acted_at or run.created_at,
        incident_id=run.incident_id,
        strategy_id=run.strategy.id,
        has_acted=run.acted_at is not None,
        is_pending=not run.status.is_final,
    )


def _checked(who: str, reason: str, now: datetime) -> Stop:
    if not who.strip() or not reason.strip():
        raise ConfigurationError("Who and why are not both given.", remedy="name yourself and give a reason")
    return Stop(at=now, who=who, reason=reason)


def _record(kind: RecordKind, what: str, stop: Stop) -> Record:
    return Record(
        at=stop.at,
        kind=kind,
        subject="actions",
        message=f"{what} by {stop.who}: {stop.reason}",
        data={"who": stop.who, "reason": stop.reason},
    )
