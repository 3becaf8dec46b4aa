"""More work than usual: a rise of traffic that comes in from above is not the fault of those who have to do it.

Traffic runs from caller to callee, the other way than latency and errors. Where the traffic of a component rose as
clearly as that of one of its callers, the load that the component shows is explained; where no caller's traffic rose,
that is where the surge comes in.
"""

import numpy as np

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.kinds import MetricKind
from analysis.rootcause.observation import Observation, SeriesView
from analysis.rootcause.onset import ODD_DEVIATION
from analysis.rootcause.settings import RootCauseSettings

NAME = "surge"
LEAST_GROWTH = 1.25
"""Traffic now over traffic before, from which a rise is a surge."""
STEP_ROWS = 10
LEAST_STEP = 0.5
"""Part of the rise that must come within 10 rows of the onset: mornings rise as well, but slowly."""
FEWEST_RISEN = 2
"""Components below the origin that a surge must reach."""


def collect(
    observation: Observation, scores: dict[str, float], settings: RootCauseSettings
) -> tuple[Evidence, ...] | SkippedMethod:
    """Move the blame for a surge to where it comes in.

    Parameters
    ----------
    observation
        Series and graph.
    scores
        Of every component, from the metrics and the position.
    settings
        Gives the largest part that is explained away.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        Negative weights below the origin of the surge, a positive one for the origin.
    """
    if observation.series is None or not observation.graph.edges or settings.explained_share == 0:
        return SkippedMethod(name=NAME, reason="There are no metrics, no known calls, or it is switched off.")
    rises = measure_rises(observation.series)
    found = []
    origins = [c for c in sorted(rises) if not _share_from_callers(c, rises, observation)[0]]
    flooded = {c for o in origins if (below := _risen_below(o, rises, observation)) for c in below}
    for component in sorted(flooded):
        share, caller = _share_from_callers(component, rises, observation)
        weight = settings.explained_share * share * max(0.0, scores.get(component, 0.0))
        if weight > 0.01:
            found.append(_taken(component, caller, share, weight))
    given = (
        _given(origin, len(below), float(np.log1p(rises[origin])) * settings.saturation_weight)
        for origin in origins
        if (below := _risen_below(origin, rises, observation))
    )
    return (*found, *given)


def measure_rises(view: SeriesView) -> dict[str, float]:
    """Robust deviations by which the traffic of every component rose.

    Parameters
    ----------
    view
        The series.

    Returns
    -------
    dict of str to float
        Only components whose traffic rose clearly.
    """
    rises: dict[str, float] = {}
    for i, (key, kind) in enumerate(zip(view.keys, view.kinds, strict=True)):
        shift, before, now = (float(x[i]) for x in (view.shift, view.baseline, view.level))
        is_higher = kind is MetricKind.TRAFFIC and shift > ODD_DEVIATION and before > 0 and now > LEAST_GROWTH * before
        if is_higher and _is_sudden(view, i, now - before):
            rises[key.component] = max(shift, rises.get(key.component, 0.0))
    return rises


def _is_sudden(view: SeriesView, column: int, rise: float) -> bool:
    """Whether most of the rise came at the onset."""
    around = [view.values[max(0, view.onset - STEP_ROWS) : view.onset, column], view.values[view.onset :, column]]
    before, behind = (part[~np.isnan(part)] for part in (around[0], around[1][:STEP_ROWS]))
    if not (len(before) and len(behind)):
        return False
    return bool(np.median(behind) - np.median(before) >= LEAST_STEP * rise)


def _share_from_callers(component: str, rises: dict[str, float], observation: Observation) -> tuple[float, str]:
    """How much of a rise the strongest direct caller explains, and who that is."""
    callers = [(rises[c], c) for c in observation.graph.dependents_of(component) if c in rises]
    if not callers:
        return 0.0, ""
    rise, caller = max(callers)
    return float(min(1.0, np.log1p(rise) / np.log1p(rises[component])) ** 2), caller


def _risen_below(origin: str, rises: dict[str, float], observation: Observation) -> tuple[str, ...]:
    """Dependencies of the origin whose traffic rose as well; none if they are too few to be a surge."""
    below = observation.graph.distances_from(origin, at_most=len(observation.graph))
    risen = tuple(sorted(set(below) & set(rises)))
    return risen if len(risen) >= FEWEST_RISEN else ()


def _taken(component: str, caller: str, share: float, weight: float) -> Evidence:
    """What the caller's surge explains."""
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"{share:.0%} of its load is explained by the surge of traffic that {caller} passes on.",
        weight=-weight,
        numbers={"explained_share": share},
    )


def _given(component: str, n_below: int, weight: float) -> Evidence:
    """What speaks for the origin."""
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"Its traffic surged without that of a caller, and that of {n_below} components below with it.",
        weight=weight,
        numbers={"components_below": float(n_below)},
    )
