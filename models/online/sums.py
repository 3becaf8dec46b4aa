"""Scores that are weighted sums of residual features."""

import math

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats


@compiled
def weighted(features: NDArray[np.float32], weights: Floats, raw: Floats) -> None:
    """Write the weighted sum of the sizes of the features, in the order of the weights that are not zero.

    ``features`` has shape (n_series, n_rows, n_features), ``raw`` (n_series, n_rows); NaN where a feature is NaN.
    """
    for i in range(features.shape[0]):
        for row in range(features.shape[1]):
            total = 0.0
            for kind in range(len(weights)):
                if weights[kind] != 0.0:
                    total += weights[kind] * abs(features[i, row, kind])
            raw[i, row] = total


@compiled
def length(features: NDArray[np.float32], kinds: NDArray[np.int64], raw: Floats) -> None:
    """Write the Euclidean length of some of the features; shapes as for ``weighted``."""
    for i in range(features.shape[0]):
        for row in range(features.shape[1]):
            total = 0.0
            for kind in kinds:
                total += float(features[i, row, kind]) ** 2
            raw[i, row] = math.sqrt(total)
