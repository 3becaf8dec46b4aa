"""Alerts of other systems, weighed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import alerts
from analysis.rootcause.observation import observe
from analysis.situation import Situation
from tests.analysis.builders import at, event, quiet, situation_of
from tests.analysis.rootcause.helpers import NAMES, SETTINGS, told, weights

FALLEN = ("requests", "network_receive_bytes", "network_transmit_packets")


def metric(component, name, sign="up"):
    """An alert on a metric."""
    return event(component, 60, "METRIC", name, sign)


def call(caller, callee):
    """An alert on the calls from one component to another."""
    return event(callee, 60, "TRACE", "slow", caller=caller)


def silent(*components):
    """Components whose traffic fell altogether."""
    return [metric(component, name, "down") for component in components for name in FALLEN]


def points(rows, settings=SETTINGS):
    """Sum of the weights by component."""
    return told(rows, alerts.collect, settings)


def test_alerts_on_metrics_count_more_than_echoes():
    """A component with an alert on its cpu beats one with as many log alerts."""
    rows = [event("db", 60, "METRIC", "cpu_usage", "up")] + [event("web", 60, "LOG", f"t{i}") for i in range(3)]
    found = weights(alerts.collect(observe(situation_of(quiet(NAMES), events=pd.DataFrame(rows))), SETTINGS))
    assert found["db"] > found["web"] > 0


def test_without_alerts_there_is_a_reason():
    """No events, changes only, and weight 0 are all said."""
    nothing = observe(situation_of(quiet(NAMES)))
    changed = observe(situation_of(quiet(NAMES), events=pd.DataFrame([event("db", 59)])))
    alarmed = observe(situation_of(quiet(NAMES), events=pd.DataFrame([metric("db", "cpu")])))
    assert "no events" in alerts.collect(nothing, SETTINGS).reason
    assert "No event is an alert" in alerts.collect(changed, SETTINGS).reason
    assert isinstance(alerts.collect(alarmed, replace(SETTINGS, alert_weight=0.0)), SkippedMethod)


def test_a_repeated_alert_counts_once():
    """An alert that fires every minute says no more than one that stays."""
    assert points([metric("db", "cpu")] * 50) == points([metric("db", "cpu")])


def test_several_resources_count_more_than_one_but_not_by_number():
    """Ten series of the processor are often one quantity."""
    one, ten = (points([metric("db", f"cpu_{i}") for i in range(n)])["db"] for n in (1, 10))
    assert one < ten < 5 * one


def test_resources_of_a_component_with_more_to_do_count_less():
    """Where the traffic rose too, a busy processor needs no further reason."""
    busy = points([metric("db", "cpu")])["db"]
    loaded = points([metric("db", "cpu"), metric("db", "requests")])["db"]
    assert loaded == pytest.approx(busy * alerts.LOADED_SHARE)


def test_resources_that_fell_are_no_trouble():
    """Less work is not the cause."""
    assert points([metric("db", "cpu", "down")])["db"] == 0.0


@pytest.mark.parametrize("sign", ["down", "DOWN", "Down", "-", "Low", "BELOW", "decrease"])
def test_signs_are_read_in_any_case(sign):
    """However a system spells it, down is down."""
    assert points([metric("db", "requests", sign)]) == points([metric("db", "requests", "down")])
    assert points([metric("db", "cpu", sign)])["db"] == 0.0


@pytest.mark.parametrize("sign", ["up", "", "+", "HIGH", "whatever", None])
def test_everything_else_is_up(sign):
    """An unknown or missing sign is a rise."""
    assert points([metric("db", "cpu", sign)]) == points([metric("db", "cpu", "up")])


def test_a_component_that_went_silent_beats_its_callers():
    """Three fallen traffic metrics are silence; what the callers lose too is explained by it."""
    found = points([*silent("db", "web"), call("web", "db")])
    assert found["db"] > 2 * found["web"] > 0
    items = alerts.collect(
        observe(situation_of(quiet(NAMES), events=pd.DataFrame([*silent("db"), call("web", "db")]))), SETTINGS
    )
    assert any("gone silent" in item.statement for item in items)


def test_one_fallen_metric_is_no_silence():
    """A quiet hour lowers one figure as well."""
    assert points([metric("db", FALLEN[0], "down")])["db"] < points(silent("db"))["db"] / 3


def test_a_callee_that_did_not_fall_explains_nothing():
    """The caller keeps its points."""
    assert points([*silent("web"), call("web", "db")])["web"] == pytest.approx(points(silent("web"))["web"])


def test_two_that_call_each_other_both_keep_something():
    """A cycle of silent components takes a part of each, in whatever order they come."""
    rows = [*silent("db", "web"), call("web", "db"), call("db", "web")]
    found = points(rows)
    assert min(found.values()) > 0
    assert found["db"] == pytest.approx(found["web"])


def test_complaints_accuse_the_callee_and_own_spans_do_not():
    """What others say of a component counts; what it says of its own spans is everybody's echo."""
    found = points([call("web", "db"), call("orders", "db"), call("mail", "mail"), call("", "mail")])
    assert found["db"] > 0
    assert found["mail"] == 0.0


def test_unknown_kinds_are_weak_echoes():
    """A kind that nobody knows says a little, and does not crash."""
    found = points([event("db", 60, "SMOKE", "s"), event("web", 60, "", "s"), metric("mail", "cpu")])
    assert 0 < found["db"] == found["web"] < found["mail"]


def test_a_thousand_logs_do_not_outweigh_a_resource():
    """Numbers of messages count as a logarithm."""
    assert points([metric("db", "cpu")])["db"] > points([event("web", 60, "LOG", f"t{i}") for i in range(1000)])["web"]


def test_the_time_of_alerts_says_nothing():
    """All at one moment, or spread over hours, weigh the same."""
    rows = [metric("db", "cpu"), call("web", "db"), event("web", 60, "LOG", "x")]
    spread = [row | {"ts": pd.Timestamp(at(7 * i))} for i, row in enumerate(rows)]
    assert points(rows) == points(spread)


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_alerts_without_a_component_accuse_nobody(missing):
    """A missing name is no component, as a caller neither."""
    table = pd.DataFrame([metric("db", "cpu"), metric("x", "cpu"), call("y", "db")])
    table.loc[1, "component"] = missing
    table.loc[2, "caller"] = missing
    seen = observe(Situation(detected_at=at(0), events=table))
    assert seen.candidates == ("db",)
    assert set(weights(alerts.collect(seen, SETTINGS))) == {"db"}


@pytest.mark.parametrize("name", ["", "x" * 300_000, "\x00\x1b[31m", "温度", "cpu\n"])
def test_any_name_of_a_metric_is_weighed(name):
    """Hostile names give finite weights and one sentence."""
    assert np.isfinite(points([metric("db", name)])["db"])


def test_the_most_telling_metric_names_the_evidence():
    """Resources before symptoms before traffic; resources that fell do not count."""
    rows = [metric("db", "requests"), metric("db", "latency_ms"), metric("db", "cpu", "down")]
    (item,) = alerts.collect(observe(situation_of(quiet(NAMES), events=pd.DataFrame(rows))), SETTINGS)
    assert item.metric == "latency_ms"
    (item,) = alerts.collect(
        observe(situation_of(quiet(NAMES), events=pd.DataFrame([*rows, metric("db", "mem")]))), SETTINGS
    )
    assert item.metric == "mem"


def test_what_a_callee_explains_is_told_in_per_cent():
    """Half of the fallen points below explains a quarter of four fifths; as many explain nearly all of that."""
    rows = [*silent("db", "web"), call("web", "db")]
    items = alerts.collect(observe(situation_of(quiet(NAMES), events=pd.DataFrame(rows))), SETTINGS)
    (taken,) = [item for item in items if item.weight < 0]
    own = float(np.log1p(len(FALLEN))) + alerts.SILENCE_WEIGHT
    share = alerts.EXPLAINED_SHARE * (own / (own + alerts.SLACK)) ** 2
    assert taken.numbers["explained_share"] == pytest.approx(share)
    assert taken.weight == pytest.approx(-share * own)
    assert taken.statement == f"{share:.0%} of its fallen traffic is explained by that of db, which it calls."


@pytest.mark.parametrize(("n", "more"), [(4, ""), (5, " and 1 more"), (9, " and 5 more")])
def test_only_some_metrics_are_listed(n, more):
    """Four names, and how many others there are."""
    rows = [metric("db", f"cpu_{i}") for i in range(n)]
    (item,) = alerts.collect(observe(situation_of(quiet(NAMES), events=pd.DataFrame(rows))), SETTINGS)
    assert item.statement == f"Its alerts: {n} METRIC (on cpu_0 up, cpu_1 up, cpu_2 up, cpu_3 up{more})."
