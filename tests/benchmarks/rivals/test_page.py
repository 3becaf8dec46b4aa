"""The page: who is the best, and why not us."""

import pytest

from benchmarks.rivals.page import NO_DETECTOR, UNEXPLAINED, page, summary, table
from benchmarks.rivals.run import FIGURES, OURS, RATIO, RECALL, SPEED


def row(*values, recall=0.5, speed=100.0):
    """Figures in the order of the columns."""
    return dict(zip(FIGURES, values, strict=True)) | {RECALL: recall, SPEED: speed, RATIO: speed / 100.0}


OURS_ROW = row(0.5, 0.6, 0.6, 0.6, 0.6, 0.1, 0.01)


def told(other, reasons=None):
    """The summary of a suite with us, one other, and the alarm without end."""
    idle = row(0.1, 0.65, 0.65, 0.1, 0.65, 0.01, 1.0, recall=1.0)
    return summary({"suite": {OURS: OURS_ROW, "other": other, NO_DETECTOR: idle}}, reasons or {})


def test_the_best_in_all_columns_says_so():
    """The alarm without end takes no part, whatever its figures are, and speed is no column of the contest."""
    text = told(row(0.4, 0.5, 0.5, 0.5, 0.5, 0.2, 0.02, speed=1e6))
    assert "in 7 of 7 columns" in text
    assert "Where not" not in text


def test_figures_that_print_alike_are_equal():
    """A difference beyond the printed places is no loss."""
    assert "in 7 of 7 columns" in told(row(0.5001, 0.5, 0.5, 0.5, 0.5, 0.2, 0.02))


@pytest.mark.parametrize(
    ("other", "figure", "why"),
    [
        (row(0.9, 0, 0, 0, 0, 1, 1), "AUC-PR", UNEXPLAINED),
        (
            row(0, 0.651, 0, 0, 0, 1, 1),
            "event F1, best per series",
            "both are no more than one alarm without end",
        ),
        (row(0, 0, 0, 0, 0.7, 1, 0.9), "event F1, own boundary", "under alarm in 90% of the normal rows"),
        (row(0, 0, 0, 0, 0, 0.05, 0.9), "false alarms per series and day", "under alarm in 90% of the normal rows"),
        (row(0, 0, 0, 0, 0, 1, 0.001, recall=0.1), "normal rows under alarm", "silent: 10% of the events found, 50%"),
    ],
)
def test_a_lost_column_gives_the_reason(other, figure, why):
    """What the figures themselves say of a loss stands beside it; where they say nothing, that is said."""
    line = next(line for line in told(other).splitlines() if line.startswith("| suite") and figure in line)
    assert "| other |" in line
    assert why in line


def test_a_known_reason_is_told():
    """A reason that was found by hand stands before what the figures say."""
    found = {"suite": {"AUC-PR": "it knows the answers", "event F1, own boundary": "it is lucky"}}
    text = told(row(0.9, 0, 0, 0, 0.7, 1, 0.9), found)
    assert "| it knows the answers |" in text
    assert "| it is lucky; it hardly ever stops" in text


def test_the_table_marks_the_best_and_shows_the_speed():
    """Bold for the best of each column, low figures where low is good; the ratio of the speeds in the last column."""
    text = table("suite", {OURS: OURS_ROW, "other": row(0.9, 0.1, 0.1, 0.1, 0.1, 0.05, 0.02, speed=250.0)})
    ours, other = text.splitlines()[-2:]
    assert "**0.600**" in ours
    assert "**0.0100**" in ours
    assert "| **0.900** |" in other
    assert "**0.050**" in other
    assert other.endswith("| 250 | 2.5 |")


def test_the_page_names_what_is_missing_and_what_was_run():
    """A page of a run that is not through says so, and describes only detectors that ran."""
    text = page({"b": {OURS: OURS_ROW, "global z": OURS_ROW}}, command="run it", budget=0.05, missing=["a"], reasons={})
    assert "Not measured yet: a." in text
    assert "budget of 0.05" in text
    assert "**global z**" in text
    assert "half-space" not in text


def test_a_page_without_us_has_no_contest():
    """Rivals alone: a table, no summary, no ratio."""
    alone = {"global z": OURS_ROW | {RATIO: float("nan")}}
    text = page({"a": alone}, command="run it", budget=0.05, missing=[], reasons={})
    assert "Best of all" not in text
    assert text.rstrip().endswith("| 100 | - |")
