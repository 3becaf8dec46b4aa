"""Which series move together with the symptom."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import comovement, level, metrics
from analysis.rootcause.observation import observe
from models.frames import SeriesKey
from tests.analysis.builders import moved, quiet, situation_of
from tests.analysis.rootcause.helpers import NAMES, SETTINGS, metric_weights


def test_comovement_spares_what_does_not_follow_the_target():
    """Of two moved components the one that moves with the target keeps its points."""
    shape = 1 + np.where(np.arange(80) >= 60, np.random.default_rng(1).uniform(1, 3, 80), 0)
    series = quiet(NAMES)
    series["web", "latency_ms"] = series["web", "latency_ms"] * shape
    series["db", "latency_ms"] = series["db", "latency_ms"] * shape
    series["mail", "latency_ms"] = series["mail", "latency_ms"] * (1 + 3 * (np.arange(80) >= 40))
    found = metric_weights(situation_of(series, target=SeriesKey("web", "latency_ms")))
    assert found["db"] > 3 * found["mail"]


def test_the_users_symptom_is_assumed_where_none_is_named():
    """Without a target the moved latency of the component with the most dependencies stands for it."""
    series = moved(moved(quiet(NAMES), ("web", "latency_ms"), 60, 3.0), ("db", "latency_ms"), 60, 3.0)
    items = metrics.collect(observe(situation_of(series)), SETTINGS).evidence
    assert any("web/latency_ms, the symptom taken" in item.statement for item in items)


def test_an_unknown_target_is_reported():
    """A target without a series is a reason, not a crash."""
    found = metrics.collect(observe(situation_of(quiet(NAMES), target=SeriesKey("ghost", "x"))), SETTINGS)
    assert found.skipped[0].name == "comovement"
    assert "ghost/x" in found.skipped[0].reason


def measured(situation, settings=SETTINGS):
    """The comovement of a situation."""
    seen = observe(situation)
    points = level.measure_points(seen.series, settings)
    return comovement.measure(seen.series, points, situation.target, seen.graph, settings)


def test_factors_are_shares():
    """No series keeps more than its points, or less than nothing; the symptom keeps its own."""
    series = moved(quiet(NAMES), ("web", "latency_ms"), 60, 3.0)
    found = measured(situation_of(series, target=SeriesKey("web", "latency_ms")))
    assert ((found.factors >= 0) & (found.factors <= 1 + 1e-9)).all()
    seen = observe(situation_of(series)).series
    assert found.factors[seen.keys.index(SeriesKey("web", "latency_ms"))] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "reason"),
    [(np.ones(80), "does not move"), (np.where(np.arange(80) < 70, np.nan, 1.0), "does not move")],
)
def test_a_target_that_says_nothing_is_reported(values, reason):
    """A constant target, or one with few values, takes nothing from anybody."""
    target = ("web", "latency_ms")
    found = measured(situation_of(quiet(NAMES) | {target: values}, target=SeriesKey(*target)))
    assert isinstance(found, SkippedMethod)
    assert reason in found.reason


def test_it_can_be_switched_off():
    """Power 0 is said to be off."""
    series = moved(quiet(NAMES), ("web", "latency_ms"), 60, 3.0)
    assert "switched off" in measured(situation_of(series), replace(SETTINGS, comovement_power=0.0)).reason


def test_without_symptoms_none_is_assumed():
    """Where no latency and no error moved, there is nothing to follow."""
    series = {name: np.ones(80) for name in NAMES}
    assert "no latency or error metric moved" in measured(situation_of(moved(series, ("db", "cpu"), 60, 3.0))).reason


def test_correlation_skips_missing_rows():
    """Gaps on either side are left out of the sums."""
    rng = np.random.default_rng(0)
    signal = np.stack([np.arange(20.0), -np.arange(20.0), np.full(20, np.nan), np.ones(20)], axis=1)
    signal[rng.random(signal.shape) < 0.3] = np.nan
    found, is_known = comovement.correlate(signal, np.where(np.arange(20) % 7, np.arange(20.0), np.nan))
    assert found.tolist() == pytest.approx([1.0, -1.0, 0.0, 0.0])
    assert is_known.tolist() == [True, True, False, False]
