"""The rivals: each finds what its idea finds, and says where it cannot run."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from analysis.pipeline import diagnose, situation_from_case
from benchmarks.rca.contract import CannotRun, candidates_of, ranked
from benchmarks.rca.rivals import RIVALS
from models.frames import SeriesKey
from tests.analysis.builders import at, frame_of, moved, noise, quiet
from tests.benchmarks.rca.made_cases import CUT, NAMES, alert_case, metric_case, traced_case


def scores_of(key, case):
    """What one rival says."""
    return RIVALS[key].score(case)


@pytest.mark.parametrize("case", [metric_case(), alert_case(), traced_case(), metric_case(edges=None, target=None)])
def test_rivals_and_faultline_rank_the_same_candidates(case):
    """Nobody has fewer to choose from."""
    assert set(candidates_of(case)) == set(diagnose(situation_from_case(case)).ranking)


@pytest.mark.parametrize("key", ["n-sigma", "n-sigma-two-sided", "traversal"])
def test_the_largest_rise_wins(key):
    """What rose most in its own spread comes first."""
    assert ranked(metric_case(), scores_of(key, metric_case()))[0] == "db"


def test_only_the_two_sided_one_sees_a_fall():
    """A drop to nothing is no high z-score upwards."""
    series = moved(quiet(NAMES), ("cache", "request_rate"), CUT, 0.0)
    case = replace(metric_case(), frame=frame_of(series))
    assert scores_of("n-sigma", case)["cache"] < 10
    assert ranked(case, scores_of("n-sigma-two-sided", case))[0] == "cache"


def test_a_constant_history_has_no_z_score():
    """The published method leaves such series out, so that their component comes last."""
    case = replace(metric_case(), frame=frame_of({("a", "m"): np.repeat([1.0, 9.0], [60, 20]), ("b", "m"): noise(80)}))
    assert "a" not in scores_of("n-sigma", case)
    assert ranked(case, scores_of("n-sigma", case))[0] == "b"


def test_traversal_goes_down_to_the_last_odd_callee():
    """A caller that is odder than its odd callee stands behind it."""
    series = moved(moved(quiet(NAMES), ("web", "latency"), CUT, 9.0), ("db", "latency"), CUT, 2.0)
    case = replace(metric_case(), frame=frame_of(series), edges=(("web", "db"), ("db", "db")))
    assert scores_of("n-sigma", case)["web"] > scores_of("n-sigma", case)["db"]
    assert ranked(case, scores_of("traversal", case))[:2] == ("db", "web")


def test_the_walk_ends_where_calls_and_oddity_lead():
    """An odd callee of two odd callers is visited most, one that is calm least."""
    case = metric_case(edges=(("web", "db"), ("orders", "db"), ("web", "cache"), ("orders", "cache"), ("db", "db")))
    ranking = ranked(case, scores_of("walk", case))
    assert (ranking[0], ranking[-1]) == ("db", "cache")


def test_correlation_follows_the_target_and_leaves_itself_out():
    """The target's own series counts for nobody, and other kinds of metric do not either."""
    scores = scores_of("correlation", metric_case())
    assert min(scores["orders"], scores["db"]) > 0.9
    assert "web" not in scores
    assert scores["cache"] < 0.9


def test_correlation_without_a_target_takes_the_oddest_symptom():
    """The latency of the culprit, with which its callers' move."""
    scores = scores_of("correlation", metric_case(target=None))
    assert "db" not in scores
    assert min(scores["orders"], scores["web"]) > 0.9


def test_alerts_are_counted_and_changes_are_not():
    """Three alerts beat one; a deploy is none."""
    assert scores_of("alerts", alert_case()) == {"db": 3.0, "orders": 1.0}


@pytest.mark.parametrize(
    ("key", "case", "reason"),
    [
        ("n-sigma", alert_case(), "no metrics"),
        ("n-sigma-two-sided", alert_case(), "no metrics"),
        ("baro", alert_case(), "no metrics"),
        ("correlation", alert_case(), "no metrics"),
        ("correlation", metric_case(target=SeriesKey("web", "gone")), "no latency or error series to correlate with"),
        ("correlation", replace(metric_case(target=None), frame=frame_of({("a", "cpu"): noise(9)})), "no latency"),
        ("traversal", metric_case(edges=None), "no call graph"),
        ("walk", metric_case(edges=None), "no call graph"),
        ("walk", replace(metric_case(), frame=None), "neither metrics nor alerts"),
        ("traversal", replace(metric_case(), frame=None), "neither metrics nor alerts"),
        ("alerts", metric_case(), "no alert events"),
        ("alerts", replace(alert_case(), events=alert_case().events.iloc[-1:]), "no alert events"),
    ],
)
def test_what_is_missing_is_named(key, case, reason):
    """A method that needs what the case does not have says so, instead of to rank by something else."""
    told = scores_of(key, case)
    assert isinstance(told, CannotRun)
    assert told.reason.startswith(reason)


def test_an_absent_package_is_named(monkeypatch):
    """Without fse-baro its row cannot run."""
    monkeypatch.setitem(sys.modules, "baro", None)
    monkeypatch.setitem(sys.modules, "baro.root_cause_analysis", None)
    told = scores_of("baro", metric_case())
    assert isinstance(told, CannotRun)
    assert "fse-baro is not installed" in told.reason


@pytest.mark.filterwarnings("default")
def test_the_package_finds_the_culprit():
    """The package's own scorer, gaps filled, ranks the culprit first, whatever its names look like."""
    pytest.importorskip("baro.root_cause_analysis", reason="fse-baro is not installed")
    case = metric_case()
    case.frame.values[3:5, 0] = np.nan
    assert ranked(case, scores_of("baro", case))[0] == "db"


def test_ties_and_unknown_scores_come_by_name():
    """Candidates without a score, and NaN, stand last; equal ones are in the order of their names."""
    assert ranked(metric_case(), {"web": 1.0, "db": 1.0, "cache": float("nan")}) == ("db", "web", "cache", "orders")


def test_a_case_detected_before_or_behind_its_rows_breaks_nobody():
    """No history and no incident leave scores out, and raise nothing."""
    for minute in (-5, 500):
        case = replace(metric_case(), detected_at=at(minute))
        for key in ("n-sigma", "n-sigma-two-sided", "traversal", "walk", "correlation"):
            told = scores_of(key, case)
            assert isinstance(told, CannotRun) or len(ranked(case, told)) == 4
