"""Metrics in which nothing ever happens, of the kinds whose noise differs: 5-minute rows, seeds fixed."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.frames import MetricFrame, SeriesKey

Array = NDArray[np.float64]

STEP_S = 300.0
DAY_ROWS = 288
N_SERIES, DAYS = 100, 30
START = np.datetime64("2026-03-02T00:00:00", "us")
PERSISTENCE = 0.9


def gaussian(rng: np.random.Generator, n_rows: int, n_series: int) -> Array:
    """Independent Gaussian noise around a level."""
    return 100.0 + rng.normal(0.0, 10.0, (n_rows, n_series))


def heavy_tailed(rng: np.random.Generator, n_rows: int, n_series: int) -> Array:
    """Independent noise of Student's distribution with three degrees of freedom."""
    return 100.0 + 10.0 * rng.standard_t(3, (n_rows, n_series))


def persistent(rng: np.random.Generator, n_rows: int, n_series: int) -> Array:
    """Gaussian noise of which each row keeps nine tenths."""
    return 100.0 + 10.0 * _kept(rng.normal(0.0, 1.0, (n_rows, n_series)))


def seasonal(rng: np.random.Generator, n_rows: int, n_series: int) -> Array:
    """A wave of the day, lower at the weekend, with noise that grows with it and is partly kept."""
    wave = 1.0 + 0.5 * np.sin(2 * np.pi * np.arange(n_rows) / DAY_ROWS)
    weekend = np.where(np.arange(n_rows) // DAY_ROWS % 7 >= 5, 0.7, 1.0)
    level = 100.0 * (wave * weekend)[:, None] * rng.uniform(0.5, 2.0, n_series)
    noise = rng.normal(0.0, 1.0, (n_rows, n_series)) + 0.5 * _kept(rng.normal(0.0, 1.0, (n_rows, n_series)))
    return level * (1.0 + 0.05 * noise)


def counts(rng: np.random.Generator, n_rows: int, n_series: int) -> Array:
    """Events in each row, Poisson, with means from 0.1 to 30 and a wave of the day."""
    wave = 1.0 + 0.5 * np.sin(2 * np.pi * np.arange(n_rows) / DAY_ROWS)
    return rng.poisson(wave[:, None] * np.geomspace(0.1, 30.0, n_series)).astype(np.float64)


def counters(rng: np.random.Generator, n_rows: int, n_series: int) -> Array:
    """The same counted up from zero, as counters are before a rate is taken."""
    return np.cumsum(counts(rng, n_rows, n_series), axis=0)


def correlated(rng: np.random.Generator, n_rows: int, n_series: int) -> Array:
    """Gaussian metrics that follow a common wave of their component, five a component."""
    common = np.repeat(_kept(rng.normal(0.0, 1.0, (n_rows, n_series // METRICS))), METRICS, axis=1)
    return 100.0 + 10.0 * (common + rng.normal(0.0, 0.5, (n_rows, n_series)))


METRICS = 5
KINDS: dict[str, tuple[Callable[[np.random.Generator, int, int], Array], int]] = {
    "Gaussian": (gaussian, 1),
    "heavy-tailed (t3)": (heavy_tailed, 1),
    "persistent": (persistent, 1),
    "seasonal with noise": (seasonal, 1),
    "counts": (counts, 1),
    "counters, raw": (counters, 1),
    "components of five": (correlated, METRICS),
}
"""How values are made, and the metrics of a component."""


def quiet_frame(kind: str, *, n_series: int = N_SERIES, days: int = DAYS) -> MetricFrame:
    """Make metrics of one kind.

    Parameters
    ----------
    kind
        A key of ``KINDS``.
    n_series
        How many; components are made of whole numbers of metrics.
    days
        Of each.

    Returns
    -------
    MetricFrame
        The same for the same arguments.
    """
    make, metrics = KINDS[kind]
    rng = np.random.default_rng([7, list(KINDS).index(kind)])
    keys = tuple(SeriesKey(f"c{place // metrics:03d}", f"m{place % metrics}") for place in range(n_series))
    return MetricFrame(start=START, step_s=STEP_S, keys=keys, values=make(rng, days * DAY_ROWS, n_series))


def _kept(noise: Array) -> Array:
    """Unit variance; each row keeps a part of the one before."""
    series = np.empty_like(noise)
    series[0] = noise[0]
    for row in range(1, len(noise)):
        series[row] = PERSISTENCE * series[row - 1] + np.sqrt(1 - PERSISTENCE**2) * noise[row]
    return series
