"""Calls that stopped or began: how many child spans an operation starts, before and during the incident.

A component that returns early, fails, or runs new code changes what its operations call. The change is that of the
component that should have called, not of those that are no longer called.
"""

from typing import Any

import numpy as np

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.spans import SpanView

NAME = "trace_fanout"
FEWEST_PARENTS = 5
"""Parent spans on each side before a rate is compared."""
TOLERANCE = 3.0
"""Standard errors that chance is granted."""


def collect(view: SpanView, settings: RootCauseSettings) -> tuple[Evidence, ...] | SkippedMethod:
    """Find the operations whose calls changed most, one a component.

    Parameters
    ----------
    view
        The spans.
    settings
        Gives the weight.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        One a component with a change beyond chance.
    """
    spans = view.spans
    parents = spans.groupby(["component", "operation", "is_incident"]).size().to_dict()
    child = ["parent_component", "parent_operation", "component", "operation", "is_incident"]
    children: dict[Any, int] = spans[spans["parent_component"] != ""].groupby(child).size().to_dict()
    best: dict[str, tuple[float, Evidence]] = {}
    compared = 0
    for caller, operation, callee, call in sorted({key[:4] for key in children}):
        n_before, n_now = (parents.get((caller, operation, side), 0) for side in (False, True))
        if min(n_before, n_now) < FEWEST_PARENTS:
            continue
        compared += 1
        k_before, k_now = (children.get((caller, operation, callee, call, side), 0) for side in (False, True))
        before, now = k_before / n_before, k_now / n_now
        error = np.sqrt((k_before + 1) / n_before**2 + (k_now + 1) / n_now**2)
        excess = float(abs(now - before) / error) - TOLERANCE
        if excess > 0 and excess > best.get(caller, (0.0,))[0]:
            names = f"{operation} calls {call} of {callee}"
            best[caller] = (excess, _evidence(caller, names, before, now, settings.trace_weight / 2 * np.log1p(excess)))
    if not compared:
        return SkippedMethod(name=NAME, reason="No operation has 5 spans before and 5 in the incident.")
    return tuple(item for _, item in best.values())


def _evidence(component: str, names: str, before: float, now: float, weight: float) -> Evidence:
    """Say how often the call was made."""
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"{names} {now:.3g} times a span, {before:.3g} before.",
        weight=float(weight),
        numbers={"calls_per_span_before": float(before), "calls_per_span_now": float(now)},
    )
