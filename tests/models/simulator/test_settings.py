"""What can be chosen, and what is refused."""

from datetime import datetime

import pytest

from models.errors import ConfigurationError
from models.simulator import SimulatedSystem, SimulatorSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 1.5),
        ("step_s", 0.0),
        ("step_s", float("nan")),
        ("step_s", 3600.0),
        ("components", 11),
        ("components", 10**6),
        ("components", 14.5),
        ("peak_rate", 0.0),
        ("peak_rate", float("inf")),
        ("missing_ratio", -0.1),
        ("missing_ratio", 1.0),
        ("gap_ratio", 0.6),
        ("deploys_per_day", -1.0),
        ("traces_per_step", -1),
    ],
)
def test_refuses_hostile_values(name, value):
    """A value out of range is refused at construction, by name and with a remedy."""
    with pytest.raises(ConfigurationError, match=f"{name} is .*Remedy: "):
        SimulatorSettings(**{name: value})


def test_refuses_a_start_without_zone():
    """A naive start is refused."""
    with pytest.raises(ConfigurationError, match="no time zone"):
        SimulatorSettings(start=datetime(2026, 3, 2))  # noqa: DTZ001 - the point of the test


def test_refuses_a_start_off_the_grid():
    """A start between two steps is refused, because noise belongs to places in time."""
    start = SimulatorSettings().start.replace(second=7)
    with pytest.raises(ConfigurationError, match="whole step"):
        SimulatedSystem(SimulatorSettings(start=start))
