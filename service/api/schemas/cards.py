"""The card of an incident: root cause, critical failure, impact, and how it came about."""

from dataclasses import asdict

from pydantic import AwareDatetime, Field

from analysis.card import values
from analysis.card.values import Bucket, Relation
from analysis.events import EventKind
from analysis.findings import CauseCategory
from service.api.schemas.base import Number, Schema, example, example_of


class Suspect(Schema):
    """A candidate for the root cause that is not named as such."""

    model_config = example(component="payments", category="DEPENDENCY", likelihood=0.1)

    component: str
    category: CauseCategory
    likelihood: Number


class RootCauseBucket(Schema):
    """What broke."""

    model_config = example(
        component="payments-db",
        category="RESOURCE",
        confidence=0.8,
        statement="payments-db ran out of cpu",
        evidence=["cpu rose from 0.35 to 0.98"],
        against=[],
        why_empty="",
        suspects=[example_of(Suspect)],
    )

    component: str = Field(description="Empty if nothing can be named.")
    category: CauseCategory
    confidence: Number = Field(description="In [0, 1]: probability that the first candidate is right.")
    statement: str
    evidence: list[str] = Field(description="What speaks for it, strongest first.")
    against: list[str] = Field(description="What speaks against it, strongest first.")
    why_empty: str = Field(description="Why no cause is named; empty if one is.")
    suspects: list[Suspect] = Field(description="The next candidates, or the first ones if none is named.")


class Party(Schema):
    """One component in the bucket of the critical failure, or of the impact."""

    model_config = example(
        component="orders",
        statement="It has latency or errors, and nobody else is known to call it: its users are outside.",
        evidence=["latency_p95_s: 2.5 where 0.2 was expected (high) (12:01:00)"],
        relation="DEPENDS_ON_ROOT_CAUSE",
        calls_away=2,
        is_measured=True,
        is_ongoing=True,
    )

    component: str
    statement: str = Field(description="Why it is there.")
    evidence: list[str] = Field(description="What was seen of it, gravest first.")
    relation: Relation
    calls_away: int | None = Field(description="Calls from it down to the root cause; null if there is no such path.")
    is_measured: bool | None = Field(description="Whether its silence means that it is well; null if nobody can tell.")
    is_ongoing: bool | None = Field(description="Whether it was still odd when last looked at; null if unknown.")


class CriticalFailure(Schema):
    """Where its users feel it: highest up the calls of the components with latency or errors."""

    model_config = example(parties=[example_of(Party)], why_empty="")

    parties: list[Party] = Field(description="Gravest first.")
    why_empty: str = Field(description="Why there is none; empty if there is one.")


class Impact(Schema):
    """Whom else it touches: the blast radius."""

    model_config = example(
        affected=[],
        at_risk=[],
        why_none_affected="No further component was seen to be odd.",
        why_none_at_risk="Everyone who is known to depend on payments-db is odd already.",
    )

    affected: list[Party] = Field(description="Seen to be odd, those that depend on the root cause first.")
    at_risk: list[Party] = Field(description="Depend on it and were not seen to be odd, nearest first.")
    why_none_affected: str
    why_none_at_risk: str


class EntryPoint(Schema):
    """A component that nobody else is known to call, so that users may meet the trouble there."""

    model_config = example(component="orders", bucket="CRITICAL_FAILURE")

    component: str
    bucket: Bucket


class Times(Schema):
    """When it was."""

    model_config = example(
        began_at="2026-03-01T12:00:00Z",
        detected_at="2026-03-01T12:04:00Z",
        seen_until="2026-03-01T12:09:00Z",
        ongoing=["orders", "payments-db"],
        is_ongoing=True,
    )

    began_at: AwareDatetime | None = Field(
        description="First event of the root cause or of what hangs together with it."
    )
    detected_at: AwareDatetime
    seen_until: AwareDatetime = Field(description="Up to when the events are known.")
    ongoing: list[str] = Field(description="Components that were still odd then.")
    is_ongoing: bool | None = Field(description="Null if nobody can tell.")


class Moment(Schema):
    """What one component showed, or what was done to it, at one moment."""

    model_config = example(
        at="2026-03-01T12:00:00Z",
        component="payments-db",
        kind="ANOMALY",
        name="cpu",
        statement="cpu: 0.98 where 0.35 was expected (high)",
        also=["memory"],
        n_events=2,
        weight=3.1,
        lasted_s=540.0,
        bucket="ROOT_CAUSE",
        relation="IS_ROOT_CAUSE",
        is_on_critical_path=True,
    )

    at: AwareDatetime
    component: str
    kind: EventKind
    name: str
    statement: str
    also: list[str] = Field(description="Names of further events, gravest first; the first ones.")
    n_events: int = Field(description="How many events it stands for.")
    weight: Number = Field(description="How grave; 1.0 is an anomaly at the alarm boundary, 0 an action of ours.")
    lasted_s: Number = Field(description="For how long the gravest was seen; 0 if nobody knows.")
    bucket: Bucket
    relation: Relation
    is_on_critical_path: bool


class Branch(Schema):
    """A run of events in one component, in the tree of what can have led to what."""

    model_config = example(
        id=0,
        parent=None,
        depth=0,
        first=example_of(Moment),
        n_events=3,
        until="2026-03-01T12:03:00Z",
        n_below=2,
    )

    id: int
    parent: int | None = Field(description="Id of the branch from which it can have come; null for a root.")
    depth: int
    first: Moment
    n_events: int
    until: AwareDatetime = Field(description="Time of its last event.")
    n_below: int = Field(description="Branches that can have come from it, directly or not.")


class IncidentCard(Schema):
    """One incident in three buckets and a story. A component is in at most one bucket; an empty one says why."""

    model_config = example(
        incident_id="inc-20260301T120400-1",
        headline="orders suffers from payments-db (resource, 80% sure): cpu: 0.98 where 0.35 was expected (high).",
        caveats=[],
        root_cause=example_of(RootCauseBucket),
        critical_failure=example_of(CriticalFailure),
        impact=example_of(Impact),
        entry_points=[example_of(EntryPoint)],
        propagation=["payments-db", "payments", "orders"],
        times=example_of(Times),
        timeline=[example_of(Moment)],
        event_tree=[example_of(Branch)],
        root_events=[example_of(Moment)],
        critical_path=[example_of(Moment)],
        left_out={"timeline": 120},
    )

    incident_id: str
    headline: str
    caveats: list[str] = Field(description="What to mind before trusting the rest.")
    root_cause: RootCauseBucket
    critical_failure: CriticalFailure
    impact: Impact
    entry_points: list[EntryPoint]
    propagation: list[str] = Field(description="From the root cause to the critical failure; empty if unknown.")
    times: Times
    timeline: list[Moment] = Field(description="In order of time.")
    event_tree: list[Branch] = Field(description="Parents come first, what grew from a branch right after it.")
    root_events: list[Moment] = Field(description="What nothing earlier can have led to.")
    critical_path: list[Moment] = Field(description="The heaviest chain.")
    left_out: dict[str, int] = Field(description="By list: how many entries did not fit.")

    @classmethod
    def of(cls, incident_id: str, card: values.IncidentCard) -> "IncidentCard":
        """Map the domain's value; the names of the fields are the same."""
        return cls.model_validate({"incident_id": incident_id, **asdict(card)})
