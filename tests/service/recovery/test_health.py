"""service.recovery.health: thresholds, streaks, and what cannot be told."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from service.recovery.health import Health, HealthPolicy, HealthStatus, Measurement, MetricThreshold, judge, overall

POLICY = HealthPolicy(
    thresholds=(
        MetricThreshold(metric="score", warning=1.0, critical=3.0),
        MetricThreshold(metric="error_rate", warning=0.05, critical=0.2),
    )
)


def _seen(age_s=30.0, **values):
    return Measurement(values=values, age_s=age_s)


@pytest.mark.parametrize(
    ("measurement", "status"),
    [
        (_seen(score=0.2, error_rate=0.0), HealthStatus.HEALTHY),
        (_seen(score=1.0), HealthStatus.DEGRADED),
        (_seen(score=2.9, error_rate=0.01), HealthStatus.DEGRADED),
        (_seen(score=0.1, error_rate=0.2), HealthStatus.UNHEALTHY),
        (_seen(score=math.inf), HealthStatus.UNHEALTHY),
        (_seen(score=math.nan, error_rate=0.0), HealthStatus.HEALTHY),
        (_seen(score=math.nan), HealthStatus.UNKNOWN),
        (_seen(cpu=0.99), HealthStatus.UNKNOWN),
        (_seen(age_s=301.0, score=0.1), HealthStatus.UNKNOWN),
        (_seen(age_s=301.0, score=9.0), HealthStatus.UNKNOWN),
        (Measurement(values={"score": 0.1}), HealthStatus.UNKNOWN),
    ],
)
def test_the_worst_threshold_decides_and_nothing_is_healthy_for_want_of_data(measurement, status):
    """Each measurement gets the worst verdict of its metrics; without fresh metrics it is UNKNOWN."""
    assert judge(measurement, POLICY)[0] is status


def test_the_reason_names_metric_value_and_threshold():
    """An engineer reads what decided."""
    assert judge(_seen(error_rate=0.31), POLICY)[1] == "error_rate is 0.31, the critical threshold is 0.2"


def test_a_blip_changes_nothing_in_either_direction():
    """One bad row among good ones, and one good row among bad ones, leave the status as it is."""
    health = Health()
    for score in (0.1, 5.0, 0.1):
        health = health.after(_seen(score=score), POLICY)
        assert health.status is HealthStatus.HEALTHY
    for score in (5.0, 5.0):
        health = health.after(_seen(score=score), POLICY)
    assert health.status is HealthStatus.UNHEALTHY
    assert health.after(_seen(score=0.1), POLICY).status is HealthStatus.UNHEALTHY


def test_silence_is_known_at_once():
    """A component whose metrics stop is UNKNOWN at once, and believed again with the first row."""
    health = Health().after(_seen(score=0.1), POLICY)
    silent = health.after(_seen(age_s=1000.0, score=0.1), POLICY)
    assert silent.status is HealthStatus.UNKNOWN
    assert silent.after(_seen(score=4.0), POLICY).status is HealthStatus.UNHEALTHY


@given(st.lists(st.sampled_from([0.1, 2.0, 5.0, math.nan]), max_size=30), st.integers(1, 4))
def test_a_change_needs_as_many_rows_as_the_policy_says(scores, consecutive):
    """Between known states the status only changes to what the last ``consecutive`` measurements agree on."""
    policy = HealthPolicy(consecutive=consecutive)
    health, said = Health(), []
    for score in scores:
        before, health = health, health.after(_seen(score=score), policy)
        said.append(judge(_seen(score=score), policy)[0])
        if health.status is not before.status and HealthStatus.UNKNOWN not in {before.status, health.status}:
            assert set(said[-consecutive:]) == {health.status}
            assert len(said) >= consecutive


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], "UNKNOWN"),
        (["HEALTHY"], "HEALTHY"),
        (["HEALTHY", "DEGRADED"], "DEGRADED"),
        (["HEALTHY", "DEGRADED", "UNKNOWN"], "UNKNOWN"),
        (["UNKNOWN", "UNHEALTHY"], "UNHEALTHY"),
    ],
)
def test_overall_is_the_worst(statuses, expected):
    """A system is as its worst component; not knowing is worse than degraded."""
    assert overall({str(i): HealthStatus(s) for i, s in enumerate(statuses)}) is HealthStatus(expected)


@pytest.mark.parametrize(("warning", "critical"), [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_thresholds_that_make_no_sense_are_refused(warning, critical):
    """A wrong threshold is an error that names the metric."""
    with pytest.raises(ConfigurationError, match="cpu"):
        MetricThreshold(metric="cpu", warning=warning, critical=critical)


@pytest.mark.parametrize("fields", [{"consecutive": 0}, {"stale_s": 0.0}, {"stale_s": math.nan}])
def test_policies_that_make_no_sense_are_refused(fields):
    """Streaks and ages are positive."""
    with pytest.raises(ConfigurationError):
        HealthPolicy(**fields)
