"""A chart's specification is plain JSON and its caption says what it shows."""

import json
from dataclasses import replace

import numpy as np
import pytest

from models.frames import SeriesKey, to_datetime64
from service.api.backend import Chart
from service.web.charts import MOST_POINTS, comparison, draw_chart, trouble
from tests.browser.fake import ONSET, STEP, the_incident

KEY = SeriesKey("orders-db", "connections")


def _chart(values, key=KEY):
    values = np.asarray(values, dtype=float)
    times = to_datetime64(ONSET) + np.arange(len(values)) * np.timedelta64(15, "s")
    nothing = np.full(len(values), np.nan)
    return Chart(key=key, times=times, values=values, expected=values, lower=nothing, upper=values + 1)


def test_missing_values_become_null():
    """NaN is not JSON; the times are seconds since 1970."""
    spec = draw_chart(_chart([1.0, np.nan, 3.0]), the_incident()).spec
    assert spec["value"] == [1.0, None, 3.0]
    assert spec["lower"] == [None, None, None]
    assert spec["times"] == [ONSET.timestamp() + 15.0 * i for i in range(3)]
    json.dumps(spec, allow_nan=False)


def test_the_moments_of_the_incident_are_marked():
    """Onset and detection always, action and resolution when there is one."""
    incident = the_incident()
    names = [m["name"] for m in draw_chart(_chart([1.0]), incident).spec["marks"]]
    assert names == ["onset", "detected", "resolved"]
    acted = draw_chart(_chart([1.0]), incident, ONSET).spec["marks"]
    assert [m["name"] for m in acted] == ["onset", "detected", "acted", "resolved"]
    still_open = draw_chart(_chart([1.0]), replace(incident, resolved_at=None)).spec["marks"]
    assert [m["name"] for m in still_open] == ["onset", "detected"]


def test_only_the_newest_points_are_drawn():
    """A long window stays drawable."""
    spec = draw_chart(_chart(np.arange(MOST_POINTS + 7)), the_incident()).spec
    assert len(spec["value"]) == len(spec["times"]) == MOST_POINTS
    assert spec["value"][-1] == MOST_POINTS + 6


def test_the_caption_says_peak_normal_and_since_when():
    """Who cannot see the line reads the same finding."""
    said = draw_chart(_chart([1.0]), the_incident()).caption
    assert said == "198 where 62 is normal (3.2×) at 10:44:00, abnormal since 10:41:00 UTC."


@pytest.mark.parametrize(
    ("values", "said"),
    [([1.0, 2.0, np.nan], "No anomaly of its own; now 2."), ([np.nan], "No value in this window."), ([], "No value")],
)
def test_a_series_without_anomaly_is_said_to_have_none(values, said):
    """A context metric is not made to look guilty."""
    assert draw_chart(_chart(values, SeriesKey("web", "load")), the_incident()).caption.startswith(said)


def test_an_anomaly_is_compared_with_what_is_normal():
    """The ratio is said where it means something."""
    anomaly = the_incident().anomalies[0]
    assert comparison(replace(anomaly, expected=float("nan"))) == "198"
    assert comparison(replace(anomaly, expected=0.0)) == "198 where 0 is normal"
    assert comparison(replace(anomaly, expected=190.0)) == "198 where 190 is normal"
    assert comparison(replace(anomaly, expected=2.0)) == "198 where 2 is normal (99×)"
    assert trouble(the_incident().anomalies[1]).replace("\u00a0", " ") == "latency_p95 1.42 s"
    assert STEP.total_seconds() == anomaly.step_s


@pytest.mark.parametrize(("values", "lowest"), [([0.1, 0.2], 0.0), ([-0.1, 0.2], -5.0)])
def test_the_band_ends_at_zero_for_what_is_never_negative(values, lowest):
    """A rate is not drawn with a normal band below zero; a metric that goes negative keeps its band."""
    chart = replace(_chart(values), lower=np.full(2, -5.0))
    assert draw_chart(chart, the_incident()).spec["lower"] == [lowest, lowest]
