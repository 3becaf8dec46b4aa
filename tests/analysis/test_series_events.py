"""analysis.series_events: which series left its band, and when."""

import numpy as np
import pytest

from analysis.events import EventKind
from analysis.rootcause.observation import view_series
from analysis.series_events import from_series
from tests.analysis.builders import STEP_S, at, frame_of, moved, noise, quiet

NAMES = [(c, "latency_ms") for c in "abcdef"]


def events_of(series, detected=60):
    """Events of some series."""
    return from_series(view_series(frame_of(series), at(detected)))


def test_a_moved_series_is_one_event_from_its_first_odd_row_on():
    """Start, length, sentence and kind; the calm ones are none."""
    (found,) = events_of(moved(quiet(NAMES), ("b", "latency_ms"), 60, 3.0))
    assert (found.component, found.name, found.kind) == ("b", "latency_ms", EventKind.ANOMALY)
    assert (found.at, found.lasted_s) == (at(60), 20 * STEP_S)
    assert found.detail.startswith("rose from ")
    assert found.is_symptom
    assert found.weight > 1.0


def test_who_starts_later_has_a_later_event():
    """Two moved series keep their order."""
    series = moved(moved(quiet(NAMES), ("b", "latency_ms"), 63, 3.0), ("a", "latency_ms"), 60, 3.0)
    assert [(e.component, e.at) for e in events_of(series)] == [("a", at(60)), ("b", at(63))]


def test_what_is_over_ends_before_the_last_row():
    """A series that came back lasted until then."""
    series = moved(quiet(NAMES, 80), ("b", "latency_ms"), 60, 3.0)
    series["b", "latency_ms"][74:] = 10.0
    (found,) = events_of(series)
    assert found.lasted_s == 14 * STEP_S


def test_calm_days_have_no_events():
    """Noise of many series, whatever the seed, is hardly ever an event."""
    n = 0
    for seed in range(10):
        series = {("c", f"m{i}"): noise(120, seed=100 * seed + i) for i in range(50)}
        n += len(events_of(series, detected=110))
    assert n <= 2


def test_what_swings_like_that_anyway_is_no_event():
    """A series that did the same for ten rows on a calm day is not odd when it does it again; a calm one is."""
    rows = np.arange(140)
    again = noise(140) + np.where((rows // 10 == 3) | (rows >= 130), 3.0, 0.0)
    once = noise(140, seed=1) + np.where(rows >= 130, 3.0, 0.0)
    found = events_of({("again", "cpu"): again, ("once", "cpu"): once}, detected=130)
    assert [event.component for event in found] == ["once"]


def test_new_and_silent_series_are_events():
    """A series that appears, and one that stops, are told as such."""
    appears, stops = np.full(80, np.nan), noise(80, seed=1)
    appears[61:], stops[60:] = 5.0, np.nan
    found = events_of({("a", "errors"): appears, ("b", "cpu"): stops, ("c", "cpu"): noise(80, seed=2)})
    assert [(e.component, e.detail.split()[0]) for e in found] == [("b", "fell"), ("a", "appeared,")]
    assert "silent" in found[0].detail
    assert {e.component: e.at for e in found} == {"a": at(61), "b": at(60)}


def test_a_latency_that_falls_is_no_symptom():
    """Nobody suffers from speed."""
    (found,) = events_of(moved(quiet(NAMES), ("b", "latency_ms"), 60, 0.3))
    assert not found.is_symptom


HOSTILE = {
    "one row": ({("a", "m"): [1.0]}, 0),
    "constant": ({("a", "m"): np.ones(40), ("b", "m"): np.zeros(40)}, 30),
    "no history": (quiet(NAMES), -10),
    "only history": (quiet(NAMES), 900),
    "huge": ({("a", "m"): 1e300 * noise(80), ("b", "m"): np.where(np.arange(80) > 60, -1e308, 1e308)}, 60),
    "gaps": ({("a", "m"): np.where(np.arange(80) % 2, np.nan, noise(80)), ("b", "m"): noise(80)}, 60),
    "jump of a constant": ({("a", "m"): np.where(np.arange(80) > 60, 1e300, 0.0)}, 60),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_series_break_nothing(name):
    """Whatever the values, weights are finite and at least 1, and times lie within the rows."""
    series, detected = HOSTILE[name]
    for event in events_of(series, detected):
        assert 1.0 <= event.weight < 100.0
        assert at(0) <= event.at <= at(79)
        assert 0 <= event.lasted_s <= 80 * STEP_S
