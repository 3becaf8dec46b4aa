"""Anomalies into incidents."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.grouping import GroupingSettings, group
from analysis.incidents import IncidentStatus
from analysis.topology import from_edges
from models.anomalies import AnomalySeverity, AnomalyType
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
    later = grouped([anomaly("a", 30, 32)], FAR, first.incidents, now=32)
    ids = [i.id for i in later.incidents]
    assert len(set(ids)) == 3
    assert ids[-1] == later.opened[0]


def test_without_a_graph_time_alone_decides():
    """Unknown components are related if they are near in time."""
    assert len(grouped([anomaly("p", 0, 9), anomaly("q", 4, 9)], from_edges([])).incidents) == 1
    assert len(grouped([anomaly("p", 0, 2), anomaly("q", 20, 22)], from_edges([]), now=23).incidents) == 2


def test_a_blip_of_one_metric_opens_no_incident():
    """A single row of a single series is no incident, may join one, and opens one where the user wants it."""
    assert grouped([anomaly("web", 0, 1)], now=1).incidents == ()
    assert len(grouped([anomaly("web", 0, 1), anomaly("db", 0, 1)], now=1).incidents) == 1
    running = grouped([anomaly("web", 0, 2)], now=2)
    joined = grouped([anomaly("web", 0, 2), anomaly("api", 2, 3)], incidents=running.incidents, now=3)
    assert len(joined.incidents) == 1
    assert len(joined.incidents[0].anomalies) == 2
    assert len(grouped([anomaly("web", 0, 1)], now=1, settings=replace(SETTINGS, least_rows=1)).incidents) == 1


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


CHANGED = {"type": AnomalyType.SUDDEN_CHANGE, "detector": "change", "severity": AnomalySeverity.CRITICAL}
WIDE_TYPE = {"type": AnomalyType.MULTIVARIATE_OUTLIER, "detector": "forest"}


def held_after(first, *steps, settings=SETTINGS):
    """Incidents after some steps, each the anomalies of a minute."""
    incidents = grouped(first, now=3, settings=settings).incidents
    for minute, anomalies in enumerate(steps, start=4):
        incidents = grouped(anomalies, incidents=incidents, now=minute, settings=settings).incidents
    return incidents


def test_a_regraded_run_replaces_what_it_was():
    """A run whose type, detector and severity change stays one anomaly: the latest word on it."""
    first, later = anomaly("web", 0, 2), replace(anomaly("web", 0, 4), **CHANGED)
    (incident,) = held_after([first], [later])
    assert incident.anomalies == (later,)


def test_a_run_that_begins_earlier_in_hindsight_is_the_same():
    """A weaker detector that joins with an earlier start widens the anomaly; what was two and merges becomes one."""
    two = [anomaly("web", 0, 2), anomaly("web", 5, 7)]
    (incident,) = held_after(two, [anomaly("web", 0, 8)])
    assert [(a.start, a.end) for a in incident.anomalies] == [(at(0), at(8))]
    (incident,) = held_after([anomaly("web", 2, 4)], [anomaly("web", 1, 5)])
    assert [(a.start, a.end) for a in incident.anomalies] == [(at(1), at(5))]


def test_the_start_is_kept_when_the_first_rows_are_forgotten():
    """A window that no longer shows the start of a long run does not move the onset."""
    (incident,) = held_after([anomaly("web", 0, 3)], [anomaly("web", 1, 4)], [anomaly("web", 2, 5)])
    assert [(a.start, a.end) for a in incident.anomalies] == [(at(0), at(5))]


def test_a_component_wide_run_may_move_to_another_metric():
    """Of one component and detector, overlapping in time, only the metric that is strongest now is held."""
    first = replace(anomaly("web", 0, 2, "cpu"), **WIDE_TYPE)
    (incident,) = held_after([first], [replace(anomaly("web", 0, 4, "memory"), **WIDE_TYPE)])
    assert [a.key.metric for a in incident.anomalies] == ["memory"]


@pytest.mark.parametrize(
    "other",
    [
        replace(anomaly("s1", 0, 4, "memory"), **WIDE_TYPE),
        replace(anomaly("web", 0, 4, "memory"), **WIDE_TYPE | {"detector": "another"}),
        anomaly("web", 0, 4, "memory"),
        replace(anomaly("web", 2, 4, "memory"), **WIDE_TYPE),
    ],
    ids=["component", "detector", "type", "time"],
)
def test_what_is_another_anomaly_stays_beside(other):
    """Another component, detector, type or time is another anomaly, whatever else is equal."""
    first = replace(anomaly("web", 0, 2, "cpu"), **WIDE_TYPE)
    (incident,) = held_after([first], [other])
    assert len(incident.anomalies) == 2


def test_a_present_run_is_not_swallowed_by_a_wide_one():
    """A metric that is still abnormal by itself is held beside the metric that the whole component is blamed on."""
    cpu = replace(anomaly("web", 0, 2, "cpu"), **WIDE_TYPE)
    memory = replace(anomaly("web", 1, 4, "memory"), **WIDE_TYPE)
    (incident,) = held_after([cpu], [cpu, memory])
    assert incident.anomalies == (cpu, memory)


def test_a_later_run_of_the_same_series_is_another():
    """A relapse within the incident is a second anomaly; the first keeps its end."""
    (incident,) = held_after([anomaly("web", 0, 2)], [anomaly("web", 0, 2), anomaly("web", 4, 5)])
    assert [(a.start, a.end) for a in incident.anomalies] == [(at(0), at(2)), (at(4), at(5))]


def test_missing_numbers_are_no_news():
    """An anomaly without a previous value, seen again, does not count as an update."""

    def missing():
        return replace(anomaly("web", 0, 2), previous_value=float("nan"))

    first = grouped([missing()], now=3)
    assert grouped([missing()], incidents=first.incidents, now=4).updated == ()


def test_a_wide_run_on_another_metric_keeps_its_own_start():
    """It must not reach back over an earlier run of its new metric."""
    wide = replace(anomaly("web", 0, 3, "cpu"), **WIDE_TYPE)
    (incident,) = held_after(
        [wide, anomaly("web", 1, 2, "memory")], [replace(anomaly("web", 2, 5, "memory"), **WIDE_TYPE)]
    )
    assert [(a.key.metric, a.start) for a in incident.anomalies] == [("memory", at(1)), ("memory", at(2))]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["web", "s1"]),
            st.sampled_from(["cpu", "memory"]),
            st.integers(0, 9),
            st.integers(1, 6),
            st.sampled_from([{}, CHANGED, WIDE_TYPE]),
        ),
        max_size=12,
    )
)
def test_an_incident_never_holds_a_series_twice_at_a_time(rows):
    """Whatever is seen, step after step, the anomalies of one series in an incident do not overlap."""
    incidents = ()
    for minute, (component, metric, first, length, changes) in enumerate(rows, start=16):
        seen = replace(anomaly(component, first, first + length, metric), **changes)
        incidents = grouped([seen], incidents=incidents, now=minute).incidents
        for incident in incidents:
            held = sorted(incident.anomalies, key=lambda a: (a.key, a.start))
            for one, other in pairwise(held):
                assert one.key != other.key or one.end <= other.start
