"""Spectral residual of sliding windows."""

import numpy as np
from numpy.testing import assert_allclose

from benchmarks.rivals.spectral_residual import EXTENDED, GRADIENT, SALIENCY, salient


def salient_slowly(window):
    """The authors' steps one by one, on one window."""
    earlier = window[:-1]
    slopes = [(earlier[-1] - earlier[-1 - i]) / i for i in range(1, GRADIENT + 1)]
    extended = np.append(window, [earlier[-GRADIENT] + GRADIENT * np.mean(slopes)] * EXTENDED)
    spectrum = np.fft.rfft(extended)
    log = np.log(np.abs(spectrum))
    padded = np.concatenate([log[:1], log, log[-1:]])
    smooth = [padded[i : i + 3].mean() for i in range(len(log))]
    saliency = np.abs(np.fft.irfft(np.exp(log - smooth + 1j * np.angle(spectrum)), n=len(extended)))
    last = len(window) - 1
    before = saliency[last - SALIENCY : last].mean()
    return saliency[last] / before - 1


def test_it_equals_the_slow_one():
    """Many windows at once give what one at a time gives, of even and odd lengths."""
    rng = np.random.default_rng(3)
    for n_rows in (59, 64):
        windows = rng.normal(10.0, 1.0, (2, 3, n_rows)).cumsum(axis=-1)
        expected = [[salient_slowly(window) for window in pair] for pair in windows]
        assert_allclose(salient(windows), expected, rtol=1e-7)


def test_a_constant_window_is_not_salient():
    """No variation, no saliency: not noise of the arithmetic."""
    assert salient(np.full((2, 64), 7.3)).tolist() == [0.0, 0.0]
