"""Spectral residual (Ren et al., Time-Series Anomaly Detection Service at Microsoft, KDD 2019), row by row."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.rivals.contract import Rival, filled
from models.detection_benchmark import SeriesInput
from models.features import Array

SALIENCY, GRADIENT, EXTENDED, BOUNDARY = 21, 5, 5, 3.0
"""z, m, kappa and tau of the paper's experiments; q is 3."""
WINDOW_ROWS = 1_440 - EXTENDED
"""omega; the paper takes 1440 for its largest data set and down to 30 for others, which finds less in these suites."""
BATCH_WINDOWS = 64


def score(series: SeriesInput, train_rows: int) -> Array:
    """How far a row stands out of the rows before it.

    Parameters
    ----------
    series
        One file.
    train_rows
        Rows of history; only the last of them are looked at.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        The paper's score over its threshold, the highest of the metrics; NaN in the history.
    """
    scores = np.full(series.n_rows, np.nan)
    values = filled(series)
    padded = np.concatenate([np.repeat(values[:1], WINDOW_ROWS - 1, axis=0), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_ROWS, axis=0)
    batch = max(BATCH_WINDOWS // values.shape[1], 1)
    for first in range(train_rows, series.n_rows, batch):
        scores[first : first + batch] = salient(windows[first : first + batch]).max(axis=1) / BOUNDARY
    return scores


def salient(windows: Array) -> Array:
    """How salient the last row of each window is.

    Parameters
    ----------
    windows
        Shape (..., n_rows), without NaN, more than ``SALIENCY`` rows.

    Returns
    -------
    ndarray of float64, shape (...,)
        Saliency of the last row over the mean of the ``SALIENCY`` rows before it, minus 1; 0 in a constant window.
    """
    from scipy.fft import rfft

    n_rows = windows.shape[-1]
    spectrum = rfft(_extended(windows), axis=-1)
    amplitude = np.abs(spectrum)
    log = np.log(np.maximum(amplitude, 1e-9 * amplitude.max(axis=-1, keepdims=True) + 1e-300))
    around = np.concatenate([log[..., :1], log, log[..., -1:]], axis=-1)
    smooth = (around[..., :-2] + log + around[..., 2:]) / 3.0
    residual = spectrum * np.exp(-smooth)
    saliency = np.abs(_inverse(residual, n_rows + EXTENDED, np.arange(n_rows - 1 - SALIENCY, n_rows)))
    before = saliency[..., :-1].mean(axis=-1)
    return np.where(np.ptp(windows, axis=-1) > 0, saliency[..., -1] / np.maximum(before, 1e-12) - 1.0, 0.0)


def _extended(windows: Array) -> Array:
    """The windows with an estimate of the next row, from the slopes before the last row, put behind it several times.

    The paper writes the slopes of the last row itself; its authors' published code leaves that row out, so that a
    strange row does not draw the estimate after it. That finds far more.
    """
    steps = np.arange(1, GRADIENT + 1)
    last, earlier = windows[..., -2:-1], windows[..., -2 - steps]
    slope = ((last - earlier) / steps).mean(axis=-1, keepdims=True)
    estimate = windows[..., [-1 - GRADIENT]] + slope * GRADIENT
    return np.concatenate([windows, np.repeat(estimate, EXTENDED, axis=-1)], axis=-1)


def _inverse(spectrum: NDArray[np.complex128], n_rows: int, wanted: NDArray[np.int64]) -> Array:
    """The wanted rows only of ``scipy.fft.irfft``."""
    frequency = np.arange(spectrum.shape[-1])
    angle = 2 * np.pi * np.outer(frequency, wanted) / n_rows
    weight = np.where((frequency == 0) | (2 * frequency == n_rows), 1.0, 2.0)[:, None] / n_rows
    return np.asarray(spectrum.real @ (weight * np.cos(angle)) - spectrum.imag @ (weight * np.sin(angle)))


RIVAL = Rival(
    name="spectral residual",
    about=f"of Ren et al. (2019), with the paper's parameters and the extension of its authors' code, on the last "
    f"{WINDOW_ROWS:,} rows of each metric. Own boundary: the paper's {BOUNDARY:g}.",
    score=score,
)
