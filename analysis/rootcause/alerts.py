"""Alerts of other systems: how many, how early, and how telling.

An alert that many components raise says little about any of them; one that a single component raises says much.
"""

from collections import defaultdict

import numpy as np
import pandas as pd

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.changes import CHANGE_KIND
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings

NAME = "alerts"


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
    return tuple(_evidence(name, points, settings) for name, points in sorted(_points(alerts).items()))


def _points(alerts: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Specificity-weighted alerts by component and kind."""
    n_components = alerts["component"].nunique()
    spread = alerts.groupby(["kind", "name", "sign"])["component"].nunique().to_dict()
    points: dict[str, dict[str, float]] = {}
    for row in alerts.itertuples(index=False):
        rarity = np.log((1 + n_components) / spread[row.kind, row.name, row.sign]) / np.log(1 + n_components)
        mine = points.setdefault(str(row.component), defaultdict(float))
        mine[str(row.kind)] += float(rarity)
    return points


def _evidence(component: str, points: dict[str, float], settings: RootCauseSettings) -> Evidence:
    """Sum the kinds, each on a log scale."""
    weight = settings.alert_weight * float(sum(np.log1p(v) for v in points.values()))
    kinds = ", ".join(f"{kind} {value:.2g}" for kind, value in sorted(points.items()))
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"Alerts, weighted by how rare they are: {kinds}.",
        weight=weight,
        numbers={f"{kind.lower()}_points": float(value) for kind, value in points.items()},
    )
