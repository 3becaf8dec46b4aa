"""Evidence charts: what the script draws, and the sentence that says the same to whoever cannot see it."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.incidents import Incident
from models.anomalies import Anomaly
from models.frames import SeriesKey
from service.api.backend import Chart
from service.web.wording import clock, quantity, unit_of, without_unit

MOST_POINTS = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One drawing.

    Parameters
    ----------
    key
        Which chart.
    caption
        The finding in one sentence.
    spec
        JSON-ready input of the script: times in seconds since 1970, null for missing.
    """

    key: SeriesKey
    caption: str
    spec: dict[str, Any]


def draw_chart(chart: Chart, incident: Incident, acted_at: datetime | None = None) -> Drawing:
    """Prepare a chart.

    Parameters
    ----------
    chart
        What to draw; only the newest 1,500 values are.
    incident
        Gives the markers and the anomaly to speak of.
    acted_at
        UTC time of the first action, another marker: what follows may be its own effect. None without one.

    Returns
    -------
    Drawing
        For the template.
    """
    drop = max(len(chart.values) - MOST_POINTS, 0)
    marks = [
        ("onset", incident.onset),
        ("detected", incident.opened_at),
        ("acted", acted_at),
        ("resolved", incident.resolved_at),
    ]
    own = [a for a in incident.anomalies if a.key == chart.key]
    return Drawing(
        key=chart.key,
        caption=_caption(chart, own),
        spec={
            "name": str(chart.key),
            "unit": unit_of(chart.key.metric),
            "times": _seconds(chart.times[drop:]),
            "value": _numbers(chart.values[drop:]),
            "expected": _numbers(chart.expected[drop:]),
            "lower": _numbers(_possible(chart)[drop:]),
            "upper": _numbers(chart.upper[drop:]),
            "marks": [{"name": name, "at": at.timestamp()} for name, at in marks if at],
        },
    )


def trouble(anomaly: Anomaly) -> str:
    """Say the worst of an anomaly in a few words.

    Parameters
    ----------
    anomaly
        Any.

    Returns
    -------
    str
        The metric without its unit and the value with it, for example ``latency_p99 1.84 s``.
    """
    return f"{without_unit(anomaly.key.metric)} {quantity(anomaly.value, anomaly.key.metric)}"


def comparison(anomaly: Anomaly) -> str:
    """Say how far the peak of an anomaly is from normal.

    Parameters
    ----------
    anomaly
        Any; without an expectation only the value is said.

    Returns
    -------
    str
        For example ``1.84 s where 120 ms is normal (15×)``.
    """
    value, metric = quantity(anomaly.value, anomaly.key.metric), anomaly.key.metric
    if not math.isfinite(anomaly.expected):
        return value
    said = f"{value} where {quantity(anomaly.expected, metric)} is normal"
    ratio = anomaly.value / anomaly.expected if anomaly.expected > 0 else math.nan
    return said + (f" ({ratio:.2g}×)" if 1.5 <= ratio < 10 else f" ({ratio:,.0f}×)" if 10 <= ratio < 1e4 else "")


def _caption(chart: Chart, anomalies: list[Anomaly]) -> str:
    if not anomalies:
        finite = chart.values[np.isfinite(chart.values)]
        if not finite.size:
            return "No value in this window."
        return f"No anomaly of its own; now {quantity(float(finite[-1]), chart.key.metric)}."
    worst = max(anomalies, key=lambda a: (a.severity.rank, a.score if math.isfinite(a.score) else 0.0))
    return f"{comparison(worst)} at {clock(worst.peak)}, abnormal since {clock(min(a.start for a in anomalies))} UTC."


def _possible(chart: Chart) -> NDArray[np.float64]:
    """The lower edge of the band; not below zero for a metric that never is."""
    seen = np.concatenate([chart.values, chart.expected])
    is_never_negative = not (seen < 0).any()
    return np.maximum(chart.lower, 0.0) if is_never_negative else chart.lower


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [float(f"{v:.6g}") if math.isfinite(v) else None for v in values.tolist()]


def _seconds(times: NDArray[np.datetime64]) -> list[float]:
    seconds: list[float] = (times.astype("datetime64[us]").astype(np.int64) / 1e6).tolist()
    return seconds
