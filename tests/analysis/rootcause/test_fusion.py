"""The sum of the evidence."""

import pytest

from analysis.rootcause.fusion import judge
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from analysis.situation import Situation
from tests.analysis.builders import at, moved, quiet, situation_of

NAMES = [(c, m) for c in ("web", "orders", "db") for m in ("cpu", "latency_ms")]
OBSERVATION = observe(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)))


def test_a_score_is_the_sum_of_its_evidence():
    """Nothing but the listed evidence decides."""
    verdict = judge(OBSERVATION, RootCauseSettings())
    for name, score in verdict.scores.items():
        assert score == pytest.approx(sum(item.weight for item in verdict.evidence.get(name, ())))


def test_evidence_comes_strongest_first():
    """Whatever its sign, what weighs most is listed first."""
    for items in judge(OBSERVATION, RootCauseSettings()).evidence.values():
        strengths = [abs(item.weight) for item in items]
        assert strengths == sorted(strengths, reverse=True)


def test_every_collector_that_cannot_run_is_listed_once():
    """Nothing is left out in silence."""
    verdict = judge(observe(Situation(detected_at=at(0))), RootCauseSettings())
    names = [method.name for method in verdict.skipped]
    assert len(set(names)) == len(names)
    collectors = {"level", "position", "surge", "onset_order", "logs", "change", "alerts"}
    assert set(names) >= collectors | {"trace_gap", "trace_fanout", "trace_self"}
    assert all(method.reason.endswith(".") for method in verdict.skipped)
