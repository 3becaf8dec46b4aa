"""Plain values for the tests of the store and of the API."""

from datetime import UTC, datetime, timedelta

from analysis.findings import CauseCategory, Evidence, PossibleCause, RootCauseAnalysis, SkippedMethod
from analysis.incidents import Incident, IncidentStatus
from models.anomalies import Anomaly, AnomalySeverity, AnomalyType
from models.frames import SeriesKey
from service.records import Record, RecordKind

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def an_anomaly(component="orders", metric="latency_p95_s", minute=0, **changes):
    """An anomaly that starts so many minutes after T0."""
    start = T0 + minute * MINUTE
    fields = {
        "key": SeriesKey(component, metric),
        "type": AnomalyType.STATISTICAL_OUTLIER,
        "severity": AnomalySeverity.HIGH,
        "confidence": 0.97,
        "start": start,
        "peak": start + MINUTE,
        "end": start + 3 * MINUTE,
        "value": 2.5,
        "expected": 0.2,
        "lower": 0.1,
        "upper": 0.4,
        "score": 3.0,
        "deviation": 12.0,
        "previous_value": float("nan"),
        "rate_of_change": float("nan"),
        "detector": "seasonal",
        "supporting_detectors": ("moving_average", 'odd, "name"'),
        "model_version": "v1",
        "step_s": 60.0,
    }
    return Anomaly(**(fields | changes))


def an_incident(number=1, anomalies=None, **changes):
    """An incident opened so many minutes after T0."""
    fields = {
        "id": f"inc-{number:04d}",
        "status": IncidentStatus.OPEN,
        "opened_at": T0 + number * MINUTE,
        "updated_at": T0 + number * MINUTE,
        "anomalies": anomalies or (an_anomaly(minute=number),),
    }
    return Incident(**(fields | changes))


def a_record(number=1, **changes):
    """A record so many minutes after T0."""
    fields = {
        "at": T0 + number * MINUTE,
        "kind": RecordKind.ANOMALY_DETECTED,
        "subject": "orders",
        "message": f"record {number}",
        "data": {"n": number},
    }
    return Record(**(fields | changes))


def an_analysis():
    """An analysis with one named cause."""
    evidence = Evidence(
        collector="onset",
        component="payments-db",
        metric="cpu",
        statement="cpu left its band 120 s before the symptom",
        weight=1.5,
        numbers={"lead_s": 120.0, "unknown": float("nan"), "ratio": float("inf")},
    )
    cause = PossibleCause(
        id="cause-1",
        component="payments-db",
        category=CauseCategory.RESOURCE,
        description="payments-db ran out of cpu",
        likelihood=0.8,
        evidence=(evidence,),
        propagation=("payments-db", "payments", "orders"),
    )
    return RootCauseAnalysis(
        possible_causes=(cause,),
        most_likely_cause=cause,
        confidence=0.8,
        ranking=("payments-db", "payments", "orders"),
        metric_ranking=(SeriesKey("payments-db", "cpu"),),
        evidence=(evidence,),
        skipped=(SkippedMethod(name="traces", reason="there are no traces"),),
    )
