"""Components, their dependencies and their series."""

from pydantic import AwareDatetime, Field

from analysis.topology import EdgeSource
from models.anomalies import AnomalySeverity
from models.frames import to_datetime
from service.api import backend as domain
from service.api.schemas.base import Number, Schema, example, example_of
from service.recovery.health import HealthStatus


class Component(Schema):
    """How one component is at this moment."""

    model_config = example(
        component="payments-db",
        score=2.7,
        severity="HIGH",
        is_isolated=False,
        breaker="CLOSED",
        last_seen="2026-03-01T12:09:00Z",
        health="DEGRADED",
    )

    component: str
    score: Number = Field(description="Worst current score of its metrics; 1.0 is the alarm boundary.")
    severity: AnomalySeverity | None = Field(description="The gravest of its anomalies in open incidents.")
    is_isolated: bool
    breaker: str = Field(description="State of its breaker; empty if it has none.")
    last_seen: AwareDatetime | None
    health: HealthStatus = Field(description="What its metrics and health checks say; UNKNOWN without any.")

    @classmethod
    def of(cls, state: domain.ComponentState) -> "Component":
        """Map the engine's value."""
        return cls(**{name: getattr(state, name) for name in cls.model_fields})


class Edge(Schema):
    """One component calls another."""

    model_config = example(caller="payments", callee="payments-db", sources=["DECLARED"])

    caller: str
    callee: str
    sources: list[EdgeSource] = Field(description="How the call is known; LAG alone is a hint, not knowledge.")


class Topology(Schema):
    """All components and who calls whom."""

    model_config = example(nodes=[example_of(Component)], edges=[example_of(Edge)])

    nodes: list[Component]
    edges: list[Edge]


class Series(Schema):
    """One series with what was expected of it; all lists have the same length."""

    model_config = example(
        component="orders",
        metric="latency_p95_s",
        times=["2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"],
        values=[0.21, 2.5],
        expected=[0.2, 0.2],
        lower=[0.1, 0.1],
        upper=[0.4, 0.4],
    )

    component: str
    metric: str
    times: list[AwareDatetime]
    values: list[Number]
    expected: list[Number]
    lower: list[Number]
    upper: list[Number]

    @classmethod
    def of(cls, chart: domain.Chart) -> "Series":
        """Map the engine's value."""
        return cls(
            component=chart.key.component,
            metric=chart.key.metric,
            times=[to_datetime(moment) for moment in chart.times],
            values=chart.values.tolist(),
            expected=chart.expected.tolist(),
            lower=chart.lower.tolist(),
            upper=chart.upper.tolist(),
        )
