"""Plans that nobody could carry out are refused: on load, and before they begin."""

from dataclasses import replace

import pytest

from models.errors import ConfigurationError
from service.ports import ActionKind
from service.recovery.capability import check_plans, nothing_refused, plan_refusals
from service.recovery.decisions import decide
from service.recovery.documents import read_boundaries
from service.recovery.guard_settings import GuardSettings
from service.recovery.guards import Guard, State
from service.recovery.isolations import Isolation, Isolations, isolations_of
from service.recovery.routes import closed_routes
from service.recovery.strategies import RecoveryType, Strategies
from tests.service.recovery.plans import NOW, backup, isolate, restart, strategy, verify

BOUNDARIES = """
boundaries:
  - id: shop
    name: Shop
    type: SERVICE
    components: [web, db]
    recovery_strategy: %s
    rules:
      - {id: cut, condition: "true", action: ISOLATE_COMPONENT, timeout_s: 60}
"""


def only(*pairs):
    """An actuator that does these pairs alone."""
    return lambda kind, component: "" if (kind, component) in pairs else f"nobody does {kind} on {component}"


def pairs(*kinds, components=("web", "db")):
    """Each of these with each component."""
    return [(kind, component) for kind in kinds for component in components]


ROUTES = """
boundaries:
  - id: shop
    name: Shop
    type: SERVICE
    components: [web, api, db]
    failure_propagation:
      blocked_routes: [{caller: web, callee: db}]
"""
CUT_OFF = Isolation(component="db", kind=ActionKind.ISOLATE_COMPONENT, since=NOW, release_at=None, reason="test")
CUT = (ActionKind.ISOLATE_COMPONENT, ActionKind.RELEASE_COMPONENT)


def boundaries(own="''"):
    """One boundary with a rule that isolates for a minute."""
    return read_boundaries(BOUNDARIES % own, source="test")


def test_every_action_and_its_rollback_is_asked_about():
    """On the component of the run, or on the one that the step names."""
    plan = strategy(isolate(), restart(), verify())
    assert plan_refusals(plan, "web", nothing_refused) == ()
    assert plan_refusals(plan, "web", only()) == (
        "step 'isolate': nobody does ISOLATE_COMPONENT on web",
        "step 'isolate': nobody does RELEASE_COMPONENT on web",
        "step 'restart': nobody does RESTART_COMPONENT on web",
    )
    elsewhere = strategy(isolate(component="db", rollback=None))
    assert plan_refusals(elsewhere, "web", only(*pairs(*CUT, components=["db"]))) == ()


def test_what_is_released_later_must_be_possible_now():
    """An isolation that ends by itself needs its release."""
    plan = strategy(isolate(rollback=None, release_after_s=60.0))
    refusals = plan_refusals(plan, "web", only((ActionKind.ISOLATE_COMPONENT, "web")))
    assert refusals == ("step 'isolate': nobody does RELEASE_COMPONENT on web",)


def test_a_plan_for_the_operator_needs_nobody():
    """People do it."""
    assert plan_refusals(strategy(restart(), type=RecoveryType.MANUAL), "web", only()) == ()


def test_a_strategy_must_be_possible_somewhere():
    """On one component is enough, on none is refused with its name and the reason."""
    both = Strategies((strategy(restart(), id="a"), strategy(backup(), id="b")), "a")
    some = only(*pairs(*CUT), (ActionKind.RESTART_COMPONENT, "db"), *pairs(ActionKind.ENABLE_BACKUP))
    with pytest.raises(ConfigurationError, match=r"strategy 'b', on no component: step 'backup'.*DISABLE_BACKUP"):
        check_plans(both, boundaries(), some)
    check_plans(Strategies((both.of("a"),), "a"), boundaries(), some)


def test_a_rule_must_be_possible_on_each_of_its_components():
    """It would be carried out on any of them; so must be what ends it."""
    plans = Strategies((strategy(restart()),), "plan")
    with pytest.raises(ConfigurationError, match="rule 'cut': nobody does RELEASE_COMPONENT on db"):
        check_plans(plans, boundaries(), only(*pairs(ActionKind.RESTART_COMPONENT, CUT[0]), (CUT[1], "web")))


def test_the_strategy_of_a_boundary_must_be_possible_on_each_of_its_components():
    """It is taken before all others there."""
    plans = Strategies((strategy(restart()),), "plan")
    some = only(*pairs(*CUT), (ActionKind.RESTART_COMPONENT, "db"))
    check_plans(plans, boundaries(), some)
    with pytest.raises(ConfigurationError, match=r"boundary 'shop', strategy 'plan', step 'restart'.* on web"):
        check_plans(plans, boundaries("plan"), some)


def test_a_plan_with_an_impossible_step_is_not_begun():
    """The decision says so and hands over to the operator, before the first step is done."""
    plans = Strategies(
        (strategy(isolate(), restart(), id="a"), strategy(restart(), id="m", type=RecoveryType.MANUAL)), "m"
    )
    whole = read_boundaries(BOUNDARIES.split("    rules", maxsplit=1)[0] % "''", source="test")
    state = State(now=NOW, breakers={}, refuses=only(*pairs(*CUT)))
    asked = {"incident_id": "i", "component": "web", "boundaries": whole, "strategies": plans}
    guard = GuardSettings()
    decision = decide({"confidence": 0.9}, **asked, state=state, guard=guard)
    assert [effect.strategy.id for effect in decision.effects] == ["m"]
    ((objection,),) = (refusal.objections for refusal in decision.refusals)
    assert objection.guard is Guard.CAPABILITY
    assert objection.reason == "step 'restart': nobody does RESTART_COMPONENT on web"
    able = replace(state, refuses=nothing_refused)
    assert [e.strategy.id for e in decide({"confidence": 0.9}, **asked, state=able, guard=guard).effects] == ["a"]


def test_closed_routes_are_all_that_are_not_open():
    """Those that a boundary blocks; an isolated component is cut off on both sides."""
    table = read_boundaries(ROUTES, source="test").route_table(Isolations())
    assert closed_routes(table) == (("web", "db"),)
    cut = read_boundaries(ROUTES, source="test").route_table(isolations_of([CUT_OFF]))
    assert closed_routes(cut) == (("api", "db"), ("db", "api"), ("db", "web"), ("web", "db"))
