"""The actuator really changes the simulated system."""

from datetime import timedelta

import pytest

from models.simulator.controls import Controls
from models.simulator.topology import shop
from service.actuators.simulator import SimulatorActuator
from service.ports import Action, ActionKind, PermanentError
from tests.service.recovery.plans import NOW


@pytest.fixture
def system():
    """The operators' side of the small shop."""
    return Controls(shop(), NOW)


@pytest.fixture
def name(system):
    """One of its components."""
    return system.topology.names[2]


def action(kind, component, key="run-1:a:1", **parameters):
    """One action."""
    return Action(key=key, kind=kind, component=component, parameters=parameters)


SWITCHES = [
    (ActionKind.ISOLATE_COMPONENT, ActionKind.RELEASE_COMPONENT, "is_isolated"),
    (ActionKind.REDIRECT_TRAFFIC, ActionKind.RESTORE_TRAFFIC, "is_redirected"),
    (ActionKind.ENABLE_BACKUP, ActionKind.DISABLE_BACKUP, "is_on_backup"),
]


@pytest.mark.parametrize(("there", "back", "field"), SWITCHES)
def test_switches_go_there_and_back(system, name, there, back, field):
    """The state of the component shows each action; a second one changes nothing; a probe looks at the state."""
    hand = SimulatorActuator(system)
    for number, (kind, wanted) in enumerate([(there, True), (back, False)]):
        assert hand.probe(action(kind, name, "unseen")) is False
        assert hand.perform(action(kind, name, f"k{number}")).is_changed
        assert getattr(system.state_of(name), field) is wanted
        assert hand.probe(action(kind, name, "unseen")) is True
        assert not hand.perform(action(kind, name, f"again{number}")).is_changed


def test_a_key_is_done_once(system, name):
    """The same key twice is one restart; a new key is another."""
    hand = SimulatorActuator(system)
    first = action(ActionKind.RESTART_COMPONENT, name)
    assert hand.probe(first) is False
    assert hand.perform(first) == hand.perform(first)
    assert (system.state_of(name).restarts, hand.probe(first)) == (1, True)
    hand.perform(action(ActionKind.RESTART_COMPONENT, name, "another"))
    assert system.state_of(name).restarts == 2


def test_scaling_multiplies_and_divides(system, name):
    """Up and down with the same factor is back where it was; never below one."""
    hand = SimulatorActuator(system)
    for number, (kind, factor, replicas) in enumerate(
        [
            (ActionKind.SCALE_UP, 2, 4),
            (ActionKind.SCALE_UP, 1.5, 6),
            (ActionKind.SCALE_DOWN, 1.5, 4),
            (ActionKind.SCALE_DOWN, 2, 2),
            (ActionKind.SCALE_DOWN, 100, 1),
        ]
    ):
        hand.perform(action(kind, name, f"k{number}", factor=factor))
        assert system.state_of(name).replicas == replicas


def test_a_deploy_is_rolled_back_once(system, name):
    """With a deploy it goes back a version; without one it fails instead of pretending."""
    hand = SimulatorActuator(system)
    with pytest.raises(PermanentError, match="no deploy"):
        hand.perform(action(ActionKind.ROLLBACK_DEPLOY, name, "k0"))
    system._deploy(system.topology.names.index(name))
    system._now += timedelta(minutes=1)
    assert hand.perform(action(ActionKind.ROLLBACK_DEPLOY, name, "k1")).is_changed
    assert system.state_of(name).version == 1


@pytest.mark.parametrize(
    ("kind", "component", "parameters"),
    [
        (ActionKind.RESTART_COMPONENT, "nobody", {}),
        (ActionKind.RESTART_COMPONENT, None, {"factor": 2}),
        (ActionKind.SCALE_UP, None, {"factor": 0.5}),
        (ActionKind.SCALE_UP, None, {"factor": "many"}),
        (ActionKind.SCALE_UP, None, {"factor": float("nan")}),
        (ActionKind.SCALE_UP, None, {"replicas": 3}),
        (ActionKind.SCALE_UP, None, {"factor": 1000}),
    ],
)
def test_nonsense_is_refused_for_good(system, name, kind, component, parameters):
    """It raises PermanentError and is not remembered as done."""
    hand = SimulatorActuator(system)
    wanted = action(kind, component or name, **parameters)
    with pytest.raises(PermanentError):
        hand.perform(wanted)
    assert hand._done == {}


def test_it_offers_every_kind_on_every_component(system):
    """What it says it can do is everything."""
    hand = SimulatorActuator(system)
    assert (hand.kinds, hand.components) == (frozenset(ActionKind), frozenset(system.topology.names))
