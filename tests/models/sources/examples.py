"""Frames and texts that several tests of the readers use."""

import numpy as np

from models.frames import MetricFrame, SeriesKey

START = np.datetime64("2024-05-01T00:00:00", "us")
HEADER = "ts,component,metric,value\n"
ROWS = "2024-05-01T00:00:00Z,a,cpu,1\n2024-05-01T00:01:00Z,a,cpu,2\n"


def sample_frame(n_rows=20, n_components=2, *, step_s=60.0, seed=0):
    """A frame of noise, two metrics a component, with one missing cell in ten."""
    rng = np.random.default_rng(seed)
    keys = tuple(SeriesKey(f"c{i}", metric) for i in range(n_components) for metric in ("cpu", "latency"))
    values = rng.normal(10, 3, size=(n_rows, len(keys)))
    values[rng.random(values.shape) < 0.1] = np.nan
    values[0] = values[-1] = 1.0
    return MetricFrame(start=START, step_s=step_s, keys=keys, values=values)


def assert_same(one, other):
    """Two frames say the same."""
    assert (one.start, one.step_s, one.keys) == (other.start, other.step_s, other.keys)
    assert np.array_equal(one.values, other.values, equal_nan=True)


def counts(repairs):
    """Problem to count."""
    return {repair.problem: repair.count for repair in repairs}
