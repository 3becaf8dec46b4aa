"""Work that takes longer inside a component: the time of its spans without that of the calls they make.

A component that is starved or runs slower code shows it here, while its callers only wait. Spans that call other
components are left out: what they wait for belongs to the gap. The same figures speak against a candidate whose
resources moved while its work takes as long as before.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.metrics import MetricFindings
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.spans import Slowdown, SpanView, compare, groups
from analysis.topology import DependencyGraph

NAME = "trace_self"
UNFELT = "unfelt"
TOLERANCE = 3.0
"""Robust deviations of a single span that chance is granted."""
RELATIVE_FLOOR = 0.5
"""The spread of own work is never below this part of its median: other rows of a table, another hour."""
CALM_GAP = 1.0
"""Weight of widened gaps from which on a component is not calm."""
CALM = 2.0
"""Robust deviations below which the work of a component takes as long as before."""
UNFELT_SHARE = 0.5
"""Part of the points of its resources that a component loses when its work is calm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slow:
    """The operation of a component that slowed most."""

    operation: str
    change: Slowdown


def collect(
    view: SpanView,
    graph: DependencyGraph,
    metrics: MetricFindings,
    gaps: Mapping[str, float],
    settings: RootCauseSettings,
) -> tuple[Evidence, ...] | SkippedMethod:
    """Find the operation that slowed most, one a component.

    A span may hide a call that nobody traced: what a callee shows as well, in its own work or in the way to it, is
    taken off.

    Parameters
    ----------
    view
        The spans.
    graph
        Who calls whom.
    metrics
        Points of the resources of every component.
    gaps
        Weight of the widened gaps of every component.
    settings
        Gives the weight and the largest part that is explained away.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        Positive for work that slowed; negative where resources moved and the work did not.
    """
    slowest = _slowest(view.spans)
    if not slowest:
        return SkippedMethod(name=NAME, reason="No operation without calls has 3 spans before and 3 in the incident.")
    points = {name: _points(slow, settings) for name, slow in slowest.items()}
    found = []
    for component, slow in sorted(slowest.items()):
        below = max((points.get(c, 0.0) + gaps.get(c, 0.0) for c in graph.dependencies_of(component)), default=0.0)
        lost = UNFELT_SHARE * metrics.saturation.get(component, 0.0)
        if points[component] > 0:
            explained = settings.explained_share * min(1.0, below / points[component]) ** 2
            found.append(_evidence(component, slow, points[component] * (1.0 - explained)))
        elif slow.change.deviations < CALM and gaps.get(component, 0.0) < CALM_GAP and lost > 0.01:
            found.append(_unfelt(component, slow, lost))
    return tuple(found)


def _points(slow: _Slow, settings: RootCauseSettings) -> float:
    """Points for the time that an operation takes."""
    return settings.trace_weight * float(np.log1p(max(0.0, slow.change.deviations - TOLERANCE)))


def _slowest(spans: pd.DataFrame) -> dict[str, _Slow]:
    """By component; ties go to the name of the operation."""
    own = spans[~spans["is_waiting"]]
    result: dict[str, _Slow] = {}
    for (component, operation), sides in groups(own, ["component", "operation"], "self_s").items():
        change = compare(*sides, RELATIVE_FLOOR)
        if change is not None and (component not in result or change.deviations > result[component].change.deviations):
            result[component] = _Slow(operation=operation, change=change)
    return result


def _evidence(component: str, slow: _Slow, weight: float) -> Evidence:
    """Say how long the work takes."""
    change = slow.change
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"{slow.operation} itself takes {change.now_s:.4g} s, {change.before_s:.4g} s before.",
        weight=weight,
        numbers={
            "self_before_s": change.before_s,
            "self_now_s": change.now_s,
            "robust_deviations": change.deviations,
        },
    )


def _unfelt(component: str, slow: _Slow, lost: float) -> Evidence:
    """Say that nobody feels the resources."""
    change = slow.change
    return Evidence(
        collector=UNFELT,
        component=component,
        statement=(
            f"Its resources moved, yet its work takes as long as before: at most {change.now_s:.4g} s instead of "
            f"{change.before_s:.4g} s ({slow.operation})."
        ),
        weight=-lost,
        numbers={"self_before_s": change.before_s, "self_now_s": change.now_s},
    )
