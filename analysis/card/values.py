"""What stands on the card of an incident: plain values, each with its evidence.

Three buckets answer three questions: what broke (root cause), where its users feel it (critical failure), whom else it
touches (impact). A component is in at most one of them. An empty bucket says why it is empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from analysis.events import EventKind
from analysis.findings import CauseCategory


class Bucket(StrEnum):
    """Where a component stands on the card."""

    ROOT_CAUSE = "ROOT_CAUSE"
    CRITICAL_FAILURE = "CRITICAL_FAILURE"
    AFFECTED = "AFFECTED"
    AT_RISK = "AT_RISK"
    NONE = "NONE"


class Relation(StrEnum):
    """How a component hangs together with the root cause, as far as calls are known."""

    IS_ROOT_CAUSE = "IS_ROOT_CAUSE"
    DEPENDS_ON_ROOT_CAUSE = "DEPENDS_ON_ROOT_CAUSE"
    CALLED_BY_ROOT_CAUSE = "CALLED_BY_ROOT_CAUSE"
    NO_KNOWN_CALLS = "NO_KNOWN_CALLS"
    NO_ROOT_CAUSE = "NO_ROOT_CAUSE"
    """No root cause is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLimits:
    """How long the lists of a card may become; what does not fit is counted in ``left_out``.

    Parameters
    ----------
    components
        In each list of components.
    evidence
        Sentences for one component.
    moments
        Lines of the timeline.
    branches
        Lines of the event tree.
    roots, path
        Root events, and events of the critical path.
    names
        Further metrics that a line names.
    """

    components: int = 40
    evidence: int = 5
    moments: int = 80
    branches: int = 60
    roots: int = 20
    path: int = 30
    names: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A candidate for the root cause that is not named as such."""

    component: str
    category: CauseCategory
    likelihood: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCauseBucket:
    """What broke.

    Parameters
    ----------
    component
        Empty if nothing can be named.
    category
        What kind of cause.
    confidence
        In [0, 1]: probability that the first candidate is right; NaN without an analysis.
    statement
        One sentence.
    evidence, against
        Sentences that speak for it and against it, strongest first.
    why_empty
        Why no cause is named; empty if one is.
    suspects
        The next candidates, or the first ones if none is named. They may stand in other buckets too.
    """

    component: str
    category: CauseCategory
    confidence: float
    statement: str
    evidence: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    why_empty: str = ""
    suspects: tuple[Suspect, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One component in the bucket of the critical failure, or of the impact.

    Parameters
    ----------
    component
        Its name.
    statement
        Why it is there, one sentence without its name.
    evidence
        What was seen of it, gravest first.
    relation
        To the root cause.
    calls_away
        Calls from it down to the root cause; None if there is no such path, or no root cause.
    is_measured
        Whether its silence would mean that it is well; None if nobody can tell.
    is_ongoing
        Whether it was still odd when last looked at; None if nobody can tell.
    """

    component: str
    statement: str
    evidence: tuple[str, ...]
    relation: Relation
    calls_away: int | None
    is_measured: bool | None
    is_ongoing: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalFailure:
    """Where its users feel it: highest up the calls of the components with latency or errors.

    Parameters
    ----------
    parties
        The gravest first.
    why_empty
        Why there is none; empty if there is one.
    """

    parties: tuple[Party, ...]
    why_empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Whom else it touches.

    Parameters
    ----------
    affected
        Components that were seen to be odd, those that depend on the root cause first.
    at_risk
        Components that depend on it and were not seen to be odd (yet), the nearest first.
    why_none_affected, why_none_at_risk
        Why the list is empty; empty if it is not.
    """

    affected: tuple[Party, ...]
    at_risk: tuple[Party, ...]
    why_none_affected: str = ""
    why_none_at_risk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """A component that nobody else is known to call, so that users may meet the trouble there."""

    component: str
    bucket: Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When it was.

    Parameters
    ----------
    began_at
        First event of the root cause or of what hangs together with it, UTC; None if nothing was seen.
    detected_at
        UTC; may be before ``began_at`` by a row.
    seen_until
        Up to when the events are known, UTC.
    ongoing
        Components that were still odd then, sorted.
    is_ongoing
        Whether any was; None if nobody can tell, as alerts do not say when they end.
    """

    began_at: datetime | None
    detected_at: datetime
    seen_until: datetime
    ongoing: tuple[str, ...]
    is_ongoing: bool | None

    @property
    def detected_after_s(self) -> float | None:
        """Seconds from the beginning to the detection, negative if it was detected first; None if nothing was seen."""
        return None if self.began_at is None else (self.detected_at - self.began_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What one component showed, or what was done to it, at one moment.

    Parameters
    ----------
    at
        UTC.
    component
        Whom it is about.
    kind, name
        Of the gravest of its events.
    statement
        What happened.
    also
        Names of the further events, gravest first; the first ones.
    n_events
        How many events it stands for.
    weight
        How grave; 1.0 is an anomaly at the alarm boundary, 0 an action of ours.
    lasted_s
        For how long the gravest was seen, seconds; 0 if nobody knows.
    bucket, relation
        Of the component.
    is_on_critical_path
        Whether the heaviest chain of events runs through it.
    """

    at: datetime
    component: str
    kind: EventKind
    name: str
    statement: str
    also: tuple[str, ...]
    n_events: int
    weight: float
    lasted_s: float
    bucket: Bucket
    relation: Relation
    is_on_critical_path: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A run of events in one component, in the tree of what can have led to what.

    The tree is a list: a branch comes right after its parent or after what grew from an earlier branch of that parent.

    Parameters
    ----------
    id
        Its place among all branches, from 0; unique.
    parent
        Id of the branch from which it can have come; None for a root.
    depth
        0 for a root.
    first
        Its first moment.
    n_events
        Events of the whole run.
    until
        Time of its last event, UTC.
    n_below
        Branches that can have come from it, directly or not.
    """

    id: int
    parent: int | None
    depth: int
    first: Moment
    n_events: int
    until: datetime
    n_below: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCard:
    """One incident, told in three buckets and a story.

    Parameters
    ----------
    headline
        Who suffers from whom, in a sentence or two.
    caveats
        What to mind before trusting the rest; sentences, mostly none.
    root_cause, critical_failure, impact
        The three buckets. A component is in at most one of them.
    entry_points
        Where users may meet it, those in trouble first; each is in a bucket too.
    propagation
        Components from the root cause to the first critical failure; empty if no path is known.
    times
        When it began, was detected, and whether it lasts.
    timeline
        In the order of time.
    event_tree
        From the root events on.
    root_events
        What nothing earlier can have led to.
    critical_path
        The heaviest chain of what can have led to each other.
    left_out
        By list: how many entries did not fit.
    """

    headline: str
    caveats: tuple[str, ...]
    root_cause: RootCauseBucket
    critical_failure: CriticalFailure
    impact: Impact
    entry_points: tuple[EntryPoint, ...]
    propagation: tuple[str, ...]
    times: Times
    timeline: tuple[Moment, ...]
    event_tree: tuple[Branch, ...]
    root_events: tuple[Moment, ...]
    critical_path: tuple[Moment, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
