"""From the settings of actuators to the actuators: one line a type."""

from collections.abc import Mapping
from typing import assert_never

from service.actuators.base import PeerActuator
from service.actuators.command import CommandActuator
from service.actuators.haproxy import HaproxyActuator
from service.actuators.kubernetes import KubernetesActuator
from service.actuators.settings import (
    ActuatorSettings,
    CommandSettings,
    HaproxySettings,
    KubernetesSettings,
    SupervisorSettings,
    WebhookSettings,
)
from service.actuators.supervisor import SupervisorActuator
from service.actuators.webhook import WebhookActuator
from service.ports import Clock


def actuators_of(settings: Mapping[str, ActuatorSettings], clock: Clock) -> dict[str, PeerActuator]:
    """Make the actuators that the settings name; nobody is contacted.

    Parameters
    ----------
    settings
        Name to settings.
    clock
        Of the machine: peers have their own, and a replayed one cannot be compared with theirs.

    Returns
    -------
    dict of str to PeerActuator
        By the same names.
    """
    return {name: _made(name, chosen, clock) for name, chosen in settings.items()}


def _made(name: str, settings: ActuatorSettings, clock: Clock) -> PeerActuator:
    match settings:
        case SupervisorSettings():
            return SupervisorActuator(name, settings, clock)
        case HaproxySettings():
            return HaproxyActuator(name, settings)
        case WebhookSettings():
            return WebhookActuator(name, settings, clock)
        case KubernetesSettings():
            return KubernetesActuator(name, settings, clock)
        case CommandSettings():
            return CommandActuator(name, settings)
    assert_never(settings)
