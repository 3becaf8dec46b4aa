"""From points of series to evidence about components."""

import numpy as np

from analysis.rootcause import metrics
from analysis.rootcause.observation import observe
from analysis.situation import Situation
from models.frames import SeriesKey
from tests.analysis.builders import at, moved, quiet, situation_of
from tests.analysis.rootcause.helpers import NAMES, SETTINGS, metric_weights, weights


def test_level_accuses_the_component_that_moved():
    """The moved series gets the points; quiet ones next to none."""
    found = metric_weights(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)))
    assert max(found, key=found.get) == "db"
    assert all(weight < 1 for name, weight in found.items() if name != "db")


def test_saturation_counts_more_than_traffic():
    """The same shift accuses more as cpu than as requests."""
    busy = metric_weights(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)))
    called = metric_weights(situation_of(moved(quiet(NAMES), ("db", "requests"), 60, 3.0)))
    assert busy["db"] > 2 * called["db"] > 0


def test_relief_counts_less_than_trouble():
    """A cpu that falls is a sign of missing work, not of trouble."""
    up = metric_weights(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 1.5)))
    down = metric_weights(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 0.5)))
    assert up["db"] > 2 * down["db"] > 0


def test_further_metrics_of_a_kind_count_half():
    """Three series of one kind are often the same quantity again: they count less than three times one."""
    series = quiet([("db", f"cpu_{i}") for i in range(5)])
    one = moved(series, ("db", "cpu_0"), 60, 3.0)
    five = series
    for i in range(5):
        five = moved(five, ("db", f"cpu_{i}"), 60, 3.0)
    assert metric_weights(situation_of(one))["db"] < metric_weights(situation_of(five))["db"]
    assert metric_weights(situation_of(five))["db"] < 2.5 * metric_weights(situation_of(one))["db"]


def test_without_metrics_there_is_a_reason():
    """No frame and an empty frame are both said."""
    for situation in (Situation(detected_at=at(0)), situation_of({("a", "x"): np.full(9, np.nan)}, detected=5)):
        found = metrics.collect(observe(situation), SETTINGS)
        assert (found.evidence, found.points.tolist()) == ((), [])
        assert "no metric values" in found.skipped[0].reason


def test_symptom_and_saturation_are_told_apart():
    """Latency and errors may come from a callee, resources may not."""
    series = moved(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0), ("web", "latency_ms"), 60, 3.0)
    found = metrics.collect(observe(situation_of(series, target=SeriesKey("web", "latency_ms"))), SETTINGS)
    assert found.saturation["db"] > 2 > found.saturation["web"]
    assert found.symptom["web"] > 2 > found.symptom["db"]
    assert weights(found.evidence)["web"] > 2
