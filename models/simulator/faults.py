"""What can go wrong, and what repairs it."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from models.errors import ConfigurationError


class FaultKind(StrEnum):
    """Which way of failing."""

    CPU_HOG = "CPU_HOG"
    MEMORY_LEAK = "MEMORY_LEAK"
    LATENCY = "LATENCY"
    ERRORS = "ERRORS"
    TRAFFIC_SURGE = "TRAFFIC_SURGE"
    DEAD_DEPENDENCY = "DEAD_DEPENDENCY"
    BAD_DEPLOY = "BAD_DEPLOY"
    NETWORK_LOSS = "NETWORK_LOSS"
    NOISY_NEIGHBOUR = "NOISY_NEIGHBOUR"


class Repair(StrEnum):
    """What can end a fault for good."""

    RESTART = "RESTART"
    ROLLBACK = "ROLLBACK"


CURES = MappingProxyType(
    {
        FaultKind.CPU_HOG: frozenset({Repair.RESTART}),
        FaultKind.MEMORY_LEAK: frozenset({Repair.RESTART}),
        FaultKind.LATENCY: frozenset({Repair.RESTART}),
        FaultKind.ERRORS: frozenset({Repair.RESTART}),
        FaultKind.DEAD_DEPENDENCY: frozenset({Repair.RESTART}),
        FaultKind.NOISY_NEIGHBOUR: frozenset({Repair.RESTART}),
        FaultKind.BAD_DEPLOY: frozenset({Repair.ROLLBACK}),
        FaultKind.NETWORK_LOSS: frozenset[Repair](),
        FaultKind.TRAFFIC_SURGE: frozenset[Repair](),
    }
)
"""What ends a fault before its time; packet loss is only gone around (redirect, backup), a surge carried (scale)."""

LEFT_BEHIND = frozenset(FaultKind) - {FaultKind.BAD_DEPLOY, FaultKind.TRAFFIC_SURGE}
"""Faults of the primary instance, which its backup does not share; version and visitors are the same for both."""

TELLING_METRICS = MappingProxyType(
    {
        FaultKind.CPU_HOG: ("cpu", "latency_p95_s"),
        FaultKind.MEMORY_LEAK: ("memory", "latency_p99_s"),
        FaultKind.LATENCY: ("latency_p50_s", "latency_p95_s"),
        FaultKind.ERRORS: ("error_rate",),
        FaultKind.TRAFFIC_SURGE: ("request_rate", "cpu"),
        FaultKind.DEAD_DEPENDENCY: ("request_rate", "error_rate"),
        FaultKind.BAD_DEPLOY: ("error_rate", "latency_p95_s", "cpu"),
        FaultKind.NETWORK_LOSS: ("latency_p99_s", "error_rate"),
        FaultKind.NOISY_NEIGHBOUR: ("cpu",),
    }
)
"""The metrics of the injected component that show a fault first: the truth at the level of metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    Parameters
    ----------
    kind
        Which way of failing.
    component
        The one that it is injected into: the true root cause.
    start
        Aware datetime, or the offset from the start of the system; None: with the next row.
    duration
        Positive; None: until it is repaired.
    magnitude
        1 is a plain incident, 0.3 a faint one, 3 a grave one; in (0, 10].

    Raises
    ------
    ConfigurationError
        If start, duration or magnitude is outside of that.
    """

    kind: FaultKind
    component: str
    start: datetime | timedelta | None = None
    duration: timedelta | None = None
    magnitude: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.magnitude) and 0 < self.magnitude <= 10):
            raise ConfigurationError(
                f"The magnitude of {self.kind} is {self.magnitude}.", remedy="Give a number above 0, up to 10."
            )
        if self.duration is not None and self.duration <= timedelta():
            raise ConfigurationError(
                f"{self.kind} on {self.component!r} lasts {self.duration}.",
                remedy="Give a positive duration, or None for a fault that lasts until it is repaired.",
            )
        if isinstance(self.start, datetime) and self.start.tzinfo is None:
            raise ConfigurationError(f"The start {self.start} has no time zone.", remedy="Give an aware datetime.")
        if isinstance(self.start, timedelta) and self.start < timedelta():
            raise ConfigurationError(f"The fault starts {self.start} into the run.", remedy="Give a positive offset.")
