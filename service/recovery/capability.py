"""Whether plans and rules can be carried out at all, by what the actuators may do; nobody is asked."""

from collections.abc import Callable, Iterator

from models.errors import ConfigurationError
from service.ports import ActionKind
from service.recovery.boundaries import Boundaries
from service.recovery.isolations import REVERSALS
from service.recovery.strategies import RecoveryStep, RecoveryStrategy, RecoveryType, Strategies

Refuses = Callable[[ActionKind, str], str]
"""Why an action on a component is never done; empty if it may be. As ``Actuator.refusal``."""


def nothing_refused(kind: ActionKind, component: str) -> str:
    """Take every action for possible.

    Parameters
    ----------
    kind
        Any.
    component
        Any.

    Returns
    -------
    str
        Empty.
    """
    del kind, component
    return ""


def plan_refusals(strategy: RecoveryStrategy, component: str, refuses: Refuses) -> tuple[str, ...]:
    """Why a plan cannot be carried out on a component.

    Parameters
    ----------
    strategy
        Any; one that is MANUAL needs no actuator.
    component
        That a run would be for; a step may name another one.
    refuses
        Of the actuator that would act.

    Returns
    -------
    tuple of str
        One sentence for each action, rollback or release that is refused; empty if there is none.
    """
    if strategy.type is RecoveryType.MANUAL:
        return ()
    found = (
        f"step {step.id!r}: {refuses(kind, step.target(component))}"
        for step in strategy.steps
        for kind in _kinds(step)
        if refuses(kind, step.target(component))
    )
    return tuple(dict.fromkeys(found))


def check_plans(strategies: Strategies, boundaries: Boundaries, refuses: Refuses) -> None:
    """Refuse what nobody could carry out: each rule on each of its components, a boundary's own strategy likewise.

    Another strategy must be possible on one component at least.

    Parameters
    ----------
    strategies
        To be loaded.
    boundaries
        To be loaded.
    refuses
        Of the actuator that would act.

    Raises
    ------
    ConfigurationError
        If something can never be done; it names all of it.
    """
    problems = [*_rule_problems(boundaries, refuses), *_strategy_problems(strategies, boundaries, refuses)]
    if problems:
        raise ConfigurationError(
            f"Some plans can never be carried out: {'; '.join(problems)}.",
            remedy="let an actuator do it (its settings allow and components), or take the step or rule out.",
        )


def _rule_problems(boundaries: Boundaries, refuses: Refuses) -> Iterator[str]:
    for boundary in boundaries.all:
        for rule in boundary.rules:
            undo = REVERSALS.get(rule.action) if rule.timeout_s is not None else None
            for kind in (rule.action, *([undo] if undo else [])):
                for component in boundary.components:
                    refusal = refuses(kind, component)
                    if refusal:
                        yield f"boundary {boundary.id!r}, rule {rule.id!r}: {refusal}"


def _strategy_problems(strategies: Strategies, boundaries: Boundaries, refuses: Refuses) -> Iterator[str]:
    own = {boundary.recovery_strategy for boundary in boundaries.all} - {""}
    for boundary in boundaries.all:
        for component in boundary.components if boundary.recovery_strategy else ():
            for refusal in plan_refusals(strategies.of(boundary.recovery_strategy), component, refuses):
                yield f"boundary {boundary.id!r}, strategy {boundary.recovery_strategy!r}, {refusal}"
    for strategy in strategies.all:
        refusals = [plan_refusals(strategy, component, refuses) for component in sorted(boundaries.components)]
        if strategy.id not in own and refusals and all(refusals):
            yield f"strategy {strategy.id!r}, on no component: {refusals[0][0]}"


def _kinds(step: RecoveryStep) -> Iterator[ActionKind]:
    if step.action is None:
        return
    yield step.action
    if step.rollback is not None:
        yield step.rollback
    undo = REVERSALS.get(step.action)
    if step.release_after_s is not None and undo is not None:
        yield undo
