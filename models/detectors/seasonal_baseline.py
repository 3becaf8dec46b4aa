"""STATISTICAL_OUTLIER: a value far from what its series does at that time of day."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from models.anomalies import AnomalyType
from models.baseline import Baselined
from models.detector import FittedArrays, Scope, Scores


@dataclass(kw_only=True, eq=False)
class SeasonalBaseline(FittedArrays):
    """Robust z-score against the seasonal baseline.

    The score is ``|value - expected| / scale``. All that it learns is in ``models.baseline.Baseline``: median and
    median absolute deviation by time of day, with floors, so that a series that never moved and now moves is an
    anomaly.

    Assumptions: one hump around the profile; a lasting change of level stays abnormal until the next training. Cost:
    none beyond the baseline. Memory: the row itself.

    References
    ----------
    Iglewicz, Hoaglin: How to detect and handle outliers, 1993 (modified z-score).
    """

    name: ClassVar[str] = "seasonal_baseline"
    type: ClassVar[AnomalyType] = AnomalyType.STATISTICAL_OUTLIER
    scope: ClassVar[Scope] = "series"
    least_boundary: ClassVar[float] = 4.0

    @property
    def context_rows(self) -> int:
        """None."""
        return 0

    def fit(self, seen: Baselined) -> Self:
        """Learn nothing beyond the baseline.

        Parameters
        ----------
        seen
            History.

        Returns
        -------
        SeasonalBaseline
            Itself, fitted.
        """
        del seen
        self.state_ = {}
        return self

    def score(self, seen: Baselined) -> Scores:
        """Judge rows.

        Parameters
        ----------
        seen
            Rows against their baseline.

        Returns
        -------
        Scores
            NaN where the value is missing.
        """
        self.to_arrays()
        return Scores(score=np.abs(seen.z), expected=seen.expected, scale=seen.scale, deviation=seen.z)
