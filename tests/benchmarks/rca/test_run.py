"""The run: suites and their splits, answers of every variant, errors as results."""

import json
from dataclasses import replace

import pytest

from analysis.benchmark import score_suite
from benchmarks.rca.methods import Answer, Ours, Theirs
from benchmarks.rca.run import Variant, answer, answer_all, find_suites, load_score, predictions_of
from tests.benchmarks.rca.made_cases import made_suites, metric_case


def broken(case, random):
    """Spoil a case beyond repair."""
    raise ValueError(f"no {case.name}")


def test_a_test_split_is_taken_where_there_is_one(tmp_path):
    """Only its cases; a suite without one is taken whole."""
    measured, told = find_suites(made_suites(tmp_path))
    assert (measured.split, measured.cases) == (None, ("one", "three", "two"))
    assert (told.split, told.cases) == ("test", ("kept",))


def test_unknown_suites_are_named(tmp_path):
    """With those that are there."""
    with pytest.raises(SystemExit, match="no such suite: none; there are measured, told"):
        find_suites(made_suites(tmp_path), ["none"])
    with pytest.raises(SystemExit, match="no such suite"):
        find_suites(tmp_path / "measured" / "one")


def test_two_processes_answer_as_one(tmp_path):
    """Every variant on every case, the same but for the seconds."""
    suites = find_suites(made_suites(tmp_path))
    rows = [Variant(name="ours", method=Ours()), Variant(name="theirs", method=Theirs(key="alerts"))]
    results = []
    for jobs in (1, 2):
        found = answer_all(suites, rows, jobs)
        results.append(
            {
                (v, s, c): replace(a, seconds=None)
                for v, ss in found.items()
                for s, cs in ss.items()
                for c, a in cs.items()
            }
        )
    assert results[0] == results[1]
    assert len(results[0]) == 2 * 4
    assert results[0]["theirs", "measured", "one"].reason == "no alert events"


def test_an_error_is_a_result():
    """With its type and message, and without a ranking."""
    found = answer(metric_case("c"), Variant(name="v", method=Ours(), spoil=broken))
    assert found == Answer(reason="raised ValueError: no c")


def test_predictions_leave_out_what_was_not_answered():
    """So that it counts as a miss; what a method does not state is absent."""
    made = predictions_of({"a": Answer(ranking=("x", "y"), metrics=(("x", "m"),)), "b": Answer(reason="no")})
    assert made == {"a": {"ranking": ["x", "y"], "metrics": [["x", "m"]]}}
    full = predictions_of({"a": Answer(ranking=("x",), confidence=0.0, seconds=0.5)})
    assert full["a"]["confidence"] == 0.0
    assert json.loads(json.dumps(full)) == full


def test_the_counting_can_be_exchanged(tmp_path):
    """A file score_rca.py is asked if there is one; the product counts without; an absent one ends the run."""
    assert load_score(None) is score_suite
    (tmp_path / "score_rca.py").write_text("def score(suite, predictions, split=None):\n    return {'split': split}\n")
    assert load_score(tmp_path)(tmp_path, {}, "test") == {"split": "test"}
    with pytest.raises(SystemExit, match=r"no score_rca\.py"):
        load_score(tmp_path / "none")
