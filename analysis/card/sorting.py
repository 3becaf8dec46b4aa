"""Who belongs into which bucket of the card."""

from dataclasses import dataclass

from analysis.card.scene import Scene, steps
from analysis.card.values import Bucket, EntryPoint

MOST_CRITICAL = 3
FELT_SHARE = 0.4
"""Part of the gravest symptom, on its logarithmic scale, from which another one counts beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Every component that concerns the incident, in at most one bucket.

    Parameters
    ----------
    critical
        Gravest first.
    affected
        Those that depend on the root cause first.
    at_risk
        With the calls from each down to the trouble, nearest first.
    """

    critical: tuple[str, ...]
    affected: tuple[str, ...]
    at_risk: dict[str, int]

    def bucket_of(self, component: str, cause: str) -> Bucket:
        """Look up where a component stands; ``cause`` is the root cause, empty if none is named."""
        if component == cause:
            return Bucket.ROOT_CAUSE
        if component in self.critical:
            return Bucket.CRITICAL_FAILURE
        if component in self.at_risk:
            return Bucket.AT_RISK
        return Bucket.AFFECTED if component in self.affected else Bucket.NONE


def sort_components(scene: Scene) -> Sorted:
    """Put every odd component, and everyone who depends on the trouble, into one bucket.

    Parameters
    ----------
    scene
        What is known.

    Returns
    -------
    Sorted
        Disjoint; the root cause is in none of the lists. Without a named cause everyone above an odd component is at
        risk.
    """
    cause = scene.cause.component if scene.cause else ""
    critical = _find_critical(scene, cause)
    rest = set(scene.odd) - {cause, *critical}
    affected = sorted(rest, key=lambda name: (name not in scene.steps_up, -scene.strength_of(name), name))
    above = steps(scene.graph, [cause] if cause else sorted(scene.odd))
    taken = {cause, *critical, *rest}
    return Sorted(
        critical=critical,
        affected=tuple(affected),
        at_risk={name: n for name, n in above.items() if name not in taken},
    )


def _find_critical(scene: Scene, cause: str) -> tuple[str, ...]:
    """The highest of those that callers feel, and the target; where callers of the root cause are known, only those."""
    strengths = {name: scene.strength_of(name) for name in scene.odd}
    limit = max(FELT_SHARE * max(strengths.values(), default=0.0), 1e-9)
    felt = {name for name, strength in strengths.items() if strength >= limit and name != cause}
    if scene.steps_up:
        felt = {name for name in scene.steps_up if strengths.get(name, 0.0) > 0}
        most = max((strengths[name] for name in felt), default=0.0)
        felt = {name for name in felt if strengths[name] >= FELT_SHARE * most}
    found = sorted(_highest(scene, felt), key=lambda name: (-strengths[name], name))
    if scene.target and scene.target != cause:
        found = [scene.target, *(name for name in found if name != scene.target)]
    return tuple(found[:MOST_CRITICAL])


def _highest(scene: Scene, names: set[str]) -> set[str]:
    """Those that no other one depends on; a circle of calls counts as one component."""
    circle = {name: group for group in scene.graph.cycles() for name in group}
    groups = {circle.get(name, (name,)) for name in names}
    edge: set[str] = set()
    for group in groups:
        edge |= {below for name in group for below in scene.graph.dependencies_of(name)} - set(group)
    reached = set(edge)
    while edge:
        edge = {below for name in edge for below in scene.graph.dependencies_of(name)} - reached
        reached |= edge
    return names - reached


def find_entry_points(scene: Scene, found: Sorted) -> tuple[EntryPoint, ...]:
    """Where users may meet the trouble: components of a bucket that nobody else is known to call.

    Parameters
    ----------
    scene
        Gives the calls.
    found
        Who is in which bucket.

    Returns
    -------
    tuple of EntryPoint
        Those in trouble first, then by name. A component outside of the graph is none: nobody knows who calls it.
    """
    cause = scene.cause.component if scene.cause else ""
    names = {cause, *found.critical, *found.affected, *found.at_risk} & set(scene.graph.components)
    order = list(Bucket)
    points = [
        EntryPoint(component=name, bucket=found.bucket_of(name, cause))
        for name in sorted(names)
        if not scene.graph.dependents_of(name)
    ]
    return tuple(sorted(points, key=lambda point: (order.index(point.bucket), point.component)))
