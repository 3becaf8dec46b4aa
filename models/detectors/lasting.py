"""MOVING_AVERAGE_DEVIATION: a short mean that stays away from the season, even where no value of it is far."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from models.anomalies import AnomalyType
from models.detectors.feature_sum import FeatureSum
from models.online.residuals import PART, RUN, S8, SIZE


@dataclass(kw_only=True, eq=False)
class Lasting(FeatureSum):
    """Means over eight and ten rows, beside the deviation relative to the history and to the expectation."""

    name: ClassVar[str] = "lasting"
    type: ClassVar[AnomalyType] = AnomalyType.MOVING_AVERAGE_DEVIATION
    common_boundary: ClassVar[float] = 11.5
    sigma: ClassVar[float] = 1.2
    weights: ClassVar[Mapping[int, float]] = {RUN: 1.0, S8: 1.0, PART: 1.0, SIZE: 1.0}
