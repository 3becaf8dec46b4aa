"""Strategies and boundaries as text: reads YAML into checked values, and gives a strategy back as plain data.

Every mistake is a ConfigurationError that names the source, the entry and the field; nothing unknown is passed over.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ConfigurationError, FaultlineError
from service.ports import ActionKind
from service.recovery.boundaries import Boundaries, IsolationBoundary, IsolationRule, IsolationType
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.bulkhead import BulkheadSettings
from service.recovery.conditions import Condition
from service.recovery.facts import FINDING_FACTS, VERIFICATION_FACTS
from service.recovery.routes import ANY
from service.recovery.strategies import (
    RecoveryStep,
    RecoveryStrategy,
    RecoveryType,
    RetryPolicy,
    StepType,
    Strategies,
)

Value = TypeVar("Value")


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Retry(_Document):
    attempts: int = 1
    backoff_s: float = 5.0
    factor: float = 2.0
    max_backoff_s: float = 300.0
    jitter: float = 0.2


class _Step(_Document):
    id: str
    type: StepType
    action: ActionKind | None = None
    success: str | None = None
    timeout_s: float = 300.0
    retry: _Retry = _Retry()
    rollback: ActionKind | None = None
    release_after_s: float | None = None
    component: str = ""
    parameters: dict[str, float | str] = {}
    description: str = ""


class _Strategy(_Document):
    id: str
    name: str
    type: RecoveryType
    condition: str
    steps: list[_Step]
    priority: int = 0
    approvals: int = 1
    approval_timeout_s: float = 1800.0
    metrics: tuple[str, ...] = ("success_rate", "time_to_recover_s")


class _StrategyFile(_Document):
    default: str
    strategies: list[_Strategy]


class _Rule(_Document):
    id: str
    condition: str
    action: ActionKind
    priority: int = 0
    timeout_s: float | None = None
    parameters: dict[str, float | str] = {}


class _Route(_Document):
    caller: str
    callee: str


class _Propagation(_Document):
    allowed_routes: list[_Route] = []
    blocked_routes: list[_Route] = []
    breaker_threshold: int | None = 5
    failure_rate: float | None = None
    slow_call_s: float | None = None
    slow_call_rate: float = 1.0
    minimum_calls: int = 20
    window_calls: int = 100
    monitoring_period_s: float = 60.0
    reset_timeout_s: float = 30.0
    reset_growth: float = 2.0
    max_reset_timeout_s: float = 300.0
    reset_jitter: float = 0.1
    call_timeout_s: float | None = None
    half_open_probes: int = 1
    max_half_open_s: float | None = None


class _Bulkhead(_Document):
    max_running: int = 10
    max_waiting: int = 0
    max_wait_s: float = 1.0


class _Boundary(_Document):
    id: str
    name: str
    type: IsolationType
    components: list[str]
    rules: list[_Rule] = []
    failure_propagation: _Propagation = _Propagation()
    bulkhead: _Bulkhead | None = None
    recovery_strategy: str = ""


class _BoundaryFile(_Document):
    boundaries: list[_Boundary]


def read_strategies(text: str, *, source: str) -> Strategies:
    """Read a strategy file.

    Parameters
    ----------
    text
        YAML.
    source
        Name for error messages.

    Returns
    -------
    Strategies
        Checked; ConfigurationError otherwise.
    """
    document = _validated(_StrategyFile, _loaded(text, source), source)
    strategies = tuple(_strategy(entry, source) for entry in document.strategies)
    return _placed(f"{source}: ", lambda: Strategies(strategies, document.default))


def read_boundaries(text: str, *, source: str, components: Iterable[str] = ()) -> Boundaries:
    """Read a boundary file.

    Parameters
    ----------
    text
        YAML.
    source
        Name for error messages.
    components
        Of the system: a boundary whose component is ``*`` takes those that no other boundary names.

    Returns
    -------
    Boundaries
        Checked; ConfigurationError otherwise.
    """
    document = _validated(_BoundaryFile, _loaded(text, source), source)
    named = {component for boundary in document.boundaries for component in boundary.components}
    rest = [component for component in components if component not in named]
    boundaries = (_boundary(entry, rest, source) for entry in document.boundaries)
    return _placed(f"{source}: ", lambda: Boundaries(tuple(boundaries)))


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
        Equal to the one that was written; ConfigurationError if it is damaged.
    """
    return _strategy(_validated(_Strategy, document, source), source)


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


def _strategy(entry: _Strategy, source: str) -> RecoveryStrategy:
    place = f"{source}, strategy {entry.id!r}"
    values = dict(entry) | {
        "steps": tuple(_step(step, place) for step in entry.steps),
        "condition": _placed(f"{place}, condition: ", lambda: Condition.of(entry.condition, FINDING_FACTS)),
    }
    return _placed(f"{place}: ", lambda: RecoveryStrategy(**values))


def _step(entry: _Step, place: str) -> RecoveryStep:
    place = f"{place}, step {entry.id!r}"
    text = entry.success
    values = dict(entry) | {
        "success": text and _placed(f"{place}, success: ", lambda: Condition.of(text, VERIFICATION_FACTS)),
        "retry": _placed(f"{place}, retry: ", lambda: RetryPolicy(**dict(entry.retry))),
        "parameters": tuple(entry.parameters.items()),
    }
    return _placed(f"{place}: ", lambda: RecoveryStep(**values))


def _boundary(entry: _Boundary, rest: list[str], source: str) -> IsolationBoundary:
    place = f"{source}, boundary {entry.id!r}"
    components = tuple(name for listed in entry.components for name in (rest if listed == ANY else [listed]))
    routes = entry.failure_propagation
    settings = routes.model_dump(exclude={"allowed_routes", "blocked_routes", "breaker_threshold"})
    breaker = _placed(
        f"{place}, failure_propagation: ",
        lambda: BreakerSettings(failure_threshold=routes.breaker_threshold, **settings),
    )
    limits = entry.bulkhead
    bulkhead = (
        None if limits is None else _placed(f"{place}, bulkhead: ", lambda: BulkheadSettings(**limits.model_dump()))
    )
    rules = tuple(_rule(rule, place) for rule in entry.rules)
    return _placed(
        f"{place}: ",
        lambda: IsolationBoundary(
            id=entry.id,
            name=entry.name,
            type=entry.type,
            components=components,
            rules=rules,
            allowed_routes=tuple((route.caller, route.callee) for route in routes.allowed_routes),
            blocked_routes=tuple((route.caller, route.callee) for route in routes.blocked_routes),
            breaker=breaker,
            bulkhead=bulkhead,
            recovery_strategy=entry.recovery_strategy,
        ),
    )


def _rule(entry: _Rule, place: str) -> IsolationRule:
    place = f"{place}, rule {entry.id!r}"
    values = dict(entry) | {
        "condition": _placed(f"{place}, condition: ", lambda: Condition.of(entry.condition, FINDING_FACTS)),
        "parameters": tuple(entry.parameters.items()),
    }
    return _placed(f"{place}: ", lambda: IsolationRule(**values))


def _placed(place: str, make: Callable[[], Value]) -> Value:
    try:
        return make()
    except FaultlineError as error:
        remedy = "" if error.remedy else "mend the file."  # the message of the error ends with its own
        raise ConfigurationError(f"{place}{error}", remedy=remedy) from error


class _Loader(yaml.SafeLoader):
    """Safe, and refuses a key that is written twice instead of keeping the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # the signature is PyYAML's
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} is written twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _loaded(text: str, source: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a subclass of the safe loader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigurationError(f"{source} is no YAML: {error}", remedy="mend the file.") from error


def _validated(model: type[Value], document: Any, source: str) -> Value:
    try:
        return model.model_validate(document)  # type: ignore[attr-defined,no-any-return]  # every model here is pydantic's
    except ValidationError as error:
        problems = (f"{_path(problem['loc'], document)}: {problem['msg']}" for problem in error.errors())
        raise ConfigurationError(f"{source}: {'; '.join(problems)}", remedy="mend the file.") from error


def _path(location: tuple[int | str, ...], document: Any) -> str:
    """Write a place in the document with the ids of its entries in place of their numbers."""
    words = []
    for part in location:
        try:
            document = document[part]
        except (LookupError, TypeError):
            document = None
        name = document.get("id") if isinstance(document, dict) and isinstance(part, int) else None
        words.append(repr(name) if name is not None else str(part))
    return ".".join(words)
