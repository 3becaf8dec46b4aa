"""Small situations whose right answer is known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from analysis.situation import Situation
from models.anomalies import Anomaly, AnomalySeverity, AnomalyType
from models.frames import MetricFrame, SeriesKey

START = datetime(2025, 3, 3, tzinfo=UTC)
STEP_S = 60.0
CHAIN = (("web", "orders"), ("orders", "db"))


def at(minutes):
    """Time of a row."""
    return START + timedelta(minutes=minutes)


def noise(n_rows, level=10.0, spread=0.2, seed=0):
    """Quiet series."""
    return level + spread * np.random.default_rng(seed).normal(size=n_rows)


def frame_of(series):
    """Frame from ``{(component, metric): values}``."""
    keys = tuple(SeriesKey(*name) for name in series)
    return MetricFrame(
        start=np.datetime64(START.replace(tzinfo=None), "us"),
        step_s=STEP_S,
        keys=keys,
        values=np.array(list(series.values()), dtype=float).T.reshape(-1, len(keys)),
    )


def quiet(names, n_rows=80):
    """Quiet series of every name, each with its own noise."""
    return {name: noise(n_rows, seed=i) for i, name in enumerate(names)}


def moved(series, name, first, factor):
    """Lift one series from a row on."""
    changed = dict(series)
    changed[name] = np.where(np.arange(len(series[name])) >= first, series[name] * factor, series[name])
    return changed


def situation_of(series, *, detected=60, edges=CHAIN, **parts):
    """Situation of quiet or moved series, detected at a row."""
    return Situation(detected_at=at(detected), frame=frame_of(series), edges=edges, **parts)


def span(trace, name, parent, component, minute, duration_s, operation="op"):
    """One row of a table of traces."""
    return {
        "ts": pd.Timestamp(at(minute)),
        "trace_id": f"t{trace}",
        "span_id": f"{trace}-{name}",
        "parent_span_id": f"{trace}-{parent}" if parent else "",
        "component": component,
        "operation": operation,
        "duration_s": duration_s,
    }


def event(component, minute, kind="CHANGE", name="deploy v2", sign="", caller=""):
    """One row of a table of events."""
    return {
        "ts": pd.Timestamp(at(minute)),
        "component": component,
        "caller": caller,
        "kind": kind,
        "name": name,
        "sign": sign,
    }


def anomaly(component, first, last, metric="cpu", score=2.0, severity=AnomalySeverity.HIGH):
    """An anomaly from one minute to another."""
    return Anomaly(
        key=SeriesKey(component, metric),
        type=AnomalyType.STATISTICAL_OUTLIER,
        severity=severity,
        confidence=0.9,
        start=at(first),
        peak=at(first),
        end=at(last),
        value=9.0,
        expected=1.0,
        lower=0.0,
        upper=2.0,
        score=score,
        deviation=8.0,
        previous_value=1.0,
        rate_of_change=0.1,
        detector="baseline",
        model_version="1",
        step_s=STEP_S,
    )
