"""Evaluation of detection: figures against truths made by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from models.errors import CaseError, InputError
from models.evaluation import (
    ScoredSeries,
    average_precision,
    best_event_f1,
    count_runs,
    delay_f1,
    evaluate,
    evaluate_suite,
)


def scored(score, events, alarm=None, step_s=3600.0):
    """A series of the given scores."""
    score = np.asarray(score, float)
    return ScoredSeries(tuple(events), score, score >= 1 if alarm is None else np.asarray(alarm, bool), step_s)


def write(place, name, n, truth, score=None, alarm=None):
    """A series with its truth, and its scores where there are any."""
    (place / "scores").mkdir(exist_ok=True)
    times = pd.date_range("2026-01-01", periods=n, freq="h", tz="UTC").as_unit("us")
    pd.DataFrame({"ts": times, "value": np.zeros(n)}).to_parquet(place / f"{name}.parquet")
    known = json.loads((place / "truth.json").read_text()) if (place / "truth.json").exists() else {}
    (place / "truth.json").write_text(json.dumps(known | {name: truth}))
    if score is not None:
        pd.DataFrame({"score": score, "alarm": alarm}).to_parquet(place / "scores" / f"{name}.parquet")


def test_average_precision_by_hand():
    """Two true rows, ranked first and third of four: (1/1 + 2/3) / 2; equal scores are one step."""
    label = np.array([True, False, True, False])
    assert average_precision(label, np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(label, np.ones(4)) == pytest.approx(0.5)
    assert average_precision(np.zeros(4, bool), np.ones(4)) == 0


def test_no_point_adjustment():
    """One found row of a long event is worth one row in AUC-PR."""
    label = np.zeros(100, bool)
    label[10:60] = True
    score = np.zeros(100)
    score[20] = 5.0
    assert average_precision(label, score) == pytest.approx(1 / 50 + 49 / 50 * 50 / 100)


def test_an_event_counts_once_and_a_run_is_one_false_alarm():
    """Two events, one found by two rows; one false run of two rows: F1 = 2 / (1 + 1 + 2)."""
    one = scored([0, 2, 2, 0, 0, 3, 0, 3, 0, 0, 0, 0], [(5, 9), (10, 12)])
    figures = evaluate([one])
    assert figures["event F1, own boundary"] == pytest.approx(2 / 4)
    assert figures["recall, own boundary"] == 0.5
    assert figures["false alarms per series and day"] == pytest.approx(1 / 0.5)
    assert figures["normal rows under alarm"] == pytest.approx(2 / 6)
    assert figures["median delay (rows)"] == 0
    assert figures["event F1, best per series"] == pytest.approx(2 / 3)
    assert figures["that threshold"] == 3


def test_one_threshold_for_all_is_not_the_best_of_each():
    """Series on different scales: each is perfect alone, together one false alarm or one miss remains."""
    low, high = scored([0, 1, 0, 0.5], [(1, 2)]), scored([0, 10, 0, 5], [(1, 2)])
    assert best_event_f1([low])[0] == best_event_f1([high])[0] == 1
    assert best_event_f1([low, high]) == (pytest.approx(2 * 2 / (2 + 1 + 2)), 1.0)


def test_false_runs_equal_counting():
    """The sorted count of false runs is the count of runs at every threshold."""
    rng = np.random.default_rng(1)
    one = scored(rng.integers(0, 5, 200), [(10, 20), (50, 51)])
    thresholds = np.arange(0, 6.0)
    expected = [count_runs((one.score >= t) & ~one.label) for t in thresholds]
    assert one.false_runs(thresholds).tolist() == expected


def test_a_late_hit_is_none_for_the_delay():
    """Found in its eighth row the event counts with all its rows; one row later it costs every earlier false row."""
    score = np.zeros(30)
    score[17] = 1
    assert delay_f1(scored(score, [(10, 20)])) == 1
    assert delay_f1(scored(np.roll(score, 1), [(10, 20)])) == pytest.approx(2 * 10 / (10 + 20 + 10))


def test_only_the_rows_after_the_history_count(tmp_path):
    """Events and alarms of the history are nothing, an event across its end is cut; a missing series is silent."""
    alarm = [True] * 3 + [False] * 2 + [True] + [False] * 4
    write(
        tmp_path, "a", 10, {"train_rows": 4, "events": [[0, 2], [3, 6]]}, [9.0, 9, 9, 9, np.nan, 2, 0, 0, 0, 0], alarm
    )
    write(tmp_path, "b", 10, {"train_rows": 4, "events": [[8, 9]]})
    figures = evaluate_suite(tmp_path, tmp_path / "scores")
    assert (figures["series"], figures["labelled"], figures["events"]) == (2, 2, 2)
    assert figures["false alarms per series and day"] == 0
    assert figures["event F1, own boundary"] == pytest.approx(2 / 3)
    assert figures["median delay (rows)"] == 1


def test_a_random_score_is_worth_the_share_of_true_rows():
    """Chance is chance: the AUC-PR of noise is near the share of true rows."""
    rng = np.random.default_rng(2)
    label = rng.random(20_000) < 0.1
    assert average_precision(label, rng.random(20_000)) == pytest.approx(0.1, abs=0.02)


def test_what_does_not_fit_is_refused(tmp_path):
    """Other rows, no scores at all, no event, a truth that is none: errors that name the file."""
    write(tmp_path, "a", 10, {"train_rows": 4, "events": [[6, 7]]})
    with pytest.raises(InputError, match="no scores"):
        evaluate_suite(tmp_path, tmp_path / "scores")
    write(tmp_path, "a", 10, {"train_rows": 4, "events": [[6, 7]]}, np.zeros(9), np.zeros(9, bool))
    with pytest.raises(InputError, match="9 rows"):
        evaluate_suite(tmp_path, tmp_path / "scores")
    with pytest.raises(InputError, match="no series has an event"):
        evaluate([scored([0, 1], [])])
    for entry in ({}, {"train_rows": 4, "events": [[3]]}, {"train_rows": 4, "events": [[7, 6]]}, 3):
        (tmp_path / "truth.json").write_text(json.dumps({"a": entry}))
        with pytest.raises(CaseError):
            evaluate_suite(tmp_path, tmp_path / "scores")
    write(tmp_path, "a", 10, {"train_rows": 4, "events": [[12, 14]]}, np.zeros(10), np.zeros(10, bool))
    with pytest.raises(CaseError, match="behind the series"):
        evaluate_suite(tmp_path, tmp_path / "scores")
