"""Anomalies into incidents."""

import random
from dataclasses import replace

import pytest

from analysis.grouping import GroupingSettings, group
from analysis.incidents import IncidentStatus
from analysis.topology import from_edges
from models.errors import ConfigurationError
from tests.analysis.builders import CHAIN, anomaly, at

SETTINGS = GroupingSettings()
WIDE = from_edges([("web", f"s{i}") for i in range(20)] + [(f"s{i}", f"db{i}") for i in range(20)])
FAR = from_edges([("a", "b"), ("y", "z")])


def grouped(anomalies, graph=WIDE, incidents=(), now=10, settings=SETTINGS):
    """One step at a minute."""
    return group(incidents, anomalies, graph, settings, at(now))


def test_a_burst_over_the_call_graph_is_one_incident():
    """Every component odd within minutes gives one incident, not one a component."""
    burst = [anomaly(name, i % 5, 10) for i, name in enumerate(WIDE.components)]
    result = grouped(burst)
    assert len(result.incidents) == 1
    assert result.incidents[0].components == WIDE.components
    assert result.opened == (result.incidents[0].id,)


def test_unrelated_places_and_times_are_two_incidents():
    """Components without a path that start far apart do not belong together."""
    result = grouped([anomaly("a", 0, 8), anomaly("z", 5, 9)], FAR)
    assert [i.components for i in result.incidents] == [("a",), ("z",)]


def test_a_simultaneous_start_joins_components_without_a_path():
    """A shared host is not in the call graph, but it starts everything at once."""
    assert len(grouped([anomaly("a", 5, 8), anomaly("z", 5, 9)], FAR).incidents) == 1
    apart = replace(SETTINGS, burst_s=0.0)
    assert len(grouped([anomaly("a", 5, 8), anomaly("z", 5, 9)], FAR, settings=apart).incidents) == 2


def test_the_order_of_anomalies_does_not_matter():
    """A shuffled burst gives the same incidents."""
    burst = [anomaly(name, i % 9, 12, score=i) for i, name in enumerate(WIDE.components)]
    shuffled = burst[:]
    random.Random(3).shuffle(shuffled)
    assert grouped(burst) == grouped(shuffled)


def test_a_growing_anomaly_replaces_its_earlier_version():
    """The incident holds one anomaly, with the newest end, and is reported as updated once."""
    first = grouped([anomaly("web", 0, 2)], now=2)
    second = grouped([anomaly("web", 0, 3, score=5.0)], incidents=first.incidents, now=3)
    third = grouped([anomaly("web", 0, 3, score=5.0)], incidents=second.incidents, now=3)
    assert [a.end for a in second.incidents[0].anomalies] == [at(3)]
    assert second.updated == (first.incidents[0].id,)
    assert third.updated == ()
    assert third.incidents == second.incidents


def test_later_anomalies_join_the_open_incident():
    """What is near in time and graph does not open a second incident."""
    first = grouped([anomaly("s1", 0, 9)], now=2)
    second = grouped([anomaly("db1", 5, 6)], incidents=first.incidents, now=6)
    assert second.opened == ()
    assert second.updated == (first.incidents[0].id,)
    assert second.incidents[0].components == ("db1", "s1")


def test_a_quiet_incident_is_resolved_and_stays_so():
    """After the quiet time it ends; a further step changes nothing."""
    first = grouped([anomaly("web", 0, 2)], now=2)
    assert grouped([], incidents=first.incidents, now=7).resolved == ()
    done = grouped([], incidents=first.incidents, now=8)
    assert done.resolved == (first.incidents[0].id,)
    assert done.incidents[0].status is IncidentStatus.RESOLVED
    assert done.incidents[0].resolved_at == at(8)
    assert grouped([], incidents=done.incidents, now=9).resolved == ()


def test_a_resolved_incident_reopens_only_when_allowed():
    """A relapse opens a new incident unless reopening is switched on."""
    first = grouped([anomaly("web", 0, 2)], now=2)
    done = grouped([], incidents=first.incidents, now=8)
    fresh = grouped([anomaly("web", 7, 9)], incidents=done.incidents, now=9)
    assert len(fresh.incidents) == 2
    allowed = replace(SETTINGS, reopen_s=600.0)
    again = grouped([anomaly("web", 7, 9)], incidents=done.incidents, now=9, settings=allowed)
    assert [i.status for i in again.incidents] == [IncidentStatus.OPEN]
    assert again.opened == (first.incidents[0].id,)


def test_ids_are_unique_and_sort_by_time():
    """Two incidents opened in one step differ; a later one sorts behind."""
    first = grouped([anomaly("a", 0, 9), anomaly("z", 5, 9)], FAR)
    later = grouped([anomaly("a", 30, 31)], FAR, first.incidents, now=31)
    ids = [i.id for i in later.incidents]
    assert len(set(ids)) == 3
    assert ids[-1] == later.opened[0]


def test_without_a_graph_time_alone_decides():
    """Unknown components are related if they are near in time."""
    assert len(grouped([anomaly("p", 0, 9), anomaly("q", 4, 9)], from_edges([])).incidents) == 1
    assert len(grouped([anomaly("p", 0, 1), anomaly("q", 20, 21)], from_edges([]), now=22).incidents) == 2


def test_nothing_in_nothing_out():
    """An idle step does nothing."""
    assert grouped([]).incidents == ()


def test_negative_settings_are_refused():
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match="window_s"):
        GroupingSettings(window_s=-1.0)


def test_chain_of_related_anomalies_is_one_incident():
    """Relation is transitive inside one step."""
    line = from_edges([*CHAIN, ("db", "disk"), ("disk", "array")])
    result = grouped([anomaly("web", 0, 2), anomaly("db", 3, 5), anomaly("array", 6, 9)], line)
    assert len(result.incidents) == 1
