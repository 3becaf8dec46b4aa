"""STATISTICAL_OUTLIER: values that leave their season together for some rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from models.anomalies import AnomalyType
from models.detectors.feature_sum import FeatureSum
from models.online.residuals import M8, MID, S3, S8, SIZE, SLOW


@dataclass(kw_only=True, eq=False)
class Shift(FeatureSum):
    """The distance to the season now, over three and over eight rows, and in standard deviations of the history.

    A single row counts, a few in a row count more; how abruptly they came hardly matters.
    """

    name: ClassVar[str] = "shift"
    type: ClassVar[AnomalyType] = AnomalyType.STATISTICAL_OUTLIER
    common_boundary: ClassVar[float] = 18.0
    sigma: ClassVar[float] = 1.4
    weights: ClassVar[Mapping[int, float]] = {SLOW: 2.0, MID: 1.0, M8: 1.0, S3: 1.0, S8: 1.0, SIZE: 1.0}
