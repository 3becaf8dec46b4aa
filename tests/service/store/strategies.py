"""Hypothesis strategies for the values that the store keeps, hostile names included."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from analysis.findings import CauseCategory, Evidence, PossibleCause, RootCauseAnalysis, SkippedMethod
from analysis.incidents import Incident, IncidentStatus
from models.anomalies import Anomaly, AnomalySeverity, AnomalyType
from models.frames import SeriesKey

HOSTILE = (
    "",
    "'; DROP TABLE records; --",
    'double " quote',
    "NUL \0 inside",
    "\\",
    "\\u0000",
    "\\\0\\",
    "\ud800 lone",
    "\U0001f525 emoji",
    "ünïcode\u202e",
    "%s %(x)s {x} :name",
    "a\nb\tc\r",
    "x" * 10_000,
)

texts = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=20))
moments = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(fold=0))
numbers = st.floats().map(lambda number: number + 0.0)  # SQLite knows no negative zero
keys = st.builds(SeriesKey, texts, texts)
anomalies = st.builds(
    Anomaly,
    key=keys,
    type=st.sampled_from(AnomalyType),
    severity=st.sampled_from(AnomalySeverity),
    start=moments,
    peak=moments,
    end=moments,
    detector=texts,
    model_version=texts,
    **dict.fromkeys(
        (
            "confidence",
            "value",
            "expected",
            "lower",
            "upper",
            "score",
            "deviation",
            "previous_value",
            "rate_of_change",
            "step_s",
        ),
        numbers,
    ),
)
incidents = st.builds(
    Incident,
    id=texts,
    status=st.sampled_from(IncidentStatus),
    opened_at=moments,
    updated_at=moments,
    resolved_at=st.none() | moments,
    anomalies=st.lists(anomalies, min_size=1, max_size=4, unique_by=lambda a: (a.key, a.start)).map(tuple),
)
evidence = st.builds(
    Evidence,
    collector=texts,
    component=texts,
    metric=texts,
    statement=texts,
    weight=numbers,
    numbers=st.dictionaries(texts, numbers, max_size=3),
)
causes = st.builds(
    PossibleCause,
    id=texts,
    component=texts,
    category=st.sampled_from(CauseCategory),
    description=texts,
    likelihood=numbers,
    evidence=st.lists(evidence, max_size=3).map(tuple),
    propagation=st.lists(texts, max_size=3).map(tuple),
)
analyses = st.builds(
    RootCauseAnalysis,
    possible_causes=st.lists(causes, max_size=3).map(tuple),
    most_likely_cause=st.none() | causes,
    confidence=numbers,
    ranking=st.lists(texts, max_size=4).map(tuple),
    metric_ranking=st.lists(keys, max_size=4).map(tuple),
    evidence=st.lists(evidence, max_size=3).map(tuple),
    skipped=st.lists(st.builds(SkippedMethod, name=texts, reason=texts), max_size=2).map(tuple),
)
