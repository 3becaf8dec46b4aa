"""Sampled traces."""

import numpy as np
import pandas as pd

from models.simulator import FaultKind, SimulatedSystem, SimulatorSettings
from models.simulator.noise import P50
from tests.models.simulator.runs import AFTERNOON, ONSET, system, values

COLUMNS = ["ts", "trace_id", "span_id", "parent_span_id", "component", "operation", "duration_s"]


def test_traces_are_off_by_default():
    """Without the setting there are no spans, but still the columns."""
    shop = system()
    shop.advance(3)
    assert list(shop.traces.columns) == COLUMNS
    assert len(shop.traces) == 0
    assert isinstance(shop.traces["ts"].dtype, pd.DatetimeTZDtype)


def test_spans_form_trees_along_the_calls():
    """Every trace starts at the gateway, parents exist, and each child is called along an edge of the topology."""
    shop = system(traces_per_step=5)
    shop.advance(10)
    spans = shop.traces
    assert list(spans.columns) == COLUMNS
    assert spans["span_id"].is_unique
    roots = spans[spans["parent_span_id"] == ""]
    assert len(roots) == 50
    assert set(roots["component"]) == {"gateway"}
    component = spans.set_index("span_id")["component"]
    children = spans[spans["parent_span_id"] != ""]
    calls = set(zip(component[children["parent_span_id"]], children["component"], strict=True))
    assert calls <= set(shop.edges)
    assert (spans["duration_s"] > 0).all()
    assert spans["ts"].is_monotonic_increasing


def test_durations_agree_with_the_metrics():
    """The median duration of a component's spans is near its median latency, without and with a fault."""
    shop = system(FaultKind.LATENCY, traces_per_step=20)
    rows = values(shop, ONSET + 30)
    spans = shop.traces
    for first, last in ((0, ONSET), (ONSET + 8, ONSET + 30)):
        inside = spans[
            (spans["ts"] >= AFTERNOON + pd.Timedelta(minutes=first))
            & (spans["ts"] < AFTERNOON + pd.Timedelta(minutes=last))
        ]
        for component in ("catalogue-db", "catalogue", "cart"):
            shown = np.median(rows[first:last, shop.topology.names.index(component), P50])
            sampled = inside.loc[inside["component"] == component, "duration_s"].median()
            assert 0.5 < sampled / shown < 2, component


def test_traces_change_no_metric_and_no_chunking():
    """Sampling leaves the metrics as they are, and the spans do not depend on the size of the step calls."""
    traced, pieces, plain = system(traces_per_step=2), system(traces_per_step=2), system()
    frame = traced.advance(6)
    for _ in range(6):
        pieces.step()
    np.testing.assert_array_equal(frame.values, plain.advance(6).values)
    pd.testing.assert_frame_equal(traced.traces, pieces.traces)


def test_traces_of_a_generated_system():
    """Generated systems are traced as well."""
    shop = SimulatedSystem(SimulatorSettings(components=20, traces_per_step=1, start=AFTERNOON))
    shop.advance(2)
    assert shop.traces["trace_id"].nunique() == 2
