"""Spans joined with their parents."""

import numpy as np
import pandas as pd
import pytest

from analysis.rootcause.spans import compare, groups, view_spans
from tests.analysis.builders import at, span


def family(minute=0, trace=1):
    """A call from web to db, with a child of web's own."""
    return [
        span(trace, "a", "", "web", minute, 1.0, "get"),
        span(trace, "b", "a", "web", minute, 0.3, "render"),
        span(trace, "c", "a", "db", minute, 0.5, "select"),
    ]


def viewed(rows, onset=60, detected=60):
    """The view of some rows, by operation."""
    return view_spans(pd.DataFrame(rows), at(onset), at(detected)).spans.set_index("operation")


def test_own_time_gap_and_waiting_are_told():
    """Own time is without the children's, a gap needs two components, waiting needs a child elsewhere."""
    found = viewed(family())
    assert found["self_s"].to_dict() == pytest.approx({"get": 0.2, "render": 0.3, "select": 0.5})
    assert found["gap_s"].dropna().to_dict() == {"select": 0.5}
    assert found["is_waiting"].to_dict() == {"get": True, "render": False, "select": False}
    assert found["parent_component"].to_dict() == {"get": "", "render": "web", "select": "web"}


def test_children_that_run_at_once_leave_no_negative_time():
    """The sum of parallel children may exceed the parent."""
    rows = [*family(), span(1, "d", "a", "db", 0, 9.0, "scan")]
    assert viewed(rows)["self_s"]["get"] == 0.0


def test_what_lies_between_onset_and_detection_counts_on_neither_side():
    """History ends at the earlier of the two, the incident begins at the later one."""
    rows = [row for trace, minute in enumerate((10, 55, 61, 62, 63)) for row in family(minute, trace)]
    for onset, detected in ((50, 60), (60, 50)):
        found = viewed(rows, onset, detected)
        assert found["is_incident"].value_counts().to_dict() == {True: 9, False: 3}


def test_without_spans_after_the_detection_the_earlier_time_splits():
    """Fewer than three spans are no incident."""
    rows = [row for trace, minute in enumerate((10, 55)) for row in family(minute, trace)]
    assert viewed(rows, 50, 60)["is_incident"].value_counts().to_dict() == {False: 3, True: 3}


def test_a_span_that_is_its_own_parent_waits_for_nobody():
    """It takes all of its own time off, and is no call to another component."""
    found = viewed([span(1, "a", "a", "web", 0, 1.0)])
    assert found[["self_s", "is_waiting"]].to_numpy().tolist() == [[0.0, False]]
    assert found["gap_s"].isna().all()


def test_an_id_that_occurs_twice_is_one_parent():
    """No row is doubled by the join."""
    rows = [*family(), span(1, "a", "", "mail", 1, 7.0, "again")]
    assert sorted(viewed(rows).index) == ["again", "get", "render", "select"]


def test_empty_tables_have_an_empty_view():
    """No span is no row."""
    assert len(view_spans(pd.DataFrame(family()).iloc[:0], at(0), at(0)).spans) == 0


def test_few_spans_are_not_compared():
    """Three on each side are needed."""
    assert compare(np.ones(2), np.ones(9)) is None
    assert compare(np.ones(9), np.ones(2)) is None
    assert compare(np.ones(3), np.ones(3)).deviations == 0.0


def test_deviations_are_signed_and_shrink_where_spans_are_few():
    """Slower is positive, and more spans say more."""
    before = np.linspace(0.9, 1.1, 50)
    few, many = compare(before, np.full(3, 2.0)), compare(before, np.full(50, 2.0))
    assert 0 < few.deviations < many.deviations
    assert compare(before, np.full(50, 0.5)).deviations < 0


def test_groups_leave_out_what_is_missing():
    """NaN seconds are no spans; keys are sorted."""
    rows = [row for trace in range(3) for row in family(trace, trace)]
    found = groups(view_spans(pd.DataFrame(rows), at(2), at(2)).spans, ["component"], "gap_s")
    assert {key: (len(a), len(b)) for key, (a, b) in found.items()} == {("db",): (2, 1)}


def test_the_ends_belong_to_the_incident():
    """A span at the onset is no history; one at the detection is of the incident."""
    rows = [span(t, "a", "", "web", minute, 1.0) for t, minute in enumerate((49, 50, 60, 61, 62))]
    assert viewed(rows, 50, 60)["is_incident"].tolist() == [False, True, True, True]


def test_three_spans_after_the_detection_are_enough():
    """Fewer, and the onset splits."""
    rows = [span(t, "a", "", "web", minute, 1.0) for t, minute in enumerate((49, 55, 61, 62, 63))]
    assert len(viewed(rows, 50, 60)) == 4
    assert len(viewed(rows[:-1], 50, 60)) == 4
    assert viewed(rows[:-1], 50, 60)["is_incident"].sum() == 3


@pytest.mark.parametrize(
    ("before", "scale"),
    [
        (np.array([1.0, 1.0, 1.0, 9.0]), (3 - 1) / 1.349),
        (np.array([0.0, 10.0, 20.0, 30.0, 40.0]), 1.4826 * 10),
        (np.full(4, 10.0), 10 * 0.05),
        (np.zeros(4), 1e-6),
    ],
    ids=["quartiles", "median deviation", "floor", "nothing"],
)
def test_the_largest_of_several_spreads_counts(before, scale):
    """None of them may be too small."""
    centre = float(np.median(before))
    shrink = np.sqrt(len(before) / (len(before) + 5))
    assert compare(before, np.full(50, centre + 100)).deviations == pytest.approx(100 / scale * shrink)
