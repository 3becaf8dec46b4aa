"""Deploys and configuration changes shortly before the onset."""

import pandas as pd

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings

NAME = "change"
CHANGE_KIND = "CHANGE"


def collect(observation: Observation, settings: RootCauseSettings) -> tuple[Evidence, ...] | SkippedMethod:
    """Reward components that were changed at or shortly before the onset.

    Parameters
    ----------
    observation
        Events and onset.
    settings
        Weight and window.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        One a changed component: the latest change before the detection; the longer ago, the less.
    """
    events = observation.situation.events
    if events is None or settings.change_weight == 0:
        return SkippedMethod(name=NAME, reason="There are no events, or it is switched off.")
    changes = events[events["kind"] == CHANGE_KIND]
    if not len(changes):
        return SkippedMethod(name=NAME, reason="No event is a change.")
    best: dict[str, Evidence] = {}
    for row in changes.sort_values(["ts", "component", "name"]).itertuples(index=False):
        item = _weigh(str(row.component), str(row.name), pd.Timestamp(str(row.ts)), observation, settings)
        if item is not None and item.weight >= best.get(item.component, item).weight:
            best[item.component] = item
    return tuple(best[name] for name in sorted(best))


def _weigh(
    component: str, name: str, at: pd.Timestamp, observation: Observation, settings: RootCauseSettings
) -> Evidence | None:
    """Weigh one change; None if it is no suspect."""
    before_s = max(0.0, (pd.Timestamp(observation.onset) - at).total_seconds())
    if at > pd.Timestamp(observation.situation.detected_at) or before_s > settings.change_window_s:
        return None
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"It was changed ({name}) {before_s:.0f} s before the onset.",
        weight=settings.change_weight * (1.0 - 0.5 * before_s / max(settings.change_window_s, 1.0)),
        numbers={"before_onset_s": before_s},
    )
