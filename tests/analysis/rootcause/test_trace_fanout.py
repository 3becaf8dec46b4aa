"""Calls that stopped or began."""

import pandas as pd

from analysis.findings import SkippedMethod
from analysis.rootcause import trace_fanout
from analysis.rootcause.spans import view_spans
from tests.analysis.builders import at
from tests.analysis.rootcause.helpers import SETTINGS, calls, weights


def test_lost_calls_are_blamed_on_the_caller():
    """An operation that no longer calls is accused, not the one that is no longer called."""
    before, now = calls(0.002, range(50, 60), 0), calls(0.002, range(60, 70), 100)
    cut = [row for row in now if row["component"] != "db" and row["operation"] != "call db"]
    found = weights(trace_fanout.collect(view_spans(pd.DataFrame(before * 3 + cut * 3), at(60), at(60)), SETTINGS))
    assert set(found) == {"orders"}


def test_new_calls_are_blamed_on_the_caller():
    """An operation that calls more than before is accused as well."""
    before, now = calls(0.002, range(50, 60), 0), calls(0.002, range(60, 70), 100)
    cut = [row for row in before if row["component"] != "db" and row["operation"] != "call db"]
    found = weights(trace_fanout.collect(view_spans(pd.DataFrame(cut * 3 + now * 3), at(60), at(60)), SETTINGS))
    assert set(found) == {"orders"}


def test_the_same_calls_accuse_nobody():
    """Unchanged rates are no evidence."""
    traces = pd.DataFrame(calls(0.002, range(50, 60), 0) + calls(0.002, range(60, 70), 100))
    assert trace_fanout.collect(view_spans(traces, at(60), at(60)), SETTINGS) == ()


def test_too_few_spans_are_a_reason():
    """Fewer than five parents on a side are not compared."""
    view = view_spans(pd.DataFrame(calls(0.1, [50, 61], 0)), at(60), at(60))
    assert isinstance(trace_fanout.collect(view, SETTINGS), SkippedMethod)
