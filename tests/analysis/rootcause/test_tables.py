"""Tables without what tells nothing."""

import numpy as np
import pandas as pd
import pytest

from analysis.rootcause.tables import LONGEST_S, tidied
from analysis.situation import Situation
from tests.analysis.builders import at, event, span
from tests.analysis.rootcause.helpers import log_table

SPANS = pd.DataFrame([span(1, "a", "", "web", 0, 1.0), span(1, "b", "a", "db", 0, 0.5)])


def tidy(**tables):
    """A situation with tidied tables."""
    return tidied(Situation(detected_at=at(0), **tables))


def test_sound_tables_are_not_copied():
    """Where nothing is wrong the very table is handed on."""
    logs, events = log_table([("db", 1, "x")]), pd.DataFrame([event("db", 1)])
    found = tidy(traces=SPANS, logs=logs, events=events)
    assert found.traces is SPANS
    assert found.logs is logs
    assert found.events is events
    assert tidy().traces is None


@pytest.mark.parametrize("column", ["ts", "component"])
def test_rows_without_a_time_or_a_component_are_dropped(column):
    """Nobody knows when, or whose, they are."""
    for name, table in (("traces", SPANS), ("logs", log_table([("db", 1, "x"), ("web", 1, "y")]))):
        holed = table.assign(**{column: [None, table[column].iloc[1]]})
        assert len(getattr(tidy(**{name: holed}), name)) == 1


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT])
def test_missing_strings_are_empty(value):
    """As the reader of cases has them."""
    events = pd.DataFrame([event("db", 1), event("web", 1)]).assign(caller=pd.Series([value, "x"], dtype=object))
    assert tidy(events=events).events["caller"].tolist() == ["", "x"]


def test_what_is_no_string_becomes_one():
    """Numbers, lists and categories are written out."""
    logs = log_table([("db", 1, "x")] * 3).assign(message=pd.Series([5, ["x"], None], dtype=object))
    assert tidy(logs=logs).logs["message"].tolist() == ["5", "['x']", ""]
    kinds = pd.DataFrame([event("db", 1)] * 2).assign(kind=pd.Categorical(["LOG", None]))
    assert tidy(events=kinds).events["kind"].tolist() == ["LOG", ""]


@pytest.mark.parametrize("seconds", [-1.0, np.inf, -np.inf, np.nan, 2 * LONGEST_S])
def test_impossible_durations_are_missing(seconds):
    """The span stays, for it was called."""
    found = tidy(traces=SPANS.assign(duration_s=[seconds, 0.5])).traces["duration_s"]
    assert found.isna().tolist() == [True, False]


@pytest.mark.parametrize("seconds", [0.0, LONGEST_S])
def test_possible_durations_stay(seconds):
    """A span may take no time, or very long."""
    assert tidy(traces=SPANS.assign(duration_s=seconds)).traces["duration_s"].tolist() == [seconds, seconds]


def test_spans_that_share_an_id_have_an_order_of_their_own():
    """The earliest comes first, however the rows are shuffled."""
    twice = pd.concat([SPANS, SPANS.assign(component="mail", ts=pd.Timestamp(at(-1)))], ignore_index=True)
    first, second = (tidy(traces=rows).traces for rows in (twice, twice.iloc[::-1]))
    assert first["component"].tolist() == second["component"].tolist() == ["mail", "mail", "db", "web"]


def test_empty_tables_stay_empty():
    """No row is no reason to fail."""
    assert len(tidy(traces=SPANS.iloc[:0]).traces) == 0
