"""Calls read off spans."""

import pandas as pd
import pytest

from analysis.topology import from_traces
from analysis.topology.traces import traced_calls, traced_components
from models.errors import InputError
from tests.analysis.builders import at, span


def test_traces_give_calls_between_components_only():
    """A parent in another component is a call; a parent in the same one, or a lost one, is not."""
    spans = pd.DataFrame(
        [
            span(1, "a", "", "web", 0, 1.0),
            span(1, "b", "a", "web", 0, 0.8),
            span(1, "c", "b", "db", 0, 0.5),
            span(2, "d", "lost", "queue", 0, 0.5),
        ]
    )
    graph = from_traces(spans)
    assert [(e.caller, e.callee) for e in graph.edges] == [("web", "db")]
    assert graph.components == ("db", "queue", "web")


def test_traces_without_a_column_name_it():
    """The error says which column is missing."""
    with pytest.raises(InputError, match="parent_span_id"):
        from_traces(pd.DataFrame({"trace_id": [], "span_id": [], "component": []}))


def test_spans_without_a_component_are_left_out():
    """An empty or missing name makes neither a component nor a call."""
    spans = pd.DataFrame(
        [
            span(1, "a", "", "web", 0, 1.0),
            span(1, "b", "a", "", 0, 0.8),
            span(1, "c", "b", "db", 0, 0.5),
            span(1, "d", "a", None, 0, 0.5),
        ]
    )
    assert (from_traces(spans).components, from_traces(spans).edges) == (("db", "web"), ())


def test_calls_are_counted_with_their_times():
    """First, last and number of the calls are told; a span that is listed twice counts once."""
    rows = [span(1, "a", "", "web", 0, 1.0), *(span(1, f"b{i}", "a", "db", i, 0.5) for i in (3, 1, 2))]
    spans = pd.DataFrame([*rows, rows[-1]])
    (call,) = traced_calls(spans)
    assert (call.names, call.first, call.last, call.count) == (("web", "db"), at(1), at(3), 3)
    assert [(seen.names, seen.count) for seen in traced_components(spans)] == [(("db",), 3), (("web",), 1)]


def test_no_spans_are_no_calls():
    """An empty table is no error, with or without times."""
    empty = pd.DataFrame([span(1, "a", "", "web", 0, 1.0)]).iloc[:0]
    assert from_traces(empty).components == ()
    assert traced_calls(empty) == traced_calls(empty.drop(columns="ts")) == ()
