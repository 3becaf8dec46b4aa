"""The shipped strategies answer every kind of cause, with a cure for every fault of the simulator."""

import pytest

from analysis.findings import CauseCategory
from models.simulator.faults import FaultKind
from service.ports import ActionKind
from service.recovery.defaults import default_boundaries, default_strategies
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


@pytest.mark.parametrize("category", [*CauseCategory, None])
def test_every_category_gets_an_answer(category):
    """Known or not, there is a strategy; without any fact it is the operator's."""
    selection = default_strategies().select({"category": category})
    assert (selection.strategy.type is RecoveryType.MANUAL) is (category in {None, "UNKNOWN", "CONFIGURATION"})


def test_what_acts_reversibly_names_its_rollback():
    """In the shipped strategies every reversible action of an acting step is taken back on failure."""
    for strategy in default_strategies().all:
        for step in strategy.steps:
            if step.type in {StepType.ISOLATION, StepType.REPAIR} and step.action is not ActionKind.ROLLBACK_DEPLOY:
                assert step.rollback is not None, (strategy.id, step.id)


def test_nothing_stays_in_force_for_ever():
    """What a shipped strategy puts in force is taken back by a later step, or by itself."""
    for strategy in default_strategies().all:
        undone = {step.action for step in strategy.steps}
        for step in strategy.steps:
            if step.type is not StepType.RESTORE and step.action in REVERSALS:
                assert step.release_after_s is not None or REVERSALS[step.action] in undone, (strategy.id, step.id)


def test_the_shipped_boundary_holds_the_whole_system():
    """Every component has a breaker, and all routes are open."""
    boundaries = default_boundaries(["a", "b"])
    assert list(boundaries.breaker_settings()) == ["a", "b"]
