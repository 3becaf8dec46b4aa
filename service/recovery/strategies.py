"""Recovery strategies: the plans that runs follow, as checked values, and the choice among them."""

import hashlib
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from models.errors import ConfigurationError, UnknownNameError
from service.ports import ActionKind
from service.recovery.conditions import Condition
from service.recovery.facts import Facts
from service.recovery.isolations import REVERSALS

Parameters = tuple[tuple[str, float | str], ...]


class RecoveryType(StrEnum):
    """Who decides that a plan is carried out; the spelling on the wire is fixed."""

    AUTOMATIC = "AUTOMATIC"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"
    MANUAL = "MANUAL"


class StepType(StrEnum):
    """What a step is for; the spelling on the wire is fixed."""

    DIAGNOSTIC = "DIAGNOSTIC"
    ISOLATION = "ISOLATION"
    REPAIR = "REPAIR"
    RESTART = "RESTART"
    RESTORE = "RESTORE"
    VERIFY = "VERIFY"


_ACTIONS = {
    StepType.DIAGNOSTIC: frozenset[ActionKind](),
    StepType.VERIFY: frozenset[ActionKind](),
    StepType.ISOLATION: frozenset({ActionKind.ISOLATE_COMPONENT, ActionKind.REDIRECT_TRAFFIC}),
    StepType.RESTART: frozenset({ActionKind.RESTART_COMPONENT}),
    StepType.REPAIR: frozenset(
        {ActionKind.SCALE_UP, ActionKind.SCALE_DOWN, ActionKind.ENABLE_BACKUP, ActionKind.ROLLBACK_DEPLOY}
    ),
    StepType.RESTORE: frozenset(
        {ActionKind.RELEASE_COMPONENT, ActionKind.RESTORE_TRAFFIC, ActionKind.DISABLE_BACKUP, ActionKind.SCALE_DOWN}
    ),
}
_RANGES = {
    "attempts": (1, 20),
    "backoff_s": (0, 86400),
    "factor": (1, 10),
    "max_backoff_s": (0, 86400),
    "jitter": (0, 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failed action is tried, and how long it waits in between.

    Parameters
    ----------
    attempts
        Tries in all, the first included.
    backoff_s
        Wait before the second try, seconds.
    factor
        Each further wait is so many times longer.
    max_backoff_s
        No wait is longer, seconds.
    jitter
        Share of the wait that the run's key may take off, 0 to 1.

    Raises
    ------
    ConfigurationError
        If a number is out of range.
    """

    attempts: int = 1
    backoff_s: float = 5.0
    factor: float = 2.0
    max_backoff_s: float = 300.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(f"{name} is {value}.", remedy=f"give a number from {low} to {high}")

    def wait_s(self, attempt: int, key: str) -> float:
        """Seconds to wait after a failed try.

        Parameters
        ----------
        attempt
            The try that failed, from 1.
        key
            Makes the jitter: the same key waits the same time, different ones spread.

        Returns
        -------
        float
            Not negative.
        """
        digest = hashlib.sha256(f"{key}:{attempt}".encode("utf-8", "surrogatepass")).digest()
        share = int.from_bytes(digest[:4], "big") / 2**32
        wait_s = min(self.backoff_s * self.factor ** (attempt - 1), self.max_backoff_s)
        return wait_s * (1 - self.jitter * share)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryStep:
    """One step of a plan: an optional action, then optional criteria that fresh facts must meet.

    Parameters
    ----------
    id
        Unique in its strategy.
    type
        What it is for; DIAGNOSTIC and VERIFY act on nothing.
    action
        What to do; None only for DIAGNOSTIC and VERIFY.
    success
        Over verification facts; looked at on every tick until it holds. VERIFY must have it.
    timeout_s
        How long the criteria may take, seconds.
    retry
        Of the action, or of the whole step when its criteria were not met in time.
    rollback
        Taken when a later step fails; None: nothing to take back.
    release_after_s
        The action is taken back by itself after so many seconds; None: it stays.
    component
        On whom; empty: on the component of the run.
    parameters
        For the actuator.
    description
        For the operator.

    Raises
    ------
    ConfigurationError
        If the parts do not fit each other.
    """

    id: str
    type: StepType
    action: ActionKind | None = None
    success: Condition | None = None
    timeout_s: float = 300.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    rollback: ActionKind | None = None
    release_after_s: float | None = None
    component: str = ""
    parameters: Parameters = ()
    description: str = ""

    def __post_init__(self) -> None:
        allowed = _ACTIONS[self.type]
        if self.action is None and allowed:
            raise ConfigurationError(f"A {self.type} step needs an action.", remedy=_options(allowed))
        if self.action is not None and self.action not in allowed:
            raise ConfigurationError(f"A {self.type} step cannot do {self.action}.", remedy=_options(allowed))
        if self.type is StepType.VERIFY and self.success is None:
            raise ConfigurationError(
                "A VERIFY step needs success criteria.", remedy="write for example worst_score < 1"
            )
        for name, seconds in (("timeout_s", self.timeout_s), ("release_after_s", self.release_after_s)):
            if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
                raise ConfigurationError(f"{name} is {seconds}.", remedy="give a positive number of seconds")
        self._check_reversal()

    def _check_reversal(self) -> None:
        reversal = None if self.action is None else REVERSALS.get(self.action)
        if self.release_after_s is not None and reversal is None:
            raise ConfigurationError(f"{self.action} cannot be taken back.", remedy="leave release_after_s out")
        if self.rollback is not None and self.rollback is not reversal:
            remedy = "leave rollback out" if reversal is None else f"use {reversal}"
            raise ConfigurationError(f"{self.rollback} does not take {self.action} back.", remedy=remedy)

    def target(self, component: str) -> str:
        """On whom it acts.

        Parameters
        ----------
        component
            That of the run.

        Returns
        -------
        str
            A component.
        """
        return self.component or component


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryStrategy:
    """A plan.

    Parameters
    ----------
    id
        Unique.
    name
        For people.
    type
        Who decides that it is carried out.
    steps
        In the order in which they are taken; at least one.
    condition
        When it applies, over the facts of a finding.
    priority
        The highest that applies is chosen.
    approvals
        Different people who must approve a SEMIAUTOMATIC one.
    approval_timeout_s
        After so many seconds without them the run is cancelled.
    metrics
        Names of the figures that tell how well it works, for reports.

    Raises
    ------
    ConfigurationError
        If it has no steps, or a step twice, or asks for no approval at all.
    """

    id: str
    name: str
    type: RecoveryType
    steps: tuple[RecoveryStep, ...]
    condition: Condition
    priority: int = 0
    approvals: int = 1
    approval_timeout_s: float = 1800.0
    metrics: tuple[str, ...] = ("success_rate", "time_to_recover_s")

    def __post_init__(self) -> None:
        if not self.steps:
            raise ConfigurationError(f"Strategy {self.id!r} has no steps.", remedy="give at least one")
        ids = [step.id for step in self.steps]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice is not None:
            raise ConfigurationError(f"Strategy {self.id!r} has step {twice!r} twice.", remedy="rename one of them")
        if self.approvals < 1 or not self.approval_timeout_s > 0:
            raise ConfigurationError(
                f"Strategy {self.id!r} asks for {self.approvals} approvals within {self.approval_timeout_s} s.",
                remedy="both must be positive",
            )

    @property
    def plan(self) -> tuple[str, ...]:
        """The steps in words, for an operator."""
        return tuple(
            step.description or f"{step.type}: {step.action or step.success or step.id}" for step in self.steps
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The strategy that was chosen, and why.

    Parameters
    ----------
    strategy
        The one.
    reason
        Its condition and the facts that made it hold.
    passed_over
        Strategies of higher or equal priority that did not apply, each with its reason.
    """

    strategy: RecoveryStrategy
    reason: str
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Strategies:
    """All strategies, and the one to fall back on.

    Parameters
    ----------
    all
        Each id once.
    default_id
        The strategy that is taken when no other applies.

    Raises
    ------
    ConfigurationError
        If an id occurs twice.
    """

    all: tuple[RecoveryStrategy, ...]
    default_id: str

    def __post_init__(self) -> None:
        ids = [strategy.id for strategy in self.all]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice is not None:
            raise ConfigurationError(f"There are two strategies {twice!r}.", remedy="rename one of them")
        self.of(self.default_id)

    def of(self, strategy_id: str) -> RecoveryStrategy:
        """Find a strategy.

        Parameters
        ----------
        strategy_id
            Its id.

        Returns
        -------
        RecoveryStrategy
            The one.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        for strategy in self.all:
            if strategy.id == strategy_id:
                return strategy
        raise UnknownNameError("strategy", strategy_id, (strategy.id for strategy in self.all))

    def select(self, facts: Facts, *, preferred_id: str = "", tried: Collection[str] = ()) -> Selection:
        """Choose the strategy of highest priority whose condition holds, or the default.

        Parameters
        ----------
        facts
            Of a finding.
        preferred_id
            Looked at before all others, for example that of a boundary.
        tried
            Ids of strategies that did not help already: they are passed over, the default is not.

        Returns
        -------
        Selection
            With reasons.
        """
        others = [s for s in self.all if s.id not in {self.default_id, preferred_id}]
        preferred = [self.of(preferred_id)] if preferred_id else []
        passed_over: list[str] = []
        for strategy in (*preferred, *sorted(others, key=lambda s: -s.priority)):
            if strategy.id in tried:
                passed_over.append(f"{strategy.id}: it was tried and did not help")
                continue
            evaluation = strategy.condition.evaluate(facts)
            if evaluation.holds:
                reason = f"{strategy.condition} holds: {evaluation}"
                return Selection(strategy=strategy, reason=reason, passed_over=tuple(passed_over))
            passed_over.append(f"{strategy.id}: {strategy.condition} does not hold: {evaluation}")
        return Selection(
            strategy=self.of(self.default_id), reason="no other strategy applies", passed_over=tuple(passed_over)
        )


def _options(kinds: Iterable[ActionKind]) -> str:
    return f"use one of: {', '.join(sorted(kinds))}" if kinds else "leave the action out"
