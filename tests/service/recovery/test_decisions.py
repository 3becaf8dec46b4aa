"""Decisions: what is done and why, what is refused and why."""

import pytest

from models.errors import ConfigurationError, UnknownNameError
from service.ports import ActionKind
from service.recovery.boundaries import Boundaries, IsolationBoundary, IsolationRule, IsolationType
from service.recovery.breakers import BreakerBoard, BreakerSettings, CircuitState
from service.recovery.conditions import Condition
from service.recovery.decisions import GuardSettings, PastAction, StartRecovery, State, TripBreaker, decide
from service.recovery.facts import FINDING_FACTS
from service.recovery.isolations import Isolation, Isolations
from service.recovery.single_steps import is_release, release_strategy, rule_strategy
from service.recovery.strategies import RecoveryType, StepType, Strategies
from tests.service.recovery.breakers.clock import HandClock
from tests.service.recovery.plans import NOW, later, restart, strategy

COMPONENTS = ("orders", "cart", "web", "db", "queue", "mail", "search", "auth", "pay", "ship")
FACTS = {"confidence": 0.9, "severity": "HIGH", "category": "RESOURCE", "component": "orders"}
ASK = strategy(restart(), id="ask", name="Ask", type=RecoveryType.MANUAL)
AGAIN = strategy(restart(), id="again", name="Again", condition=Condition.of("category == RESOURCE", FINDING_FACTS))
SCALE = strategy(restart(), id="other", name="Other", priority=-1)
STRATEGIES = Strategies((ASK, AGAIN, SCALE), "ask")


def rule(name="cut", condition="severity >= HIGH", **more):
    """A rule that isolates for five minutes."""
    values = {"action": ActionKind.ISOLATE_COMPONENT, "timeout_s": 300.0} | more
    return IsolationRule(id=name, condition=Condition.of(condition, FINDING_FACTS), **values)


def boundaries(*rules, **more):
    """One boundary around ten components."""
    kind = IsolationType.SERVICE
    return Boundaries((IsolationBoundary(id="all", name="All", type=kind, components=COMPONENTS, rules=rules, **more),))


def board():
    """Closed breakers."""
    return BreakerBoard(dict.fromkeys(COMPONENTS, BreakerSettings()), clock=HandClock())


def state(breakers=None, **more):
    """Nothing is in force."""
    snapshots = {s.name: s for s in (breakers or board()).snapshots()}
    return State(now=NOW, breakers=snapshots, **more)


def made(facts=FACTS, *, rules=(), component="orders", guard=None, at=None, **more):
    """Decide."""
    return decide(
        facts,
        incident_id="incident-1",
        component=component,
        boundaries=boundaries(*rules, **more),
        strategies=STRATEGIES,
        state=at or state(),
        guard=guard or GuardSettings(),
    )


def started(decision):
    """Ids of the strategies that are begun."""
    return [effect.strategy.id for effect in decision.effects if isinstance(effect, StartRecovery)]


def past(seconds_ago=0, component="orders", strategy_id="again", incident="incident-1", **more):
    """Something that was done."""
    return PastAction(
        component=component, at=later(-seconds_ago), incident_id=incident, strategy_id=strategy_id, **more
    )


def test_a_sure_finding_trips_isolates_and_recovers():
    """The breaker first, then the rule, then the strategy; each with its grounds."""
    decision = made(rules=(rule(),))
    assert isinstance(decision.effects[0], TripBreaker)
    assert (started(decision), decision.refused) == (["rule:cut", "again"], ())
    assert decision.planned == (
        "open the breaker of orders, because it is held responsible",
        "ISOLATE_COMPONENT on orders by rule cut, because severity >= HIGH holds: severity = HIGH",
        "Again (orders), because category == RESOURCE holds: category = RESOURCE",
    )
    assert decision.data["planned"] == list(decision.planned)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (FACTS | {"confidence": 0.49}, "the confidence 0.49 is below 0.50"),
        (FACTS | {"confidence": None}, "the confidence is unknown"),
        (FACTS | {"confidence": float("nan")}, "the confidence is unknown"),
    ],
)
def test_an_unsure_finding_goes_to_the_operator(facts, reason):
    """Below the gate nothing is done automatically; the plan is handed over, and the refusals say why."""
    decision = made(facts, rules=(rule(),))
    assert started(decision) == ["ask"]
    assert len(decision.effects) == 1
    assert all(reason in text for text in decision.refused)
    assert len(decision.refused) == 3


def test_a_component_is_left_alone_after_an_action():
    """Within the cool-down the operator is asked; after it, and for a plan that was only handed over, it is free."""
    cooling = made(at=state(past=(past(599, incident="incident-0"),)))
    assert (started(cooling), "599 s ago" in cooling.message) == (["ask"], True)
    assert started(made(at=state(past=(past(600, incident="incident-0"),)))) == ["again"]
    assert started(made(at=state(past=(past(5, strategy_id="ask", has_acted=False),)))) == ["again"]
    assert started(made(at=state(past=(past(5, component="cart"),)))) == ["again"]


def test_what_did_not_help_is_not_tried_again():
    """Within an incident the next strategy is taken, then the operator is asked, once."""
    first = past(9999)
    assert started(made(at=state(past=(first,)))) == ["other"]
    second = past(5000, strategy_id="other")
    assert started(made(at=state(past=(first, second)))) == ["ask"]
    asked = past(100, strategy_id="ask", has_acted=False)
    over = made(at=state(past=(first, second, asked)))
    assert (started(over), over.refused[-1]) == ([], "Ask (orders): the operator has this plan already")
    assert started(made(at=state(past=(past(9999, incident="incident-0"),)))) == ["again"]
    limited = made(at=state(past=(first,)), guard=GuardSettings(max_tries=1))
    assert (started(limited), "1 strategies were tried" in limited.message) == (["ask"], True)


def test_a_busy_component_is_not_recovered_twice():
    """A run that is under way is left to finish."""
    decision = made(at=state(busy={"orders"}), rules=(rule(),))
    assert (started(decision), "under way" in decision.refused[-1]) == ([], True)


def test_what_is_in_force_is_not_done_again():
    """An isolation in force and an open breaker are left as they are."""
    breakers = board()
    breakers.trip("orders", "already")
    held = Isolations().added(
        Isolation(component="orders", kind=ActionKind.ISOLATE_COMPONENT, since=NOW, release_at=None, reason="x")
    )
    decision = made(rules=(rule(),), at=state(breakers, isolations=held))
    assert (started(decision), len(decision.effects)) == (["again"], 1)
    assert decision.refused == ("ISOLATE_COMPONENT on orders by rule cut: it is in force already",)


def test_a_dry_run_plans_and_does_nothing():
    """The same words, no effects."""
    wet, dry = made(rules=(rule(),)), made(rules=(rule(),), guard=GuardSettings(is_dry_run=True))
    assert (dry.planned, dry.effects, dry.is_dry_run) == (wet.planned, (), True)
    assert dry.message.startswith("Dry run")


def test_a_default_that_acts_is_judged_as_well():
    """Where the strategy to fall back on is not manual, it is no way around the guards."""
    strategies = Strategies((AGAIN, SCALE), "other")
    decision = decide(
        FACTS | {"confidence": 0.1},
        incident_id="incident-1",
        component="orders",
        boundaries=boundaries(),
        strategies=strategies,
        state=state(),
        guard=GuardSettings(),
    )
    assert (decision.effects, [refusal.what for refusal in decision.refusals]) == (
        (),
        ["open the breaker of orders", "Again (orders)", "Other (orders)"],
    )


def test_the_operator_gets_the_plan_with_the_decision():
    """In words, also while nothing else can be done."""
    decision = made(FACTS | {"confidence": 0.1})
    assert decision.data["plan"] == list(ASK.plan)
    assert made().plan == ()


def test_the_boundary_can_prefer_a_strategy():
    """Its choice goes before priorities."""
    assert started(made(recovery_strategy="other")) == ["other"]


@pytest.mark.parametrize("forced", ["FORCED_OPEN", "DISABLED", "METRICS_ONLY"])
def test_a_breaker_that_a_person_forced_is_left_alone(forced):
    """A finding does not overrule a person; the decision says so, and the rest of it goes on."""
    breakers = board()
    breakers.force("orders", CircuitState(forced), "drill")
    decision = made(at=state(breakers))
    assert (started(decision), len(decision.effects)) == (["again"], 1)
    assert decision.refused == (f"open the breaker of orders: a person has put it into {forced}",)


def test_breakers_can_be_left_out():
    """The guard's switch works, and a component without a breaker is no error."""
    assert len(made(guard=GuardSettings(trip_breaker=False)).effects) == 1
    assert len(made(at=State(now=NOW, breakers={})).effects) == 1


def test_an_unknown_component_is_named():
    """No decision about something that nobody declared."""
    with pytest.raises(UnknownNameError, match="component 'nobody'"):
        made(component="nobody")


@pytest.mark.parametrize("action", ActionKind)
def test_every_action_can_be_a_rule_and_every_reversible_one_released(action):
    """Plans of one step exist for all."""
    reversible = {"timeout_s": None}
    plan = rule_strategy(rule(action=action, **reversible))
    assert (plan.steps[0].action, is_release(plan)) == (action, False)


@pytest.mark.parametrize("action", ["ISOLATE_COMPONENT", "REDIRECT_TRAFFIC", "ENABLE_BACKUP", "SCALE_UP", "SCALE_DOWN"])
def test_a_release_takes_back_with_the_same_parameters(action):
    """So that scaling by a factor is undone by that factor."""
    kind = ActionKind(action)
    held = Isolation(
        component="orders", kind=kind, since=NOW, release_at=NOW, reason="x", parameters=(("factor", 3.0),)
    )
    plan = release_strategy(held)
    assert (plan.steps[0].action, plan.steps[0].parameters) == (held.reversal, (("factor", 3.0),))
    assert (is_release(plan), plan.steps[0].type in {StepType.RESTORE, StepType.REPAIR}) == (True, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_confidence": 2},
        {"max_out_share": float("nan")},
        {"cooldown_s": -1},
        {"max_tries": -1},
        {"cooldown_factor": 0.5},
    ],
)
def test_a_guard_that_makes_no_sense_is_refused(wrong):
    """The error names the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        GuardSettings(**wrong)
