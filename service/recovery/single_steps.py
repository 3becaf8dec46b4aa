"""Plans of one step: a rule's action, and the release when an action's time is over. Runs make both durable."""

from service.ports import ActionKind
from service.recovery.boundaries import IsolationRule
from service.recovery.conditions import Condition
from service.recovery.facts import FINDING_FACTS
from service.recovery.isolations import Isolation
from service.recovery.strategies import RecoveryStep, RecoveryStrategy, RecoveryType, RetryPolicy, StepType

_STEP_TYPES = {
    ActionKind.ISOLATE_COMPONENT: StepType.ISOLATION,
    ActionKind.REDIRECT_TRAFFIC: StepType.ISOLATION,
    ActionKind.RESTART_COMPONENT: StepType.RESTART,
    ActionKind.RELEASE_COMPONENT: StepType.RESTORE,
    ActionKind.RESTORE_TRAFFIC: StepType.RESTORE,
    ActionKind.DISABLE_BACKUP: StepType.RESTORE,
}
_ALWAYS = Condition.of("true", FINDING_FACTS)
RELEASE_PREFIX = "release:"
"""The ids of plans that only take an action back begin with it."""
_RETRY = RetryPolicy(attempts=5, backoff_s=10)


def rule_strategy(rule: IsolationRule) -> RecoveryStrategy:
    """Turn a rule into a plan of one step, so that it is carried out as durably as a strategy.

    Parameters
    ----------
    rule
        Any.

    Returns
    -------
    RecoveryStrategy
        With the id ``rule:<id>``.
    """
    step = RecoveryStep(
        id="act",
        type=_STEP_TYPES.get(rule.action, StepType.REPAIR),
        action=rule.action,
        retry=_RETRY,
        release_after_s=rule.timeout_s,
        parameters=rule.parameters,
        description=f"{rule.action} by rule {rule.id}",
    )
    return _single(f"rule:{rule.id}", f"Rule {rule.id}", step)


def is_release(strategy: RecoveryStrategy) -> bool:
    """Whether a plan only takes an action back whose time is over: such a run waits for no other.

    Parameters
    ----------
    strategy
        Any.

    Returns
    -------
    bool
        By its id.
    """
    return strategy.id.startswith(RELEASE_PREFIX)


def release_strategy(isolation: Isolation) -> RecoveryStrategy:
    """Make the plan that takes an action back when its time is over.

    Parameters
    ----------
    isolation
        What is in force.

    Returns
    -------
    RecoveryStrategy
        With the id ``release:<kind>``.
    """
    step = RecoveryStep(
        id="release",
        type=_STEP_TYPES.get(isolation.reversal, StepType.REPAIR),
        action=isolation.reversal,
        retry=_RETRY,
        parameters=isolation.parameters,
        description=f"{isolation.reversal}: the time of {isolation.kind} is over",
    )
    return _single(f"{RELEASE_PREFIX}{isolation.kind}", f"Release after {isolation.kind}", step)


def _single(strategy_id: str, name: str, step: RecoveryStep) -> RecoveryStrategy:
    return RecoveryStrategy(id=strategy_id, name=name, type=RecoveryType.AUTOMATIC, steps=(step,), condition=_ALWAYS)
