"""Calls that became slow between the two ends: the caller waits longer than the callee works.

The gap (client span minus server span) is network, queueing and connection time. A slow network at one component widens
the gaps of all calls to it and of all calls it makes; the sparsest non-negative explanation of all widened gaps by
their two ends says whose it is.
"""

import numpy as np

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.spans import Slowdown, SpanView, compare, groups

NAME = "trace_gap"
RIDGE = 0.3
"""Prefers one culprit at the end of several slow calls to many small ones."""


def collect(view: SpanView, settings: RootCauseSettings) -> tuple[Evidence, ...] | SkippedMethod:
    """Attribute widened gaps to components.

    Parameters
    ----------
    view
        The spans.
    settings
        Gives the weight.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        One a component that some widened gap points to.
    """
    slow: dict[tuple[str, str], Slowdown] = {}
    for (caller, callee), sides in groups(view.spans, ["parent_component", "component"], "gap_s").items():
        change = compare(*sides)
        if change is not None:
            slow[caller, callee] = change
    if not slow:
        return SkippedMethod(name=NAME, reason="No call between components has 3 spans before and 3 in the incident.")
    found = []
    for component, points in attribute({pair: change.deviations for pair, change in slow.items()}).items():
        weight = settings.trace_weight * points
        if weight > 0.01:
            found.append(_evidence(component, slow, weight))
    return tuple(found)


def attribute(deviations: dict[tuple[str, str], float]) -> dict[str, float]:
    """Explain the widening of every gap as the sum of non-negative shares of its two ends.

    Parameters
    ----------
    deviations
        By caller and callee; narrowed gaps count as unchanged.

    Returns
    -------
    dict of str to float
        Points by component, log scale.
    """
    from scipy.optimize import nnls

    pairs = sorted(deviations)
    names = sorted({name for pair in pairs for name in pair})
    column = {name: i for i, name in enumerate(names)}
    rows = np.zeros((len(pairs) + len(names), len(names)))
    wanted = np.zeros(len(rows))
    for i, (caller, callee) in enumerate(pairs):
        rows[i, [column[caller], column[callee]]] = 1.0
        wanted[i] = np.log1p(max(0.0, deviations[caller, callee]))
    rows[len(pairs) :] = RIDGE * np.eye(len(names))
    shares, _ = nnls(rows, wanted)
    return {name: float(shares[i]) for name, i in column.items()}


def _evidence(component: str, slow: dict[tuple[str, str], Slowdown], weight: float) -> Evidence:
    """Name the call of the component that widened most."""
    ends = [pair for pair in slow if component in pair]
    caller, callee = max(ends, key=lambda pair: (slow[pair].deviations, pair))
    change = slow[caller, callee]
    statement = (
        f"Calls from {caller} to {callee} wait {change.now_s:.4g} s outside the callee, "
        f"{change.before_s:.4g} s before; {len(ends)} kinds of calls touch {component}."
    )
    return Evidence(
        collector=NAME,
        component=component,
        statement=statement,
        weight=weight,
        numbers={"gap_before_s": change.before_s, "gap_now_s": change.now_s, "robust_deviations": change.deviations},
    )
