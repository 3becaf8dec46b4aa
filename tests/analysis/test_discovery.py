"""Edges guessed from lagged dependence."""

import math
import subprocess
import sys

import numpy as np
import pytest

from analysis.discovery import DiscoverySettings, discover_edges
from analysis.topology import Edge, EdgeSource
from models.errors import ConfigurationError
from models.simulator.settings import SimulatorSettings
from models.simulator.system import SimulatedSystem
from tests.analysis.builders import frame_of, noise

ROWS = 700


def lagging(source, weight=0.7, seed=0, rows=2):
    """A series that follows another one by some rows, with noise of its own."""
    past = np.concatenate([np.zeros(rows), source[:-rows] - np.mean(source)])
    return 10 + weight * past + noise(len(source), level=0.0, seed=100 + seed)


def wandering(rng, n_rows, keep=0.6):
    """Noise that remembers its past."""
    values = rng.normal(size=n_rows)
    for row in range(1, n_rows):
        values[row] += keep * values[row - 1]
    return values


def chain(n_rows=ROWS):
    """Trouble travels from db to orders and from orders to web."""
    db = noise(n_rows)
    orders = lagging(db, seed=1, rows=1)
    return {("db", "latency"): db, ("orders", "latency"): orders, ("web", "latency"): lagging(orders, seed=2)}


def daily(n_rows):
    """One common day of load with a quick swing on top, between 0 and 2."""
    minutes = np.arange(n_rows)
    quick = np.random.default_rng(5).normal(size=n_rows) * 0.05
    return 1 + 0.8 * np.sin(2 * math.pi * minutes / 1440) + quick


def pairs(discovery):
    """Caller and callee of every edge."""
    return {(edge.caller, edge.callee) for edge in discovery.edges}


def reasons(discovery):
    """Everything that was skipped, as one text."""
    return "; ".join(f"{s.name}: {s.reason}" for s in discovery.skipped)


def test_a_chain_is_found_in_its_direction():
    """The one who follows is the caller, with the right lag, and the indirect call is left out."""
    found = discover_edges(frame_of(chain()))
    assert pairs(found) == {("orders", "db"), ("web", "orders")}
    assert {edge.caller: edge.lag_rows for edge in found.edges} == {"orders": 1, "web": 2}
    assert all(0 <= edge.p_value < 1e-3 and 0.1 < edge.strength <= 1 for edge in found.edges)


def test_the_graph_names_its_source():
    """Nobody can take a guess for a declared call, and components without an edge are there."""
    graph = discover_edges(frame_of({**chain(), ("alone", "latency"): noise(ROWS, seed=9)})).graph
    assert graph.components == ("alone", "db", "orders", "web")
    assert graph.edges[0] == Edge(caller="orders", callee="db", sources=(EdgeSource.LAG,))


@pytest.mark.parametrize("keep", [0.0, 0.6])
def test_independent_noise_gives_almost_nothing(keep):
    """Over 20 seeds at a rate of 5 %, hardly a frame has an edge, with memory or without."""
    frames = []
    for seed in range(20):
        rng = np.random.default_rng([seed, 7])
        frames.append(frame_of({(f"c{i}", "latency"): 10 + wandering(rng, 400, keep) for i in range(6)}))
    troubled = [frame for frame in frames if discover_edges(frame).edges]
    assert len(troubled) <= 3


@pytest.mark.parametrize("has_traffic", [True, False])
def test_a_shared_load_gives_no_edge(has_traffic):
    """A day that moves everybody, each with another gain, is no dependence, with or without traffic metrics."""
    load = daily(1440)
    series = {(f"c{i}", "latency"): (5 + i) * (1 + 0.3 * load) + noise(1440, 0.0, seed=i) for i in range(8)}
    if has_traffic:
        series |= {(f"c{i}", "requests"): 100 * load + noise(1440, 0.0, 2.0, seed=50 + i) for i in range(8)}
    assert pairs(discover_edges(frame_of(series))) == set()


def test_a_shared_swing_without_traffic_gives_hardly_an_edge():
    """A swing that everybody measures with noise of his own is told by the others, where there are enough of them."""
    swing = wandering(np.random.default_rng(8), 1000, 0.9)
    series = {(f"c{i:02}", "latency"): swing + noise(1000, spread=1.0, seed=i) for i in range(20)}
    assert len(discover_edges(frame_of(series)).edges) <= 1
    few = dict(list(series.items())[:6])
    assert len(discover_edges(frame_of(few)).edges) > 1


def test_one_who_gets_faster_is_no_caller():
    """Trouble slows the caller down; a series that falls when the other rises is related in some other way."""
    db = noise(ROWS)
    assert discover_edges(frame_of({("db", "ms"): db, ("web", "ms"): lagging(db, weight=-0.7)})).edges == ()


def test_of_two_directions_the_stronger_stays():
    """Two that follow each other are one edge, towards the one with more influence."""
    rng = np.random.default_rng(2)
    strong, weak = rng.normal(size=ROWS), rng.normal(size=ROWS)
    for row in range(1, ROWS):
        strong[row] += 0.25 * weak[row - 1]
        weak[row] += 0.6 * strong[row - 1]
    for names in (("a", "b"), ("b", "a")):
        series = {(names[0], "ms"): 10 + strong, (names[1], "ms"): 10 + weak}
        assert pairs(discover_edges(frame_of(series))) == {(names[1], names[0])}


def test_only_the_last_rows_are_read():
    """What held long ago and holds no more is no edge."""
    series = {key: np.concatenate([values, noise(300, seed=i)]) for i, (key, values) in enumerate(chain().items())}
    assert discover_edges(frame_of(series)).edges
    assert discover_edges(frame_of(series), DiscoverySettings(max_rows=300)).edges == ()


def test_the_order_of_columns_does_not_matter():
    """The same series in any order give the same bits."""
    series = {**chain(), ("db", "errors"): noise(ROWS, seed=4), ("db", "requests"): noise(ROWS, seed=5)}
    assert discover_edges(frame_of(series)) == discover_edges(frame_of(dict(reversed(series.items()))))


def test_the_series_with_most_memory_stands_for_a_component():
    """Of two latencies the one that is not only noise is taken; errors only where there is no latency."""
    slow = 10 + wandering(np.random.default_rng(1), ROWS)
    series = {("a", "latency_p50"): slow, ("a", "latency_p99"): noise(ROWS), ("a", "errors"): slow + 1}
    found = discover_edges(frame_of({**series, ("b", "errors"): noise(ROWS, seed=2), ("b", "cpu"): slow}))
    assert [str(key) for key in found.signals] == ["a/latency_p50", "b/errors"]


def test_missing_values_do_not_hide_the_chain():
    """A tenth of the values may be absent; what the middle then does not tell may look like a direct call."""
    series = chain(1400)
    rng = np.random.default_rng(3)
    holed = {key: np.where(rng.random(1400) < 0.1, np.nan, values) for key, values in series.items()}
    found = pairs(discover_edges(frame_of(holed)))
    assert {("orders", "db"), ("web", "orders")} <= found <= {("orders", "db"), ("web", "orders"), ("web", "db")}


@pytest.mark.parametrize("useless", [np.full(ROWS, 7.0), np.zeros(ROWS), np.full(ROWS, np.nan)])
def test_a_component_without_a_signal_is_named(useless):
    """Constants and absent values are skipped with the reason, and the rest is still found."""
    found = discover_edges(frame_of({**chain(), ("dull", "latency"): useless}))
    assert "lagged dependence of dull: no latency or error series" in reasons(found)
    assert pairs(found) == {("orders", "db"), ("web", "orders")}


def test_copies_and_exact_followers_are_harmless():
    """Two equal series tell nothing about each other; a perfect follower is found; huge values do not overflow."""
    first = noise(ROWS)
    later = np.concatenate([[10.0], first[:-1]])
    found = discover_edges(frame_of({("a", "ms"): first, ("b", "ms"): first, ("c", "ms"): later * 1e307 / 20}))
    assert ("a", "b") not in pairs(found)
    assert ("b", "a") not in pairs(found)
    assert "c" in {edge.caller for edge in found.edges}


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        ({("a", "latency"): noise(50), ("b", "latency"): noise(50, seed=1)}, "50 rows are fewer than 240"),
        ({("a", "latency"): noise(ROWS)}, "1 components have a usable signal"),
        ({("a", "cpu"): noise(ROWS), ("b", "cpu"): noise(ROWS)}, "0 components have a usable signal"),
        ({}, "0 rows are fewer"),
    ],
)
def test_nothing_is_told_with_a_reason(series, reason):
    """Short, single, without latency, empty: no edge, and never without saying why."""
    found = discover_edges(frame_of(series) if series else frame_of({("a", "ms"): []}))
    assert found.edges == ()
    assert reason in reasons(found)


def test_a_small_frame_without_traffic_says_that_the_load_stays_in():
    """Three components cannot stand for a common load, and the result says so."""
    assert "common load: no traffic metric" in reasons(discover_edges(frame_of(chain())))


@pytest.mark.parametrize(
    "wrong",
    [{"max_lag": 0}, {"window_rows": 4}, {"false_discovery_rate": 0.0}, {"false_discovery_rate": 1.0}, {"max_rows": 0}],
)
def test_settings_are_checked(wrong):
    """A value out of range is named."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        DiscoverySettings(**wrong)


def test_the_simulated_shop_is_found_far_better_than_by_chance():
    """On a healthy day and a half most guesses are calls, where one pair in eight is one."""
    system = SimulatedSystem(SimulatorSettings(seed=2))
    found = pairs(discover_edges(system.advance(2160)))
    assert len(found) >= 4
    assert len(found & set(system.edges)) >= 0.75 * len(found)


def test_statsmodels_is_not_imported_with_the_module():
    """The import is left to the first use, as it takes a second."""
    check = "import sys, analysis.discovery; sys.exit('statsmodels' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
