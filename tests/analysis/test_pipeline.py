"""From a situation to a diagnosis."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.findings import CauseCategory
from analysis.pipeline import diagnose, situation_from_case
from analysis.situation import Situation
from models.frames import SeriesKey
from models.sources.cases import Case
from tests.analysis.builders import CHAIN, at, event, frame_of, moved, noise, quiet, situation_of, span

NAMES = [(c, m) for c in ("web", "orders", "db", "mail") for m in ("cpu", "latency_ms", "error_rate", "requests")]


def slow_database(n_rows=80):
    """The database is busy and slow, its callers are slow, mail is quiet."""
    series = moved(quiet(NAMES, n_rows), ("db", "cpu"), 60, 3.0)
    for name in ("db", "orders", "web"):
        series = moved(series, (name, "latency_ms"), 60, 2.5)
    return series


def check_sound(analysis):
    """Invariants of every analysis."""
    assert len(set(analysis.ranking)) == len(analysis.ranking)
    likelihoods = [cause.likelihood for cause in analysis.possible_causes]
    assert sum(likelihoods) <= 1 + 1e-9
    assert all(0 <= value <= 1 for value in [*likelihoods, analysis.confidence])
    assert likelihoods == sorted(likelihoods, reverse=True)
    assert len(analysis.possible_causes) <= 10
    for cause in analysis.possible_causes:
        for item in cause.evidence:
            assert np.isfinite([item.weight, *item.numbers.values()]).all()
    return analysis


def test_the_deepest_slow_component_is_named_with_evidence_and_path():
    """Cause, category, metric and the way to the symptom."""
    found = check_sound(diagnose(situation_of(slow_database())))
    best = found.most_likely_cause
    assert best.component == found.ranking[0] == "db"
    assert best.category is CauseCategory.RESOURCE
    assert best.propagation == ("db", "orders", "web")
    assert found.metric_ranking[0] == SeriesKey("db", "cpu")
    assert any(item.metric == "cpu" and "rose" in item.statement for item in best.evidence)
    assert found.confidence > 0.5
    assert set(found.ranking) == {"web", "orders", "db", "mail"}
    assert {method.name for method in found.skipped} >= {"trace_gap", "change", "alerts"}


def test_noise_names_nobody():
    """Without trouble there is a ranking, but no most likely cause."""
    for seed in range(8):
        series = {name: noise(120, seed=100 * seed + i) for i, name in enumerate(NAMES)}
        found = check_sound(diagnose(situation_of(series, detected=110)))
        assert found.most_likely_cause is None
        assert len(found.ranking) == 4


def test_a_deploy_tips_the_balance_and_names_the_category():
    """Of two equally odd components the one that was just changed is named."""
    series = moved(moved(quiet(NAMES), ("web", "cpu"), 60, 3.0), ("mail", "cpu"), 60, 3.0)
    found = diagnose(situation_of(series, edges=None, events=pd.DataFrame([event("mail", 59)])))
    assert found.most_likely_cause.component == "mail"
    assert found.most_likely_cause.category is CauseCategory.DEPLOY
    told = diagnose(situation_of(series, edges=None, events=pd.DataFrame([event("mail", 59, name="config flag")])))
    assert told.most_likely_cause.category is CauseCategory.CONFIGURATION


def test_alert_events_alone_give_a_ranking():
    """Without metrics and traces the alerts decide."""
    rows = [event("db", 1, "METRIC", "cpu", "up"), event("db", 1, "METRIC", "mem", "up"), event("web", 1, "LOG", "x")]
    found = check_sound(diagnose(Situation(detected_at=at(0), edges=CHAIN, events=pd.DataFrame(rows))))
    assert found.ranking[:2] == ("db", "web")
    assert found.metric_ranking == ()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(order=st.permutations(range(len(NAMES))), flip=st.booleans())
def test_the_order_of_the_input_does_not_matter(order, flip):
    """Permuted columns and edges give the identical analysis."""
    series = slow_database()
    names = list(series)
    shuffled = {names[i]: series[names[i]] for i in order}
    edges = tuple(reversed(CHAIN)) if flip else CHAIN
    assert diagnose(situation_of(shuffled, edges=edges)) == diagnose(situation_of(series))


def test_ties_go_to_the_name():
    """Identical components rank by name."""
    flat = {(name, "cpu"): np.where(np.arange(40) >= 30, 5.0, 1.0) for name in ("c", "a", "b")}
    assert diagnose(situation_of(flat, detected=30, edges=None)).ranking == ("a", "b", "c")


CONSTANT = {("a", "cpu"): np.ones(40), ("b", "cpu"): np.zeros(40)}
HOSTILE = {
    "nothing": Situation(detected_at=at(0)),
    "no series": Situation(detected_at=at(0), frame=frame_of({("a", "m"): []}).where(lambda _key: False)),
    "no rows": Situation(detected_at=at(0), frame=frame_of({("a", "m"): []})),
    "one row": situation_of({("a", "m"): [1.0]}, detected=0),
    "one row before": situation_of({("a", "m"): [1.0]}, detected=5),
    "all missing": situation_of({name: np.full(80, np.nan) for name in NAMES}),
    "constant": situation_of(CONSTANT, detected=30),
    "no history": situation_of(quiet(NAMES), detected=-10),
    "only history": situation_of(quiet(NAMES), detected=900),
    "huge": situation_of({("a", "m"): 1e300 * noise(80), ("b", "m"): np.where(np.arange(80) > 60, -1e308, 1e308)}),
    "tiny": situation_of({("a", "m"): 1e-300 * noise(80), ("b", "m"): np.full(80, 5e-324)}),
    "cycle": situation_of(slow_database(), edges=(("web", "db"), ("db", "web"), ("db", "db"), ("orders", "orders"))),
    "strange names": situation_of({("", "\n"): noise(80), ("☃/..'\"", "x" * 500): noise(80), ("a", ""): noise(80)}),
    "unknown target": situation_of(slow_database(), target=SeriesKey("ghost", "x")),
    "constant target": situation_of(CONSTANT, detected=30, target=SeriesKey("a", "cpu")),
    "graph of strangers": situation_of(slow_database(), edges=(("p", "q"), ("q", "r"))),
    "empty tables": situation_of(
        slow_database(),
        traces=pd.DataFrame([span(1, "a", "", "web", 0, 1.0)]).iloc[:0],
        events=pd.DataFrame([event("db", 1)]).iloc[:0],
    ),
    "traces of one span": situation_of(slow_database(), traces=pd.DataFrame([span(1, "a", "", "web", 0, 1.0)])),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_situations_get_an_honest_answer(name):
    """Whatever is missing, extreme or odd, the analysis is sound and names each candidate once."""
    found = check_sound(diagnose(HOSTILE[name]))
    if name not in {"cycle", "unknown target", "graph of strangers", "empty tables", "traces of one span", "huge"}:
        assert found.most_likely_cause is None
    assert diagnose(HOSTILE[name]) == found


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_missing_values_cost_nothing(share):
    """With a share of the values gone the answer is the same."""
    rng = np.random.default_rng(5)
    series = {k: np.where(rng.random(80) < share, np.nan, v) for k, v in slow_database().items()}
    assert diagnose(situation_of(series)).ranking[0] == "db"


def test_a_late_detection_costs_nothing():
    """Detected after half of the incident, the cause is still first."""
    assert diagnose(situation_of(slow_database(100), detected=80)).ranking[0] == "db"


def test_a_wrong_graph_does_not_hide_a_saturated_component():
    """Edges that are all wrong do not excuse a cpu hog."""
    edges = (("db", "mail"), ("db", "web"), ("db", "orders"))
    assert diagnose(situation_of(slow_database(), edges=edges)).ranking[0] == "db"


def test_a_case_becomes_a_situation():
    """Every part of a recorded case arrives."""
    frame = frame_of(slow_database())
    case = Case(
        name="x",
        detected_at=at(60),
        target=SeriesKey("web", "latency_ms"),
        frame=frame,
        edges=CHAIN,
        traces=None,
        logs=None,
        events=None,
        attributes={"db": {"host": ("h1",)}},
    )
    situation = situation_from_case(case)
    assert situation.attributes == case.attributes
    assert (situation.frame, situation.edges, situation.target) == (frame, CHAIN, case.target)
    assert diagnose(replace(situation, anomalies=())).ranking[0] == "db"
