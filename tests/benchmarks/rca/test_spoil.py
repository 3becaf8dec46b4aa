"""Spoilt cases: each is spoilt in what its name says, by the seed alone."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from analysis.rootcause.kinds import MetricKind, classify
from benchmarks.rca.graphs import GRAPHS
from benchmarks.rca.methods import Ours
from benchmarks.rca.run import Variant, answer
from benchmarks.rca.spoil import (
    SAME,
    SPOILT,
    contaminated,
    late,
    length_of,
    renamed,
    shuffled_columns,
    shuffled_rows,
    thinned,
    without_kind,
)
from models.frames import SeriesKey
from tests.analysis.builders import at
from tests.benchmarks.rca.made_cases import CUT, ROWS, alert_case, generator, metric_case, traced_case

CASES = (metric_case, alert_case, traced_case)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", [*SPOILT, *SAME, *GRAPHS])
def test_every_spoilt_case_is_still_diagnosed(case, name):
    """Nothing that a recording can lose makes the diagnosis raise, and the same seed spoils alike."""
    row = Variant(name=name, method=Ours(), spoil=(SPOILT | SAME | GRAPHS)[name])
    once, again = (replace(answer(case(), row), seconds=None) for _ in range(2))
    assert not once.reason
    assert once.ranking
    assert once == again


def test_late_detection_moves_by_a_part_of_the_incident():
    """Half of the 20 minutes; the rows stay."""
    case, names = late(metric_case(), generator(), 0.5)
    assert case.detected_at == at(CUT + 10)
    assert case.frame is not None
    assert not names


def test_the_length_ends_with_the_last_row_of_anything():
    """A frame ends one step after its last row, a table with it; nothing behind the detection is no length."""
    assert length_of(metric_case()) == timedelta(minutes=ROWS - CUT)
    assert length_of(alert_case()) == timedelta(minutes=2)
    assert length_of(replace(alert_case(), events=None)) == timedelta(0)
    assert length_of(replace(metric_case(), detected_at=at(500))) == timedelta(0)


def test_points_are_lost_everywhere():
    """About a fifth of the values and of the rows."""
    case, _ = thinned(traced_case(), generator(), 0.2)
    assert np.isnan(case.frame.values).mean() == pytest.approx(0.2, abs=0.05)
    assert len(case.traces) == pytest.approx(0.8 * 120, abs=15)
    assert list(case.traces.index) == list(range(len(case.traces)))


def test_an_earlier_incident_lies_in_the_history():
    """Its values and its spans stand in both places, the copied spans in traces of their own."""
    clean = traced_case()
    case, _ = contaminated(clean, generator(), 0.5)
    assert np.array_equal(case.frame.values[20:40], clean.frame.values[CUT:])
    assert np.array_equal(case.frame.values[CUT:], clean.frame.values[CUT:])
    copied = case.traces[case.traces["trace_id"].str.startswith("copied-")]
    assert len(copied) == 60
    assert copied["ts"].min() == pd.Timestamp(at(20))
    assert set(copied["parent_span_id"]) - set(copied["span_id"]) == {""}
    assert not set(copied["span_id"]) & set(clean.traces["span_id"])


def test_an_earlier_incident_fills_no_more_than_its_share():
    """The first rows of the incident, in the middle of the history."""
    clean = metric_case()
    case, _ = contaminated(clean, generator(), 0.1)
    changed = (case.frame.values != clean.frame.values).any(axis=1)
    assert list(np.flatnonzero(changed)) == list(range(27, 33))
    assert np.array_equal(case.frame.values[27:33], clean.frame.values[CUT : CUT + 6])


def test_alerts_are_copied_before_the_incident():
    """Without metrics they are repeated two lengths earlier."""
    case, _ = contaminated(alert_case(), generator(), 0.5)
    assert len(case.events) == 5 + 3
    assert case.events["ts"].is_monotonic_increasing


def test_a_family_of_metrics_is_gone():
    """With its alerts; a case with nothing else has no frame."""
    case, _ = without_kind(metric_case(), generator(), MetricKind.SATURATION)
    assert {classify(key.metric) for key in case.frame.keys} == set(MetricKind) - {
        MetricKind.SATURATION,
        MetricKind.OTHER,
    }
    case, _ = without_kind(alert_case(), generator(), MetricKind.SATURATION)
    assert set(case.events["kind"]) == {"LOG", "CHANGE"}
    only = replace(metric_case(), frame=metric_case().frame.select([SeriesKey("db", "latency")]))
    assert without_kind(only, generator(), MetricKind.LATENCY)[0].frame is None


def test_shuffled_columns_hold_the_same_values():
    """In another order."""
    clean = metric_case()
    case, _ = shuffled_columns(clean, generator())
    assert case.frame.keys != clean.frame.keys
    assert np.array_equal(case.frame.select(clean.frame.keys).values, clean.frame.values)
    assert sorted(case.edges) == sorted(clean.edges)


def test_shuffled_rows_are_the_same_rows():
    """In another order."""
    clean = traced_case()
    case, _ = shuffled_rows(clean, generator())
    assert not case.traces["span_id"].equals(clean.traces["span_id"])
    assert sorted(case.traces["span_id"]) == sorted(clean.traces["span_id"])


@pytest.mark.parametrize("case", CASES)
def test_new_names_lead_back_to_the_old_ones(case):
    """Every component has another name everywhere, and the answer comes in the old ones."""
    case = case()
    other, back = renamed(case, generator())
    assert not set(back) & set(back.values())
    assert set(Ours()(other).ranking) == set(back)
    row = Variant(name="renamed", method=Ours(), spoil=renamed)
    assert answer(case, row).ranking[0] == Ours()(case).ranking[0] == "db"


@pytest.mark.parametrize(
    ("name", "count", "kept"),
    [
        ("half of the edges removed", (60, 140), 1.0),
        ("half of the edges reversed", (200, 200), 0.5),
        ("all edges reversed", (200, 200), 0.0),
        ("random", (200, 200), 0.02),
    ],
)
def test_the_graph_is_spoilt_in_part(name, count, kept):
    """As many edges as said, and as many right ones among them."""
    right = {(f"c{i:03d}", f"c{i + 1:03d}") for i in range(200)}
    case, _ = GRAPHS[f"graph: {name}"](metric_case(edges=tuple(right)), generator())
    assert count[0] <= len(case.edges) <= count[1]
    assert len(set(case.edges) & right) / len(case.edges) == pytest.approx(kept, abs=0.1)


def test_a_case_without_a_graph_stays_without():
    """Nothing is invented; an absent graph is None."""
    for spoil in GRAPHS.values():
        assert spoil(metric_case(edges=None), generator())[0].edges is None
    assert GRAPHS["graph: absent"](metric_case(), generator())[0].edges is None
    assert GRAPHS["graph: random"](metric_case(edges=(("a", "a"),)), generator())[0].edges is None
