"""Numbers, times and names read as a person would say them."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.findings import CauseCategory
from service.web import wording

AT = datetime(2026, 11, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "metric", "said"),
    [
        (1.8412, "latency_p99_s", "1.84 s"),
        (0.012, "latency_p95_s", "12 ms"),
        (0.0000452, "latency_s", "45.2 µs"),
        (412.0, "latency_ms", "412 ms"),
        (0.184, "error_rate", "18.4 %"),
        (0.0, "error_rate", "0 %"),
        (93.1, "cpu_percent", "93.1 %"),
        (3 * 2.0**30, "memory_bytes", "3 GiB"),
        (-2048.0, "growth_bytes", "-2 KiB"),
        (198.0, "connections", "198"),
        (1234.0, "connections", "1,234"),
        (2_500_000.0, "queue", "2.5 M"),
        (812.4, "request_rate", "812 /s"),
        (-0.5, "balance", "-0.5"),
        (math.nan, "cpu", "no value"),
        (math.inf, "cpu", "no value"),
    ],
)
def test_a_value_is_said_in_the_unit_of_its_metric(value, metric, said):
    """Three digits, a readable prefix, and the unit that the name states."""
    assert wording.quantity(value, metric).replace("\u00a0", " ") == said


METRICS = st.sampled_from(["error_rate", "a_s", "a_ms", "a_bytes", "a_pct", "request_rate", "x"]) | st.text(max_size=10)


@given(st.floats(), METRICS)
def test_any_value_of_any_metric_can_be_said(value, metric):
    """No number and no name is an error, and nothing is ever said as nan or inf."""
    said = wording.quantity(value, metric)
    assert said
    assert "nan" not in said
    assert "inf" not in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59.4 s"),
        (59.6, "1 min"),
        (390, "6 min 30 s"),
        (3600, "1 h"),
        (11_100, "3 h 5 min"),
        (187_200, "2 d 4 h"),
        (-5, "-5 s"),
        (math.nan, "unknown"),
    ],
)
def test_a_span_has_at_most_two_units(seconds, said):
    """Durations are said in the largest unit that fits and the next one."""
    assert wording.span(seconds).replace("\u00a0", " ") == said


def test_a_unit_is_taken_off_only_where_the_value_states_it():
    """A metric that is called like a unit keeps its name."""
    names = [wording.without_unit(n) for n in ("latency_p99_s", "heap_bytes", "error_rate", "s", "_s", "")]
    assert names == ["latency_p99", "heap", "error_rate", "s", "_s", ""]


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (0.003, "<1 %"), (0.834, "83 %"), (0.999, ">99 %"), (1, "100 %"), (math.nan, "unknown")],
)
def test_a_probability_is_never_rounded_to_certainty(share, said):
    """Only 0 and 1 are said as such."""
    assert wording.percent(share).replace("\u00a0", " ") == said


def test_moments_are_said_in_utc_and_absent_ones_as_a_dash():
    """The day and the zone are there where they are needed."""
    assert wording.day_and_clock(AT) == "2026-11-03 04:05:06 UTC"
    assert wording.clock(AT) == "04:05:06"
    assert (wording.clock(None), wording.day_and_clock(None)) == ("–", "–")
    assert wording.since(AT + timedelta(seconds=90), AT).replace("\u00a0", " ") == "1 min 30 s"
    assert wording.since(AT, AT + timedelta(seconds=90)).replace("\u00a0", " ") == "0 s"


@given(st.text(max_size=60), st.integers(5, 30))
def test_a_name_is_cut_in_its_middle(name, length):
    """Both ends stay, the length is kept, and a short name stays as it is."""
    cut = wording.shortened(name, length)
    assert len(cut) <= length
    assert cut == name if len(name) <= length else (name.startswith(cut.split("…")[0]) and "…" in cut)


def test_every_category_has_words():
    """A new category cannot be forgotten."""
    assert set(wording.CATEGORY_WORDS) == set(CauseCategory)
