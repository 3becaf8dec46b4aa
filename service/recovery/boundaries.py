"""Isolation boundaries: which components stand or fall together, which rules act on them, which routes are open."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from models.errors import ConfigurationError, UnknownNameError
from service.ports import ActionKind
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.bulkhead import BulkheadSettings
from service.recovery.conditions import Condition, Evaluation
from service.recovery.facts import Facts
from service.recovery.isolations import REVERSALS, Isolations
from service.recovery.routes import Route, RouteRules, RouteTable


class IsolationType(StrEnum):
    """What kind of boundary; the spelling on the wire is fixed."""

    PROCESS = "PROCESS"
    SERVICE = "SERVICE"
    DATABASE = "DATABASE"
    NETWORK = "NETWORK"
    RESOURCE = "RESOURCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationRule:
    """When to do what to the component that is held responsible.

    Parameters
    ----------
    id
        Unique among all boundaries.
    condition
        Over the facts of a finding.
    action
        What to do.
    priority
        The highest goes first.
    timeout_s
        After so many seconds the action is taken back by itself; None: never.
    parameters
        For the actuator, for example ``(("replicas", 2.0),)``.

    Raises
    ------
    ConfigurationError
        If the timeout is not positive, or the action cannot be taken back after it.
    """

    id: str
    condition: Condition
    action: ActionKind
    priority: int = 0
    timeout_s: float | None = None
    parameters: tuple[tuple[str, float | str], ...] = ()

    def __post_init__(self) -> None:
        if self.timeout_s is None:
            return
        if not self.timeout_s > 0:
            raise ConfigurationError(f"Rule {self.id!r} has timeout_s {self.timeout_s}.", remedy="give a positive one")
        if self.action not in REVERSALS:
            raise ConfigurationError(
                f"Rule {self.id!r} has a timeout, but {self.action} cannot be taken back.", remedy="leave timeout_s out"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMatch:
    """A rule whose condition holds, and on what grounds."""

    rule: IsolationRule
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationBoundary:
    """Components that are protected together.

    Parameters
    ----------
    id
        Unique.
    name
        For people.
    type
        What kind of boundary.
    components
        At least one; a component is in one boundary only.
    rules
        What to do when.
    allowed_routes
        Caller and callee, ``*`` for any. If there are any, a call that crosses the boundary must match one.
    blocked_routes
        Caller and callee, ``*`` for any; these are refused even if allowed.
    breaker
        Settings of the breakers of its components.
    bulkhead
        How many calls go into it at one time, and how many wait; None bounds nothing.
    recovery_strategy
        Id of the strategy to prefer; empty: the strategies' own conditions choose.

    Raises
    ------
    ConfigurationError
        If it has no component, or names one or a rule twice.
    """

    id: str
    name: str
    type: IsolationType
    components: tuple[str, ...]
    rules: tuple[IsolationRule, ...] = ()
    allowed_routes: tuple[Route, ...] = ()
    blocked_routes: tuple[Route, ...] = ()
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    bulkhead: BulkheadSettings | None = None
    recovery_strategy: str = ""

    def __post_init__(self) -> None:
        if not self.components:
            raise ConfigurationError(f"Boundary {self.id!r} has no components.", remedy="name at least one")
        _check_unique(f"Boundary {self.id!r} names component", self.components)

    def matching_rules(self, facts: Facts) -> tuple[RuleMatch, ...]:
        """Find the rules whose conditions hold.

        Parameters
        ----------
        facts
            Of a finding.

        Returns
        -------
        tuple of RuleMatch
            Highest priority first; of equal ones in the order of declaration.
        """
        ordered = sorted(self.rules, key=lambda rule: -rule.priority)
        judged = (RuleMatch(rule=rule, evaluation=rule.condition.evaluate(facts)) for rule in ordered)
        return tuple(match for match in judged if match.evaluation.holds)

    @property
    def route_rules(self) -> RouteRules:
        """What it says of routes."""
        return RouteRules(
            boundary=self.id,
            components=frozenset(self.components),
            allowed=self.allowed_routes,
            blocked=self.blocked_routes,
        )


@dataclass(frozen=True, slots=True)
class Boundaries:
    """All boundaries of a system.

    Parameters
    ----------
    all
        Each id, rule id and component once.

    Raises
    ------
    ConfigurationError
        If an id, a rule id or a component occurs twice.
    """

    all: tuple[IsolationBoundary, ...]

    def __post_init__(self) -> None:
        _check_unique("The boundaries name id", (b.id for b in self.all))
        _check_unique("The boundaries name component", (c for b in self.all for c in b.components))
        _check_unique("The boundaries name rule", (rule.id for b in self.all for rule in b.rules))

    @property
    def components(self) -> tuple[str, ...]:
        """Every component that a boundary holds."""
        return tuple(component for boundary in self.all for component in boundary.components)

    def of(self, component: str) -> IsolationBoundary:
        """Find the boundary of a component.

        Parameters
        ----------
        component
            Its name.

        Returns
        -------
        IsolationBoundary
            The one that holds it.

        Raises
        ------
        UnknownNameError
            If none does.
        """
        for boundary in self.all:
            if component in boundary.components:
                return boundary
        raise UnknownNameError("component", component, self.components)

    def route_table(self, isolations: Isolations) -> RouteTable:
        """Tell which routes are open.

        Parameters
        ----------
        isolations
            What is in force.

        Returns
        -------
        RouteTable
            Closed: routes of an isolated component, blocked routes, and crossings that are not allowed.
        """
        return RouteTable(tuple(boundary.route_rules for boundary in self.all), isolations.isolated)

    def breaker_settings(self) -> dict[str, BreakerSettings]:
        """Settings for a board of breakers.

        Returns
        -------
        dict of str to BreakerSettings
            One a component.
        """
        return {component: boundary.breaker for boundary in self.all for component in boundary.components}

    def bulkhead_settings(self) -> dict[str, BulkheadSettings]:
        """Settings for a board of bulkheads.

        Returns
        -------
        dict of str to BulkheadSettings
            One a boundary that declares a bulkhead, by its id.
        """
        return {boundary.id: boundary.bulkhead for boundary in self.all if boundary.bulkhead is not None}


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigurationError(f"{what} {name!r} twice.", remedy="keep one of them")
        seen.add(name)
