"""SUDDEN_CHANGE: a step from the values just before."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from models.anomalies import AnomalyType
from models.baseline import MOST_DEVIATION, Baselined, robust_scale
from models.detector import FittedArrays, Scope, Scores
from models.features import Array, previous_level

ABNORMAL_LEVEL = 3.0
"""Beyond this many robust deviations from the baseline, a step back towards it is a recovery, not a change."""


@dataclass(kw_only=True, eq=False)
class SuddenChange(FittedArrays):
    """Step against the median of the three values before, in robust deviations of the series' own steps.

    Steps are taken between residuals in units of the baseline's scale: the step that a nightly job makes every night
    is expected, and nothing is divided by a previous value. Where the three values before are already abnormal, a
    step back towards the baseline scores 0.

    Assumptions: steps have the same spread all day, but for the scale of the baseline. Cost: four comparisons a value.
    Memory: three rows.

    Parameters
    ----------
    least_scale
        Floor of the spread of steps, in units of the baseline's scale.

    References
    ----------
    Basseville, Nikiforov: Detection of abrupt changes, 1993, chapter 2 (differences of filtered values).
    """

    name: ClassVar[str] = "sudden_change"
    type: ClassVar[AnomalyType] = AnomalyType.SUDDEN_CHANGE
    scope: ClassVar[Scope] = "series"
    least_boundary: ClassVar[float] = 4.0
    least_scale: float = 0.1

    @property
    def context_rows(self) -> int:
        """Three."""
        return 3

    def fit(self, seen: Baselined) -> Self:
        """Learn the spread of steps.

        Parameters
        ----------
        seen
            History.

        Returns
        -------
        SuddenChange
            Itself, fitted.
        """
        step = seen.z - self._anchor(seen.z)
        spread = np.fmax(robust_scale(np.ascontiguousarray(step.T)), self.least_scale)
        self.state_ = {"spread": spread}
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
            NaN where the value or all three before it are missing.
        """
        spread = np.asarray(self.to_arrays()["spread"], dtype=np.float64)
        anchor = self._anchor(seen.z)
        with np.errstate(over="ignore"):
            deviation = np.clip((seen.z - anchor) / spread, -MOST_DEVIATION, MOST_DEVIATION)
            expected = seen.expected + anchor * seen.scale
            scale = seen.scale * spread
        return Scores(score=np.abs(deviation), expected=expected, scale=scale, deviation=deviation)

    def _anchor(self, z: Array) -> Array:
        """The level before, or the point nearest to the value between an abnormal level and the baseline (zero)."""
        level = previous_level(z)
        way_back = np.clip(z, np.minimum(level, 0.0), np.maximum(level, 0.0))
        anchor: Array = np.where(np.abs(level) > ABNORMAL_LEVEL, way_back, level)
        return anchor
