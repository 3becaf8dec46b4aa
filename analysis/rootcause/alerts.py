"""Alerts of other systems: what they speak of, and how many there are.

An alert on a metric counts as much as a metric of that kind. Alerts of logs and traces are echoed by everyone who
hears of the trouble, so their number counts little.
"""

import numpy as np
import pandas as pd

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.changes import CHANGE_KIND
from analysis.rootcause.kinds import classify
from analysis.rootcause.metrics import kind_weight
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings

NAME = "alerts"
METRIC_KIND = "METRIC"
MOST_NAMES = 4
ECHO_WEIGHT = 0.25
"""Weight of the logarithm of the number of alerts that are not on a metric."""


def collect(observation: Observation, settings: RootCauseSettings) -> tuple[Evidence, ...] | SkippedMethod:
    """Weigh the alerts of every component.

    Parameters
    ----------
    observation
        Gives the events.
    settings
        Gives the weight.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        One a component with alerts.
    """
    events = observation.situation.events
    if events is None or settings.alert_weight == 0:
        return SkippedMethod(name=NAME, reason="There are no events, or it is switched off.")
    alerts = events[events["kind"] != CHANGE_KIND]
    if not len(alerts):
        return SkippedMethod(name=NAME, reason="No event is an alert.")
    return tuple(_evidence(str(name), mine, settings) for name, mine in alerts.groupby("component", sort=True))


def _evidence(component: str, alerts: pd.DataFrame, settings: RootCauseSettings) -> Evidence:
    """Weigh the alerts of one component."""
    is_metric = alerts["kind"] == METRIC_KIND
    metrics = sorted({str(name) for name in alerts["name"][is_metric]})
    counts = {str(kind): int(n) for kind, n in alerts["kind"].value_counts().sort_index().items()}
    weight = sum(kind_weight(classify(str(name)), settings) for name in alerts["name"][is_metric])
    weight += ECHO_WEIGHT * sum(float(np.log1p(n)) for kind, n in counts.items() if kind != METRIC_KIND)
    listed = ", ".join(f"{n} {kind}" for kind, n in counts.items())
    on = f" (on {', '.join(metrics[:MOST_NAMES])})" if metrics else ""
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"Its alerts: {listed}{on}.",
        weight=settings.alert_weight * weight,
        numbers={f"{kind.lower()}_alerts": float(n) for kind, n in counts.items()},
    )
