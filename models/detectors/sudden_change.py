"""SUDDEN_CHANGE: a step between neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from models.anomalies import AnomalyType
from models.detectors.feature_sum import FeatureSum
from models.online.residuals import DIFF, FAST


@dataclass(kw_only=True, eq=False)
class SuddenChange(FeatureSum):
    """Distance to the row before and to the median of the seven rows before, deseasonalised.

    In spreads of the series' own steps: no division by a previous value of zero.
    """

    name: ClassVar[str] = "sudden_change"
    type: ClassVar[AnomalyType] = AnomalyType.SUDDEN_CHANGE
    common_boundary: ClassVar[float] = 5.0
    sigma: ClassVar[float] = 0.7
    weights: ClassVar[Mapping[int, float]] = {DIFF: 1.0, FAST: 1.0}
