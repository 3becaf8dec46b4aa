"""What conditions may speak of: every declared fact, with unknown never taken for healthy."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from models.anomalies import AnomalySeverity, AnomalyType
from models.frames import MetricFrame, SeriesKey, to_datetime64
from service.finding_facts import finding_facts, verification_facts
from service.ports import Change
from service.recovery.facts import FINDING_FACTS, VERIFICATION_FACTS
from tests.service.store.examples import T0, an_analysis, an_anomaly, an_incident

ANALYSIS = an_analysis()
CAUSE = ANALYSIS.most_likely_cause
INCIDENT = an_incident(
    1,
    (
        an_anomaly("payments-db", "cpu", minute=1),
        an_anomaly("payments-db", "error_rate", minute=2, type=AnomalyType.SUDDEN_CHANGE),
        an_anomaly("orders", "latency_p95_s", minute=0, severity=AnomalySeverity.CRITICAL),
    ),
)
KEYS = tuple(
    SeriesKey(name, metric) for name in ("db", "orders", "web") for metric in ("cpu", "error_rate", "latency_p95_s")
)


def facts_of(cause=CAUSE, changes=(), incident=INCIDENT):
    """Of a system of four components."""
    return finding_facts(incident, cause, ANALYSIS, changes, 4)


def scores_of(**columns):
    """Six rows of scores, 0.1 unless told otherwise by ``component__metric``."""
    score = np.full((6, len(KEYS)), 0.1)
    for name, rows in columns.items():
        score[:, KEYS.index(SeriesKey(*name.split("__")))] = rows
    frame = MetricFrame(start=to_datetime64(T0), step_s=60.0, keys=KEYS, values=np.ones(score.shape))
    return SimpleNamespace(frame=frame, score=score)


def checked(scores, since_row=1, *, incident=("orders",), callers=(), is_resolved=False):
    """After an action on the database."""
    return verification_facts(scores, "db", incident, callers, since_row, is_resolved=is_resolved)


@pytest.mark.parametrize(
    ("facts", "declared"), [(facts_of(), FINDING_FACTS), (checked(scores_of()), VERIFICATION_FACTS)], ids=["f", "v"]
)
def test_every_declared_fact_is_given(facts, declared):
    """The gathered facts are the declared ones, and each is of its declared type where it is known."""
    assert set(facts) == set(declared)
    assert all(value is None or declared[name].is_known(value) for name, value in facts.items())


def test_facts_of_a_finding():
    """They speak of the cause's own anomalies, of the whole incident, and of the first symptom."""
    facts = facts_of()
    assert (facts["component"], facts["category"], facts["symptom"]) == ("payments-db", "RESOURCE", "orders")
    assert (facts["severity"], facts["confidence"], facts["likelihood"]) == ("CRITICAL", 0.8, 0.8)
    assert (facts["incident_components"], facts["blast_radius"]) == (2.0, 0.5)
    assert facts["anomaly_types"] == ("STATISTICAL_OUTLIER", "SUDDEN_CHANGE")
    assert (facts["has_saturation"], facts["has_errors"]) == (True, True)
    assert (facts["has_latency"], facts["has_traffic"]) == (False, False)


def test_a_full_disk_is_a_fact():
    """Of the cause's own metrics only."""
    for component, expected in (("payments-db", True), ("orders", False)):
        full = an_anomaly(component, "disk_used_ratio", minute=1)
        incident = replace(INCIDENT, anomalies=(*INCIDENT.anomalies, full))
        assert facts_of(incident=incident)["has_disk"] is expected


def test_the_symptom_without_a_path_is_where_it_began():
    """Without a propagation the component of the earliest anomaly is the symptom."""
    assert facts_of(replace(CAUSE, propagation=()))["symptom"] == "orders"


def test_a_cause_without_anomalies_of_its_own():
    """A silent cause has no types and no kinds."""
    facts = facts_of(replace(CAUSE, component="silent"))
    assert (facts["anomaly_types"], facts["has_errors"], facts["has_saturation"]) == ((), False, False)


def test_only_a_change_of_the_cause_counts():
    """A deploy of another component is no recent change of this one."""
    assert not facts_of(changes=[Change(at=T0, component="orders", name="v2")])["has_recent_change"]
    assert facts_of(changes=[Change(at=T0, component="payments-db", name="v2")])["has_recent_change"]


def test_fresh_scores_tell_how_it_is_now():
    """The component, the incident and what callers feel each have their worst score; saturation is not felt."""
    facts = checked(scores_of(db__cpu=4.0, db__error_rate=2.0, orders__latency_p95_s=3.0, web__error_rate=5.0))
    assert (facts["worst_score"], facts["service_score"]) == (4.0, 2.0)
    assert (facts["incident_score"], facts["impact_score"]) == (4.0, 3.0)
    assert checked(scores_of(web__error_rate=5.0), callers=["web"])["impact_score"] == 5.0
    assert facts["rows_observed"] == 5.0


def test_a_past_peak_does_not_count():
    """The outage of the restart itself is over when the newest rows are well."""
    assert checked(scores_of(db__cpu=[9, 9, 9, 0.2, 0.2, 0.2]))["worst_score"] == pytest.approx(0.2)


@pytest.mark.parametrize("since_row", [6, 7, 99])
def test_no_rows_since_the_action(since_row):
    """Before the first fresh row nothing is known: no score, not a healthy one."""
    facts = checked(scores_of(), since_row)
    assert facts["rows_observed"] == 0.0
    assert {facts[f"{name}_score"] for name in ("worst", "incident", "service", "impact")} == {None}


def test_silence_is_not_health():
    """A component whose metrics all stay away after the action has no score."""
    silent = dict.fromkeys(("db__cpu", "db__error_rate", "db__latency_p95_s"), np.nan)
    facts = checked(scores_of(**silent))
    assert (facts["worst_score"], facts["service_score"]) == (None, None)
    assert facts["incident_score"] == pytest.approx(0.1)


def test_nobody_else_is_touched():
    """Without callers and without other components in the incident there is no impact to speak of."""
    assert checked(scores_of(), incident=())["impact_score"] is None


def test_a_resolved_incident_is_told():
    """The criteria may ask whether the incident is over."""
    assert checked(scores_of(), is_resolved=True)["is_resolved"] is True
