"""Events: what was observed in the world, whoever saw it, on one time line."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pandas as pd

from models.anomalies import Anomaly


class EventKind(StrEnum):
    """What was observed."""

    ANOMALY = "ANOMALY"
    CHANGE = "CHANGE"
    DEPLOY = "DEPLOY"
    ALERT = "ALERT"
    HEALTH = "HEALTH"
    ACTION = "ACTION"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Event:
    """One observation. Sorts by time, then component, kind and name.

    Parameters
    ----------
    at
        When it began, UTC.
    component
        Whom it is about.
    kind
        What was observed.
    name
        The metric, alert or change.
    detail
        One sentence.
    weight
        How grave, at least 0; 1.0 is an anomaly at the alarm boundary.
    """

    at: datetime
    component: str
    kind: EventKind
    name: str
    detail: str = ""
    weight: float = 1.0

    @property
    def id(self) -> str:
        """Unique among different observations."""
        return f"{self.at.isoformat()}|{self.component}|{self.kind}|{self.name}"


def from_anomalies(anomalies: Iterable[Anomaly]) -> tuple[Event, ...]:
    """See anomalies as events.

    Parameters
    ----------
    anomalies
        Any.

    Returns
    -------
    tuple of Event
        Sorted; several anomalies of one series that start together become one event, the gravest.
    """
    best: dict[str, Event] = {}
    for anomaly in anomalies:
        event = Event(
            at=anomaly.start,
            component=anomaly.key.component,
            kind=EventKind.ANOMALY,
            name=anomaly.key.metric,
            detail=f"{anomaly.value:.4g} where {anomaly.expected:.4g} was expected ({anomaly.severity.lower()})",
            weight=max(0.0, anomaly.score),
        )
        if event.id not in best or event > best[event.id]:
            best[event.id] = event
    return tuple(sorted(best.values()))


def from_table(table: pd.DataFrame) -> tuple[Event, ...]:
    """See the rows of a case's ``events.parquet`` as events.

    Parameters
    ----------
    table
        Columns ts (UTC), component, kind, name, sign.

    Returns
    -------
    tuple of Event
        Sorted, repetitions united. CHANGE rows whose name speaks of a deploy, release or version are deploys; all other
        kinds are alerts.
    """
    events = {
        Event(
            at=pd.Timestamp(str(row.ts)).to_pydatetime(),
            component=str(row.component),
            kind=_kind(str(row.kind), str(row.name)),
            name=str(row.name),
            detail=f"{str(row.kind).lower()} {row.name} {row.sign}".strip(),
        )
        for row in table[["ts", "component", "kind", "name", "sign"]].itertuples(index=False)
    }
    return tuple(sorted(events))


def _kind(kind: str, name: str) -> EventKind:
    """Tell deploys, other changes and alerts apart."""
    if kind != "CHANGE":
        return EventKind.ALERT
    is_deploy = any(word in name.lower() for word in ("deploy", "release", "version", "rollout"))
    return EventKind.DEPLOY if is_deploy else EventKind.CHANGE
