"""service.health: the health of components from judged rows."""

from datetime import timedelta

import numpy as np
import pytest

from models.frames import MetricFrame, SeriesKey, to_datetime
from models.scoring import BundleScores
from service.health import HealthMonitor, measure
from service.recovery.health import HealthPolicy, HealthStatus

KEYS = (SeriesKey("a", "cpu"), SeriesKey("a", "errors"), SeriesKey("b", "cpu"))
START = np.datetime64("2026-03-02T00:00:00", "us")


def _scores(values, scores):
    frame = MetricFrame(start=START, step_s=60.0, keys=KEYS, values=np.array(values, dtype=float))
    judged = np.array(scores, dtype=float)
    return BundleScores(
        frame=frame,
        by_detector={},
        score=judged,
        alert=judged,
        component_score=judged[:, :0],
        component_alert=judged[:, :0],
        deviation=judged,
        share=judged,
        expected=judged,
        lower=judged,
        upper=judged,
        unknown=(),
        absent=(),
    )


def test_the_newest_row_with_a_value_counts():
    """A row that is missing altogether is passed over, and the age says how old the last one is."""
    scores = _scores([[1, 2, 3], [np.nan, np.nan, 4]], [[0.5, 2.0, 0.1], [np.nan, np.nan, 0.2]])
    now = to_datetime(scores.frame.end)
    measured = measure(scores, "a", now)
    assert measured.values == {"cpu": 1.0, "errors": 2.0, "score": 2.0}
    assert measured.age_s == 60.0
    assert measure(scores, "b", now).age_s == 0.0


def test_a_component_that_was_never_seen_is_unknown():
    """No value, no verdict."""
    scores = _scores([[1, 2, np.nan]], [[0.5, 0.5, np.nan]])
    monitor = HealthMonitor(HealthPolicy(), pytest.fail)
    monitor.observe(scores, to_datetime(scores.frame.end))
    assert monitor.statuses == {"a": HealthStatus.HEALTHY, "b": HealthStatus.UNKNOWN}


def test_changes_are_recorded_once_and_the_first_verdict_is_no_change():
    """Start-up is silent; each change of status is one record that says from what to what and why."""
    told = []
    monitor = HealthMonitor(HealthPolicy(consecutive=2), told.append)
    rows = [[0.1, 0.1, 0.1], [5, 0.1, 0.1], [5, 0.1, 0.1], [5, 0.1, 0.1], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1]]
    for n in range(1, len(rows) + 1):
        scores = _scores(np.ones((n, 3)), rows[:n])
        monitor.observe(scores, to_datetime(scores.frame.end))
    assert [(r.subject, r.data["previous"], r.data["status"]) for r in told] == [
        ("a", "HEALTHY", "UNHEALTHY"),
        ("a", "UNHEALTHY", "HEALTHY"),
    ]
    assert "the critical threshold is 3" in told[0].message


def test_a_silent_source_makes_everything_unknown():
    """Metrics that stopped are not health."""
    told = []
    monitor = HealthMonitor(HealthPolicy(stale_s=300), told.append)
    scores = _scores([[1, 2, 3]], [[0.1, 0.1, 0.1]])
    monitor.observe(scores, to_datetime(scores.frame.end))
    monitor.observe(scores, to_datetime(scores.frame.end) + timedelta(seconds=301))
    assert set(monitor.statuses.values()) == {HealthStatus.UNKNOWN}
    assert {record.data["status"] for record in told} == {"UNKNOWN"}
