"""Where a component stands in the call graph: a symptom that its callees show as well is theirs rather than its own.

A soft traversal. Only latency and errors travel from callee to caller, so only they can be explained away, and only as
far as the callee is about as odd as the caller: a graph that is wrong finds few such pairs and costs little.

A callee that is known only as others see it, without resources and calls of its own, may be another name of something
that its caller calls as well: an address, a load balancer. So what it shows can also be explained by such a sibling.
"""

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.kinds import MetricKind
from analysis.rootcause.metrics import MetricFindings
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings

NAME = "position"
SIBLING_SHARE = 0.8
"""Largest part that a sibling explains: less than a callee, as nobody knows that the two are the same."""
SLACK = 0.5
"""Points by which a callee must exceed its caller to explain all of it; keeps noise from explaining noise."""


def collect(
    observation: Observation, metrics: MetricFindings, settings: RootCauseSettings
) -> tuple[Evidence, ...] | SkippedMethod:
    """Take from every component the part of its symptom that its dependencies explain.

    Parameters
    ----------
    observation
        Gives the graph.
    metrics
        Symptom and strength of every component.
    settings
        Largest part, reach and decay.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        Negative weights.
    """
    if not observation.graph.edges:
        return SkippedMethod(name=NAME, reason="No call between components is known.")
    if settings.explained_share == 0:
        return SkippedMethod(name=NAME, reason="It is switched off.")
    found = []
    views = _views(observation)
    for component, symptom in sorted(metrics.symptom.items()):
        share, callee, steps = explain(component, observation, metrics, settings)
        if component in views:
            share, callee, steps = max(
                (share, callee, steps), (*_explain_by_sibling(component, observation, metrics), 0), key=lambda x: x[0]
            )
        weight = -settings.explained_share * share * symptom
        if weight < -0.01:
            found.append(_evidence(component, callee, steps, share, weight))
    return tuple(found)


def _views(observation: Observation) -> set[str]:
    """Components that are known only as their callers see them."""
    view, graph = observation.series, observation.graph
    if view is None:
        return set()
    measured = {key.component for key, kind in zip(view.keys, view.kinds, strict=True) if kind is MetricKind.SATURATION}
    leaves = {key.component for key in view.keys if not graph.dependencies_of(key.component)}
    return leaves - measured


def _explain_by_sibling(component: str, observation: Observation, metrics: MetricFindings) -> tuple[float, str]:
    """How much of a leaf's symptom another callee of its callers explains; one that calls the leaf explains nothing."""
    graph = observation.graph
    siblings = {s for caller in graph.dependents_of(component) for s in graph.dependencies_of(caller)} - {component}
    inner = [s for s in sorted(siblings) if graph.dependencies_of(s)]
    strongest = sorted(inner, key=lambda s: (-metrics.strength.get(s, 0.0), s))
    best = next((s for s in strongest if not graph.reaches(s, component)), "")
    own, other = metrics.strength.get(component, 0.0), metrics.strength.get(best, 0.0)
    return SIBLING_SHARE * min(1.0, other / (own + SLACK)) ** 2, best


def explain(
    component: str, observation: Observation, metrics: MetricFindings, settings: RootCauseSettings
) -> tuple[float, str, int]:
    """How much of a component's symptom its strongest dependency explains.

    Parameters
    ----------
    component
        The caller.
    observation
        Gives the graph.
    metrics
        Strength of every component.
    settings
        Reach and decay.

    Returns
    -------
    float
        In [0, 1].
    str
        The dependency; empty if there is none.
    int
        Calls between the two.
    """
    own = metrics.strength.get(component, 0.0)
    best = (0.0, "", 0)
    reached = observation.graph.distances_from(component, at_most=settings.explained_steps)
    for callee, steps in sorted(reached.items()):
        ratio = min(1.0, metrics.strength.get(callee, 0.0) / (own + SLACK))
        share = ratio**2 * settings.explained_decay ** (steps - 1)
        if share > best[0]:
            best = (share, callee, steps)
    return best


def _evidence(component: str, callee: str, steps: int, share: float, weight: float) -> Evidence:
    """One sentence on the callee."""
    how = (
        "which it calls" if steps == 1 else f"{steps} calls further down" if steps else "which its caller calls as well"
    )
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"{share:.0%} of its symptom is explained by {callee}, {how}.",
        weight=weight,
        numbers={"explained_share": share, "calls": float(steps)},
    )
