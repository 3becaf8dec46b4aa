"""Who started first: weak evidence, as a coarse step hides the order and slow metrics lag behind."""

import numpy as np

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.metrics import MetricFindings
from analysis.rootcause.observation import Observation
from analysis.rootcause.onset import ODD_DEVIATION
from analysis.rootcause.settings import RootCauseSettings

NAME = "onset_order"
LASTING_ROWS = 2
"""Rows in a row that must be odd before a component counts as started."""


def collect(
    observation: Observation, metrics: MetricFindings, settings: RootCauseSettings
) -> tuple[Evidence, ...] | SkippedMethod:
    """Reward the components whose moved series left their band first.

    Parameters
    ----------
    observation
        The series.
    metrics
        Points of every series.
    settings
        Gives the weight.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        The first ones get the whole weight, the last ones nothing.
    """
    view = observation.series
    if view is None or settings.onset_weight == 0:
        return SkippedMethod(name=NAME, reason="It is switched off, or there are no metrics.")
    first = max(view.onset - 1, 0)
    is_odd = np.abs(view.deviations[first:]) > ODD_DEVIATION
    lasting = is_odd[:-1] & is_odd[1:]
    started: dict[str, int] = {}
    for i in np.flatnonzero((metrics.points > np.log1p(ODD_DEVIATION)) & lasting.any(axis=0)):
        component, row = view.keys[i].component, int(np.argmax(lasting[:, i]))
        started[component] = min(row, started.get(component, row))
    if len(set(started.values())) < 2:
        return SkippedMethod(name=NAME, reason="The moved components started in the same row, or there are too few.")
    last, earliest = max(started.values()), min(started.values())
    step = float((view.times[1] - view.times[0]) / np.timedelta64(1, "s"))
    found = []
    for component, row in sorted(started.items()):
        share = (last - row) / (last - earliest)
        if share > 0:
            found.append(_evidence(component, (row - earliest) * step, settings.onset_weight * share))
    return tuple(found)


def _evidence(component: str, delay_s: float, weight: float) -> Evidence:
    """One sentence on the start."""
    when = "first of all" if delay_s == 0 else f"{delay_s:.4g} s after the first"
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"Its metrics left their band {when}.",
        weight=weight,
        numbers={"delay_s": delay_s},
    )
