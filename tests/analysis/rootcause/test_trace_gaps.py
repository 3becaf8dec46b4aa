"""Calls that became slow between the two ends."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import trace_gaps
from analysis.rootcause.spans import view_spans
from tests.analysis.builders import at, span
from tests.analysis.rootcause.helpers import SETTINGS, calls, weights


def test_a_gap_is_blamed_on_the_end_that_all_slow_calls_share():
    """Slow calls to and from one component accuse it, not the other ends."""
    traces = pd.DataFrame(calls(0.002, range(50, 60), 0) + calls(0.3, range(60, 70), 100))
    found = weights(trace_gaps.collect(view_spans(traces, at(60), at(60)), SETTINGS))
    assert max(found, key=found.get) == "orders"
    assert found["orders"] > 3 * max(v for k, v in found.items() if k != "orders")


def test_unchanged_gaps_accuse_nobody():
    """Calls that wait as long as before are no evidence, faster ones neither."""
    for now in (0.002, 0.0001):
        traces = pd.DataFrame(calls(0.002, range(50, 60), 0) + calls(now, range(60, 70), 100))
        assert max(weights(trace_gaps.collect(view_spans(traces, at(60), at(60)), SETTINGS)).values(), default=0) < 0.5


def test_too_few_spans_are_a_reason():
    """Two calls on a side are not compared."""
    view = view_spans(pd.DataFrame(calls(0.1, [50, 61], 0)), at(60), at(60))
    assert "3 spans" in trace_gaps.collect(view, SETTINGS).reason


def test_calls_inside_a_component_are_no_gaps():
    """Without two components there is nothing between them."""
    rows = [span(t, n, p, "web", m, 0.1) for t, m in enumerate(range(50, 70)) for n, p in (("a", ""), ("b", "a"))]
    assert isinstance(trace_gaps.collect(view_spans(pd.DataFrame(rows), at(60), at(60)), SETTINGS), SkippedMethod)


def test_a_share_goes_to_who_touches_all_widened_gaps():
    """Of two ends the one that explains more pairs gets more; nobody gets less than nothing."""
    found = trace_gaps.attribute({("a", "x"): 50.0, ("b", "x"): 50.0, ("a", "b"): -10.0})
    assert min(found.values()) >= 0
    assert found["x"] > 3 * max(found["a"], found["b"])
    assert trace_gaps.attribute({("a", "b"): 0.0}) == {"a": 0.0, "b": 0.0}
    assert found == trace_gaps.attribute({("a", "b"): -10.0, ("b", "x"): 50.0, ("a", "x"): 50.0})


@pytest.mark.parametrize("size", [0.0, 1e9])
def test_extreme_gaps_stay_finite(size):
    """Neither no time nor ages break the figures."""
    rows = []
    for t, m in enumerate(range(50, 70)):
        rows += [span(t, "a", "", "web", m, size if m >= 60 else 0.0), span(t, "b", "a", "db", m, 0.0)]
    found = trace_gaps.collect(view_spans(pd.DataFrame(rows), at(60), at(60)), SETTINGS)
    assert np.isfinite(list(weights(found).values())).all()
