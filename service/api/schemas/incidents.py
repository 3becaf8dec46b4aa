"""Incidents, their root cause and their timeline."""

from typing import Any

from pydantic import AwareDatetime, Field

from analysis import event_graph, findings
from analysis import incidents as domain
from analysis.events import EventKind
from analysis.findings import CauseCategory
from analysis.incidents import IncidentStatus
from models.anomalies import AnomalySeverity
from service.api.schemas.base import Number, Schema, example, example_of
from service.api.schemas.detection import Anomaly

MOST_LINKS = 5000
"""Of an event graph; the answer stays below a megabyte of them."""


class Incident(Schema):
    """Anomalies that belong together, in short."""

    model_config = example(
        id="inc-20260301T120400-1",
        status="OPEN",
        severity="HIGH",
        components=["orders", "payments-db"],
        onset="2026-03-01T12:00:00Z",
        opened_at="2026-03-01T12:04:00Z",
        updated_at="2026-03-01T12:09:00Z",
        resolved_at=None,
        n_anomalies=2,
    )

    id: str
    status: IncidentStatus
    severity: AnomalySeverity
    components: list[str]
    onset: AwareDatetime = Field(description="Start of the earliest anomaly.")
    opened_at: AwareDatetime = Field(description="When it was noticed.")
    updated_at: AwareDatetime
    resolved_at: AwareDatetime | None
    n_anomalies: int

    @classmethod
    def of(cls, incident: domain.Incident) -> "Incident":
        """Map the domain's value."""
        return cls(**_plain(incident))


class IncidentDetail(Incident):
    """Anomalies that belong together."""

    model_config = example(**example_of(Incident), anomalies=[example_of(Anomaly)])

    anomalies: list[Anomaly]

    @classmethod
    def of(cls, incident: domain.Incident) -> "IncidentDetail":
        """Map the domain's value."""
        return cls(**_plain(incident), anomalies=[Anomaly.of(anomaly) for anomaly in incident.anomalies])


def _plain(incident: domain.Incident) -> dict[str, Any]:
    names = ("id", "status", "severity", "onset", "opened_at", "updated_at", "resolved_at")
    return {
        **{name: getattr(incident, name) for name in names},
        "components": list(incident.components),
        "n_anomalies": len(incident.anomalies),
    }


class IncidentPage(Schema):
    """Incidents, latest opened first."""

    model_config = example(items=[example_of(Incident)], next_cursor=None)

    items: list[Incident]
    next_cursor: str | None


class Evidence(Schema):
    """One observation that speaks for or against a candidate."""

    model_config = example(
        collector="onset",
        component="payments-db",
        metric="cpu",
        statement="cpu left its band 120 s before the symptom",
        weight=1.5,
        numbers={"lead_s": 120.0},
    )

    collector: str
    component: str
    metric: str = Field(description="Empty if it is about the component.")
    statement: str
    weight: Number = Field(description="Negative speaks against the candidate.")
    numbers: dict[str, Number]

    @classmethod
    def of(cls, evidence: findings.Evidence) -> "Evidence":
        """Map the domain's value."""
        plain = {name: getattr(evidence, name) for name in cls.model_fields if name != "numbers"}
        return cls(**plain, numbers=dict(evidence.numbers))


class PossibleCause(Schema):
    """One candidate for the root cause."""

    model_config = example(
        id="cause-1",
        component="payments-db",
        category="RESOURCE",
        description="payments-db ran out of cpu",
        likelihood=0.8,
        evidence=[example_of(Evidence)],
        propagation=["payments-db", "payments", "orders"],
    )

    id: str
    component: str
    category: CauseCategory
    description: str
    likelihood: Number = Field(description="In [0, 1]; those of one analysis sum to at most 1.")
    evidence: list[Evidence] = Field(description="Strongest first, contradicting ones included.")
    propagation: list[str] = Field(description="From the cause to the symptom; empty if no path is known.")

    @classmethod
    def of(cls, cause: findings.PossibleCause) -> "PossibleCause":
        """Map the domain's value."""
        return cls(
            id=cause.id,
            component=cause.component,
            category=cause.category,
            description=cause.description,
            likelihood=cause.likelihood,
            evidence=[Evidence.of(item) for item in cause.evidence],
            propagation=list(cause.propagation),
        )


class RankedMetric(Schema):
    """A series in the ranking."""

    model_config = example(component="payments-db", metric="cpu")

    component: str
    metric: str


class SkippedMethod(Schema):
    """A collector that could not run, and why."""

    model_config = example(name="traces", reason="there are no traces")

    name: str
    reason: str


class RootCause(Schema):
    """What broke, and why; ``most_likely_cause`` is null where the evidence does not suffice to name one."""

    model_config = example(
        incident_id="inc-20260301T120400-1",
        analysed_at="2026-03-01T12:05:00Z",
        confidence=0.8,
        most_likely_cause=example_of(PossibleCause),
        possible_causes=[example_of(PossibleCause)],
        evidence=[example_of(Evidence)],
        ranking=["payments-db", "payments", "orders"],
        metric_ranking=[example_of(RankedMetric)],
        skipped=[example_of(SkippedMethod)],
    )

    incident_id: str
    analysed_at: AwareDatetime
    confidence: Number = Field(description="In [0, 1]: probability that the first of the ranking is right.")
    most_likely_cause: PossibleCause | None
    possible_causes: list[PossibleCause] = Field(description="Best first; at most ten.")
    evidence: list[Evidence] = Field(description="That of the most likely cause, or the strongest overall.")
    ranking: list[str] = Field(description="Every candidate component, best first.")
    metric_ranking: list[RankedMetric]
    skipped: list[SkippedMethod]

    @classmethod
    def of(cls, incident_id: str, analysed_at: AwareDatetime, analysis: findings.RootCauseAnalysis) -> "RootCause":
        """Map the domain's value."""
        best = analysis.most_likely_cause
        return cls(
            incident_id=incident_id,
            analysed_at=analysed_at,
            confidence=analysis.confidence,
            most_likely_cause=None if best is None else PossibleCause.of(best),
            possible_causes=[PossibleCause.of(cause) for cause in analysis.possible_causes],
            evidence=[Evidence.of(item) for item in analysis.evidence],
            ranking=list(analysis.ranking),
            metric_ranking=[RankedMetric(component=k.component, metric=k.metric) for k in analysis.metric_ranking],
            skipped=[SkippedMethod(name=method.name, reason=method.reason) for method in analysis.skipped],
        )


class TimelineEntry(Schema):
    """One moment of an incident."""

    model_config = example(
        at="2026-03-01T12:00:00Z",
        kind="ANOMALY_STARTED",
        subject="payments-db",
        message="cpu left its band: 0.98 instead of 0.35",
        seq=None,
    )

    at: AwareDatetime
    kind: str = Field(description="ANOMALY_STARTED, or the kind of a ledger record.")
    subject: str
    message: str
    seq: int | None = Field(description="Number of the ledger record; null for an observation.")


class Event(Schema):
    """One observation, or one of our own actions, as a node of the event graph."""

    model_config = example(
        id="e0",
        at="2026-03-01T12:00:00Z",
        component="payments-db",
        kind="ANOMALY",
        name="cpu",
        detail="0.98 where 0.35 was expected (high)",
        weight=3.1,
    )

    id: str = Field(description="Unique in this graph.")
    at: AwareDatetime
    component: str
    kind: EventKind
    name: str
    detail: str
    weight: Number = Field(description="How grave; 1.0 is an anomaly at the alarm boundary, 0 an action of ours.")


class EventLink(Schema):
    """The first event can have led to the second."""

    model_config = example(earlier="e0", later="e1")

    earlier: str
    later: str


class EventGraph(Schema):
    """The events of an incident, and which can have led to which: possibility, not proof."""

    model_config = example(
        incident_id="inc-20260301T120400-1",
        events=[example_of(Event)],
        links=[example_of(EventLink)],
        n_links_left_out=0,
        roots=["e0"],
        critical_path=["e0", "e1"],
    )

    incident_id: str
    events: list[Event] = Field(description="In order of time.")
    links: list[EventLink] = Field(description="In order of time; a link that follows from two others is left out.")
    n_links_left_out: int = Field(description="How many later links did not fit.")
    roots: list[str] = Field(description="Events that nothing earlier can have led to.")
    critical_path: list[str] = Field(description="The heaviest chain.")

    @classmethod
    def of(cls, incident_id: str, graph: event_graph.EventGraph) -> "EventGraph":
        """Map the domain's value."""
        ids = {event: f"e{number}" for number, event in enumerate(graph.timeline)}
        names = ("at", "component", "kind", "name", "detail", "weight")
        links = graph.links
        return cls(
            incident_id=incident_id,
            events=[Event(id=ids[e], **{name: getattr(e, name) for name in names}) for e in graph.timeline],
            links=[EventLink(earlier=ids[earlier], later=ids[later]) for earlier, later in links[:MOST_LINKS]],
            n_links_left_out=max(0, len(links) - MOST_LINKS),
            roots=[ids[event] for event in graph.roots],
            critical_path=[ids[event] for event in graph.critical_path()],
        )


class Timeline(Schema):
    """What was seen and done in an incident, in order of time."""

    model_config = example(incident_id="inc-20260301T120400-1", items=[example_of(TimelineEntry)], is_complete=True)

    incident_id: str
    items: list[TimelineEntry]
    is_complete: bool = Field(description="False if there are more than 500 records; /events pages through all.")
