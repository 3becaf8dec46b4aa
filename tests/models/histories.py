"""Histories that the tests of training and scoring share: small, seeded, made in milliseconds."""

from datetime import UTC, datetime

import numpy as np

from models.frames import MetricFrame, SeriesKey
from models.training import TrainingResult, TrainingSettings, train

START = np.datetime64("2026-03-02T00:00:00", "us")
CREATED = datetime(2026, 3, 30, tzinfo=UTC)
STEP_S = 300.0
DAY = 288


def frame_of(columns: dict[tuple[str, str], np.ndarray], *, step_s: float = STEP_S, start=START) -> MetricFrame:
    """A frame from columns by (component, metric)."""
    keys = tuple(SeriesKey(*name) for name in columns)
    return MetricFrame(start=start, step_s=step_s, keys=keys, values=np.column_stack(list(columns.values())))


def shop(days: int = 9, seed: int = 3) -> MetricFrame:
    """Two components: a daily wave, noise, a constant, a counter of few events, and a job every night at two."""
    rng = np.random.default_rng(seed)
    n = days * DAY
    slot = np.arange(n) % DAY
    wave = np.sin(2 * np.pi * slot / DAY)
    job = (slot >= 24) & (slot < 28)
    return frame_of(
        {
            ("shop", "latency"): 20 + 4 * wave + rng.normal(size=n),
            ("shop", "rate"): 100 + 30 * wave + 5 * rng.normal(size=n),
            ("shop", "errors"): rng.poisson(0.1, size=n).astype(float),
            ("store", "cpu"): 0.3 + 0.02 * rng.normal(size=n) + 0.5 * job,
            ("store", "replicas"): np.full(n, 3.0),
            ("store", "memory"): 50 + rng.normal(size=n),
        }
    )


def trained(frame: MetricFrame, days: int = 7, **settings) -> TrainingResult:
    """A bundle of the first days of a frame."""
    return train(frame.rows(0, days * DAY), TrainingSettings(**settings), created=CREATED)


def changed(frame: MetricFrame, key: tuple[str, str], rows: slice, value) -> MetricFrame:
    """The frame with something added to some rows of a series."""
    values = frame.values.copy()
    values[rows, frame.keys.index(SeriesKey(*key))] += value
    return MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
