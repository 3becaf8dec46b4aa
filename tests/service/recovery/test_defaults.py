"""The shipped strategies answer every kind of cause, with a cure for every fault of the simulator."""

import pytest

from analysis.findings import CauseCategory
from models.simulator.faults import FaultKind
from service.ports import ActionKind
from service.recovery.defaults import default_boundaries, default_strategies
from service.recovery.facts import FINDING_FACTS
from service.recovery.isolations import REVERSALS
from service.recovery.strategies import RecoveryType, StepType

CASES = [
    (FaultKind.CPU_HOG, {"category": "RESOURCE"}, ActionKind.RESTART_COMPONENT),
    (FaultKind.MEMORY_LEAK, {"category": "RESOURCE"}, ActionKind.RESTART_COMPONENT),
    (FaultKind.LATENCY, {"category": "DEPENDENCY"}, ActionKind.RESTART_COMPONENT),
    (FaultKind.ERRORS, {"category": "DEPENDENCY"}, ActionKind.RESTART_COMPONENT),
    (FaultKind.DEAD_DEPENDENCY, {"category": "DEPENDENCY"}, ActionKind.RESTART_COMPONENT),
    (FaultKind.DEAD_DEPENDENCY, {"category": "DATA_STORE"}, ActionKind.RESTART_COMPONENT),
    (FaultKind.NOISY_NEIGHBOUR, {"category": "RESOURCE"}, ActionKind.RESTART_COMPONENT),
    (FaultKind.BAD_DEPLOY, {"category": "DEPLOY"}, ActionKind.ROLLBACK_DEPLOY),
    (FaultKind.TRAFFIC_SURGE, {"category": "TRAFFIC"}, ActionKind.SCALE_UP),
    (FaultKind.NETWORK_LOSS, {"category": "NETWORK"}, ActionKind.REDIRECT_TRAFFIC),
]


@pytest.mark.parametrize(("fault", "facts", "cure"), CASES)
def test_each_fault_of_the_simulator_gets_its_cure(fault, facts, cure):
    """The strategy that is chosen holds the action that helps, and verifies afterwards."""
    chosen = default_strategies().select(facts).strategy
    actions = [step.action for step in chosen.steps]
    assert (cure in actions, chosen.type) == (True, RecoveryType.AUTOMATIC), fault
    after = chosen.steps[actions.index(cure) + 1 :]
    assert any(step.type is StepType.VERIFY for step in after)


def test_every_fault_of_the_simulator_is_covered():
    """The table above names them all."""
    assert {fault for fault, _, _ in CASES} == set(FaultKind)


USUAL = [
    ("crash", {"category": "RESOURCE", "anomaly_types": ("MISSING_DATA",)}, "restart"),
    ("hang", {"category": "DEPENDENCY", "has_latency": True, "anomaly_types": ("STUCK_VALUE",)}, "restart"),
    ("overload", {"category": "TRAFFIC", "has_traffic": True, "has_latency": True}, "scale-up"),
    ("memory leak", {"category": "RESOURCE", "has_saturation": True, "has_disk": False}, "restart"),
    ("bad deploy", {"category": "DEPLOY", "has_recent_change": True}, "roll-back-deploy"),
    ("bad flag just now", {"category": "CONFIGURATION", "has_recent_change": True}, "roll-back-deploy"),
    ("bad flag, unclear", {"category": "CONFIGURATION", "has_recent_change": False}, "roll-back-configuration"),
    ("dependency down", {"category": "DEPENDENCY", "has_errors": True}, "restart"),
    ("network loss", {"category": "NETWORK", "has_errors": True}, "go-around-network"),
    ("connections exhausted", {"category": "DATA_STORE", "has_saturation": True, "has_disk": False}, "use-backup"),
    ("database down", {"category": "DATA_STORE", "anomaly_types": ("MISSING_DATA",)}, "use-backup"),
    ("disk full", {"category": "RESOURCE", "has_disk": True, "has_errors": True}, "make-room"),
    ("database's disk full", {"category": "DATA_STORE", "has_disk": True}, "make-room"),
    ("expired certificate", {"category": "EXTERNAL", "has_errors": True}, "ask-the-provider"),
    ("unknown, surely here", {"category": "UNKNOWN", "confidence": 0.9, "severity": "HIGH"}, "restart"),
    ("unknown, perhaps here", {"category": "UNKNOWN", "confidence": 0.6, "severity": "HIGH"}, "ask-to-restart"),
    ("unknown", {"category": "UNKNOWN", "confidence": 0.2, "severity": "HIGH"}, "hand-to-operator"),
]


@pytest.mark.parametrize(("trouble", "facts", "chosen"), USUAL)
def test_the_usual_troubles_get_their_plan(trouble, facts, chosen):
    """By what a finding says of them."""
    assert default_strategies().select(facts).strategy.id == chosen, trouble
    assert facts.keys() <= FINDING_FACTS.keys()


def test_every_plan_is_reached_and_every_type_is_there():
    """No shipped strategy stands behind another one for ever."""
    assert {chosen for _, _, chosen in USUAL} == {strategy.id for strategy in default_strategies().all}
    assert {strategy.type for strategy in default_strategies().all} == set(RecoveryType)


def test_the_rule_of_the_shipped_boundary_is_reached():
    """By a wide failure that is surely known, not by a narrow one."""
    (boundary,) = default_boundaries(["a"]).all
    wide = {"severity": "CRITICAL", "confidence": 0.95, "has_errors": True, "blast_radius": 0.9}
    assert [match.rule.id for match in boundary.matching_rules(wide)] == ["backup-for-wide-failures"]
    assert boundary.matching_rules(wide | {"blast_radius": 0.2}) == ()


def test_what_a_person_does_names_no_rollback_and_what_the_service_does_ends_with_a_look():
    """A plan that is carried out is never taken as done without success criteria."""
    for strategy in default_strategies().all:
        if strategy.type is not RecoveryType.MANUAL:
            assert strategy.steps[-1].type is StepType.VERIFY, strategy.id


@pytest.mark.parametrize("category", [*CauseCategory, None])
def test_every_category_gets_an_answer(category):
    """Known or not, there is a strategy; without any fact it is the operator's."""
    selection = default_strategies().select({"category": category})
    assert (selection.strategy.type is RecoveryType.MANUAL) is (category in {None, "UNKNOWN", "EXTERNAL"})


def test_what_acts_reversibly_names_its_rollback():
    """In the shipped strategies every reversible action of an acting step is taken back on failure."""
    for strategy in default_strategies().all:
        for step in strategy.steps if strategy.type is not RecoveryType.MANUAL else ():
            if step.type in {StepType.ISOLATION, StepType.REPAIR} and step.action is not ActionKind.ROLLBACK_DEPLOY:
                assert step.rollback is not None, (strategy.id, step.id)


def test_nothing_stays_in_force_for_ever():
    """What a shipped strategy puts in force is taken back by a later step, or by itself."""
    for strategy in default_strategies().all:
        undone = {step.action for step in strategy.steps}
        for step in strategy.steps if strategy.type is not RecoveryType.MANUAL else ():
            if step.type is not StepType.RESTORE and step.action in REVERSALS:
                assert step.release_after_s is not None or REVERSALS[step.action] in undone, (strategy.id, step.id)


def test_the_shipped_boundary_holds_the_whole_system():
    """Every component has a breaker, and all routes are open."""
    boundaries = default_boundaries(["a", "b"])
    assert list(boundaries.breaker_settings()) == ["a", "b"]
