"""Predicting and scoring suites."""

import json

import pytest

from analysis.benchmark import accuracy, calibration_error, predict_suite, rank_of, score_suite
from models.sources.cases import Case, write_case
from tests.analysis.builders import CHAIN, at, frame_of, moved, quiet

NAMES = [(c, m) for c in ("web", "orders", "db") for m in ("cpu", "latency_ms")]
TRUTH = {
    "one": {"components": ["a"], "metrics": [["a", "m"]], "fault": "cpu", "split": "test"},
    "two": {"components": ["b", "c"], "metrics": [], "fault": "net", "split": "test"},
    "three": {"components": ["z"], "metrics": [], "fault": "net", "split": "train"},
}
PREDICTIONS = {
    "one": {"ranking": ["a", "b"], "metrics": [["b", "m"], ["a", "m"]], "confidence": 0.8, "seconds": 0.1},
    "two": {"ranking": ["a", "a", "c"], "metrics": [], "confidence": 0.6, "seconds": 0.3},
}


@pytest.fixture
def scored(tmp_path):
    """A suite with nothing but its truth."""
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH))
    return tmp_path


def test_scores_are_those_of_hand(scored):
    """Accuracy, chance, metric level, calibration and seconds on three cases, one of them missing."""
    score = score_suite(scored, PREDICTIONS)
    assert score["component"] == pytest.approx(
        {"AC@1": 1 / 3, "AC@3": 2 / 3, "AC@5": 2 / 3, "Avg@5": (1 + 2 * 4) / 15, "n": 3}
    )
    assert score["by fault"]["net"]["AC@3"] == 0.5
    assert score["metric"]["AC@1"] == 0
    assert score["metric"]["AC@3"] == 1
    assert score["chance AC@1"] == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert score["missing"] == 1
    assert score["calibration error"] == pytest.approx(0.5 * 0.2 + 0.5 * 0.6)
    assert score["seconds"] == {"median": pytest.approx(0.2), "max": 0.3}


def test_a_split_scores_its_own_cases(scored):
    """Only the cases of the split count."""
    assert score_suite(scored, PREDICTIONS, split="test")["component"]["n"] == 2
    assert score_suite(scored, {}, split="train")["component"]["AC@1"] == 0


def test_a_ranking_without_a_name_is_missing_too(scored):
    """An empty ranking is no sure hit of chance: it is a miss, and it is counted."""
    emptied = {**PREDICTIONS, "two": {"ranking": [], "metrics": []}}
    score = score_suite(scored, emptied)
    assert (score["missing"], score["chance AC@1"]) == (2, pytest.approx(0.5 / 3))
    assert (score_suite(scored, {})["chance AC@1"], score_suite(scored, {})["missing"]) == (0, 3)


def test_repetitions_do_not_push_the_truth_down():
    """A name that occurs twice takes one place."""
    assert rank_of(["a", "a", "b"], ["b"]) == 2
    assert rank_of([], ["b"]) > 10**6


def test_figures_of_nothing_are_zero():
    """No case is no division by zero."""
    assert accuracy([])["AC@1"] == 0


def test_perfect_and_worst_calibration():
    """Certain and right is 0, certain and wrong is 1."""
    assert calibration_error([(1.0, True)]) == 0
    assert calibration_error([(1.0, False)]) == 1


def test_predictions_never_read_the_truth(tmp_path):
    """A suite without truth is predicted, every component ranked once, and progress told."""
    for name, component in (("first", "db"), ("second", "orders")):
        series = moved(quiet(NAMES), (component, "cpu"), 60, 3.0)
        case = Case(
            name=name,
            detected_at=at(60),
            target=None,
            frame=frame_of(series),
            edges=CHAIN,
            traces=None,
            logs=None,
            events=None,
        )
        write_case(case, tmp_path / name)
    told = []
    predictions = predict_suite(tmp_path, progress=lambda done, total: told.append((done, total)))
    assert [predictions[name]["ranking"][0] for name in ("first", "second")] == ["db", "orders"]
    assert predictions["first"]["metrics"][0] == ["db", "cpu"]
    assert sorted(predictions["first"]["ranking"]) == ["db", "orders", "web"]
    assert told == [(1, 2), (2, 2)]
    json.dumps(predictions)
