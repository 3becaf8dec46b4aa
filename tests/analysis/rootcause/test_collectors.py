"""Each collector on a situation whose answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import alerts, changes, level, metrics, onset_order, position, surge, trace_fanout, trace_gaps
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.spans import compare, view_spans
from models.errors import ConfigurationError
from models.frames import SeriesKey
from tests.analysis.builders import at, event, moved, quiet, situation_of, span

SETTINGS = RootCauseSettings()
NAMES = [(c, m) for c in ("web", "orders", "db", "mail") for m in ("cpu", "latency_ms", "requests")]


def weights(evidence):
    """Sum of the weights by component."""
    assert not isinstance(evidence, SkippedMethod), evidence
    total = {}
    for item in evidence:
        assert type(item.weight) is float
        assert np.isfinite(item.weight)
        assert all(np.isfinite(number) for number in item.numbers.values())
        assert item.statement.endswith(".")
        total[item.component] = total.get(item.component, 0.0) + item.weight
    return total


def metric_weights(situation, settings=SETTINGS):
    """What the metrics say."""
    return weights(metrics.collect(observe(situation), settings).evidence)


def test_level_accuses_the_component_that_moved():
    """The moved series gets the points; quiet ones next to none."""
    found = metric_weights(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)))
    assert max(found, key=found.get) == "db"
    assert all(weight < 1 for name, weight in found.items() if name != "db")


def test_saturation_counts_more_than_traffic():
    """The same shift accuses more as cpu than as requests."""
    busy = metric_weights(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)))
    called = metric_weights(situation_of(moved(quiet(NAMES), ("db", "requests"), 60, 3.0)))
    assert busy["db"] > 2 * called["db"] > 0


def test_relief_counts_less_than_trouble():
    """A cpu that falls is a sign of missing work, not of trouble."""
    up = metric_weights(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 1.5)))
    down = metric_weights(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 0.5)))
    assert up["db"] > 2 * down["db"] > 0


def test_new_and_silent_series_count():
    """A metric that appears or vanishes with the incident is evidence."""
    series = quiet(NAMES)
    rows = np.arange(80)
    series["db", "oom"] = np.where(rows >= 60, 1.0, np.nan)
    series["mail", "sent"] = np.where(rows < 60, 5.0 + 0.1 * rows, np.nan)
    found = observe(situation_of(series)).series
    points = dict(zip(found.keys, level.measure_points(found, SETTINGS), strict=True))
    assert points[SeriesKey("db", "oom")] == points[SeriesKey("mail", "sent")] == pytest.approx(np.log1p(9.0))
    assert "appeared" in level.describe(found, found.keys.index(SeriesKey("db", "oom")))[0]
    assert "silent" in level.describe(found, found.keys.index(SeriesKey("mail", "sent")))[0]


def test_comovement_spares_what_does_not_follow_the_target():
    """Of two moved components the one that moves with the target keeps its points."""
    shape = 1 + np.where(np.arange(80) >= 60, np.random.default_rng(1).uniform(1, 3, 80), 0)
    series = quiet(NAMES)
    series["web", "latency_ms"] = series["web", "latency_ms"] * shape
    series["db", "latency_ms"] = series["db", "latency_ms"] * shape
    series["mail", "latency_ms"] = series["mail", "latency_ms"] * (1 + 3 * (np.arange(80) >= 40))
    found = metric_weights(situation_of(series, target=SeriesKey("web", "latency_ms")))
    assert found["db"] > 3 * found["mail"]


def test_the_users_symptom_is_assumed_where_none_is_named():
    """Without a target the moved latency of the component with the most dependencies stands for it."""
    series = moved(moved(quiet(NAMES), ("web", "latency_ms"), 60, 3.0), ("db", "latency_ms"), 60, 3.0)
    items = metrics.collect(observe(situation_of(series)), SETTINGS).evidence
    assert any("web/latency_ms, the symptom taken" in item.statement for item in items)


def test_an_unknown_target_is_reported():
    """A target without a series is a reason, not a crash."""
    found = metrics.collect(observe(situation_of(quiet(NAMES), target=SeriesKey("ghost", "x"))), SETTINGS)
    assert found.skipped[0].name == "comovement"
    assert "ghost/x" in found.skipped[0].reason


def test_position_takes_the_symptom_from_the_callers():
    """Callers of an odd callee lose theirs, the callee keeps its own."""
    series = quiet(NAMES)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "latency_ms"), 60, 3.0)
    observation = observe(situation_of(series))
    found = metrics.collect(observation, SETTINGS)
    taken = weights(position.collect(observation, found, SETTINGS))
    assert set(taken) == {"web", "orders"}
    assert taken["orders"] < -0.5 * found.symptom["orders"]


def test_position_leaves_saturation_alone():
    """A cpu hog is not excused by odd callees."""
    series = moved(moved(quiet(NAMES), ("orders", "cpu"), 60, 3.0), ("db", "latency_ms"), 60, 3.0)
    observation = observe(situation_of(series))
    taken = weights(position.collect(observation, metrics.collect(observation, SETTINGS), SETTINGS))
    assert taken.get("orders", 0.0) > -1


def test_position_needs_a_graph():
    """Without calls it says so."""
    observation = observe(situation_of(quiet(NAMES), edges=None))
    skipped = position.collect(observation, metrics.collect(observation, SETTINGS), SETTINGS)
    assert isinstance(skipped, SkippedMethod)


def test_onset_order_rewards_the_first():
    """Who left the band first gets the whole weight, who left last nothing."""
    series = moved(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0), ("web", "cpu"), 66, 3.0)
    observation = observe(situation_of(series))
    found = weights(onset_order.collect(observation, metrics.collect(observation, SETTINGS), SETTINGS))
    assert found == {"db": SETTINGS.onset_weight}


def surged(factor):
    """Traffic of the whole chain rises at once, the database's load with it."""
    series = quiet(NAMES, 120)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "requests"), 90, factor)
    return observe(situation_of(moved(series, ("db", "cpu"), 90, 2.0), detected=90))


def test_a_surge_is_blamed_on_where_it_comes_in():
    """Load below the origin is explained; the origin is credited."""
    found = weights(surge.collect(surged(3.0), {"db": 8.0, "orders": 2.0, "web": 2.0}, SETTINGS))
    assert found["db"] < -5
    assert found["web"] > 3


def test_a_slow_morning_is_no_surge():
    """Traffic that rises gradually explains nothing."""
    series = quiet(NAMES, 120)
    for name in ("web", "orders", "db"):
        series[name, "requests"] = series[name, "requests"] * np.linspace(1, 3, 120)
    observation = observe(situation_of(series, detected=90))
    assert surge.collect(observation, {"db": 8.0}, SETTINGS) == ()


def calls(gap_s, minutes, first_trace):
    """Traces of web -> orders -> db and web -> mail, the calls to and from orders waiting longer."""
    rows = []
    for i, minute in enumerate(minutes):
        t, wait = first_trace + i, gap_s * (1 + 0.05 * (i % 3))
        rows += [
            span(t, "w", "", "web", minute, 1.0),
            span(t, "wo", "w", "web", minute, 0.3 + wait, "call orders"),
            span(t, "o", "wo", "orders", minute, 0.3),
            span(t, "od", "o", "orders", minute, 0.1 + wait, "call db"),
            span(t, "d", "od", "db", minute, 0.1),
            span(t, "wm", "w", "web", minute, 0.102, "call mail"),
            span(t, "m", "wm", "mail", minute, 0.1),
        ]
    return rows


def test_a_gap_is_blamed_on_the_end_that_all_slow_calls_share():
    """Slow calls to and from one component accuse it, not the other ends."""
    traces = pd.DataFrame(calls(0.002, range(50, 60), 0) + calls(0.3, range(60, 70), 100))
    found = weights(trace_gaps.collect(view_spans(traces, at(60), at(60)), SETTINGS))
    assert max(found, key=found.get) == "orders"
    assert found["orders"] > 3 * max(v for k, v in found.items() if k != "orders")


def test_lost_calls_are_blamed_on_the_caller():
    """An operation that no longer calls is accused, not the one that is no longer called."""
    before, now = calls(0.002, range(50, 60), 0), calls(0.002, range(60, 70), 100)
    cut = [row for row in now if row["component"] != "db" and row["operation"] != "call db"]
    found = weights(trace_fanout.collect(view_spans(pd.DataFrame(before * 3 + cut * 3), at(60), at(60)), SETTINGS))
    assert set(found) == {"orders"}


def test_too_few_spans_are_a_reason():
    """Two spans on a side are not compared."""
    view = view_spans(pd.DataFrame(calls(0.1, [50, 61], 0)), at(60), at(60))
    assert isinstance(trace_gaps.collect(view, SETTINGS), SkippedMethod)
    assert isinstance(trace_fanout.collect(view, SETTINGS), SkippedMethod)
    assert compare(np.ones(2), np.ones(9)) is None


def test_a_fresh_change_is_suspicious_and_an_old_one_is_not():
    """The nearer to the onset, the heavier; after the detection nothing."""
    table = pd.DataFrame([event("db", 59), event("web", 40), event("mail", 5), event("orders", 61)])
    series = moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)
    found = weights(changes.collect(observe(situation_of(series, events=table)), SETTINGS))
    assert set(found) == {"db", "web"}
    assert found["db"] > found["web"]


def test_alerts_on_metrics_count_more_than_echoes():
    """A component with an alert on its cpu beats one with as many log alerts."""
    rows = [event("db", 60, "METRIC", "cpu_usage", "up")] + [event("web", 60, "LOG", f"t{i}") for i in range(3)]
    found = weights(alerts.collect(observe(situation_of(quiet(NAMES), events=pd.DataFrame(rows))), SETTINGS))
    assert found["db"] > found["web"] > 0


def test_changes_and_alerts_say_why_they_cannot_run():
    """No events, or none of their kind, is a reason."""
    nothing = observe(situation_of(quiet(NAMES)))
    changed = observe(situation_of(quiet(NAMES), events=pd.DataFrame([event("db", 59)])))
    alarmed = observe(situation_of(quiet(NAMES), events=pd.DataFrame([event("db", 59, "LOG")])))
    assert isinstance(changes.collect(nothing, SETTINGS), SkippedMethod)
    assert isinstance(alerts.collect(nothing, SETTINGS), SkippedMethod)
    assert isinstance(alerts.collect(changed, SETTINGS), SkippedMethod)
    assert isinstance(changes.collect(alarmed, SETTINGS), SkippedMethod)


@pytest.mark.parametrize("field", ["effect_cap", "second_share", "change_window_s", "least_confidence"])
def test_settings_out_of_range_are_refused(field):
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match=field):
        replace(SETTINGS, **{field: -1})
    if field in {"second_share", "least_confidence"}:
        with pytest.raises(ConfigurationError, match=field):
            replace(SETTINGS, **{field: 2})
