"""What a component writes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import logs
from analysis.rootcause.observation import observe
from analysis.situation import Situation
from tests.analysis.builders import at
from tests.analysis.rootcause.helpers import SETTINGS, evenly, log_table, weights

USUAL = [*evenly("db", 0, 79, 160, "served the request"), *evenly("web", 0, 79, 160, "served the page")]


def collect(rows, settings=SETTINGS, detected=60):
    """Collect over logs alone."""
    table = rows if isinstance(rows, pd.DataFrame) else log_table(rows)
    return logs.collect(observe(Situation(detected_at=at(detected), logs=table)), settings)


def test_usual_logs_accuse_nobody():
    """The same messages at the same rate are no evidence."""
    assert collect(USUAL) == ()


def test_more_errors_accuse_their_component():
    """The rates before and now are told."""
    found = collect([*USUAL, *evenly("db", 0, 79, 8, "query failed"), *evenly("db", 61, 79, 60, "query failed")])
    (item,) = found
    assert (item.component, item.collector) == ("db", "logs")
    assert "messages of errors a minute" in item.statement
    assert item.weight > 1


@pytest.mark.parametrize("message", ["ERROR x", "Timed out", "time out", "NullPointerException", "Connection refused"])
def test_errors_are_told_in_any_case(message):
    """Common words decide, whatever their case."""
    assert any("errors" in item.statement for item in collect([*USUAL, *evenly("db", 61, 79, 60, message)]))


def test_fewer_errors_accuse_nobody():
    """Less trouble is none, and neither is the same."""
    assert collect([*USUAL, *evenly("db", 0, 59, 20, "query failed"), *evenly("db", 61, 79, 6, "query failed")]) == ()


def test_new_kinds_are_shown():
    """A message never seen before, with its number."""
    (item,) = collect([*USUAL, *evenly("db", 61, 79, 9, "switching to replica")])
    assert item.statement == '1 new kinds of messages, such as "switching to replica" (9 times).'
    assert item.numbers == {"new_kinds": 1.0, "messages": 9.0}


def test_two_new_messages_are_not_yet_a_kind():
    """Every system writes something for the first time."""
    assert collect([*USUAL, *evenly("db", 61, 79, 2, "switching to replica")]) == ()


def test_a_component_that_only_now_writes_has_no_new_kinds():
    """Without a past nothing can be new."""
    assert collect([*USUAL, *evenly("mail", 61, 79, 9, "hello")]) == ()


def test_vanished_kinds_are_shown():
    """A regular message that stops."""
    (item,) = collect([*USUAL, *evenly("db", 0, 59, 120, "heartbeat sent")])
    assert item.statement == '1 kinds of messages stopped, such as "heartbeat sent".'


def test_a_rare_message_does_not_vanish():
    """What would hardly have come anyway is not missed."""
    assert collect([*USUAL, *evenly("db", 0, 59, 6, "heartbeat sent")]) == ()


def test_variable_parts_make_no_new_kinds():
    """Numbers and identifiers do not count."""
    rows = [("db", minute, f"order {minute} for user-{7 * minute} took {minute}ms") for minute in range(80)]
    assert collect(rows) == ()


def test_reasons_why_nothing_can_be_compared():
    """No logs, one side only, one moment and weight 0 are all said."""
    assert "no logs" in logs.collect(observe(Situation(detected_at=at(0))), SETTINGS).reason
    for rows, detected in ((USUAL, -1), (USUAL, 9000), ([("db", 60, "x")] * 9, 60), ([("db", 60, "x")], 60)):
        assert "one side" in collect(rows, detected=detected).reason
    assert "no logs" in collect(log_table(USUAL).iloc[:0]).reason
    assert isinstance(collect(USUAL, replace(SETTINGS, log_weight=0.0)), SkippedMethod)


def test_its_weight_follows_the_settings():
    """Half the weight of logs is half the points."""
    rows = [*USUAL, *evenly("db", 61, 79, 9, "switching to replica")]
    assert 2 * collect(rows, replace(SETTINGS, log_weight=0.5))[0].weight == pytest.approx(collect(rows)[0].weight)


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_logs_without_a_component_accuse_nobody(missing):
    """A missing name is no component."""
    table = log_table([*USUAL, *evenly("ghost", 61, 79, 60, "failed")])
    table["component"] = table["component"].astype(object).where(table["component"] != "ghost", missing)
    assert collect(table) == ()
    assert observe(Situation(detected_at=at(60), logs=table)).candidates == ("db", "web")


def test_logs_without_a_time_are_left_out():
    """They are no history."""
    table = log_table([*USUAL, *evenly("db", 61, 79, 9, "switching to replica"), ("db", 1, "switching to replica")])
    table.loc[len(table) - 1, "ts"] = pd.NaT
    assert weights(collect(table))["db"] > 0


HOSTILE = ("", "\x00\x1b[31mred", "\u202eleft", "\ud800", "☃ ошибка", "\n\n", "{" * 999, '"' * 999, "e" * 300_000)


@pytest.mark.parametrize("message", [*HOSTILE, None, 5, 1.5, {"a": 1}, ["x"], b"bytes"])
def test_hostile_messages_are_weighed_and_shown_printable(message):
    """Whatever is written, the sentence is short, prints and can be encoded."""
    table = log_table([*USUAL, *evenly("db", 61, 79, 30, "@")])
    table["message"] = pd.Series([message if text == "@" else text for text in table["message"]], dtype=object)
    for item in collect(table):
        assert np.isfinite(item.weight)
        assert len(item.statement) < 400
        assert item.statement.isprintable()
        assert item.statement.encode()


def test_a_hundred_thousand_lines_end():
    """Long messages that all differ, and look like errors at first, are read as fast as others."""
    rows = [("db", 79 * i / 100_000, "e" * 90 + str(i)) for i in range(100_000)]
    table = pd.DataFrame(rows, columns=["component", "ts", "message"])
    table["ts"] = pd.Timestamp(at(0)) + pd.to_timedelta(table["ts"], unit="min")
    assert collect(table) == ()


def test_only_the_latest_messages_are_read(monkeypatch):
    """Beyond the limit the oldest are left out, whatever the order of rows."""
    monkeypatch.setattr(logs, "MOST_MESSAGES", 60)
    table = log_table(
        [*evenly("db", 0, 20, 50, "switching to replica"), *USUAL, *evenly("db", 61, 79, 9, "switching to replica")]
    )
    assert collect(table) == collect(table.iloc[::-1])
    assert any("new kinds" in item.statement for item in collect(table))


def test_more_of_the_usual_is_no_error():
    """A busy hour writes more, but nothing new and no error."""
    assert collect([*USUAL, *evenly("db", 60, 79, 900, "served the request")]) == ()


def test_the_most_telling_kind_is_shown():
    """Of new kinds one that speaks of errors, else the most frequent; of vanished ones the most frequent."""
    usual, seen = USUAL, [*evenly("db", 0, 59, 120, "beat"), *evenly("db", 0, 59, 240, "tick")]
    fresh = [*evenly("db", 61, 79, 9, "warming up"), *evenly("db", 61, 79, 30, "all fine")]
    shown = [item.statement for item in collect([*usual, *seen, *fresh])]
    assert '2 new kinds of messages, such as "all fine" (30 times).' in shown
    assert '2 kinds of messages stopped, such as "tick".' in shown
    worse = collect([*usual, *seen, *fresh, *evenly("db", 61, 79, 4, "query refused")])
    assert any('such as "query refused" (4 times)' in item.statement for item in worse)


def test_the_rise_of_errors_must_beat_chance():
    """The weight is that of the standard errors beyond three of a Poisson count."""
    rows = [*USUAL, *evenly("db", 0, 59, 10, "query failed"), *evenly("db", 60, 79, 40, "query failed")]
    (item,) = collect(rows)
    before_s, now_s = 60 * 60, 19 * 60
    error = np.sqrt(11 / before_s**2 + 41 / now_s**2)
    assert item.weight == pytest.approx(np.log1p((40 / now_s - 10 / before_s) / error - logs.TOLERANCE))


def test_three_new_messages_are_a_kind():
    """No fewer, but no more are needed."""
    assert collect([*USUAL, *evenly("db", 61, 79, 3, "switching to replica")])[0].numbers["messages"] == 3.0
