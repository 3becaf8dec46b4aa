"""What is known to break methods of root-cause analysis: one case each.

A database gets busy and slow; its callers wait for it; a mailer far away does nothing. Then the input is spoilt.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.pipeline import diagnose, situation_from_case
from analysis.rootcause import metrics
from models.frames import SeriesKey
from models.simulator import Fault, FaultKind, IncidentPlan, SimulatorSettings, simulate_incident
from tests.analysis.builders import CHAIN, at, event, frame_of, moved, noise, quiet, situation_of

NAMES = [(c, m) for c in ("web", "orders", "db", "mail") for m in ("cpu", "latency_ms", "error_rate", "requests")]


def broken(n_rows=80, onset=60):
    """The database is busy, and everybody above it slow."""
    series = moved(quiet(NAMES, n_rows), ("db", "cpu"), onset, 2.0)
    for name, factor in (("db", 3.0), ("orders", 2.6), ("web", 2.3)):
        series = moved(series, (name, "latency_ms"), onset, factor)
    return series


def first(series, **parts):
    """Who is named."""
    cause = diagnose(situation_of(series, **parts)).most_likely_cause
    return cause and cause.component


@pytest.mark.parametrize(("share", "least"), [(0.02, 20), (0.05, 18), (0.1, 17)])
def test_odd_points_in_the_history(share, least):
    """A share of the history, of every series, is fifty times too high: of twenty such histories few hide the cause."""
    right = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        is_odd = {name: (rng.random(80) < share) & (np.arange(80) < 60) for name in NAMES}
        spoilt = {name: np.where(is_odd[name], values * 50, values) for name, values in broken().items()}
        right += first(spoilt) == "db"
    assert right >= least


@pytest.mark.parametrize("late", [0.2, 0.5])
def test_a_late_detection(late):
    """A part of the incident lies before the detection."""
    assert first(broken(100), detected=60 + int(40 * late)) == "db"


def test_one_spike():
    """A single high value of a bystander within the incident is no level."""
    series = broken()
    series["mail", "cpu"] = np.where(np.arange(80) == 70, 500.0, series["mail", "cpu"])
    assert first(series) == "db"


def test_a_drop():
    """The cause shows as what falls: nothing arrives at the mailer any more, and it fails."""
    series = moved(quiet(NAMES), ("mail", "requests"), 60, 0.02)
    series = moved(series, ("mail", "error_rate"), 60, 0.1)
    assert diagnose(situation_of(series)).ranking[0] == "mail"


def test_no_spread_in_the_history():
    """A bystander in huge units whose quartiles agree is not odd for moving a thousandth."""
    series = broken()
    series["mail", "mem"] = np.where(np.arange(80) >= 60, 1.001e9, 1e9)
    assert first(series) == "db"


def test_a_brand_new_counter_wins():
    """An error counter that was zero, or not there, before the incident beats usual noise."""
    late = np.arange(80) >= 60
    for before in (0.0, np.nan):
        series = quiet(NAMES) | {("mail", "errors_total"): np.where(late, 4.0, before)}
        assert diagnose(situation_of(series)).ranking[0] == "mail"


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_missing_values(share):
    """Holes in every series."""
    rng = np.random.default_rng(4)
    assert first({k: np.where(rng.random(80) < share, np.nan, v) for k, v in broken().items()}) == "db"


def test_a_component_that_appears_and_one_that_vanishes():
    """A replica that comes while the cause is at work, and a component that was switched off before, change nothing."""
    rows = np.arange(80)
    series = broken()
    for metric in ("cpu", "requests"):
        series["old", metric] = np.where(rows < 30, noise(80, seed=7), np.nan)
        series["replica", metric] = np.where(rows >= 74, noise(80, seed=8), np.nan)
    found = diagnose(situation_of(series))
    assert found.ranking.index("db") < found.ranking.index("old")
    assert found.ranking.index("db") < found.ranking.index("replica")


@pytest.mark.parametrize(
    "edges",
    [
        (*CHAIN, ("db", "web")),
        (("orders", "db"),),
        (("web", "orders"),),
        (),
        None,
        (("web", "web"), ("db", "db")),
        (("mail", "db"), ("mail", "web"), ("db", "x"), ("x", "y")),
    ],
    ids=["cycle", "partial", "other part", "empty", "absent", "self", "strangers"],
)
def test_a_graph_that_is_cyclic_partial_or_wrong(edges):
    """It may cost certainty, but not the cause."""
    assert diagnose(situation_of(broken(), edges=edges)).ranking[0] == "db"


def test_the_order_of_columns():
    """Two components that did the same are ordered by their names, not by their columns."""
    twin = {("b", "cpu"): noise(80), ("a", "cpu"): noise(80)}
    twin = moved(moved(twin, ("a", "cpu"), 60, 3.0), ("b", "cpu"), 60, 3.0)
    assert diagnose(situation_of(twin, edges=None)) == diagnose(situation_of(dict(reversed(twin.items())), edges=None))
    assert diagnose(situation_of(twin, edges=None)).ranking == ("a", "b")


def test_nothing_falls_back_in_silence():
    """What could not run is listed with its reason, and its absence is no crash."""
    skipped = {method.name: method.reason for method in diagnose(situation_of(broken(), edges=None)).skipped}
    assert {"position", "surge", "trace_gap", "trace_fanout", "trace_self", "logs", "change", "alerts"} <= set(skipped)
    assert all(reason.endswith(".") for reason in skipped.values())


def test_a_failing_collector_fails_loudly(monkeypatch):
    """An error inside is raised, not swallowed into a worse ranking."""

    def fail(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(metrics, "collect", fail)
    with pytest.raises(ZeroDivisionError):
        diagnose(situation_of(broken()))


def test_two_equal_suspects_are_not_named_with_confidence():
    """Where two did exactly the same, the first is hardly more likely than the other."""
    series = moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)
    twins = {("mail", metric): series["db", metric] for metric in ("cpu", "latency_ms", "error_rate", "requests")}
    one, two = diagnose(situation_of(series | twins, edges=None)).possible_causes[:2]
    assert one.likelihood < 0.6
    assert abs(one.likelihood - two.likelihood) < 0.25


def test_noise_is_not_enough_evidence():
    """Twenty quiet systems: nobody is named."""
    for seed in range(20):
        series = {name: noise(80, seed=1000 + 50 * seed + i) for i, name in enumerate(NAMES)}
        assert first(series) is None


def test_a_single_component_is_named_only_if_it_moved():
    """Without rivals quiet is still quiet."""
    alone = {("db", "cpu"): noise(80), ("db", "latency_ms"): noise(80, seed=1)}
    assert first(alone, edges=None) is None
    assert first(moved(alone, ("db", "cpu"), 60, 3.0), edges=None) == "db"


def test_units_do_not_decide():
    """Bytes instead of gigabytes, seconds instead of days: the same analysis."""
    factors = {name: 10.0 ** ((7 * i) % 13 - 6) for i, name in enumerate(NAMES)}
    one = diagnose(situation_of(broken()))
    other = diagnose(situation_of({name: values * factors[name] for name, values in broken().items()}))
    assert other.ranking == one.ranking
    assert other.confidence == pytest.approx(one.confidence, rel=1e-6)


def test_a_deploy_elsewhere_does_not_hide_the_cause():
    """A change of a component that does not move loses against evidence."""
    assert first(broken(), events=pd.DataFrame([event("mail", 59)])) == "db"


def test_a_target_far_from_the_cause():
    """Asked about the entry, the database is named, with the way up."""
    found = diagnose(situation_of(broken(), target=SeriesKey("web", "latency_ms")))
    assert found.most_likely_cause.component == "db"
    assert found.most_likely_cause.propagation == ("db", "orders", "web")


def test_a_short_history():
    """Six rows of history are little, but enough to see a doubling."""
    situation = situation_of(broken(26, 6), detected=6)
    assert diagnose(situation).ranking[0] == "db"


def test_a_slow_drift_over_the_history():
    """Everybody's traffic grows through the morning; the cause is what left that path."""
    morning = np.linspace(1, 2.5, 80)
    series = {name: values * (morning if name[1] == "requests" else 1) for name, values in broken().items()}
    assert first(series) == "db"


SPOILERS = {
    "nothing": lambda case: case,
    "no calls": lambda case: replace(case, edges=None),
    "no traces": lambda case: replace(case, traces=None),
    "holes": lambda case: replace(case, frame=_holed(case.frame)),
}


def _holed(frame):
    """A third of the values are missing."""
    values = np.where(np.random.default_rng(6).random(frame.values.shape) < 0.3, np.nan, frame.values)
    return replace(frame, values=values)


@pytest.fixture(scope="module")
def simulated():
    """A processor hog in the simulated shop."""
    settings = SimulatorSettings(seed=11)
    fault = Fault(kind=FaultKind.CPU_HOG, component="payment")
    return simulate_incident(settings, fault, IncidentPlan(history_rows=180, incident_rows=40))


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_the_simulated_shop(simulated, spoiler):
    """The hog is found with less to look at as well."""
    case, truth = simulated
    assert diagnose(situation_from_case(SPOILERS[spoiler](case))).ranking[0] == truth.components[0]


def test_frames_of_nothing_but_holes():
    """A frame of NaN names nobody, whatever else is there."""
    empty = frame_of({name: np.full(80, np.nan) for name in NAMES})
    situation = replace(situation_of(quiet(NAMES)), frame=empty)
    assert diagnose(situation).most_likely_cause is None
    assert any(method.name == "level" for method in diagnose(situation).skipped)
    assert situation.detected_at == at(60)
