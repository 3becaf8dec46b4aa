"""A series with a day's wave, noise and one spike, for the rivals."""

import numpy as np

from models.detection_benchmark import SeriesInput

TRAIN_ROWS, SPIKE_ROW = 900, 1_150


def made_series(n_metrics=1, n_rows=1_200, spike=30.0):
    """Rows of five minutes; the spike lies on the first metric."""
    rng = np.random.default_rng(11)
    wave = 3.0 * np.sin(2 * np.pi * np.arange(n_rows) / 288)[:, None]
    values = 50.0 + wave + rng.normal(size=(n_rows, n_metrics))
    values[SPIKE_ROW : SPIKE_ROW + 3, 0] += spike
    times = np.datetime64("2026-03-02T00:00:00", "us") + np.arange(n_rows) * np.timedelta64(300, "s")
    return SeriesInput(name="made", times=times, values=values, metrics=tuple(f"m{i}" for i in range(n_metrics)))


def first_rows(series, n_rows):
    """The series as it was when only these rows were there."""
    return SeriesInput(
        name=series.name, times=series.times[:n_rows], values=series.values[:n_rows], metrics=series.metrics
    )
