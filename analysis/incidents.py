"""Incidents: anomalies that belong together, and the life of one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from models.anomalies import Anomaly, AnomalySeverity
from models.errors import FaultlineError


class IncidentStatus(StrEnum):
    """Where an incident stands."""

    OPEN = "OPEN"
    MITIGATING = "MITIGATING"
    RESOLVED = "RESOLVED"


TRANSITIONS = MappingProxyType(
    {
        IncidentStatus.OPEN: frozenset({IncidentStatus.MITIGATING, IncidentStatus.RESOLVED}),
        IncidentStatus.MITIGATING: frozenset({IncidentStatus.OPEN, IncidentStatus.RESOLVED}),
        IncidentStatus.RESOLVED: frozenset({IncidentStatus.OPEN}),
    }
)


class IllegalTransitionError(FaultlineError):
    """An incident cannot go from its status to the one asked for; it stays as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Anomalies that belong together.

    Parameters
    ----------
    id
        Unique; made from the opening time and a counter, so that ids sort by time.
    status
        Where it stands.
    opened_at, updated_at
        UTC. ``opened_at`` is when it was noticed, not the onset.
    anomalies
        At least one.
    resolved_at
        UTC.
    """

    id: str
    status: IncidentStatus
    opened_at: datetime
    updated_at: datetime
    anomalies: tuple[Anomaly, ...]
    resolved_at: datetime | None = None

    @property
    def onset(self) -> datetime:
        """Start of the earliest anomaly, UTC."""
        return min(anomaly.start for anomaly in self.anomalies)

    def present_onset(self, now: datetime, reach_s: float) -> datetime | None:
        """Start of the trouble that lasts: a blip long before it, in the same incident, does not count.

        Parameters
        ----------
        now
            UTC.
        reach_s
            An anomaly that ended at most so many seconds ago still lasts.

        Returns
        -------
        datetime or None
            Start of the earliest anomaly that lasts, UTC; None if none does.
        """
        lasting = [a.start for a in self.anomalies if now - a.end <= timedelta(seconds=reach_s)]
        return min(lasting, default=None)

    @property
    def severity(self) -> AnomalySeverity:
        """The gravest of its anomalies."""
        return max((a.severity for a in self.anomalies), key=lambda s: s.rank)

    @property
    def components(self) -> tuple[str, ...]:
        """Components with an anomaly, sorted."""
        return tuple(sorted({a.key.component for a in self.anomalies}))

    def moved_to(self, status: IncidentStatus, at: datetime) -> "Incident":
        """Change the status along the transition table.

        Parameters
        ----------
        status
            The new one; the present one is returned unchanged.
        at
            UTC.

        Returns
        -------
        Incident
            A new value.

        Raises
        ------
        IllegalTransitionError
            If the table does not allow it.
        """
        if status is self.status:
            return self
        if status not in TRANSITIONS[self.status]:
            raise IllegalTransitionError(f"Incident {self.id} is {self.status}; it cannot become {status}.")
        return replace(
            self, status=status, updated_at=at, resolved_at=at if status is IncidentStatus.RESOLVED else None
        )
