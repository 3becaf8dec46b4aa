"""The three buckets, filled: who is in them and why, or why nobody is."""

from collections.abc import Sequence

from analysis.card.scene import Scene
from analysis.card.sorting import Sorted
from analysis.card.values import CriticalFailure, Impact, Party, Relation, RootCauseBucket, Suspect
from analysis.findings import CauseCategory, RootCauseAnalysis

MOST_SUSPECTS = 3


def make_root_cause(scene: Scene) -> RootCauseBucket:
    """Fill the first bucket: what broke.

    Parameters
    ----------
    scene
        What is known.

    Returns
    -------
    RootCauseBucket
        Empty, with the reason and the suspects, where no cause is named.
    """
    analysis, cause = scene.analysis, scene.cause
    if analysis is None:
        return _unnamed(float("nan"), "The incident has not been analysed yet.")
    if cause is None:
        first = analysis.ranking[0] if analysis.possible_causes else ""
        why = f"{first} comes first, but with a confidence of {analysis.confidence:.0%} only." if first else ""
        return _unnamed(
            analysis.confidence, f"Not enough evidence. {why or 'No component stands out.'}", _suspects(analysis, 0)
        )
    ranked = sorted(cause.evidence, key=lambda item: -abs(item.weight))
    return RootCauseBucket(
        component=cause.component,
        category=cause.category,
        confidence=analysis.confidence,
        statement=cause.description,
        evidence=tuple(e.statement for e in ranked if e.is_supporting)[: scene.limits.evidence],
        against=tuple(e.statement for e in ranked if not e.is_supporting)[: scene.limits.evidence],
        suspects=_suspects(analysis, 1),
    )


def _unnamed(confidence: float, why: str, suspects: tuple[Suspect, ...] = ()) -> RootCauseBucket:
    return RootCauseBucket(
        component="",
        category=CauseCategory.UNKNOWN,
        confidence=confidence,
        statement="No root cause is named.",
        why_empty=why,
        suspects=suspects,
    )


def _suspects(analysis: RootCauseAnalysis, first: int) -> tuple[Suspect, ...]:
    return tuple(
        Suspect(component=cause.component, category=cause.category, likelihood=cause.likelihood)
        for cause in analysis.possible_causes[first : first + MOST_SUSPECTS]
    )


def make_critical_failure(scene: Scene, found: Sorted) -> CriticalFailure:
    """Fill the second bucket: where its users feel it.

    Parameters
    ----------
    scene
        What is known.
    found
        Who is in it.

    Returns
    -------
    CriticalFailure
        Says why, for each component, or why there is none.
    """
    parties = tuple(_party(scene, name, _why_critical(scene, name)) for name in found.critical)
    return CriticalFailure(parties=parties, why_empty="" if parties else _why_none_critical(scene))


def _why_critical(scene: Scene, name: str) -> str:
    if not scene.strength_of(name):
        return "The symptom that is asked about, though neither latency nor errors of it left their band."
    if name == scene.target:
        return "The symptom that is asked about; its latency or errors left their band."
    if name not in scene.graph:
        return "It has the gravest latency or errors; no calls to or from it are known."
    callers = scene.graph.dependents_of(name)
    if not callers:
        return "It has latency or errors, and nobody else is known to call it: its users are outside."
    if set(callers) & set(scene.graph.distances_from(name, at_most=len(scene.graph))):
        return "Among the gravest latency or errors of components that call each other in circles."
    return f"The highest up the calls with grave latency or errors; called by {_count(len(callers), 'component')}."


def _why_none_critical(scene: Scene) -> str:
    if not scene.odd:
        return "Nothing was seen to be odd."
    if scene.cause and scene.strength_of(scene.cause.component):
        where = "none of those above it does" if scene.steps_up else "nobody is known to call it"
        name = scene.cause.component
        return f"The root cause, {name}, shows latency or errors itself, and {where}: users feel it there, if at all."
    if scene.steps_up:
        return "None of those that depend on the root cause shows latency or errors: users may not feel it."
    return "No component shows grave latency or errors: users may not feel it."


def make_impact(scene: Scene, found: Sorted) -> Impact:
    """Fill the third bucket: whom else it touches.

    Parameters
    ----------
    scene
        What is known.
    found
        Who is in it.

    Returns
    -------
    Impact
        Lists as long as the limits allow, and why one is empty.
    """
    most = scene.limits.components
    affected = tuple(_party(scene, name, _why_affected(scene, name)) for name in found.affected[:most])
    at_risk = tuple(_party(scene, name, _why_at_risk(scene, name, n)) for name, n in list(found.at_risk.items())[:most])
    return Impact(
        affected=affected,
        at_risk=at_risk,
        why_none_affected="" if affected else f"No {'further ' if scene.odd else ''}component was seen to be odd.",
        why_none_at_risk="" if at_risk else _why_none_at_risk(scene),
    )


def _why_affected(scene: Scene, name: str) -> str:
    mine = scene.odd[name]
    calls = _count(scene.steps_up.get(name, 0), "call")
    how = {
        Relation.DEPENDS_ON_ROOT_CAUSE: f"It depends on the root cause, {calls} away",
        Relation.CALLED_BY_ROOT_CAUSE: "The root cause calls it, directly or not",
        Relation.NO_KNOWN_CALLS: "It is odd too, but no chain of calls to the root cause is known",
        Relation.NO_ROOT_CAUSE: "It was seen to be odd",
    }[scene.relation_of(name)]
    return f"{how}; {_count(len(mine), 'event')} since {min(event.at for event in mine):%H:%M:%S}."


def _why_at_risk(scene: Scene, name: str, calls: int) -> str:
    what = "the root cause" if scene.cause else "an odd component"
    if scene.measured is None:
        state = "no alert names it"
    else:
        state = "calm so far" if name in scene.measured else "it is not measured, so nobody can tell how it is"
    return f"It depends on {what}, {_count(calls, 'call')} away; {state}."


def _why_none_at_risk(scene: Scene) -> str:
    if not scene.graph.edges:
        return "No calls between components are known, so nobody can be named."
    if scene.cause is None:
        return "Nobody calm is known to depend on an odd component."
    name = scene.cause.component
    if name not in scene.graph:
        return f"No calls to {name} are known, so nobody can be named."
    if not scene.steps_up:
        return f"Nobody is known to call {name}."
    return f"Everyone who is known to depend on {name} is odd already."


def _party(scene: Scene, name: str, statement: str) -> Party:
    return Party(
        component=name,
        statement=statement,
        evidence=scene.evidence_of(name),
        relation=scene.relation_of(name),
        calls_away=scene.steps_up.get(name),
        is_measured=None if scene.measured is None else name in scene.measured,
        is_ongoing=scene.is_ongoing(name),
    )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first of some names, and how many more there are.

    Parameters
    ----------
    names
        At least one.
    most
        Names to list.

    Returns
    -------
    str
        For example ``a, b and 3 more``.
    """
    more = len(names) - most
    shown = list(names[:most])
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
