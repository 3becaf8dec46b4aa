"""SUDDEN_CHANGE: a value that no reference explains: not its season, its last hour, its last rows, the row before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from models.anomalies import AnomalyType
from models.detectors.feature_sum import FeatureSum
from models.online.residuals import DIFF, FAST, MID, SLOW


@dataclass(kw_only=True, eq=False)
class Spike(FeatureSum):
    """The four residuals of a single value in equal parts.

    A value that is far from its season but where the last rows were scores half of one that comes out of nothing.
    """

    name: ClassVar[str] = "spike"
    type: ClassVar[AnomalyType] = AnomalyType.SUDDEN_CHANGE
    common_boundary: ClassVar[float] = 8.2
    sigma: ClassVar[float] = 1.2
    weights: ClassVar[Mapping[int, float]] = {SLOW: 1.0, MID: 1.0, FAST: 1.0, DIFF: 1.0}
