"""Decides what to do about a finding, and why; what it refuses is told just as well. Pure: the result is data."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.errors import ConfigurationError
from service.recovery.boundaries import Boundaries, IsolationRule, RuleMatch
from service.recovery.breakers.events import BreakerSnapshot
from service.recovery.breakers.states import CircuitState
from service.recovery.facts import FINDING_FACTS, Facts
from service.recovery.isolations import Isolations
from service.recovery.single_steps import rule_strategy
from service.recovery.strategies import RecoveryStrategy, RecoveryType, Strategies


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What automatic action is allowed to do.

    Parameters
    ----------
    min_confidence
        A finding that is less sure leads to no automatic action, 0 to 1; 0 disables the gate.
    cooldown_s
        After an action a component is left alone for so long, seconds; 0 disables it.
    max_acted_share
        Share of all components that may be acted on at one time, this decision included, 0 to 1. One component is
        always allowed, so that small systems can be helped.
    max_tries
        So many strategies are tried on one component in one incident, then an operator is asked.
    trip_breaker
        Whether the breaker of the component held responsible is opened.
    is_dry_run
        Decide and record, do nothing.

    Raises
    ------
    ConfigurationError
        If a number is out of range.
    """

    min_confidence: float = 0.5
    cooldown_s: float = 600.0
    max_acted_share: float = 0.3
    max_tries: int = 2
    trip_breaker: bool = True
    is_dry_run: bool = False

    def __post_init__(self) -> None:
        for name in ("min_confidence", "max_acted_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"The guard's {name} is {getattr(self, name)}.", remedy="give a ratio, 0 to 1")
        if not (math.isfinite(self.cooldown_s) and self.cooldown_s >= 0):
            raise ConfigurationError(f"The guard's cooldown_s is {self.cooldown_s}.", remedy="give seconds, 0 or more")
        if self.max_tries < 0:
            raise ConfigurationError(f"The guard's max_tries is {self.max_tries}.", remedy="give 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAction:
    """Something that was done, as far as it matters for the next decision.

    Parameters
    ----------
    component
        To whom.
    at
        UTC.
    incident_id
        In which incident.
    strategy_id
        By which strategy.
    has_acted
        Whether the system was touched; a plan handed to an operator starts no cool-down.
    """

    component: str
    at: datetime
    incident_id: str
    strategy_id: str
    has_acted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is in force when a decision is made.

    Parameters
    ----------
    now
        UTC.
    busy
        Components with an unfinished run.
    breakers
        Component to its breaker.
    isolations
        In force.
    past
        What was done; older than the cool-down matters only within the same incident.
    """

    now: datetime
    busy: Collection[str] = ()
    breakers: Mapping[str, BreakerSnapshot]
    isolations: Isolations = field(default_factory=Isolations)
    past: tuple[PastAction, ...] = ()


@dataclass(frozen=True, slots=True)
class TripBreaker:
    """Open a breaker."""

    component: str
    reason: str


@dataclass(frozen=True, slots=True)
class StartRecovery:
    """Begin a run, of a strategy or of a rule's single action."""

    strategy: RecoveryStrategy
    component: str
    reason: str


Effect = TripBreaker | StartRecovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What will be done about a finding, and what not.

    Parameters
    ----------
    incident_id
        Of the finding.
    component
        The one held responsible.
    effects
        To carry out, in this order; empty in a dry run.
    planned
        One sentence for each thing that is (in a dry run: would be) done, with its reason.
    refused
        One sentence for each thing that is not done, with its reason.
    is_dry_run
        Whether nothing is carried out on purpose.
    """

    incident_id: str
    component: str
    effects: tuple[Effect, ...]
    planned: tuple[str, ...]
    refused: tuple[str, ...]
    is_dry_run: bool = False

    @property
    def message(self) -> str:
        """One sentence for the ledger."""
        what = "; ".join(self.planned) or "nothing is done"
        dry = "Dry run, nothing is carried out: " if self.is_dry_run else ""
        why = f" (refused: {'; '.join(self.refused)})" if self.refused else ""
        return f"{dry}{what}{why}"

    @property
    def data(self) -> dict[str, Any]:
        """The same for machines, JSON-ready."""
        return {
            "component": self.component,
            "planned": list(self.planned),
            "refused": list(self.refused),
            "is_dry_run": self.is_dry_run,
        }


def decide(
    facts: Facts,
    *,
    incident_id: str,
    component: str,
    boundaries: Boundaries,
    strategies: Strategies,
    state: State,
    guard: GuardSettings,
) -> Decision:
    """Decide about one finding; UnknownNameError if no boundary holds the component.

    Parameters
    ----------
    facts
        Of the finding, as declared in ``FINDING_FACTS``.
    incident_id
        Of the finding.
    component
        The one held responsible.
    boundaries
        With their rules.
    strategies
        To choose from.
    state
        What is in force.
    guard
        What is allowed.

    Returns
    -------
    Decision
        Effects first for the breaker, then the rules by priority, then the strategy.
    """
    boundary = boundaries.of(component)
    tried = [p.strategy_id for p in state.past if (p.component, p.incident_id) == (component, incident_id)]
    selection = strategies.select(facts, preferred_id=boundary.recovery_strategy, tried=tried)
    objections = _objections(facts, component, boundaries, state, guard)
    tries = sum(any(strategy.id == name for strategy in strategies.all) for name in tried)
    if tries >= guard.max_tries and selection.strategy.id != strategies.default_id:
        objections = (*objections, f"{tries} strategies were tried in this incident, {guard.max_tries} are allowed")
    effects, planned, refused = _gated(facts, component, boundary.matching_rules(facts), state, guard, objections)
    chosen, reason = selection.strategy, selection.reason
    if objections and chosen.type is not RecoveryType.MANUAL:
        refused.append(f"{chosen.name} ({component}): {'; '.join(objections)}")
        chosen, reason = strategies.of(strategies.default_id), "nothing automatic is allowed"
    if component in state.busy or (chosen.id in tried and chosen.id == strategies.default_id):
        why = "a recovery of it is under way" if component in state.busy else "the operator has this plan already"
        refused.append(f"{chosen.name} ({component}): {why}")
    else:
        effects.append(StartRecovery(chosen, component, reason))
        planned.append(f"{chosen.name} ({component}), because {reason}")
    return Decision(
        incident_id=incident_id,
        component=component,
        effects=() if guard.is_dry_run else tuple(effects),
        planned=tuple(planned),
        refused=tuple(refused),
        is_dry_run=guard.is_dry_run,
    )


def _objections(
    facts: Facts, component: str, boundaries: Boundaries, state: State, guard: GuardSettings
) -> tuple[str, ...]:
    """Collect what speaks against any automatic action."""
    found = (
        _confidence_objection(facts, guard),
        _cooldown_objection(component, state, guard),
        _share_objection(component, boundaries, state, guard),
    )
    return tuple(text for text in found if text)


def _confidence_objection(facts: Facts, guard: GuardSettings) -> str:
    confidence = facts.get("confidence")
    if guard.min_confidence <= 0:
        return ""
    if not FINDING_FACTS["confidence"].is_known(confidence) or not isinstance(confidence, int | float):
        return "the confidence is unknown"
    if confidence >= guard.min_confidence:
        return ""
    return f"the confidence {confidence:.2f} is below {guard.min_confidence:.2f}"


def _cooldown_objection(component: str, state: State, guard: GuardSettings) -> str:
    latest = max((p.at for p in state.past if p.component == component and p.has_acted), default=None)
    if latest is None or state.now - latest >= timedelta(seconds=guard.cooldown_s):
        return ""
    return f"it was acted on {(state.now - latest).total_seconds():.0f} s ago, the cool-down is {guard.cooldown_s:g} s"


def _share_objection(component: str, boundaries: Boundaries, state: State, guard: GuardSettings) -> str:
    total = len(boundaries.components)
    touched = {component, *state.busy, *(isolation.component for isolation in state.isolations.active)}
    share = len(touched & set(boundaries.components)) / total
    if len(touched) == 1 or share <= guard.max_acted_share:
        return ""
    return f"{len(touched)} of {total} components would be acted on, {guard.max_acted_share:.0%} are allowed"


def _gated(
    facts: Facts,
    component: str,
    matches: tuple[RuleMatch, ...],
    state: State,
    guard: GuardSettings,
    objections: tuple[str, ...],
) -> tuple[list[Effect], list[str], list[str]]:
    """Judge the breaker and the rules; gives effects, planned and refused."""
    effects: list[Effect] = []
    planned: list[str] = []
    refused: list[str] = []
    breaker = state.breakers.get(component)
    doubt = _confidence_objection(facts, guard)
    if guard.trip_breaker and breaker is not None and breaker.state is not CircuitState.OPEN:
        if doubt:
            refused.append(f"open the breaker of {component}: {doubt}")
        else:
            effects.append(TripBreaker(component, f"held responsible for incident {facts.get('symptom') or component}"))
            planned.append(f"open the breaker of {component}, because it is held responsible")
    for match in matches:
        what = f"{match.rule.action} on {component} by rule {match.rule.id}"
        why_not = "; ".join(objections) or _in_force(match.rule, component, state)
        if why_not:
            refused.append(f"{what}: {why_not}")
        else:
            reason = f"{match.rule.condition} holds: {match.evaluation}"
            effects.append(StartRecovery(rule_strategy(match.rule), component, reason))
            planned.append(f"{what}, because {reason}")
    return effects, planned, refused


def _in_force(rule: IsolationRule, component: str, state: State) -> str:
    if any((i.component, i.kind) == (component, rule.action) for i in state.isolations.active):
        return "it is in force already"
    return "a recovery of it is under way" if component in state.busy else ""
