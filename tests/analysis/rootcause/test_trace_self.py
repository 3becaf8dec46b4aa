"""Work that takes longer inside a component."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import trace_self
from analysis.rootcause.metrics import MetricFindings
from analysis.rootcause.spans import view_spans
from analysis.topology import from_edges
from tests.analysis.builders import CHAIN, at, span
from tests.analysis.rootcause.helpers import SETTINGS, weights

OF_DB = {"db": 4.0}


def spans(slower, *, steady=("mail",), rows=12):
    """Spans without calls, of 0.1 s, that take so many times longer from minute 60 on."""
    table = []
    for i, minute in enumerate(range(60 - rows, 60 + rows)):
        for name in (*slower, *steady):
            factor = slower.get(name, 1.0) if minute >= 60 else 1.0
            table.append(span(f"{name}{i}", "s", "", name, minute, 0.1 * factor * (1 + 0.03 * (i % 4)), f"op {name}"))
    return pd.DataFrame(table)


def findings(saturation):
    """Nothing but points of resources."""
    return MetricFindings(evidence=(), symptom={}, saturation=saturation, strength={}, points=np.zeros(0), skipped=())


def collect(table, *, edges=CHAIN, saturation=None, gaps=None, settings=SETTINGS):
    """Collect over spans split at minute 60."""
    view = view_spans(table, at(60), at(60))
    return trace_self.collect(view, from_edges(edges), findings(saturation or {}), gaps or {}, settings)


def test_slower_work_accuses_its_component():
    """The one that works longer is named with the operation and both times; the steady one is not."""
    (item,) = collect(spans({"db": 5.0}))
    assert (item.collector, item.component) == ("trace_self", "db")
    assert item.weight > 2
    assert item.statement.startswith("op db itself takes 0.5")


@pytest.mark.parametrize("factor", [0.2, 1.0, 1.3])
def test_faster_or_hardly_slower_work_accuses_nobody(factor):
    """Half of the usual time more is what another hour or table may need."""
    assert collect(spans({"db": factor})) == ()


def test_what_a_callee_shows_as_well_is_taken_off():
    """A caller whose callee slowed as much keeps a part only; without the call it keeps all."""
    table = spans({"orders": 5.0, "db": 5.0})
    known, unknown = weights(collect(table)), weights(collect(table, edges=()))
    assert known["db"] == unknown["db"]
    assert known["orders"] < 0.2 * unknown["orders"]


def test_a_widened_gap_below_explains_the_wait():
    """A hidden call over a slow network is not the caller's work."""
    table = spans({"orders": 5.0})
    assert weights(collect(table, gaps={"db": 9.0}))["orders"] < 0.2 * weights(collect(table))["orders"]


def test_two_that_call_each_other_both_keep_something():
    """A cycle explains each by the other, but never all of it."""
    found = weights(collect(spans({"orders": 5.0, "db": 5.0}), edges=(("orders", "db"), ("db", "orders"))))
    assert min(found.values()) > 0.1


def test_resources_that_nobody_feels_count_less():
    """A cpu that moved while the work takes as long as before loses half of its points."""
    (item,) = collect(spans({}, steady=("db", "mail")), saturation=OF_DB)
    assert (item.collector, item.component) == ("unfelt", "db")
    assert item.weight == pytest.approx(-0.5 * OF_DB["db"])


@pytest.mark.parametrize(("factor", "gap"), [(5.0, 0.0), (2.4, 0.0), (1.0, 1.0)], ids=["slow", "perhaps", "gap"])
def test_resources_that_may_be_felt_keep_their_points(factor, gap):
    """Slower work, or calls that wait longer, show that the trouble arrives."""
    found = collect(spans({"db": factor}), saturation=OF_DB, gaps={"db": gap})
    assert all(item.weight > 0 for item in found)


def test_a_component_without_spans_is_not_calm():
    """No work seen is no proof of calm."""
    assert collect(spans({}), saturation=OF_DB) == ()


def test_waiting_spans_are_left_out():
    """Who calls another component waits; its time is not its own."""
    rows = []
    for i, minute in enumerate(range(50, 70)):
        slow = 2.0 if minute >= 60 else 0.0
        rows += [span(i, "a", "", "web", minute, 0.1 + slow), span(i, "b", "a", "db", minute, 0.05)]
    assert collect(pd.DataFrame(rows)) == ()


def test_time_of_children_is_not_counted_twice():
    """A span whose own child slowed is as fast as before."""
    rows = []
    for i, minute in enumerate(range(50, 70)):
        slow = 2.0 if minute >= 60 else 0.0
        rows += [span(i, "a", "", "web", minute, 0.1 + slow, "outer"), span(i, "b", "a", "web", minute, slow, "inner")]
    (item,) = collect(pd.DataFrame(rows))
    assert item.statement.startswith("inner itself")


def test_too_few_spans_are_a_reason():
    """Two spans on a side are not compared."""
    skipped = collect(spans({"db": 5.0}, rows=2))
    assert isinstance(skipped, SkippedMethod)
    assert "3 spans" in skipped.reason


def test_ties_go_to_the_name_of_the_operation():
    """Two operations that slowed alike: the first by name is shown, whatever the order of rows."""
    table = spans({"db": 5.0})
    twins = pd.concat([table.assign(operation="b"), table.assign(operation="a", trace_id="x" + table["trace_id"])])
    for rows in (twins, twins.iloc[::-1]):
        (item,) = collect(rows)
        assert item.statement.startswith("a itself")


@pytest.mark.parametrize("seconds", [0.0, 1e-300, 1e9])
def test_extreme_durations_stay_finite(seconds):
    """No time at all and ages give finite weights."""
    table = spans({"db": 1.0})
    table.loc[table["ts"] >= pd.Timestamp(at(60)), "duration_s"] = seconds
    assert np.isfinite(list(weights(collect(table)).values())).all()


def test_its_weight_follows_the_settings():
    """Half the weight of traces is half the points."""
    table = spans({"db": 5.0})
    half = weights(collect(table, settings=replace(SETTINGS, trace_weight=SETTINGS.trace_weight / 2)))
    assert half["db"] == pytest.approx(weights(collect(table))["db"] / 2)


def test_the_part_that_is_explained_is_the_square_of_the_ratio():
    """Half as much below takes a quarter of the largest part."""
    table = spans({"orders": 5.0})
    whole = weights(collect(table))["orders"]
    half = weights(collect(table, gaps={"db": whole / 2}))["orders"]
    assert half == pytest.approx(whole * (1 - SETTINGS.explained_share / 4))
