"""Detectors whose raw score is a weighted sum of the sizes of residual features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from models.anomalies import AnomalyType
from models.detector import Arrays, FittedArrays, Scope
from models.features import Array
from models.online import sums
from models.online.residuals import FEATURES, M8, RUN, S8
from models.residuals import Residuals


@dataclass(kw_only=True, eq=False)
class FeatureSum(FittedArrays):
    """Sum of w log(1 + |z|) over some features: the logarithm of a product of deviations.

    Nothing is learnt beyond the features, and nothing is remembered beyond what they remember.
    """

    type: ClassVar[AnomalyType]
    scope: ClassVar[Scope] = "series"
    weights: ClassVar[Mapping[int, float]]

    @property
    def jump_weight(self) -> float:
        """Sum of the weights of the features that a single row moves at once."""
        return sum(weight for kind, weight in self.weights.items() if kind not in (M8, S8, RUN))

    def fit(self, history: Residuals) -> Self:
        """Note which series were seen.

        Parameters
        ----------
        history
            Any.

        Returns
        -------
        FeatureSum
            Itself, fitted.
        """
        self.state_ = {"known": np.asarray(~np.isnan(history.values).all(axis=1))}
        return self

    def score(self, seen: Residuals, memory: Arrays) -> Array:  # noqa: ARG002  # the features remember
        """Judge rows.

        Parameters
        ----------
        seen
            Rows beside what was expected of them.
        memory
            Not used.

        Returns
        -------
        ndarray of float64, shape (n_series, n_rows)
            NaN where a value is missing, and for a series without a value in the history.
        """
        weights = np.zeros(len(FEATURES))
        for kind, weight in self.weights.items():
            weights[kind] = weight
        raw = np.empty(seen.values.shape)
        sums.weighted(seen.features, weights, raw)
        raw[~self.to_arrays()["known"]] = np.nan
        return raw
