"""STATISTICAL_OUTLIER: a value far from its robust seasonal baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from models.anomalies import AnomalyType
from models.detectors.feature_sum import FeatureSum
from models.online.residuals import SLOW


@dataclass(kw_only=True, eq=False)
class SeasonalBaseline(FeatureSum):
    """log(1 + |z|) of the value less level and season, in the series' own spread at this hour of the day.

    The classical z-score with a robust, seasonal location and scale. A constant series that moves is an anomaly.
    """

    name: ClassVar[str] = "seasonal_baseline"
    type: ClassVar[AnomalyType] = AnomalyType.STATISTICAL_OUTLIER
    common_boundary: ClassVar[float] = 2.5
    sigma: ClassVar[float] = 0.4
    weights: ClassVar[Mapping[int, float]] = {SLOW: 1.0}
