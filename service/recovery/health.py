"""How a component is, judged from its newest measurements by thresholds that must be met several times in a row.

Pure. What cannot be told is UNKNOWN, never healthy; what is stale cannot be told.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from models.errors import ConfigurationError


class HealthStatus(StrEnum):
    """How a component is; the spelling on the wire is fixed."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


GRAVITY = MappingProxyType(
    {
        HealthStatus.HEALTHY: 0,
        HealthStatus.DEGRADED: 1,
        HealthStatus.UNKNOWN: 2,
        HealthStatus.UNHEALTHY: 3,
    }
)
"""Higher is worse: not knowing is worse than degraded."""


class Direction(StrEnum):
    """On which side of a threshold it is bad."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricThreshold:
    """Limits of one measured metric.

    Parameters
    ----------
    metric
        Its name, the same on every component.
    warning
        From here on the component is DEGRADED, in the metric's unit; None if it never is for this metric.
    critical
        From here on it is UNHEALTHY, on the bad side of ``warning``; None if it never is for this metric.
    direction
        The bad side.
    unit
        Of both limits, for people; empty if there is none.

    Raises
    ------
    ConfigurationError
        If a limit is not a number, both are missing, or the critical one lies on the good side of the warning.
    """

    metric: str
    warning: float | None
    critical: float | None
    direction: Direction = Direction.ABOVE
    unit: str = ""

    def __post_init__(self) -> None:
        limits = [limit for limit in (self.warning, self.critical) if limit is not None]
        is_upward = self.direction is Direction.ABOVE
        if not limits or not all(map(math.isfinite, limits)) or limits != sorted(limits, reverse=not is_upward):
            side = "above" if is_upward else "below"
            raise ConfigurationError(
                f"The thresholds of {self.metric!r} are {self.warning} and {self.critical}.",
                remedy=f"give one or two numbers, the critical one not on the good side: {side} is bad",
            )

    def judge(self, value: float) -> tuple[HealthStatus, str]:
        """Judge one value.

        Parameters
        ----------
        value
            In the unit of the limits; NaN if missing.

        Returns
        -------
        tuple of HealthStatus and str
            UNKNOWN for a missing value; and the sentence for it, empty if all is well.
        """
        if math.isnan(value):
            return HealthStatus.UNKNOWN, f"{self.metric} has no value"
        for status, name, limit in (
            (HealthStatus.UNHEALTHY, "critical", self.critical),
            (HealthStatus.DEGRADED, "warning", self.warning),
        ):
            if limit is not None and (value >= limit if self.direction is Direction.ABOVE else value <= limit):
                said, at = (f"{number:.3g} {self.unit}".rstrip() for number in (value, limit))
                return status, f"{self.metric} is {said}, the {name} threshold is {at}"
        return HealthStatus.HEALTHY, ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPolicy:
    """What counts as healthy.

    Parameters
    ----------
    thresholds
        Of measured metrics; ``score`` is the component's worst calibrated anomaly score, 1.0 is the alarm boundary.
    consecutive
        So many judgements in a row change the status, in both directions: a blip is no change.
    stale_s
        Measurements older than this tell nothing, seconds.

    Raises
    ------
    ConfigurationError
        If a number is not positive.
    """

    thresholds: tuple[MetricThreshold, ...] = (MetricThreshold(metric="score", warning=1.0, critical=3.0),)
    consecutive: int = 2
    stale_s: float = 300.0

    def __post_init__(self) -> None:
        if self.consecutive < 1 or not self.stale_s > 0:
            raise ConfigurationError(
                f"The health policy has consecutive = {self.consecutive}, stale_s = {self.stale_s}.",
                remedy="give positive numbers",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured of a component.

    Parameters
    ----------
    values
        Newest value by metric; NaN if missing.
    age_s
        How old the newest value is, seconds; None if there was never one.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    age_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a component is, and what would change that.

    Parameters
    ----------
    status
        What is believed.
    reason
        The measurement that decided, one sentence; empty when nothing is known.
    leaning
        What the latest measurement says.
    streak
        How many times in a row it has said so.
    """

    status: HealthStatus = HealthStatus.UNKNOWN
    reason: str = ""
    leaning: HealthStatus = HealthStatus.UNKNOWN
    streak: int = 0

    def after(self, measurement: Measurement, policy: HealthPolicy) -> "Health":
        """Take one measurement.

        Parameters
        ----------
        measurement
            The newest.
        policy
            What counts as healthy.

        Returns
        -------
        Health
            With a new status if enough measurements in a row said so. The first thing that is known is believed at
            once, and so is that nothing is known any more.
        """
        said, reason = judge(measurement, policy)
        streak = self.streak + 1 if said is self.leaning else 1
        is_believed = streak >= policy.consecutive or HealthStatus.UNKNOWN in {self.status, said}
        if is_believed and said is not self.status:
            return Health(status=said, reason=reason, leaning=said, streak=streak)
        return replace(self, leaning=said, streak=streak, reason=reason if said is self.status else self.reason)


def judge(measurement: Measurement, policy: HealthPolicy) -> tuple[HealthStatus, str]:
    """Judge one measurement by itself.

    Parameters
    ----------
    measurement
        The newest.
    policy
        What counts as healthy.

    Returns
    -------
    tuple of HealthStatus and str
        The worst that any threshold says, and the sentence for it.
    """
    if measurement.age_s is None or measurement.age_s > policy.stale_s:
        age = "there was never a value" if measurement.age_s is None else f"the newest is {measurement.age_s:.0f} s old"
        return HealthStatus.UNKNOWN, age
    known = [
        (threshold, value)
        for threshold in policy.thresholds
        if not math.isnan(value := measurement.values.get(threshold.metric, math.nan))
    ]
    if not known:
        return HealthStatus.UNKNOWN, "no metric with a threshold has a value"
    status, reason = worst_of(threshold.judge(value) for threshold, value in known)
    return status, reason or "every metric is on the good side of its thresholds"


def worst_of(judgements: Iterable[tuple[HealthStatus, str]]) -> tuple[HealthStatus, str]:
    """Pick the worst of several judgements.

    Parameters
    ----------
    judgements
        Each a status and its sentence.

    Returns
    -------
    tuple of HealthStatus and str
        The first of the worst; HEALTHY without a sentence if there are none.
    """
    return max(judgements, key=lambda said: GRAVITY[said[0]], default=(HealthStatus.HEALTHY, ""))


def overall(statuses: Mapping[str, HealthStatus]) -> HealthStatus:
    """Sum up a system: its worst component; UNKNOWN counts as worse than DEGRADED and better than UNHEALTHY.

    Parameters
    ----------
    statuses
        By component.

    Returns
    -------
    HealthStatus
        UNKNOWN for no component at all.
    """
    return max(statuses.values(), key=GRAVITY.__getitem__, default=HealthStatus.UNKNOWN)
