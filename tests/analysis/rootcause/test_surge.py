"""More work than usual."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import surge
from analysis.rootcause.observation import observe
from tests.analysis.builders import moved, quiet, situation_of
from tests.analysis.rootcause.helpers import NAMES, SETTINGS, weights


def surged(factor):
    """Traffic of the whole chain rises at once, the database's load with it."""
    series = quiet(NAMES, 120)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "requests"), 90, factor)
    return observe(situation_of(moved(series, ("db", "cpu"), 90, 2.0), detected=90))


def test_a_surge_is_blamed_on_where_it_comes_in():
    """Load below the origin is explained; the origin is credited."""
    found = weights(surge.collect(surged(3.0), {"db": 8.0, "orders": 2.0, "web": 2.0}, SETTINGS))
    assert found["db"] < -5
    assert found["web"] > 3


def test_a_slow_morning_is_no_surge():
    """Traffic that rises gradually explains nothing."""
    series = quiet(NAMES, 120)
    for name in ("web", "orders", "db"):
        series[name, "requests"] = series[name, "requests"] * np.linspace(1, 3, 120)
    observation = observe(situation_of(series, detected=90))
    assert surge.collect(observation, {"db": 8.0}, SETTINGS) == ()


@pytest.mark.parametrize("edges", [None, ()])
def test_without_calls_there_is_a_reason(edges):
    """Nobody knows where the traffic comes from."""
    assert isinstance(surge.collect(observe(situation_of(quiet(NAMES), edges=edges)), {}, SETTINGS), SkippedMethod)


def test_it_is_off_with_the_graph():
    """Share 0 switches it off."""
    assert isinstance(surge.collect(surged(3.0), {}, replace(SETTINGS, explained_share=0.0)), SkippedMethod)


def test_a_surge_that_reaches_nobody_is_no_surge():
    """One component with more traffic is not enough."""
    series = moved(quiet(NAMES, 120), ("web", "requests"), 90, 3.0)
    assert surge.collect(observe(situation_of(series, detected=90)), {"web": 3.0}, SETTINGS) == ()


def test_nothing_is_taken_from_who_has_nothing():
    """A component without points keeps them."""
    assert set(weights(surge.collect(surged(3.0), {"db": -2.0}, SETTINGS))) == {"web"}


def test_falling_traffic_is_no_surge():
    """Only rises count."""
    assert surge.collect(surged(0.3), {"db": 8.0}, SETTINGS) == ()


def test_a_cycle_has_no_origin():
    """Where everybody has a caller whose traffic rose, nobody is blamed, and it ends."""
    series = quiet(NAMES, 120)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "requests"), 90, 3.0)
    edges = (("web", "orders"), ("orders", "db"), ("db", "web"))
    found = surge.collect(observe(situation_of(series, detected=90, edges=edges)), {"db": 8.0}, SETTINGS)
    assert all(np.isfinite(item.weight) for item in found)
    assert not [item for item in found if item.weight > 0]
