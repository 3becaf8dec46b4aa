"""Who is odd, and how everyone stands to the root cause: worked out once, for all parts of the card."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from analysis.card.values import CardLimits, Relation
from analysis.event_graph import HEAVIEST, EventGraph
from analysis.events import Event, EventKind
from analysis.findings import PossibleCause, RootCauseAnalysis
from analysis.topology import DependencyGraph

ODD_KINDS = frozenset({EventKind.ANOMALY, EventKind.ALERT})
"""What shows that a component is not as usual."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What a card is made from.

    Parameters
    ----------
    analysis
        None if there is none yet.
    events
        Of the incident.
    graph
        Who calls whom; may be empty.
    detected_at, seen_until
        UTC.
    target
        Component of the symptom that is asked about; empty if none is.
    measured
        Components whose silence means that they are well; None if nobody can tell.
    reach_s
        What was seen so shortly before ``seen_until`` still lasts, seconds.
    limits
        Of the lists.
    """

    analysis: RootCauseAnalysis | None
    events: EventGraph
    graph: DependencyGraph
    detected_at: datetime
    seen_until: datetime
    target: str = ""
    measured: frozenset[str] | None = None
    reach_s: float = 0.0
    limits: CardLimits = field(default_factory=CardLimits)

    @cached_property
    def cause(self) -> PossibleCause | None:
        """The root cause, if one is named."""
        return self.analysis.most_likely_cause if self.analysis else None

    @cached_property
    def odd(self) -> dict[str, tuple[Event, ...]]:
        """By component: its anomalies and alerts, gravest first."""
        found: defaultdict[str, list[Event]] = defaultdict(list)
        for event in self.events.timeline:
            if event.kind in ODD_KINDS:
                found[event.component].append(event)
        return {name: tuple(sorted(mine, key=lambda e: (-e.weight, e))) for name, mine in sorted(found.items())}

    @cached_property
    def steps_up(self) -> dict[str, int]:
        """Calls from every component that depends on the root cause down to it."""
        if self.cause is None:
            return {}
        return steps(self.graph, [self.cause.component])

    @cached_property
    def _below(self) -> frozenset[str]:
        """Everyone whom the root cause calls, directly or not."""
        if self.cause is None:
            return frozenset()
        return frozenset(self.graph.distances_from(self.cause.component, at_most=len(self.graph)))

    def relation_of(self, component: str) -> Relation:
        """How a component stands to the root cause; in a circle of calls, depending on it comes first."""
        if self.cause is None:
            return Relation.NO_ROOT_CAUSE
        if component == self.cause.component:
            return Relation.IS_ROOT_CAUSE
        if component in self.steps_up:
            return Relation.DEPENDS_ON_ROOT_CAUSE
        return Relation.CALLED_BY_ROOT_CAUSE if component in self._below else Relation.NO_KNOWN_CALLS

    def is_ongoing(self, component: str) -> bool | None:
        """Whether it was still odd when last looked at; None if only alerts speak of it, or nothing."""
        ends = [e.at + timedelta(seconds=e.lasted_s) for e in self.odd.get(component, ()) if e.lasted_s > 0]
        return max(ends) >= self.seen_until - timedelta(seconds=self.reach_s) if ends else None

    def strength_of(self, component: str) -> float:
        """How grave the latency and the errors of a component are, on a logarithmic scale; 0 without any."""
        felt = [e.weight for e in self.odd.get(component, ()) if e.is_symptom]
        return float(np.log1p(min(max(felt), HEAVIEST)) + np.log1p(len(felt) - 1) / 2) if felt else 0.0

    def evidence_of(self, component: str) -> tuple[str, ...]:
        """What was seen of a component, gravest first, as sentences."""
        mine = self.odd.get(component, ())
        shown = [tell(event) for event in mine[: self.limits.evidence]]
        more = len(mine) - len(shown)
        return (*shown, *([f"and {more} more event{'s' if more > 1 else ''}"] if more > 0 else []))


def steps(graph: DependencyGraph, starts: Sequence[str]) -> dict[str, int]:
    """How many calls everyone above some components is away from the nearest of them.

    Parameters
    ----------
    graph
        Who calls whom.
    starts
        Where to start; cycles are normal.

    Returns
    -------
    dict of str to int
        Without the starts, nearest first, then by name.
    """
    found = dict.fromkeys(starts, 0)
    edge = sorted(found)
    while edge:
        above = sorted({caller for name in edge for caller in graph.dependents_of(name)} - set(found))
        found.update((name, found[edge[0]] + 1) for name in above)
        edge = above
    return {name: n for name, n in found.items() if n > 0}


def tell(event: Event) -> str:
    """Say what was seen and when.

    Parameters
    ----------
    event
        Any.

    Returns
    -------
    str
        The name of the metric comes first unless the detail holds it.
    """
    return f"{say(event)} ({event.at:%H:%M:%S})"


def say(event: Event) -> str:
    """Say what was seen.

    Parameters
    ----------
    event
        Any.

    Returns
    -------
    str
        The name of the metric comes first unless the detail holds it.
    """
    if not event.detail or event.name in event.detail:
        return event.detail or event.name
    separator = " " if event.kind is EventKind.ANOMALY and not event.detail[0].isdigit() else ": "
    return f"{event.name}{separator}{event.detail}"
