"""The pages: what is best, what is worse, what changed and what the confidence was worth."""

import pytest

from benchmarks.rca.calibration import Stated, calibration_lines
from benchmarks.rca.differences import changes, failures, found, tables
from benchmarks.rca.methods import Answer
from benchmarks.rca.side_by_side_page import CHANCE, OURS, TRAINED, Row, Story, better, losses, overview, page, table
from benchmarks.rca_speed import exponent

GOOD = {"AC@1": 0.8, "AC@3": 0.9, "AC@5": 1.0, "Avg@5": 0.9, "n": 10}
POOR = GOOD | {"AC@1": 0.5, "Avg@5": 0.7}
ROWS = {
    OURS: Row(figures=POOR, by_fault={"a|b": POOR}, calibration_error=0.05, seconds={"median": 0.01, "max": 0.2}),
    "other": Row(figures=GOOD, reasons={"no graph": 2}),
    "idle": Row(reasons={"no metrics": 10}),
    CHANCE: Row(figures=dict.fromkeys(GOOD, 0.1)),
}
STORY = Story(command="run", methods={"other": "does it"}, splits={"s": "test"}, reasons={}, tool="it")


def stated(confidence, *, right, named=True):
    """One answer."""
    return Stated(confidence=confidence, is_right=right, is_named=named)


def test_the_best_of_a_column_is_bold():
    """All that share the first place; what cannot run has no figures but its reason."""
    lines = table("s", ROWS).splitlines()
    assert lines[0] == "## s (10 cases)"
    assert lines[4] == f"| {OURS} | 0.500 | **0.900** | **1.000** | 0.700 | 0.050 | 0.0100 | 0.2000 |  |"
    assert lines[5].startswith("| other | **0.800** | **0.900** | **1.000** | **0.900** |")
    assert lines[5].endswith("| 2 not run: no graph |")
    assert lines[6] == "| idle |  |  |  |  |  |  |  | cannot run: no metrics |"


def test_where_another_is_better_stands_on_the_page():
    """With the reason where one is known; equal figures are no loss."""
    assert [loss[:3] for loss in losses({"s": ROWS})] == [("s", "AC@1", "other"), ("s", "Avg@5", "other")]
    text = better({"s": ROWS}, {"s": {"AC@1": "it is lucky"}})
    assert "- s, AC@1: other 0.800, Faultline 0.500; it is lucky." in text
    assert "- s, Avg@5: other 0.900, Faultline 0.700." in text
    assert "Nowhere" in better({"s": {OURS: ROWS[OURS], CHANCE: ROWS[CHANCE]}}, {})


def test_the_trained_one_does_not_contend():
    """It is shown, and said to have learnt; the best of the others stays bold, and it is no loss."""
    perfect = Row(figures=dict.fromkeys(GOOD, 1.0))
    rows = {OURS: Row(figures=GOOD), TRAINED: perfect}
    assert losses({"s": rows}) == []
    assert "| Faultline | **0.800** |" in table("s", rows)
    assert "| Faultline | **0.900** | **0.900** |" in overview({"s": rows})
    assert "**Faultline, trained**: its ranker" in page({"s": rows}, STORY)
    assert "its ranker" not in page({"s": ROWS}, STORY)


def test_the_overview_counts_what_cannot_run_as_nothing():
    """In the mean; its cell says so."""
    text = overview({"s": ROWS, "t": ROWS | {"idle": ROWS["other"]}})
    assert "| idle | cannot run | **0.900** | 0.450 |" in text


def test_the_whole_page_holds_every_part():
    """Methods, split, tables, calibration and faults, names with bars escaped."""
    text = page({"s": ROWS}, STORY)
    for part in ("- **other**: does it.", "s is scored on its test split.", "## Can the confidence", "a\\|b"):
        assert part in text


def test_the_calibration_tells_bins_and_abstentions():
    """The error of each suite and of all; the wrong among the silent and among the named."""
    items = [stated(1.0, right=True), stated(0.95, right=False), stated(0.1, right=False, named=False)]
    lines = calibration_lines({"s": items, "t": []})
    assert lines[2] == "| s | 3 | 0.350 | 1 | 1 (100%) | 2 | 1 (50%) |"
    assert lines[3] == "| t | 0 | | | | | |"
    assert lines[4].startswith("| all together | 3 |")
    assert lines[-2:] == ["| 0.1 to 0.2 | 1 | 0.10 | 0.00 |", "| 0.9 to 1.0 | 2 | 0.97 | 0.50 |"]


def test_differences_stand_in_parentheses():
    """Suites and their mean, signed; a sign of equality where both print alike."""
    figures = {"first": {"a": GOOD, "b": GOOD}, "x": {"a": POOR, "b": GOOD}}
    lines = tables(figures).splitlines()
    assert lines[0] == "One case is worth 0.100 on a, 0.100 on b."
    assert lines[4] == "| first | 0.900 | 0.900 | 0.900 |"
    assert lines[5] == "| x | 0.700 (-0.200) | 0.900 (=) | 0.800 (-0.100) |"
    assert found(figures) == "- Avg@5 falls on the mean of the suites: x (-0.100)."
    assert found({"first": {"a": POOR}, "y": {"a": GOOD}, "z": {"a": POOR}}).splitlines() == [
        "- Avg@5 rises: y (+0.200).",
        "- Less than 0.005 either way: z (+0.000).",
    ]


def test_changed_answers_are_counted():
    """An exchange of equal candidates is another ranking, but no other likelihood."""
    base = Answer(ranking=("a", "b", "c"), causes=(("a", 0.5), ("b", 0.2), ("c", 0.2)), confidence=0.5)
    tied = Answer(ranking=("a", "c", "b"), causes=(("a", 0.5), ("c", 0.2), ("b", 0.2)), confidence=0.5)
    other = Answer(ranking=("b", "a", "c"), causes=(("b", 0.6), ("a", 0.2), ("c", 0.2)), confidence=0.6)
    answers = {"clean": {"s": {"1": base, "2": base}}, "row": {"s": {"1": tied, "2": other}}}
    assert changes(answers, "clean", ["row"]).splitlines()[-1] == "| row | s | 2 | 1 | 2 | 1 | 1 |"
    assert changes(answers, "clean", ["clean"]).splitlines()[-1] == "| clean | s | 2 | 0 | 0 | 0 | 0 |"


def test_unanswered_cases_are_listed():
    """With their number and the reason."""
    answers = {"row": {"s": {"1": Answer(reason="raised X: y"), "2": Answer(reason="raised X: y")}}}
    assert failures(answers) == "- row, s: 2 without an answer: raised X: y"
    assert "Every case" in failures({"row": {"s": {"1": Answer(ranking=("a",))}}})


@pytest.mark.parametrize(("power", "wanted"), [(1.0, 1.0), (2.0, 2.0), (0.0, 0.0)])
def test_the_exponent_of_a_power_is_the_power(power, wanted):
    """In proportion 1, quadratic 2, constant 0."""
    sizes = [10.0, 100.0, 1000.0]
    assert exponent(sizes, [size**power for size in sizes]) == pytest.approx(wanted)
