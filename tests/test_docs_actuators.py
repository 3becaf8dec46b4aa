"""docs/actuators.md says what is true: its settings load, its strategy can be carried out, its table is the code's."""

import re
import tomllib
from pathlib import Path

import pytest

from service.actuators.registry import actuators_of
from service.actuators.router import ActuatorRouter
from service.actuators.settings import (
    CommandSettings,
    HaproxySettings,
    KubernetesSettings,
    SupervisorSettings,
    WebhookSettings,
)
from service.clock import SystemClock
from service.config import Settings
from service.ports import ActionKind
from service.recovery.capability import plan_refusals
from service.recovery.documents import read_strategies

TEXT = (Path(__file__).parents[1] / "docs" / "actuators.md").read_text("utf-8")
COLUMNS = (SupervisorSettings, HaproxySettings, WebhookSettings, KubernetesSettings, CommandSettings)


def block(language):
    """The one block of code in a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return found


def router():
    """The actuators of the example."""
    settings = Settings(**tomllib.loads(block("toml")))
    return ActuatorRouter(actuators_of(settings.actuators, SystemClock()))


def test_the_settings_load():
    """All five types are shown, and each acts on something."""
    assert {name for _, _, name in router().assignments} == {"processes", "balancer", "hook", "cluster", "units"}


@pytest.mark.parametrize("component", ["web-1", "web-2"])
def test_the_strategy_can_be_carried_out(component):
    """By the actuators of the example."""
    strategies = read_strategies(block("yaml"), source="docs")
    assert plan_refusals(strategies.of("restart-drained"), component, router().refusal) == ()


def test_the_table_is_that_of_the_code():
    """Each action is in it once, with who can do it."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| ")
    ]
    told = {
        kind: tuple(cell != "no" for cell in cells)
        for first, *cells in rows
        for kind in first.split(", ")
        if kind in set(ActionKind)
    }
    assert told == {kind.value: tuple(kind in column.able for column in COLUMNS) for kind in ActionKind}
