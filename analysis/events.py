"""Events: what was observed in the world, whoever saw it, on one time line."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pandas as pd

from analysis.rootcause.kinds import MetricKind, classify
from models.anomalies import Anomaly, AnomalyType

DEPLOY_WORDS = ("deploy", "release", "rollout", "version")
ECHO_WEIGHT = 0.5
"""Weight of an alert on logs: everyone who hears of the trouble writes about it."""


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
    lasted_s
        For how long it was seen, seconds; 0 for a moment, or if nobody knows.
    is_symptom
        Whether callers feel it: latency or errors.
    """

    at: datetime
    component: str
    kind: EventKind
    name: str
    detail: str = ""
    weight: float = 1.0
    lasted_s: float = 0.0
    is_symptom: bool = False

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
            detail=_deviation(anomaly),
            weight=max(0.0, anomaly.score),
            lasted_s=anomaly.duration_s,
            is_symptom=anomaly.type is not AnomalyType.MISSING_DATA
            and is_symptom(anomaly.key.metric, is_falling=anomaly.value < anomaly.expected),
        )
        best[event.id] = max(event, best.get(event.id, event), key=lambda e: (e.weight, e))
    return tuple(sorted(best.values()))


def _deviation(anomaly: Anomaly) -> str:
    """What was seen instead of what; no number is made up."""
    seen = "no data" if math.isnan(anomaly.value) else f"{anomaly.value:.4g}"
    usual = "" if math.isnan(anomaly.expected) else f" where {anomaly.expected:.4g} was expected"
    return f"{seen}{usual} ({anomaly.severity.lower()})"


def from_table(table: pd.DataFrame) -> tuple[Event, ...]:
    """See the rows of a case's ``events.parquet`` as events.

    Parameters
    ----------
    table
        Columns ts (UTC), component, caller, kind, name, sign.

    Returns
    -------
    tuple of Event
        Sorted, repetitions united. CHANGE rows whose name speaks of a deploy, release or version are deploys; all other
        kinds are alerts.
    """
    texts = ["component", "caller", "kind", "name", "sign"]
    times = pd.DatetimeIndex(table["ts"]).to_pydatetime()
    rows = zip(times, table[texts].astype(str).itertuples(index=False, name=None), strict=True)
    return tuple(sorted({_event(at, *row) for at, row in rows}))


def _event(at: datetime, component: str, caller: str, kind: str, name: str, sign: str) -> Event:
    """One row."""
    by = f", called by {caller}" if caller not in {"", component} else ""
    return Event(
        at=at,
        component=component,
        kind=kind_of_change(name) if kind == "CHANGE" else EventKind.ALERT,
        name=name,
        detail=f"{kind.lower()} {name} {sign}".strip() + by,
        weight=ECHO_WEIGHT if kind == "LOG" else 1.0,
        is_symptom=kind == "TRACE" or (kind == "METRIC" and is_symptom(name, is_falling=sign == "down")),
    )


def is_symptom(metric: str, *, is_falling: bool) -> bool:
    """Whether callers suffer when a metric moves.

    Parameters
    ----------
    metric
        Its name.
    is_falling
        Whether it went down. A latency that falls hurts nobody; errors may be a rate of successes.

    Returns
    -------
    bool
        True for a latency that does not fall and for errors.
    """
    kind = classify(metric)
    return kind.is_symptomatic and not (kind is MetricKind.LATENCY and is_falling)


def kind_of_change(name: str) -> EventKind:
    """Tell deploys from other changes.

    Parameters
    ----------
    name
        What was changed, in the words of whoever did it.

    Returns
    -------
    EventKind
        DEPLOY if it speaks of a deploy, release, rollout or version; CHANGE else.
    """
    return EventKind.DEPLOY if any(word in name.lower() for word in DEPLOY_WORDS) else EventKind.CHANGE
