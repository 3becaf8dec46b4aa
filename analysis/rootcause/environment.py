"""What those that moved share: a host, a zone.

Far more of them in one place than chance would put there (tail of the hypergeometric distribution over the measured
components, times the number of places tried) point to a noisy neighbour: the one whose resources moved, without more to
do, is accused a little, and those there that mainly became slow lose a part of their points. Where nobody's resources
stand out the place itself may be ill, so it is only told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import comb, log1p

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.metrics import MetricFindings
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.surge import measure_rises

NAME = "environment"
PLACES = frozenset({"host", "node", "machine", "server", "vm", "rack", "cluster", "zone", "datacenter", "region"})
"""Keys of attributes that say where a component runs; others, such as its team, cannot slow it down."""
LARGEST_CHANCE = 0.1
LEAST_SCORE = 3.0
"""Points of metrics, less what dependencies explain, from which a component has moved: twice what noise reaches."""
LEAST_SHARE = 0.2
"""The same, as a part of the strongest one's points."""
MOST_TAKEN = 4.0
"""Points for latency and errors, of which a slowed neighbour loses its part at most: a place is weak evidence."""
FEWEST = 2
"""Components of a place that must have moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One value of one attribute in which components moved together."""

    key: str
    value: str
    moved: frozenset[str]
    n_moved: int
    n_there: int
    n_known: int
    chance: float


def collect(
    observation: Observation, metrics: MetricFindings, scores: Mapping[str, float], settings: RootCauseSettings
) -> tuple[Evidence, ...] | SkippedMethod:
    """Look for a place in which far more moved than chance would have it.

    Parameters
    ----------
    observation
        Gives the attributes and the series.
    metrics
        Points for resources and for latency and errors.
    scores
        Of every component, from the metrics and the position.
    settings
        Gives the weight: the part of its points that a slowed neighbour loses, and that of the noisy one's evidence.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        One for each component that moved in such a place: that with the smallest chance.
    """
    if settings.environment_weight == 0:
        return SkippedMethod(name=NAME, reason="It is switched off.")
    if observation.series is None:
        return SkippedMethod(name=NAME, reason="The situation has no metric values.")
    members = _members(observation)
    if not members:
        return SkippedMethod(name=NAME, reason="Nobody says on which hosts or in which zones the components run.")
    least = max(LEAST_SCORE, LEAST_SHARE * max(scores.values(), default=0.0))
    moved = frozenset(name for name, score in scores.items() if score >= least)
    risen = measure_rises(observation.series)
    best: dict[str, Evidence] = {}
    for place in _crowded(members, moved):
        noisy = [name for name in sorted(place.moved) if name not in risen and _is_noisy(name, metrics)]
        for name in sorted(place.moved):
            best.setdefault(name, _evidence(name, place, noisy, scores[name], metrics, settings))
    return tuple(best[name] for name in sorted(best))


def chance_of(k: int, *, moved: int, there: int, known: int) -> float:
    """Probability that so many of those that moved are in one place by chance.

    Parameters
    ----------
    k
        Components that moved there.
    moved
        Components that moved anywhere.
    there
        Components of the place.
    known
        All components.

    Returns
    -------
    float
        P(X >= k) of the hypergeometric distribution.
    """
    ways = (comb(there, i) * comb(known - there, moved - i) for i in range(k, min(there, moved) + 1))
    return sum(ways) / comb(known, moved)


def _members(observation: Observation) -> dict[str, dict[str, frozenset[str]]]:
    """Measured components by key and value."""
    found: dict[str, dict[str, set[str]]] = {}
    measured = {key.component for key in observation.series.keys} if observation.series else set()
    for name in sorted(measured & set(observation.situation.attributes or {})):
        for key, values in (observation.situation.attributes or {})[name].items():
            for value in values if key.lower() in PLACES else ():
                found.setdefault(key, {}).setdefault(value, set()).add(name)
    return {key: {value: frozenset(names) for value, names in places.items()} for key, places in found.items()}


def _crowded(members: Mapping[str, Mapping[str, frozenset[str]]], moved: frozenset[str]) -> Iterable[_Place]:
    """Places where more moved than chance allows, the least likely first."""
    tried = sum(len(names) >= FEWEST for places in members.values() for names in places.values())
    found = []
    for key, places in members.items():
        known = frozenset[str]().union(*places.values())
        here = known & moved
        for value, names in places.items():
            both = names & moved
            chance = tried * chance_of(len(both), moved=len(here), there=len(names), known=len(known))
            if len(both) >= FEWEST and chance <= LARGEST_CHANCE:
                found.append(
                    _Place(
                        key=key,
                        value=value,
                        moved=both,
                        n_moved=len(here),
                        n_there=len(names),
                        n_known=len(known),
                        chance=chance,
                    )
                )
    return sorted(found, key=lambda place: (place.chance, place.key, place.value))


def _is_noisy(component: str, metrics: MetricFindings) -> bool:
    """Whether its resources moved, and more than its latency and errors."""
    used = metrics.saturation.get(component, 0.0)
    return used >= LEAST_SCORE and used > metrics.symptom.get(component, 0.0)


def _evidence(
    component: str,
    place: _Place,
    noisy: list[str],
    score: float,
    metrics: MetricFindings,
    settings: RootCauseSettings,
) -> Evidence:
    """What the place says of one component in it."""
    told = (
        f"{len(place.moved)} of the {place.n_moved} components that moved run on {place.key} {place.value}, "
        f"where {place.n_there} of {place.n_known} are"
    )
    weight, why = 0.0, ""
    if component in noisy:
        weight = settings.environment_weight * log1p(len(place.moved))
        why = ", and its resources moved without more traffic"
    elif noisy:
        weight = -settings.environment_weight * min(score, metrics.symptom.get(component, 0.0), MOST_TAKEN)
        why = f", and {' and '.join(noisy)} may slow it down from there"
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"{told}{why}.",
        weight=weight,
        numbers={"moved_there": float(len(place.moved)), "there": float(place.n_there), "chance": place.chance},
    )
