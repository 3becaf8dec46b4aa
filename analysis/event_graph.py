"""How the events of one incident hang together: which could have led to which, and where it began.

An event can lead to a later one in the same component or in a direct caller of it, and only soon after. At the same
time a change comes before what is seen, and a callee before its caller, unless they call each other in a circle: a
coarse step hides the order. That is possibility, not proof: the root cause is for ``rootcause`` to name.

Simultaneous events of one component are one burst, and a link that follows from two others is left out. Thousands of
events at one moment are therefore one node, and the number of links stays near that of the events.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from itertools import groupby

from analysis.events import Event, EventKind
from analysis.topology import DependencyGraph

CHANGES = frozenset({EventKind.CHANGE, EventKind.DEPLOY, EventKind.ACTION})
"""What comes from outside of the system and can lead to what is seen at the same time."""
FEWEST_WINDOW_S, WINDOW_STEPS = 300.0, 3
"""An event can lead to another one five minutes later, or three steps if these are longer."""
Phase = tuple[datetime, bool, int]
HEAVIEST = 1e6
"""No event weighs more in a chain: sums stay finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What one component showed at one moment, or what was done to it.

    Parameters
    ----------
    at
        UTC.
    component
        Whom it is about.
    is_change
        Whether it is made of changes; the other kinds form a burst of their own.
    level
        Of the component in the calls: higher than those of its callees; 0 for changes.
    events
        At least one, the gravest first.
    """

    at: datetime
    component: str
    is_change: bool
    level: int
    events: tuple[Event, ...]

    @property
    def lead(self) -> Event:
        """The gravest of its events."""
        return self.events[0]

    @property
    def weight(self) -> float:
        """That of the lead, finite and not negative: what happens at once cannot form a chain."""
        return _weight(self.lead)

    @property
    def phase(self) -> Phase:
        """Sorts by what can lead to what: time, then changes before what they bring about, then callees first."""
        return (self.at, not self.is_change, self.level)


class EventGraph:
    """The events of an incident as a directed graph without cycles.

    Building it takes about as long as sorting the events, whatever they are.

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
    bursts
        The same events, those of one component and moment together, in the order of time.
    before
        For every burst, the places in ``bursts`` of those that can have led to it directly.
    """

    def __init__(self, events: Iterable[Event], graph: DependencyGraph, *, window_s: float = FEWEST_WINDOW_S) -> None:
        self.timeline: tuple[Event, ...] = tuple(sorted(set(events), key=_order))
        self._topology = graph
        self._levels = levels({event.component for event in self.timeline}, graph)
        self.bursts: tuple[Burst, ...] = tuple(self._find_bursts())
        self._window = timedelta(seconds=window_s)
        self.before: tuple[tuple[int, ...], ...] = self._find_links()
        self._place = {(burst.phase, burst.component): i for i, burst in enumerate(self.bursts)}

    def _find_bursts(self) -> Iterator[Burst]:
        """Unite what one component shows at one moment."""
        ordered = sorted(self.timeline, key=lambda event: (*self._phase(event), event.component))
        for (at, is_seen, level, name), group in groupby(ordered, key=lambda e: (*self._phase(e), e.component)):
            events = sorted(group, key=lambda event: (-_weight(event), event))
            yield Burst(at=at, component=name, is_change=not is_seen, level=level, events=tuple(events))

    def _phase(self, event: Event) -> Phase:
        is_seen = event.kind not in CHANGES
        return (event.at, is_seen, self._levels.get(event.component, 0) if is_seen else 0)

    def _find_links(self) -> tuple[tuple[int, ...], ...]:
        """Link every burst to the latest one of its component and of each of its callees."""
        present = {burst.component for burst in self.bursts}
        callees = {name: [c for c in self._topology.dependencies_of(name) if c in present] for name in present}
        latest: dict[str, int] = {}
        found: list[tuple[int, ...]] = []
        for _, group in groupby(enumerate(self.bursts), key=lambda item: item[1].phase):
            together = list(group)
            found += [self._sources(burst, callees[burst.component], latest) for _, burst in together]
            latest.update((burst.component, i) for i, burst in together)
        return tuple(found)

    def _sources(self, burst: Burst, callees: Sequence[str], latest: dict[str, int]) -> tuple[int, ...]:
        """Places of the latest bursts within the window; one that came before the own latest one led to that."""
        own = self._within(burst, latest.get(burst.component))
        since = self.bursts[own].phase if own is not None else None
        others = (self._within(burst, latest.get(name)) for name in callees)
        near = {i for i in others if i is not None and (since is None or self.bursts[i].phase >= since)}
        return tuple(sorted(near if own is None else near | {own}))

    def _within(self, burst: Burst, place: int | None) -> int | None:
        """The place again, if that burst is recent enough."""
        return None if place is None or burst.at - self.bursts[place].at > self._window else place

    @property
    def links(self) -> tuple[tuple[Event, Event], ...]:
        """Pairs of which the first can have led to the second, in the order of time.

        Of simultaneous events in one component the gravest stands for all as the first of a pair, and a pair that
        follows from others is left out.
        """
        pairs = [(self.bursts[i].lead, later) for n, at in enumerate(self.before) for i in at for later in self._at(n)]
        return tuple(sorted(pairs, key=lambda pair: (_order(pair[0]), _order(pair[1]))))

    def _at(self, place: int) -> tuple[Event, ...]:
        return self.bursts[place].events

    @property
    def roots(self) -> tuple[Event, ...]:
        """Events that nothing earlier can have led to, in the order of time."""
        found = (event for burst, at in zip(self.bursts, self.before, strict=True) if not at for event in burst.events)
        return tuple(sorted(found, key=_order))

    def critical_path(self) -> tuple[Event, ...]:
        """The heaviest chain of events that can have led to each other.

        Returns
        -------
        tuple of Event
            In the order of time; of equally heavy chains the shorter one, then the one that is found first. Events
            without weight are left out where the chain holds without them. Empty without events.
        """
        best: list[tuple[float, int, int]] = []
        for burst, at in zip(self.bursts, self.before, strict=True):
            weight, length, source = max(((best[i][0], best[i][1], -i) for i in at), default=(0.0, 0, 1))
            best.append((weight + burst.weight, length - 1, -source))
        if not best:
            return ()
        place = max(range(len(best)), key=lambda i: (best[i][0], best[i][1], -i))
        path: list[Event] = []
        while place >= 0:
            path.append(self.bursts[place].lead)
            place = best[place][2]
        return self._without_weightless(path[::-1])

    def _without_weightless(self, path: Sequence[Event]) -> tuple[Event, ...]:
        """Drop what weighs nothing, as long as its neighbours can still follow each other."""
        kept: list[Event] = []
        for event, later in zip(path, [*path[1:], None], strict=True):
            is_needed = bool(kept) and later is not None and not self._can_lead(kept[-1], later)
            if _weight(event) > 0 or is_needed or (later is None and not kept):
                kept.append(event)
        return tuple(kept)

    def _can_lead(self, earlier: Event, later: Event) -> bool:
        """Whether time, window and calls allow it."""
        is_near = later.component in {earlier.component, *self._topology.dependents_of(earlier.component)}
        return is_near and self._phase(earlier) < self._phase(later) and later.at - earlier.at <= self._window

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
        start = self._place.get((self._phase(event), event.component))
        if start is None or event not in self.bursts[start].events:
            return ()
        reached = {start}
        for place in range(start + 1, len(self.bursts)):
            if not reached.isdisjoint(self.before[place]):
                reached.add(place)
        found = (other for place in reached - {start} for other in self.bursts[place].events)
        return tuple(sorted(found, key=_order))


def window_of(step_s: float) -> float:
    """Longest time from one event to the next that it can have led to.

    Parameters
    ----------
    step_s
        Between two rows of the metrics, seconds.

    Returns
    -------
    float
        Seconds.
    """
    return max(FEWEST_WINDOW_S, WINDOW_STEPS * step_s)


def levels(names: Collection[str], graph: DependencyGraph) -> dict[str, int]:
    """How high components stand in the calls.

    Parameters
    ----------
    names
        Any; only the calls between them count.
    graph
        Who calls whom.

    Returns
    -------
    dict of str to int
        Above those of all callees; equal among components that call each other in a circle; 0 without callees.
    """
    circle = {name: group for group in graph.cycles() for name in group}
    groups = {name: circle.get(name, (name,)) for name in sorted(names)}
    below: dict[tuple[str, ...], set[tuple[str, ...]]] = {group: set() for group in groups.values()}
    for name, group in groups.items():
        below[group] |= {groups[callee] for callee in graph.dependencies_of(name) if callee in groups} - {group}
    found: dict[tuple[str, ...], int] = {}
    for group in TopologicalSorter(below).static_order():
        found[group] = max((found[callee] + 1 for callee in below[group]), default=0)
    return {name: found[group] for name, group in groups.items()}


def _order(event: Event) -> tuple[object, ...]:
    """Time first; at the same time changes come before what they bring about."""
    return (event.at, event.kind not in CHANGES, event)


def _weight(event: Event) -> float:
    """Finite and not negative."""
    return 0.0 if math.isnan(event.weight) else min(max(event.weight, 0.0), HEAVIEST)
