"""Features know no names, and do not depend on the order of anything."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.ranking.features import features_of
from analysis.ranking.peers import view_surroundings
from analysis.ranking.sight import look
from analysis.ranking.signs import CALLED, CALLS, FAILED, INNER_SPAN, SLOW, Sign, read_signs
from analysis.ranking.table import table_of
from analysis.rootcause.fusion import judge
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from analysis.situation import Situation
from tests.analysis.builders import at, event, moved, quiet, situation_of
from tests.analysis.ranking.history import incident

NAMES = (("web", "latency"), ("orders", "latency"), ("orders", "cpu"), ("db", "cpu"), ("db", "requests"))


def both(situation):
    """Observation and verdict."""
    observation = observe(situation)
    return observation, judge(observation, RootCauseSettings())


def test_new_names_change_no_feature():
    """The same incident in a system whose components and edges have other names gives the same rows."""
    here, there = (features_of(*both(incident(4, prefix=prefix)[0])) for prefix in ("", "zz-"))
    assert here.names == there.names
    assert [f"zz-{name}" for name in here.candidates] == list(there.candidates)
    np.testing.assert_allclose(here.values, there.values, atol=1e-12)
    assert not [column for column in here.names if any(name in column for name in (*here.candidates, "cpu_usage"))]


def test_the_order_of_rows_and_edges_changes_nothing():
    """Shuffled tables give the same bits."""
    situation, _ = incident(5)
    turned = replace(situation, events=situation.events[::-1].reset_index(drop=True), edges=situation.edges[::-1])
    one, other = look(*both(situation)), look(*both(turned))
    assert one.features.names == other.features.names
    assert (one.features.values == other.features.values).all()
    assert (one.words.values == other.words.values).all()


def test_series_that_left_their_history_are_signs():
    """A metric that moved counts like an alert on it; one that did not is no sign."""
    situation = situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0))
    signs = read_signs(observe(situation))
    assert signs == {Sign("db", "SATURATION", "cpu", "up"): 1}


def test_a_call_is_a_sign_of_both_sides_and_a_span_of_its_own_is_not():
    """Status codes from 400 on and words for failure are failures, anything else is slowness."""
    rows = [
        event("db", 60, "TRACE", "get", "500", caller="web"),
        event("db", 60, "TRACE", "get", "slow", caller="db"),
        event("db", 60, "METRIC", "cpu", "DOWN"),
    ]
    signs = read_signs(observe(Situation(detected_at=at(60), events=pd.DataFrame(rows))))
    assert Sign("db", CALLED, "web", FAILED) in signs
    assert Sign("web", CALLS, "db", FAILED) in signs
    assert Sign("db", INNER_SPAN, "", SLOW) in signs
    assert Sign("db", "SATURATION", "cpu", "down") in signs


def test_peers_have_the_same_neighbours():
    """Two instances are compared with each other; a component without any is compared with nobody."""
    edges = (("web", "a-0"), ("web", "a-1"), ("a-0", "db"), ("a-1", "db"))
    observation = observe(Situation(detected_at=at(60), edges=edges))
    around = view_surroundings(observation)
    place = {name: i for i, name in enumerate(observation.candidates)}
    values = np.array([[float(name == "a-0")] for name in observation.candidates])
    against = around.against_peers(values)[:, 0]
    assert (against[place["a-0"]], against[place["a-1"]], against[place["db"]]) == (1.0, -1.0, 0.0)


def test_a_situation_of_nothing_has_an_empty_table():
    """No candidate, no row, no error."""
    table = features_of(*both(Situation(detected_at=at(60))))
    assert table.values.shape == (0, len(table.names))


def test_columns_that_a_table_lacks_are_zero_and_others_are_left_out():
    """A ranker meets columns that it never saw, and misses some."""
    table = table_of(("a", "b"), {"x": np.array([1.0, 2.0]), "y": np.array([3.0, 4.0])})
    assert table.aligned(("new", "y")).tolist() == [[0.0, 3.0], [0.0, 4.0]]
    assert table.without({"x", "nobody"}).names == ("y",)
    assert table.aligned(()).shape == (2, 0)


@pytest.mark.parametrize("name", ["", "a/b\n", "日本", "word up cpu", "x" * 5000])
def test_any_name_will_do(name):
    """Names are opaque; the empty one is nobody's."""
    rows = [event(name, 60, "METRIC", name, name), event("b", 60, "TRACE", name, name, caller=name)]
    table = features_of(*both(Situation(detected_at=at(60), events=pd.DataFrame(rows))))
    assert np.isfinite(table.values).all()
