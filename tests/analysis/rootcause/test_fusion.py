"""Scores, likelihoods, categories and the symptom."""

import pytest

from analysis.findings import CauseCategory, Evidence
from analysis.rootcause.categories import categorise
from analysis.rootcause.fusion import Verdict, judge
from analysis.rootcause.likelihood import confidence_of, estimate_likelihoods
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.symptom import find_symptom
from models.frames import SeriesKey
from tests.analysis.builders import moved, quiet, situation_of

NAMES = [(c, m) for c in ("web", "orders", "db") for m in ("cpu", "latency_ms")]
OBSERVATION = observe(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)))


def verdict_of(**scores):
    """A verdict with nothing but scores."""
    ranking = tuple(sorted(scores, key=lambda name: (-scores[name], name)))
    return Verdict(scores=scores, ranking=ranking, metric_ranking=(), evidence={}, skipped=())


def proof(collector, weight=1.0, metric="", statement="x."):
    """A piece of evidence about db."""
    return Evidence(collector=collector, component="db", metric=metric, statement=statement, weight=weight)


def test_a_score_is_the_sum_of_its_evidence():
    """Nothing but the listed evidence decides."""
    verdict = judge(OBSERVATION, RootCauseSettings())
    for name, score in verdict.scores.items():
        assert score == pytest.approx(sum(item.weight for item in verdict.evidence.get(name, ())))


def test_likelihoods_follow_the_ranking_and_stay_below_one():
    """Whatever the scores, the sum leaves room for a cause that nobody stands for."""
    for scores in ({"a": 9.0, "b": 8.9, "c": 8.8}, {"a": 30.0, "b": 0.1}, {"a": 0.2, "b": -3.0}, {"a": 5.0}):
        found = estimate_likelihoods(verdict_of(**scores))
        values = list(found.values())
        assert values == sorted(values, reverse=True)
        assert 0 < sum(values) < 1


def test_nothing_positive_is_not_likely():
    """Candidates that everything speaks against have likelihood zero."""
    assert estimate_likelihoods(verdict_of(a=0.0, b=-1.0)) == {"a": 0.0, "b": 0.0}
    assert estimate_likelihoods(verdict_of()) == {}


def test_confidence_grows_with_the_lead_and_fades_with_weak_evidence():
    """A clear lead is trusted, a tie or a score that noise reaches is not."""
    assert confidence_of(20.0, 5.0) > confidence_of(8.0, 5.0) > confidence_of(5.0, 5.0)
    assert confidence_of(0.1, 0.0) < 0.1


@pytest.mark.parametrize(
    ("evidence", "category"),
    [
        ([proof("level", metric="cpu")], CauseCategory.RESOURCE),
        ([proof("level", metric="latency_ms"), proof("trace_gap", 5.0)], CauseCategory.NETWORK),
        ([proof("level", metric="error_rate")], CauseCategory.DEPENDENCY),
        ([proof("level", metric="requests")], CauseCategory.TRAFFIC),
        ([proof("surge")], CauseCategory.TRAFFIC),
        ([proof("level", 9.0, "cpu"), proof("change", statement="It was changed (deploy v2).")], CauseCategory.DEPLOY),
        ([proof("change", statement="It was changed (config).")], CauseCategory.CONFIGURATION),
        ([proof("level", metric="zyx")], CauseCategory.UNKNOWN),
        ([proof("level", -2.0, "cpu")], CauseCategory.UNKNOWN),
        ([], CauseCategory.UNKNOWN),
    ],
)
def test_the_heaviest_evidence_names_the_category(evidence, category):
    """Changes win; else the kind of metric or span that weighs most."""
    assert categorise("db", evidence, OBSERVATION) is category


def test_a_component_without_metrics_is_external():
    """What only its callers' traces speak of lies outside."""
    assert categorise("payment-provider", [proof("trace_fanout")], OBSERVATION) is CauseCategory.EXTERNAL


def test_the_symptom_is_the_target_or_the_odd_component_on_top():
    """A named target wins; else the odd caller furthest up; none without odd callers."""
    series = quiet(NAMES)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "latency_ms"), 60, 3.0)
    slow = observe(situation_of(series))
    assert find_symptom(slow, judge(slow, RootCauseSettings())) == "web"
    named = observe(situation_of(series, target=SeriesKey("orders", "latency_ms")))
    assert find_symptom(named, judge(named, RootCauseSettings())) == "orders"
    assert find_symptom(OBSERVATION, judge(OBSERVATION, RootCauseSettings())) == ""
    assert find_symptom(OBSERVATION, verdict_of()) == ""
