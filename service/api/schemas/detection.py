"""Scoring and anomalies."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from models import anomalies as domain
from models.anomalies import AnomalySeverity, AnomalyType
from models.sources.repairs import Repair
from service.api.schemas.base import Moment, Number, Schema, example, example_of

Name = Annotated[str, Field(max_length=1000, strict=True)]
Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]


class Point(Schema):
    """One value of one series."""

    model_config = example(component="orders", metric="latency_p95_s", ts="2026-03-01T12:00:00Z", value=0.213)

    component: Name
    metric: Name
    ts: Moment
    value: Finite = Field(description="In the metric's unit; leave a missing value out.")


class ScoreRequest(Schema):
    """Points to judge, in any order."""

    model_config = example(
        points=[
            example_of(Point),
            {"component": "orders", "metric": "latency_p95_s", "ts": "2026-03-01T12:01:00Z", "value": 2.5},
        ],
        step_s=60,
    )

    points: list[Point] = Field(min_length=1)
    step_s: Annotated[float, Field(gt=0, le=86400, strict=True)] | None = Field(
        default=None, description="Seconds between the rows; told from the times if left out."
    )


class Anomaly(Schema):
    """A run of abnormal points of one series, with its evidence."""

    model_config = example(
        component="orders",
        metric="latency_p95_s",
        type="STATISTICAL_OUTLIER",
        severity="HIGH",
        confidence=0.97,
        start="2026-03-01T12:00:00Z",
        peak="2026-03-01T12:01:00Z",
        end="2026-03-01T12:03:00Z",
        duration_s=180.0,
        value=2.5,
        expected=0.2,
        lower=0.1,
        upper=0.4,
        score=3.0,
        deviation=12.0,
        previous_value=0.21,
        rate_of_change=0.038,
        detector="seasonal",
        supporting_detectors=["moving_average"],
        model_version="v1",
        step_s=60.0,
    )

    component: str
    metric: str
    type: AnomalyType
    severity: AnomalySeverity
    confidence: Number = Field(description="In [0, 1]: how sure that a normal day would not show this.")
    start: AwareDatetime
    peak: AwareDatetime
    end: AwareDatetime = Field(description="One step after the last abnormal row.")
    duration_s: float
    value: Number = Field(description="At the peak, in the metric's unit.")
    expected: Number
    lower: Number
    upper: Number
    score: Number = Field(description="At the peak; 1.0 is the alarm boundary, higher is stranger.")
    deviation: Number = Field(description="At the peak, signed, in robust standard deviations.")
    previous_value: Number
    rate_of_change: Number = Field(description="Per second.")
    detector: str
    supporting_detectors: list[str] = Field(description="Others that found the same run abnormal.")
    model_version: str
    step_s: float

    @classmethod
    def of(cls, anomaly: domain.Anomaly) -> "Anomaly":
        """Map the domain's value."""
        plain = {name: getattr(anomaly, name) for name in cls.model_fields if name not in {"component", "metric"}}
        return cls(component=anomaly.key.component, metric=anomaly.key.metric, **plain)


class AnomalyPage(Schema):
    """Anomalies, latest start first."""

    model_config = example(items=[example_of(Anomaly)], next_cursor=None)

    items: list[Anomaly]
    next_cursor: str | None


class RepairNote(Schema):
    """Something that was mended in the points before they were judged."""

    model_config = example(problem="duplicate time of a series", action="kept the last value", count=2)

    problem: str
    action: str
    count: int

    @classmethod
    def of(cls, repair: Repair) -> "RepairNote":
        """Map the domain's value."""
        return cls(problem=repair.problem, action=repair.action, count=repair.count)


class UnknownSeries(Schema):
    """A series that the bundle was not trained on."""

    model_config = example(component="orders-v2", metric="latency_p95_s")

    component: str
    metric: str


class ScoreResult(Schema):
    """What was found in the points."""

    model_config = example(
        anomalies=[example_of(Anomaly)],
        n_points=3,
        n_rows=2,
        n_series=2,
        step_s=60.0,
        repairs=[example_of(RepairNote)],
        unknown=[example_of(UnknownSeries)],
    )

    anomalies: list[Anomaly]
    n_points: int
    n_rows: int
    n_series: int
    step_s: float
    repairs: list[RepairNote]
    unknown: list[UnknownSeries] = Field(
        description="Series that the bundle was not trained on; they were not judged. If all are, the answer is 422."
    )
