"""The pure function from what is known of an incident to its card."""

from collections.abc import Iterator

from analysis.card import buckets
from analysis.card.buckets import listed
from analysis.card.scene import Scene, say
from analysis.card.sorting import Sorted, find_entry_points, sort_components
from analysis.card.story import Story
from analysis.card.values import CardLimits, CriticalFailure, IncidentCard, Moment, Relation, RootCauseBucket
from analysis.event_graph import EventGraph, window_of
from analysis.events import Event, EventKind, from_anomalies, from_table
from analysis.findings import CauseCategory, RootCauseAnalysis
from analysis.rootcause.observation import observe
from analysis.series_events import from_series
from analysis.situation import Situation
from models.frames import to_datetime

REACH_STEPS = 2
"""What was odd so many steps before the end still lasts."""

CLEAR_ORDER_S = 1.0
"""Events of several components that all lie closer together are in no order that can be trusted."""


def make_card(scene: Scene) -> IncidentCard:
    """Put an incident on one card.

    Parameters
    ----------
    scene
        What is known; analysis, events and calls may each be absent.

    Returns
    -------
    IncidentCard
        Pure and deterministic. Every list is limited; ``left_out`` counts the rest.
    """
    found = sort_components(scene)
    story = Story(scene, found)
    timeline, roots, path, tree = story.timeline(), story.root_events(), story.critical_path(), story.event_tree()
    most = scene.limits.components
    entries = find_entry_points(scene, found)
    left_out = {
        "affected": len(found.affected) - most,
        "at_risk": len(found.at_risk) - most,
        "entry_points": len(entries) - most,
        "timeline": timeline[1],
        "event_tree": tree[1],
        "root_events": roots[1],
        "critical_path": path[1],
    }
    root, critical = buckets.make_root_cause(scene), buckets.make_critical_failure(scene, found)
    impact, times = buckets.make_impact(scene, found), story.times()
    return IncidentCard(
        headline=_headline(scene, root, critical),
        caveats=tuple(_caveats(scene, path[0])),
        root_cause=root,
        critical_failure=critical,
        impact=impact,
        entry_points=entries[:most],
        propagation=_propagation(scene, found),
        times=times,
        timeline=timeline[0],
        event_tree=tree[0],
        root_events=roots[0],
        critical_path=path[0],
        left_out={name: n for name, n in left_out.items() if n > 0},
    )


def card_of_situation(
    situation: Situation, analysis: RootCauseAnalysis | None, limits: CardLimits | None = None
) -> IncidentCard:
    """Put a recorded case, or a live window, on one card.

    The events are the anomalies of the situation; without any, the series that moved (see ``series_events``). The rows
    of its table of events come on top.

    Parameters
    ----------
    situation
        The observed world; every part may be absent.
    analysis
        Of that situation.
    limits
        Of the lists; None takes the defaults.

    Returns
    -------
    IncidentCard
        Pure and deterministic.
    """
    view = (observation := observe(situation)).series
    events: list[Event] = list(from_anomalies(situation.anomalies))
    if not events and view is not None:
        events += from_series(view)
    if situation.events is not None:
        events += from_table(situation.events)
    step_s = situation.frame.step_s if situation.frame is not None else 0.0
    last_seen = [to_datetime(view.times[-1])] if view is not None else []
    return make_card(
        Scene(
            analysis=analysis,
            events=EventGraph(events, observation.graph, window_s=window_of(step_s)),
            graph=observation.graph,
            detected_at=situation.detected_at,
            seen_until=max([situation.detected_at, *last_seen, *(event.at for event in events)]),
            target=situation.target.component if situation.target is not None else "",
            measured=frozenset(key.component for key in view.keys) if view is not None else None,
            reach_s=REACH_STEPS * step_s,
            limits=limits or CardLimits(),
        )
    )


def _propagation(scene: Scene, found: Sorted) -> tuple[str, ...]:
    """From the root cause to the first critical failure that it can reach, through odd components where possible."""
    if scene.cause is None:
        return ()
    cost = dict.fromkeys(scene.odd, 0.1)
    paths = (scene.graph.propagation(scene.cause.component, name, cost) for name in found.critical)
    return next((path for path in paths if len(path) > 1), scene.cause.propagation)


def _headline(scene: Scene, root: RootCauseBucket, critical: CriticalFailure) -> str:
    """Who suffers from whom."""
    names = [party.component for party in critical.parties]
    who = f"{listed(names)} suffer{'s' if len(names) == 1 else ''}" if names else ""
    if root.component:
        what = "" if root.category is CauseCategory.UNKNOWN else f"{root.category.lower()}, "
        cause = f"{root.component} ({what}{root.confidence:.0%} sure){_first_sign(scene, root)}"
        if not names:
            return f"The trouble is in {cause}"
        is_linked = critical.parties[0].relation is Relation.DEPENDS_ON_ROOT_CAUSE
        return f"{who} from {cause}" if is_linked else f"{who}; most likely the cause is {cause}"
    if names:
        return f"{who}; the root cause is not known."
    return "Components are odd; the root cause is not known." if scene.odd else "Nothing odd was seen."


def _caveats(scene: Scene, path: tuple[Moment, ...]) -> Iterator[str]:
    """What to mind before trusting the card."""
    cause = scene.cause.component if scene.cause else ""
    if not scene.graph.edges:
        yield "No calls between components are known: who depends on whom is not told."
    elif cause and cause not in scene.graph:
        yield f"{cause} is not among the components whose calls are known."
    if cause and cause not in scene.odd:
        yield f"No event of {cause} itself was seen; it is named for other evidence."
    elif cause and path and all(moment.component != cause for moment in path):
        yield f"The heaviest chain of events begins at {path[0].component} and does not touch {cause}: look at both."
    yield from _order_caveat(scene)


def _order_caveat(scene: Scene) -> Iterator[str]:
    """Whether the times of the events tell who came first."""
    times = [event.at for events in scene.odd.values() for event in events]
    span_s = (max(times) - min(times)).total_seconds() if len(scene.odd) > 1 else CLEAR_ORDER_S
    if span_s == 0:
        yield "All events have the same time: only the calls order them."
    elif span_s < CLEAR_ORDER_S:
        yield f"All events lie within {span_s:.3g} s: their order says little."


def _first_sign(scene: Scene, root: RootCauseBucket) -> str:
    """What was seen of the root cause, in few words."""
    own = [event for event in scene.odd.get(root.component, ()) if event.kind is EventKind.ANOMALY]
    return f": {say(own[0])}." if own else f". {root.evidence[0]}" if root.evidence else "."
