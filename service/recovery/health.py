"""How a component is, judged from its newest measurements by thresholds that must be met several times in a row.

Pure. What cannot be told is UNKNOWN, never healthy; what is stale cannot be told.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from models.errors import ConfigurationError


class HealthStatus(StrEnum):
    """How a component is; the spelling on the wire is fixed."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricThreshold:
    """Limits of one measured metric; higher is worse.

    Parameters
    ----------
    metric
        Its name, the same on every component.
    warning
        From here on the component is DEGRADED, in the metric's unit.
    critical
        From here on it is UNHEALTHY, at least ``warning``.

    Raises
    ------
    ConfigurationError
        If a limit is not a number, or the critical one lies below the warning.
    """

    metric: str
    warning: float
    critical: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.warning) and math.isfinite(self.critical) and self.warning <= self.critical):
            raise ConfigurationError(
                f"The thresholds of {self.metric!r} are {self.warning} and {self.critical}.",
                remedy="give two numbers, the warning not above the critical one",
            )


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
    for status, name in ((HealthStatus.UNHEALTHY, "critical"), (HealthStatus.DEGRADED, "warning")):
        for threshold, value in known:
            limit = getattr(threshold, name)
            if value >= limit:
                return status, f"{threshold.metric} is {value:.3g}, the {name} threshold is {limit:.3g}"
    return HealthStatus.HEALTHY, "every metric is below its thresholds"


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
    order = (HealthStatus.UNHEALTHY, HealthStatus.UNKNOWN, HealthStatus.DEGRADED, HealthStatus.HEALTHY)
    present = set(statuses.values())
    return next((status for status in order if status in present), HealthStatus.UNKNOWN)
