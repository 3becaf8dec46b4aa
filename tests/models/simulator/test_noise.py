"""Measurement noise and missing data."""

import numpy as np
import pytest

from models.simulator.noise import METRICS, Noise
from tests.models.simulator.runs import system, values


def test_missing_data_leaves_the_rest_as_it_is():
    """Absent points and gaps take values away; those that stay are bit-identical to the complete run."""
    complete, sparse = system(), system(missing_ratio=0.05, gap_ratio=0.1)
    whole, holed = values(complete, 600), values(sparse, 600)
    is_missing = np.isnan(holed)
    assert not np.isnan(whole).any()
    np.testing.assert_array_equal(whole[~is_missing], holed[~is_missing])
    assert is_missing.mean() == pytest.approx(0.15, abs=0.03)


def test_gaps_silence_whole_components():
    """A gap takes all metrics of a component for several rows, while others go on."""
    is_missing = np.isnan(values(system(gap_ratio=0.1), 600))
    np.testing.assert_array_equal(is_missing.any(axis=2), is_missing.all(axis=2))
    silent = is_missing[:, :, 0]
    lengths = [len(run) for c in silent.T for run in "".join("x" if s else " " for s in c).split()]
    assert np.median(lengths) >= 8
    assert not silent.all(axis=1).any()


def test_missing_data_is_decided_by_the_seed():
    """The same seed misses the same values, another seed others."""
    first, again, other = (np.isnan(values(system(seed=s, missing_ratio=0.1), 50)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_noise_of_a_row_does_not_depend_on_the_chunk():
    """Measuring 700 rows at once equals measuring them in pieces, across block borders."""
    noise, pieces = (Noise(seed=4, n_components=3, n_shocks=2, missing_ratio=0.1, gap_ratio=0.1) for _ in range(2))
    truth = np.full((700, len(METRICS), 3), 0.5)
    parts = [pieces.measure(truth[a:b], 1000 + a, 60.0) for a, b in ((0, 1), (1, 300), (300, 301), (301, 700))]
    np.testing.assert_array_equal(noise.measure(truth, 1000, 60.0), np.concatenate(parts))
