"""How checks are shown: status, phase, and the worst of all."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.recovery.checkup.definitions import CheckType
from service.recovery.checkup.state import CheckPhase
from service.recovery.health import GRAVITY, HealthStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One check at one moment.

    Parameters
    ----------
    id, component, type
        Which.
    status
        What is believed; UNKNOWN if that is stale, or suppressed.
    phase
        Where it stands.
    reason
        Why, one sentence; empty if all is well.
    latest
        What the latest result says by itself.
    streak
        Results in a row that say otherwise than ``status``.
    age_s
        Of the latest result, seconds; NaN if there is none.
    duration_s
        Of the latest run, seconds; NaN if there is none.
    values
        Measured by the latest run, by metric.
    units
        Of these that have a threshold.
    flap_rate
        Share of recent results that differ from the one before; NaN for fewer than two.
    is_flapping
        Whether that is too much.
    is_hung
        Whether a run that ran out of time still hangs.
    runs, bad_runs, timeouts
        Counted.
    depends_on
        Ids of its parents.
    maintenance_until
        UTC; None if there is none.
    """

    id: str
    component: str
    type: CheckType
    status: HealthStatus
    phase: CheckPhase
    reason: str
    latest: HealthStatus
    streak: int
    age_s: float
    duration_s: float = math.nan
    values: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    flap_rate: float = math.nan
    is_flapping: bool = False
    is_hung: bool = False
    runs: int = 0
    bad_runs: int = 0
    timeouts: int = 0
    depends_on: tuple[str, ...] = ()
    maintenance_until: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether it has a say in the overall status."""
        return self.phase not in {CheckPhase.SUPPRESSED, CheckPhase.MAINTENANCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChange:
    """A check is seen otherwise than before.

    Parameters
    ----------
    id, component
        Which check.
    previous, status
        Before and now.
    phase
        Where it stands now.
    reason
        Why.
    is_flapping
        Whether it flaps now.
    is_trip
        Whether the component's breaker is to be opened.
    """

    id: str
    component: str
    previous: HealthStatus
    status: HealthStatus
    phase: CheckPhase
    reason: str
    is_flapping: bool
    is_trip: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOverview:
    """All checks together.

    Parameters
    ----------
    status
        The worst that counts; UNKNOWN if none does.
    worst
        The id of the check, or the name of the breaker, that is worst; empty if all are well.
    reason
        Why, one sentence; empty if all is well.
    counts
        How many checks are in each status.
    warnings
        Open breakers, and a refused file: they never make the service unready.
    """

    status: HealthStatus
    worst: str
    reason: str
    counts: Mapping[HealthStatus, int]
    warnings: tuple[str, ...] = ()


def summarise(
    views: Iterable[CheckView], open_breakers: Iterable[str] = (), warnings: Iterable[str] = ()
) -> CheckOverview:
    """Sum all checks up: the worst that counts, and which it is.

    Parameters
    ----------
    views
        All.
    open_breakers
        Names; an open breaker is a warning, never more than DEGRADED.
    warnings
        Further ones.

    Returns
    -------
    CheckOverview
        Of equally bad ones the first by name is named.
    """
    listed = sorted(views, key=lambda view: view.id)
    said = [(view.status, view.id, view.reason) for view in listed if view.counts]
    said += [(HealthStatus.DEGRADED, name, "its breaker is open") for name in sorted(open_breakers)]
    status, worst, reason = max(
        said, key=lambda one: GRAVITY[one[0]], default=(HealthStatus.UNKNOWN, "", "there is no check")
    )
    is_well = status is HealthStatus.HEALTHY
    counted = Counter(view.status for view in listed)
    return CheckOverview(
        status=status,
        worst="" if is_well else worst,
        reason="" if is_well else reason,
        counts={one: counted[one] for one in HealthStatus},
        warnings=(*(f"the breaker of {name} is open" for name in sorted(open_breakers)), *warnings),
    )


def with_checks(statuses: Mapping[str, HealthStatus], views: Iterable[CheckView]) -> dict[str, HealthStatus]:
    """Add what checks say to what is known of components otherwise.

    Parameters
    ----------
    statuses
        By component, from its metrics.
    views
        All checks; those that do not count, or know nothing, say nothing.

    Returns
    -------
    dict of str to HealthStatus
        The worse of both; where one knows nothing, the other.
    """
    found = dict(statuses)
    for view in views:
        known = found.get(view.component, HealthStatus.UNKNOWN)
        is_worse = known is HealthStatus.UNKNOWN or GRAVITY[view.status] > GRAVITY[known]
        if view.counts and view.status is not HealthStatus.UNKNOWN and is_worse:
            found[view.component] = view.status
    return found
