"""What is checked: checks, what they depend on, and how a reading is judged."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.errors import ConfigurationError, UnknownNameError
from service.recovery.checkup.policy import CheckPolicy
from service.recovery.health import GRAVITY, HealthStatus, MetricThreshold, worst_of

MOST_CHECKS = 500
"""In force together; more are a sign that a metric is wanted."""


class CheckType(StrEnum):
    """What a check looks at; the spelling on the wire is fixed."""

    HTTP_ENDPOINT = "HTTP_ENDPOINT"
    DATABASE_QUERY = "DATABASE_QUERY"
    FILE_SYSTEM = "FILE_SYSTEM"
    MEMORY_USAGE = "MEMORY_USAGE"
    CPU_USAGE = "CPU_USAGE"
    CUSTOM = "CUSTOM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one run of a check found.

    Parameters
    ----------
    values
        Measured value by metric, in its base unit; NaN if it could not be measured.
    failure
        Why what is checked is not well; empty if the run found nothing wrong by itself.
    trouble
        Why the check itself could not look; empty if it could.
    is_timeout
        Whether the time ran out.
    duration_s
        Of the run, seconds.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    trouble: str = ""
    is_timeout: bool = False
    duration_s: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A time in which a check is expected to fail.

    Parameters
    ----------
    start, end
        UTC; the end does not belong to it.
    reason
        For people.

    Raises
    ------
    ConfigurationError
        If it has no zone, or ends before it starts.
    """

    start: datetime
    end: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ConfigurationError("The maintenance has no time zone.", remedy="end both times with Z")
        if self.end <= self.start:
            raise ConfigurationError("The maintenance ends before it starts.", remedy="swap start and end")

    def covers(self, now: datetime) -> bool:
        """Tell whether a time lies in it."""
        return self.start <= now < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One health check.

    Parameters
    ----------
    id
        Unique.
    component
        Whose health it tells.
    type
        What it looks at.
    policy
        Its pace.
    thresholds
        Limits of what it measures.
    depends_on
        Ids of checks without which this one tells nothing.
    trips_breaker
        Whether the component's breaker is opened when this check is believed UNHEALTHY.
    maintenance
        Planned.
    target
        What is looked at; two equal checks look at the same.
    """

    id: str
    component: str
    type: CheckType
    policy: CheckPolicy = field(default_factory=CheckPolicy)
    thresholds: tuple[MetricThreshold, ...] = ()
    depends_on: tuple[str, ...] = ()
    trips_breaker: bool = False
    maintenance: tuple[Maintenance, ...] = ()
    target: object = None

    def judge(self, reading: Reading) -> tuple[HealthStatus, str]:
        """Judge one run.

        Parameters
        ----------
        reading
            What it found.

        Returns
        -------
        tuple of HealthStatus and str
            The worst that it says, and why. A metric with a threshold but no value is UNKNOWN.
        """
        if reading.failure:
            return HealthStatus.UNHEALTHY, reading.failure
        if reading.trouble:
            return HealthStatus.UNKNOWN, reading.trouble
        return worst_of(limit.judge(reading.values.get(limit.metric, math.nan)) for limit in self.thresholds)


class CheckSet:
    """Checks that are in force together.

    Parameters
    ----------
    checks
        In the order of the file.

    Raises
    ------
    ConfigurationError
        If there are too many, an id is there twice, a check depends on one that is not there, or on itself by a detour.
    """

    def __init__(self, checks: Iterable[Check] = ()) -> None:
        self._checks: dict[str, Check] = {}
        for check in checks:
            if check.id in self._checks:
                raise ConfigurationError(f"There is a check {check.id!r} twice.", remedy="rename one")
            self._checks[check.id] = check
        for check in self:
            for parent in check.depends_on:
                if parent not in self._checks:
                    known = ", ".join(sorted(self._checks)[:8])
                    raise ConfigurationError(
                        f"The check {check.id!r} depends on {parent!r}, which is not there.",
                        remedy=f"use one of: {known}",
                    )
        if len(self) > MOST_CHECKS:
            raise ConfigurationError(f"There are {len(self)} checks.", remedy=f"keep at most {MOST_CHECKS}")
        cycle = find_cycle({check.id: check.depends_on for check in self})
        if cycle:
            raise ConfigurationError(
                f"The checks depend on each other in a circle: {' -> '.join(cycle)}.", remedy="remove one of these"
            )

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks.values())

    def __len__(self) -> int:
        return len(self._checks)

    def __contains__(self, check_id: object) -> bool:
        return check_id in self._checks

    def __getitem__(self, check_id: str) -> Check:
        """Find a check; UnknownNameError if there is none of that id."""
        try:
            return self._checks[check_id]
        except KeyError:
            raise UnknownNameError("health check", check_id, self._checks) from None

    def ancestors_of(self, check_id: str) -> tuple[str, ...]:
        """Collect all checks that one depends on, also by a detour.

        Parameters
        ----------
        check_id
            Of the set.

        Returns
        -------
        tuple of str
            Each once, the nearest first.
        """
        found: dict[str, None] = {}
        rest = list(self[check_id].depends_on)
        while rest:
            name = rest.pop(0)
            if name not in found:
                found[name] = None
                rest += self[name].depends_on
        return tuple(found)


def find_cycle(parents: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Look for a circle of dependencies.

    Parameters
    ----------
    parents
        Id to the ids that it depends on; unknown ones are passed over.

    Returns
    -------
    tuple of str
        The ids along the circle, the first again at the end; empty if there is none.
    """
    done: set[str] = set()
    for start in parents:
        trail: list[str] = []
        stack = [(start, iter(parents[start]))] if start not in done else []
        trail.extend([start] if stack else [])
        while stack:
            name, rest = stack[-1]
            parent = next((one for one in rest if one in parents and one not in done), None)
            if parent is None:
                done.add(name)
                stack.pop()
                trail.pop()
            elif parent in trail:
                return (*trail[trail.index(parent) :], parent)
            else:
                trail.append(parent)
                stack.append((parent, iter(parents[parent])))
    return ()


def graver(first: HealthStatus, second: HealthStatus) -> bool:
    """Tell whether the first is worse than the second."""
    return GRAVITY[first] > GRAVITY[second]
