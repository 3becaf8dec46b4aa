"""Where the trouble is felt: the target if one is named, else the odd component furthest up the calls."""

from analysis.rootcause.fusion import Verdict
from analysis.rootcause.observation import Observation

ODD_SHARE = 0.25
"""Part of the strongest candidate's supporting weight from which a component counts as odd."""


def find_symptom(observation: Observation, verdict: Verdict) -> str:
    """Name the component where the incident shows to its users.

    Parameters
    ----------
    observation
        Target and graph.
    verdict
        Evidence of every component.

    Returns
    -------
    str
        The target's component; else, among the odd components that the first of the ranking can reach upwards, the one
        with the most dependencies below it; empty if there is none.
    """
    if observation.situation.target is not None:
        return observation.situation.target.component
    if not verdict.ranking:
        return ""
    moved = {name: sum(item.weight for item in items if item.is_supporting) for name, items in verdict.evidence.items()}
    limit = ODD_SHARE * max(moved.values(), default=0.0)
    above = observation.graph.upstream_of(verdict.ranking[0])
    odd = [name for name in above if moved.get(name, 0.0) > limit]
    return max(odd, key=lambda name: (observation.graph.n_below(name), name), default="")
