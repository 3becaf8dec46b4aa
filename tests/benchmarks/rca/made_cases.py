"""Small cases whose right answer is known, and a suite of them."""

import json

import numpy as np
import pandas as pd

from models.frames import SeriesKey
from models.sources.cases import Case, write_case
from tests.analysis.builders import CHAIN, at, event, frame_of, moved, quiet, span

METRICS = ("cpu_usage", "latency", "error_rate", "request_rate")
NAMES = tuple((component, metric) for component in ("web", "orders", "db", "cache") for metric in METRICS)
ROWS, CUT = 80, 60
TARGET = SeriesKey("web", "latency")


def metric_case(name="metrics", *, culprit="db", target=TARGET, edges=CHAIN, **parts):
    """A culprit whose processor and latency rise, and callers whose latency follows."""
    series = quiet(NAMES, ROWS)
    for component in ("web", "orders", culprit):
        series = moved(series, (component, "latency"), CUT, 3.0 if component == culprit else 2.0)
    series = moved(series, (culprit, "cpu_usage"), CUT, 6.0)
    tables = {"traces": None, "logs": None, "events": None} | parts
    return Case(name=name, detected_at=at(CUT), target=target, frame=frame_of(series), edges=edges, **tables)


def alert_case(name="alerts"):
    """Alerts only: three of the database, one of its caller, and a deploy of the shop long before."""
    rows = [event("db", CUT + i, kind="METRIC", name="cpu_usage", sign="up") for i in range(3)]
    rows += [event("orders", CUT + 1, kind="LOG", name="error"), event("web", 1)]
    events = pd.DataFrame(rows)
    none = dict.fromkeys(("target", "frame", "traces", "logs"))
    return Case(name=name, detected_at=at(CUT), edges=CHAIN, events=events, **none)


def traced_case(name="traces"):
    """The metrics, calls that became slow, and messages."""
    spans = []
    for trace, minute in enumerate(range(40, ROWS)):
        slow = 0.5 if minute >= CUT else 0.1
        spans += [span(trace, "a", "", "web", minute, slow + 0.2), span(trace, "b", "a", "orders", minute, slow + 0.1)]
        spans.append(span(trace, "c", "b", "db", minute, slow))
    messages = [{"ts": pd.Timestamp(at(m)), "component": "db", "message": f"took {m}"} for m in range(40, ROWS)]
    return metric_case(name, traces=pd.DataFrame(spans), logs=pd.DataFrame(messages))


def write_suite(place, cases, truths):
    """A suite on disk; truths are entries of ``truth.json`` by case."""
    for case in cases:
        write_case(case, place / case.name)
    (place / "suite.json").write_text(json.dumps({"name": place.name}))
    (place / "truth.json").write_text(json.dumps(truths))
    return place


def made_suites(directory):
    """Two suites: one of metrics, one of alerts with a split."""
    db = {"components": ["db"], "fault": "cpu"}
    cases = [metric_case("one"), metric_case("two", culprit="cache", target=None), traced_case("three")]
    truths = {"one": db, "two": {"components": ["cache"], "fault": "memory"}, "three": db}
    write_suite(directory / "measured", cases, truths)
    splits = {"kept": db | {"split": "test"}, "learnt": db | {"split": "train"}}
    write_suite(directory / "told", [alert_case("kept"), alert_case("learnt")], splits)
    return directory


def generator():
    """The same one each time."""
    return np.random.default_rng(3)
