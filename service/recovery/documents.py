"""Strategies and boundaries as text: reads YAML into checked values, and gives a strategy back as plain data.

Every mistake is told with file, line, column, place and remedy; nothing unknown is passed over, nothing is half read.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from models.shaping.yaml_reader import Document, Path
from service.recovery.boundaries import Boundaries, IsolationBoundary, IsolationRule
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.bulkhead import BulkheadSettings
from service.recovery.conditions import Condition
from service.recovery.entries import BoundaryEntry, BoundaryFile, RuleEntry, StepEntry, StrategyEntry, StrategyFile
from service.recovery.facts import FINDING_FACTS, VERIFICATION_FACTS, Vocabulary
from service.recovery.isolations import REVERSALS
from service.recovery.mistakes import Reading, suggestion
from service.recovery.routes import ANY, Route
from service.recovery.strategies import (
    RecoveryStep,
    RecoveryStrategy,
    RecoveryType,
    RetryPolicy,
    StepType,
    Strategies,
)


def read_strategies(text: str, *, source: str) -> Strategies:
    """Read a strategy file.

    Parameters
    ----------
    text
        YAML; untrusted.
    source
        Name for error messages.

    Returns
    -------
    Strategies
        Checked; DocumentError with every mistake otherwise.
    """
    reading = Reading.of_text(text, source)
    file = reading.validated(StrategyFile)
    ids = [entry.id for entry in file.strategies]
    _note_twice(reading, ids, ("strategies",))
    if file.default not in ids:
        reading.note(("default",), f"there is no strategy {file.default!r}", f"use one of: {', '.join(ids[:20])}")
    made = [_strategy(entry, reading, ("strategies", i)) for i, entry in enumerate(file.strategies)]
    for number, strategy in enumerate(made):
        if strategy is not None:
            _note_missing_rollbacks(strategy, reading, ("strategies", number))
    reading.finish()
    return Strategies(tuple(strategy for strategy in made if strategy is not None), file.default)


def read_boundaries(
    text: str, *, source: str, components: Iterable[str] = (), strategies: Strategies | None = None
) -> Boundaries:
    """Read a boundary file.

    Parameters
    ----------
    text
        YAML; untrusted.
    source
        Name for error messages.
    components
        Of the system: a boundary whose component is ``*`` takes those that no other boundary names, and a name that is
        not among them is refused, as a component or at a route. If there are none, ``*`` stays and any name will do.
    strategies
        That boundaries may prefer; None does not look.

    Returns
    -------
    Boundaries
        Checked; DocumentError with every mistake otherwise.
    """
    reading = Reading.of_text(text, source)
    file = reading.validated(BoundaryFile)
    known = tuple(components)
    _note_twice(reading, [entry.id for entry in file.boundaries], ("boundaries",))
    _note_names(reading, file, known)
    if strategies is not None:
        _note_strategies(reading, file, {strategy.id for strategy in strategies.all})
    named = {component for entry in file.boundaries for component in entry.components}
    rest = tuple(component for component in known or (ANY,) if component not in named or not known)
    made = [_boundary(entry, rest, reading, ("boundaries", i)) for i, entry in enumerate(file.boundaries)]
    reading.finish()
    return Boundaries(tuple(boundary for boundary in made if boundary is not None))


def strategy_document(strategy: RecoveryStrategy) -> dict[str, Any]:
    """Turn a strategy into plain data, as in the file.

    Parameters
    ----------
    strategy
        Any.

    Returns
    -------
    dict of str to Any
        JSON-ready.
    """
    return {
        "id": strategy.id,
        "name": strategy.name,
        "type": strategy.type.value,
        "condition": strategy.condition.text,
        "steps": [_step_document(step) for step in strategy.steps],
        "priority": strategy.priority,
        "approvals": strategy.approvals,
        "approval_timeout_s": strategy.approval_timeout_s,
        "metrics": list(strategy.metrics),
    }


def strategy_of(document: Mapping[str, Any], *, source: str) -> RecoveryStrategy:
    """Read plain data back.

    Parameters
    ----------
    document
        As ``strategy_document`` gives it.
    source
        Name for error messages.

    Returns
    -------
    RecoveryStrategy
        Equal to the one that was written; DocumentError if it is damaged.
    """
    reading = Reading(Document(content=document, lines={}), source)
    strategy = _strategy(reading.validated(StrategyEntry), reading, ())
    if strategy is None:
        reading.fail()
    return strategy


def _step_document(step: RecoveryStep) -> dict[str, Any]:
    retry = {name: getattr(step.retry, name) for name in RetryPolicy.__slots__}
    return {
        "id": step.id,
        "type": step.type.value,
        "action": step.action and step.action.value,
        "success": step.success and step.success.text,
        "timeout_s": step.timeout_s,
        "retry": retry,
        "rollback": step.rollback and step.rollback.value,
        "release_after_s": step.release_after_s,
        "component": step.component,
        "parameters": dict(step.parameters),
        "description": step.description,
    }


def _strategy(entry: StrategyEntry, reading: Reading, path: Path) -> RecoveryStrategy | None:
    condition = _condition(entry.condition, FINDING_FACTS, reading, (*path, "condition"))
    steps = [_step(step, reading, (*path, "steps", i)) for i, step in enumerate(entry.steps)]
    made = tuple(step for step in steps if step is not None)
    if condition is None or len(made) < len(steps):
        return None
    values = dict(entry) | {"steps": made, "condition": condition}
    return reading.placed(path, lambda: RecoveryStrategy(**values))


def _step(entry: StepEntry, reading: Reading, path: Path) -> RecoveryStep | None:
    success = None
    if entry.success is not None:
        success = _condition(entry.success, VERIFICATION_FACTS, reading, (*path, "success"))
        if success is None:
            return None
    values = dict(entry) | {
        "success": success,
        "retry": RetryPolicy(**dict(entry.retry)),
        "parameters": tuple(entry.parameters.items()),
    }
    return reading.placed(path, lambda: RecoveryStep(**values))


def _boundary(entry: BoundaryEntry, rest: tuple[str, ...], reading: Reading, path: Path) -> IsolationBoundary | None:
    spread = entry.failure_propagation
    settings = spread.model_dump(exclude={"allowed_routes", "blocked_routes", "breaker_threshold"})
    breaker = reading.placed(
        (*path, "failure_propagation"),
        lambda: BreakerSettings(failure_threshold=spread.breaker_threshold, **settings),
    )
    bulkhead = None if entry.bulkhead is None else BulkheadSettings(**entry.bulkhead.model_dump())
    rules = [_rule(rule, reading, (*path, "rules", i)) for i, rule in enumerate(entry.rules)]
    made = tuple(rule for rule in rules if rule is not None)
    if breaker is None or len(made) < len(rules):
        return None
    values = {name: getattr(entry, name) for name in ("id", "name", "type", "recovery_strategy")} | {
        "components": tuple(name for listed in entry.components for name in (rest if listed == ANY else [listed])),
        "rules": made,
        "allowed_routes": _routes(entry, "allowed_routes"),
        "blocked_routes": _routes(entry, "blocked_routes"),
        "breaker": breaker,
        "bulkhead": bulkhead,
    }
    return reading.placed((*path, "components"), lambda: IsolationBoundary(**values))


def _rule(entry: RuleEntry, reading: Reading, path: Path) -> IsolationRule | None:
    condition = _condition(entry.condition, FINDING_FACTS, reading, (*path, "condition"))
    if condition is None:
        return None
    values = dict(entry) | {"condition": condition, "parameters": tuple(entry.parameters.items())}
    return reading.placed(path, lambda: IsolationRule(**values))


def _condition(text: str, known: Vocabulary, reading: Reading, path: Path) -> Condition | None:
    return reading.placed(path, lambda: Condition.of(text, known))


def _routes(entry: BoundaryEntry, field: str) -> tuple[Route, ...]:
    return tuple((route.caller, route.callee) for route in getattr(entry.failure_propagation, field))


def _note_twice(reading: Reading, names: Iterable[str], path: Path, what: str = "id") -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            field = ("id",) if what == "id" else ()
            reading.note((*path, number, *field), f"the {what} {name!r} is there twice", "keep one, or rename it")
        seen.add(name)


def _note_missing_rollbacks(strategy: RecoveryStrategy, reading: Reading, path: Path) -> None:
    """What a plan does by itself and could take back, it must take back when a later step fails."""
    if strategy.type is RecoveryType.MANUAL:
        return
    for number, step in enumerate(strategy.steps):
        reversal = None if step.action is None or step.type is StepType.RESTORE else REVERSALS.get(step.action)
        if reversal is not None and step.rollback is None:
            problem = f"{step.action} has no rollback, so a failure of a later step would leave it in force"
            reading.note((*path, "steps", number), problem, f"add rollback: {reversal}")


def _note_names(reading: Reading, file: BoundaryFile, known: tuple[str, ...]) -> None:
    """Components in two boundaries or rules of one id, and components that the system does not have."""
    seen: dict[str, str] = {}
    rules: set[str] = set()
    for number, entry in enumerate(file.boundaries):
        path: Path = ("boundaries", number)
        for i, name in enumerate(entry.components):
            if name in seen:
                problem = f"the component {name!r} is in boundary {seen[name]!r} already"
                reading.note((*path, "components", i), problem, "a component is in one boundary only")
            seen[name] = entry.id
            _note_unknown(reading, (*path, "components", i), name, known)
        for i, rule in enumerate(entry.rules):
            if rule.id in rules:
                reading.note((*path, "rules", i, "id"), f"the rule {rule.id!r} is there twice", "rename one of them")
            rules.add(rule.id)
        for field in ("allowed_routes", "blocked_routes"):
            for i, route in enumerate(getattr(entry.failure_propagation, field)):
                place: Path = (*path, "failure_propagation", field, i)
                _note_unknown(reading, (*place, "caller"), route.caller, known)
                _note_unknown(reading, (*place, "callee"), route.callee, known)


def _note_unknown(reading: Reading, path: Path, name: str, known: tuple[str, ...]) -> None:
    if known and name != ANY and name not in known:
        reading.note(path, f"there is no component {name!r}", suggestion(name, sorted(known)))


def _note_strategies(reading: Reading, file: BoundaryFile, known: set[str]) -> None:
    for number, entry in enumerate(file.boundaries):
        if entry.recovery_strategy and entry.recovery_strategy not in known:
            problem = f"there is no strategy {entry.recovery_strategy!r}"
            remedy = suggestion(entry.recovery_strategy, sorted(known))
            reading.note(("boundaries", number, "recovery_strategy"), problem, remedy)
