"""Sums of features equal those of numpy, and a row's bits do not depend on its neighbours."""

import numpy as np

from models.online import sums

RNG = np.random.default_rng(6)
FEATURES = (RNG.normal(size=(3, 40, 12)) * 4).astype(np.float32)
FEATURES[1, 5:9] = np.nan
WEIGHTS = np.array([2, 0, 1, 0.5, 0, 0, 0, 0, 3, 0, 0, 1.5])


def test_weighted_sums_equal_those_of_numpy() -> None:
    """Weights times sizes; NaN where a feature is missing."""
    raw = np.empty((3, 40))
    sums.weighted(FEATURES, WEIGHTS, raw)
    np.testing.assert_allclose(raw, np.abs(FEATURES.astype(float)) @ WEIGHTS, rtol=1e-6)
    assert np.isnan(raw[1, 5:9]).all()


def test_features_without_weight_do_not_count() -> None:
    """Not even where they are missing."""
    features = FEATURES.copy()
    features[:, :, WEIGHTS == 0] = np.nan
    raw, without = np.empty((3, 40)), np.empty((3, 40))
    sums.weighted(FEATURES, WEIGHTS, raw)
    sums.weighted(features, WEIGHTS, without)
    np.testing.assert_array_equal(raw, without)


def test_lengths_equal_those_of_numpy() -> None:
    """The Euclidean length of the named features."""
    raw, kinds = np.empty((3, 40)), np.array([0, 3, 11])
    sums.length(FEATURES, kinds, raw)
    np.testing.assert_allclose(raw, np.linalg.norm(FEATURES[:, :, kinds].astype(float), axis=2), rtol=1e-6)


def test_a_row_alone_has_the_bits_of_the_batch() -> None:
    """Both sums, each row by itself."""
    whole, one = np.empty((2, 3, 40)), np.empty((2, 3, 1))
    kinds = np.array([0, 1, 2, 3])
    sums.weighted(FEATURES, WEIGHTS, whole[0])
    sums.length(FEATURES, kinds, whole[1])
    for row in range(40):
        sums.weighted(FEATURES[:, row : row + 1].copy(), WEIGHTS, one[0])
        sums.length(FEATURES[:, row : row + 1].copy(), kinds, one[1])
        np.testing.assert_array_equal(one, whole[:, :, row : row + 1])
