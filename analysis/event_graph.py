"""How the events of one incident hang together: which could have led to which, where it began, and whom it touched.

An event can lead to a later one in the same component or in a direct caller of it, and only soon after; a change can
also lead to a simultaneous event. That is possibility, not proof: the root cause is for ``rootcause`` to name.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import networkx as nx

from analysis.events import Event, EventKind
from analysis.topology import DependencyGraph

CHANGES = frozenset({EventKind.CHANGE, EventKind.DEPLOY, EventKind.ACTION})
"""What comes from outside of the system and can lead to what is seen at the same time."""


class EventGraph:
    """The events of an incident as a directed graph without cycles.

    Parameters
    ----------
    events
        Any order; equal ones are united.
    graph
        Who calls whom; trouble travels from callee to caller.
    window_s
        Longest time from one event to the next, seconds.

    Attributes
    ----------
    timeline
        All events in the order of time.
    """

    def __init__(self, events: Iterable[Event], graph: DependencyGraph, *, window_s: float = 300.0) -> None:
        self.timeline: tuple[Event, ...] = tuple(sorted(set(events), key=_order))
        self._topology = graph
        self._links = nx.DiGraph()
        self._links.add_nodes_from(self.timeline)
        window = timedelta(seconds=window_s)
        for i, earlier in enumerate(self.timeline):
            heirs = {earlier.component, *graph.dependents_of(earlier.component)}
            for later in self.timeline[i + 1 :]:
                if later.at - earlier.at > window:
                    break
                if later.component in heirs and _can_lead(earlier, later):
                    self._links.add_edge(earlier, later)

    @property
    def links(self) -> tuple[tuple[Event, Event], ...]:
        """Pairs of which the first can have led to the second, in the order of time."""
        return tuple(sorted(self._links.edges, key=lambda pair: (_order(pair[0]), _order(pair[1]))))

    @property
    def roots(self) -> tuple[Event, ...]:
        """Events that nothing earlier can have led to, in the order of time."""
        return tuple(event for event in self.timeline if self._links.in_degree(event) == 0)

    def critical_path(self) -> tuple[Event, ...]:
        """The heaviest chain of events that can have led to each other.

        Returns
        -------
        tuple of Event
            In the order of time; of equally heavy chains the one that is found first. Empty without events.
        """
        best: dict[Event, tuple[float, tuple[Event, ...]]] = {}
        for event in self.timeline:
            before = [best[source] for source in self._links.predecessors(event)]
            weight, path = max(before, key=lambda item: (item[0], -len(item[1])), default=(0.0, ()))
            best[event] = (weight + event.weight, (*path, event))
        return max(best.values(), key=lambda item: item[0], default=(0.0, ()))[1]

    def consequences_of(self, event: Event) -> tuple[Event, ...]:
        """Everything that an event can have led to.

        Parameters
        ----------
        event
            One of the time line; any other has no consequences.

        Returns
        -------
        tuple of Event
            In the order of time.
        """
        if event not in self._links:
            return ()
        return tuple(sorted(nx.descendants(self._links, event), key=_order))


def blast_radius(component: str, affected: Sequence[str], graph: DependencyGraph) -> dict[str, tuple[str, ...]]:
    """Whom the failure of a component touches.

    Parameters
    ----------
    component
        The one that fails.
    affected
        Components with an anomaly.
    graph
        Who calls whom.

    Returns
    -------
    dict of str to tuple of str
        ``impacted``: affected components that depend on it, directly or not; ``at_risk``: those that depend on it and
        show nothing yet; ``unrelated``: affected ones that do not depend on it. Each sorted, without itself.
    """
    above = set(graph.upstream_of(component))
    odd = set(affected) - {component}
    return {
        "impacted": tuple(sorted(above & odd)),
        "at_risk": tuple(sorted(above - odd)),
        "unrelated": tuple(sorted(odd - above)),
    }


def _order(event: Event) -> tuple[object, ...]:
    """Time first; at the same time changes come before what they bring about."""
    return (event.at, event.kind not in CHANGES, event)


def _can_lead(earlier: Event, later: Event) -> bool:
    """Whether the order in time allows it."""
    return earlier.at < later.at or (earlier.kind in CHANGES and later.kind not in CHANGES)
