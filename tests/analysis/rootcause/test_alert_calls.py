"""Calls that alerts on traces name."""

import pandas as pd

from analysis.rootcause.alert_calls import calls_of
from tests.analysis.builders import event


def test_calls_are_read_once_and_sorted():
    """Alerts on traces with another component as their caller name a call."""
    rows = [
        event("db", 1, "TRACE", caller="web"),
        event("db", 2, "TRACE", caller="web"),
        event("cache", 2, "TRACE", caller="orders"),
        event("web", 2, "TRACE", caller="web"),
        event("web", 2, "TRACE"),
        event("mail", 2, "METRIC", caller="web"),
    ]
    assert calls_of(pd.DataFrame(rows)) == (("orders", "cache"), ("web", "db"))
    assert calls_of(pd.DataFrame(rows[::-1])) == calls_of(pd.DataFrame(rows))


def test_an_empty_table_names_no_call():
    """Nothing is found in nothing."""
    assert calls_of(pd.DataFrame([event("db", 1)]).iloc[:0]) == ()
