"""Decides what to do about a finding, and why; what it refuses is told just as well. Pure: the result is data."""

from dataclasses import dataclass
from typing import Any

from service.recovery.boundaries import Boundaries, IsolationRule, RuleMatch
from service.recovery.breakers.states import CircuitState
from service.recovery.facts import Facts
from service.recovery.guard_settings import GuardSettings
from service.recovery.guards import Guard, Judge, Objection, PastAction, Refusal, State, Stop
from service.recovery.single_steps import rule_strategy
from service.recovery.strategies import RecoveryStrategy, RecoveryType, Selection, Strategies

__all__ = [
    "Decision",
    "Effect",
    "GuardSettings",
    "PastAction",
    "StartRecovery",
    "State",
    "Stop",
    "TripBreaker",
    "decide",
]


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
    refusals
        Each thing that is not done, with the guards that spoke against it and their figures.
    is_dry_run
        Whether nothing is carried out on purpose.
    plan
        The steps in words, if the operator is to take them.
    """

    incident_id: str
    component: str
    effects: tuple[Effect, ...]
    planned: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    is_dry_run: bool = False
    plan: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[str, ...]:
        """The refusals in words."""
        return tuple(str(refusal) for refusal in self.refusals)

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
            "refusals": [refusal.data for refusal in self.refusals],
            "is_dry_run": self.is_dry_run,
            "plan": list(self.plan),
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
    draft = _Draft(component, state, Judge(facts, component, boundaries, state, guard))
    if guard.trip_breaker:
        draft.breaker(f"held responsible for incident {facts.get('symptom') or component}")
    tries = sum(any(strategy.id == name for strategy in strategies.all) for name in tried)
    is_last = tries >= guard.max_tries and selection.strategy.id != strategies.default_id
    spent = _spent(tries, guard) if is_last else ()
    for match in boundary.matching_rules(facts):
        draft.rule(match, spent)
    draft.strategy(selection, strategies.of(strategies.default_id), tried, spent)
    return Decision(
        incident_id=incident_id,
        component=component,
        effects=() if guard.is_dry_run else tuple(draft.effects),
        planned=tuple(draft.planned),
        refusals=tuple(draft.refusals),
        is_dry_run=guard.is_dry_run,
        plan=draft.plan,
    )


class _Draft:
    """A decision in the making."""

    def __init__(self, component: str, state: State, judge: Judge) -> None:
        self.effects: list[Effect] = []
        self.planned: list[str] = []
        self.refusals: list[Refusal] = []
        self.plan: tuple[str, ...] = ()
        self._component = component
        self._state = state
        self._judge = judge

    def breaker(self, reason: str) -> None:
        breaker = self._state.breakers.get(self._component)
        if breaker is None or breaker.state is CircuitState.OPEN:
            return
        what = f"open the breaker of {self._component}"
        forced = Objection(guard=Guard.ALREADY, reason=f"a person has put it into {breaker.state}")
        if self._is_refused(what, (forced,) if breaker.state.is_forced else self._judge.of_breaker()):
            return
        self._judge.accept_breaker()
        self.effects.append(TripBreaker(self._component, reason))
        self.planned.append(f"{what}, because it is held responsible")

    def rule(self, match: RuleMatch, spent: tuple[Objection, ...]) -> None:
        what = f"{match.rule.action} on {self._component} by rule {match.rule.id}"
        plan = rule_strategy(match.rule)
        objections = (*self._judge.of(plan), *spent) or self._in_force(match.rule)
        if not self._is_refused(what, objections):
            self._accept(plan, what, f"{match.rule.condition} holds: {match.evaluation}")

    def strategy(
        self,
        selection: Selection,
        fallback: RecoveryStrategy,
        tried: list[str],
        spent: tuple[Objection, ...],
    ) -> None:
        chosen, reason = selection.strategy, selection.reason
        if self._is_too_much(chosen, spent):
            if chosen.id == fallback.id or self._is_too_much(fallback, ()):  # a default that acts is judged as well
                return
            chosen, reason = fallback, "nothing automatic is allowed"
        what = f"{chosen.name} ({self._component})"
        is_known = chosen.id in tried and chosen.id == fallback.id
        told = () if not is_known else (Objection(guard=Guard.ALREADY, reason="the operator has this plan already"),)
        if not self._is_refused(what, self._under_way() or told):
            self._accept(chosen, what, reason)

    def _is_too_much(self, plan: RecoveryStrategy, spent: tuple[Objection, ...]) -> bool:
        if plan.type is RecoveryType.MANUAL:
            return False
        return self._is_refused(f"{plan.name} ({self._component})", (*self._judge.of(plan), *spent))

    def _accept(self, plan: RecoveryStrategy, what: str, reason: str) -> None:
        if plan.type is RecoveryType.MANUAL:
            self.plan = plan.plan
        else:
            self._judge.accept(plan)
        self.effects.append(StartRecovery(plan, self._component, reason))
        self.planned.append(f"{what}, because {reason}")

    def _is_refused(self, what: str, objections: tuple[Objection, ...]) -> bool:
        if objections:
            self.refusals.append(Refusal(what=what, objections=objections))
        return bool(objections)

    def _in_force(self, rule: IsolationRule) -> tuple[Objection, ...]:
        if any((i.component, i.kind) == (self._component, rule.action) for i in self._state.isolations.active):
            return (Objection(guard=Guard.ALREADY, reason="it is in force already"),)
        return self._under_way()

    def _under_way(self) -> tuple[Objection, ...]:
        if self._component not in self._state.busy:
            return ()
        return (Objection(guard=Guard.ALREADY, reason="a recovery of it is under way"),)


def _spent(tries: int, guard: GuardSettings) -> tuple[Objection, ...]:
    reason = f"{tries} strategies were tried in this incident, {guard.max_tries} are allowed"
    return (Objection(guard=Guard.TRIES, reason=reason, figures={"tries": tries, "max_tries": guard.max_tries}),)
