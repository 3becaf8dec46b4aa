"""MOVING_AVERAGE_DEVIATION: a value far from a moving window before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from models.anomalies import AnomalyType
from models.detectors.feature_sum import FeatureSum
from models.online.residuals import M3, MID


@dataclass(kw_only=True, eq=False)
class MovingAverage(FeatureSum):
    """Distance of the value, and of the mean of three, to the median of the hour before, deseasonalised.

    In spreads of that distance rather than a ratio to the mean, so it works around zero and for negative values.
    """

    name: ClassVar[str] = "moving_average"
    type: ClassVar[AnomalyType] = AnomalyType.MOVING_AVERAGE_DEVIATION
    common_boundary: ClassVar[float] = 5.0
    sigma: ClassVar[float] = 0.7
    weights: ClassVar[Mapping[int, float]] = {MID: 1.0, M3: 1.0}
