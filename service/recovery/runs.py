"""The values of a recovery run: the run itself, what can happen to it, and what it asks the shell to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from service.ports import Action, ActionKind
from service.records import RecordKind
from service.recovery.facts import Facts
from service.recovery.isolations import Isolation
from service.recovery.strategies import RecoveryStep, RecoveryStrategy


class RecoveryStatus(StrEnum):
    """Where a run stands for its readers; the spelling on the wire is fixed."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING_APPROVAL = "WAITING_APPROVAL"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen any more."""
        return self in {RecoveryStatus.COMPLETED, RecoveryStatus.FAILED, RecoveryStatus.CANCELLED}


class RunPhase(StrEnum):
    """Where a run stands for the machine."""

    QUEUED = "QUEUED"
    APPROVAL = "APPROVAL"
    READY = "READY"
    ACTING = "ACTING"
    CHECKING = "CHECKING"
    UNDO_READY = "UNDO_READY"
    UNDO_ACTING = "UNDO_ACTING"
    ENDED = "ENDED"


STATUS_OF = {
    RunPhase.QUEUED: RecoveryStatus.PENDING,
    RunPhase.APPROVAL: RecoveryStatus.WAITING_APPROVAL,
    RunPhase.READY: RecoveryStatus.RUNNING,
    RunPhase.ACTING: RecoveryStatus.RUNNING,
    RunPhase.CHECKING: RecoveryStatus.RUNNING,
    RunPhase.UNDO_READY: RecoveryStatus.RUNNING,
    RunPhase.UNDO_ACTING: RecoveryStatus.RUNNING,
}


class StepStatus(StrEnum):
    """How one try of a step ended."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    IN_DOUBT = "IN_DOUBT"
    ROLLED_BACK = "ROLLED_BACK"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    LEFT_TO_OPERATOR = "LEFT_TO_OPERATOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One try of one step.

    Parameters
    ----------
    step_id
        Which step.
    status
        How it ended.
    attempt
        From 1.
    started_at, finished_at
        UTC.
    detail
        One sentence.
    is_changed
        Whether the action changed the system, so that there is something to take back.
    """

    step_id: str
    status: StepStatus
    attempt: int
    started_at: datetime
    finished_at: datetime
    detail: str
    is_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRun:
    """One execution of a strategy on a component.

    Parameters
    ----------
    id
        Unique; part of every idempotency key.
    strategy
        As it was when the run began; later changes of the file do not touch it.
    incident_id
        The incident it belongs to.
    component
        On whom.
    facts
        Of the finding that asked for it.
    created_at, updated_at
        UTC.
    phase
        Where it stands for the machine.
    position
        Index of the present step.
    attempt
        Try of the present step or rollback, from 1.
    step_started_at
        When the present try began, UTC.
    not_before
        Back-off: nothing happens earlier, UTC.
    deadline
        End of the wait for an approval or for success criteria, UTC.
    acted_at
        Latest action of the run, UTC; verification looks at what came after.
    is_changed
        Whether the action of the present try changed the system.
    approvals
        Who approved.
    results
        Every try, in order.
    ending
        What the run becomes when everything is taken back; None while it goes forward.
    reason
        Why it ended, or will end.
    started_at, finished_at
        UTC.
    """

    id: str
    strategy: RecoveryStrategy
    incident_id: str
    component: str
    facts: Facts
    created_at: datetime
    updated_at: datetime
    phase: RunPhase = RunPhase.QUEUED
    position: int = 0
    attempt: int = 1
    step_started_at: datetime | None = None
    not_before: datetime | None = None
    deadline: datetime | None = None
    acted_at: datetime | None = None
    is_changed: bool = False
    approvals: tuple[str, ...] = ()
    results: tuple[StepResult, ...] = ()
    ending: RecoveryStatus | None = None
    reason: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def status(self) -> RecoveryStatus:
        """Where it stands for its readers."""
        if self.phase is RunPhase.ENDED:
            return self.ending or RecoveryStatus.COMPLETED
        return STATUS_OF[self.phase]

    @property
    def is_verified(self) -> bool:
        """Whether it completed and fresh facts met the criteria of at least one step: the component is well again."""
        met = {r.step_id for r in self.results if r.status is StepStatus.SUCCEEDED}
        is_checked = any(step.success is not None and step.id in met for step in self.strategy.steps)
        return self.status is RecoveryStatus.COMPLETED and is_checked

    @property
    def step(self) -> RecoveryStep | None:
        """The present step; None when all are done."""
        steps = self.strategy.steps
        return steps[self.position] if self.position < len(steps) else None

    @property
    def to_undo(self) -> RecoveryStep | None:
        """The latest step that changed something and was not taken back; None if there is none."""
        settled = {r.step_id for r in self.results if r.status in {StepStatus.ROLLED_BACK, StepStatus.ROLLBACK_FAILED}}
        changed = {r.step_id for r in self.results if r.is_changed}
        wanted = (s for s in reversed(self.strategy.steps) if s.rollback and s.id in changed - settled)
        return next(wanted, None)

    @property
    def action(self) -> Action | None:
        """The action whose outcome is awaited; None if there is none."""
        if self.phase is RunPhase.ACTING and self.step and self.step.action:
            return self._action(self.step, self.step.action, "")
        undo = self.to_undo
        if self.phase is RunPhase.UNDO_ACTING and undo and undo.rollback:
            return self._action(undo, undo.rollback, ":undo")
        return None

    def _action(self, step: RecoveryStep, kind: ActionKind, suffix: str) -> Action:
        return Action(
            key=f"{self.id}:{step.id}{suffix}:{self.attempt}",
            kind=kind,
            component=step.target(self.component),
            parameters=dict(step.parameters),
            asked_at=self.step_started_at,
        )


@dataclass(frozen=True, slots=True)
class Begin:
    """There is room for it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; these are the verification facts."""

    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acted:
    """The action is done."""

    is_changed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """The action is not done; or, in doubt, nobody can tell."""

    detail: str
    is_transient: bool = False
    retry_after_s: float = 0.0
    is_in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Approve:
    """Somebody agrees."""

    who: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Somebody calls it off."""

    reason: str


Signal = Begin | Tick | Acted | ActionFailed | Approve | Cancel


@dataclass(frozen=True, slots=True)
class Perform:
    """Do this, after the run is stored; feed Acted or ActionFailed back."""

    action: Action


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep in mind, together with the run, that this is in force."""

    isolation: Isolation


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget, together with the run, that this is in force."""

    component: str
    kind: ActionKind


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell everybody, after the run is stored."""

    kind: RecordKind
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""


Effect = Perform | Hold | Drop | Announce


@dataclass(frozen=True, slots=True)
class Advance:
    """A run after a signal, and what is to be done about it."""

    run: RecoveryRun
    effects: tuple[Effect, ...] = ()
