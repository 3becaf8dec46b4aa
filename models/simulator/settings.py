"""What can be chosen about a simulated system, checked when it is chosen."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from models.errors import ConfigurationError

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Everything that decides what a simulated system does; equal settings give equal bits.

    Parameters
    ----------
    seed
        Not negative. Decides the system's parameters, the noise, the deploys and what is missing.
    start
        Time of the first row, aware; the default is a Monday, midnight UTC.
    step_s
        Seconds between rows, 1 to 900: above that the daily pattern is no longer sampled.
    components
        At least 12. 14 gives the web shop, any other number a generated layered system.
    peak_rate
        Requests a second at the entry at the busiest hour of a working day.
    missing_ratio
        Share of single values that are absent, in [0, 0.9]; 0 disables.
    gap_ratio
        Share of rows at which a whole component is silent, in gaps of ten rows, in [0, 0.5]; 0 disables.
    deploys_per_day
        Harmless deploys a working day, so that a change event alone proves nothing; 0 disables.
    traces_per_step
        Sampled traces a row; 0, the default, disables because spans cost more than everything else.

    Raises
    ------
    ConfigurationError
        If a value is outside the range above.
    """

    seed: int = 0
    start: datetime = MONDAY
    step_s: float = 60.0
    components: int = 14
    peak_rate: float = 240.0
    missing_ratio: float = 0.0
    gap_ratio: float = 0.0
    deploys_per_day: float = 1.0
    traces_per_step: int = 0

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ConfigurationError(
                f"start {self.start} has no time zone.", remedy="Give an aware datetime, for example in UTC."
            )
        for name, lowest, highest in _RANGES:
            value = getattr(self, name)
            if not (math.isfinite(value) and lowest <= value <= highest):
                raise ConfigurationError(f"{name} is {value}.", remedy=f"Give a number from {lowest:g} to {highest:g}.")
        for name in ("seed", "components", "traces_per_step"):
            if not isinstance(getattr(self, name), int):
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}.", remedy="Give a whole number.")


_RANGES = (
    ("seed", 0, 2**63 - 1),
    ("step_s", 1.0, 900.0),
    ("components", 12, 2000),
    ("peak_rate", 1.0, 1e6),
    ("missing_ratio", 0.0, 0.9),
    ("gap_ratio", 0.0, 0.5),
    ("deploys_per_day", 0.0, 50.0),
    ("traces_per_step", 0, 1000),
)
