"""MOVING_AVERAGE_DEVIATION: a value that leaves both its recent level and its baseline."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from models.anomalies import AnomalyType
from models.baseline import MOST_DEVIATION, Baselined, robust_scale
from models.detector import FittedArrays, Scope, Scores
from models.features import Array, trailing_mean


@dataclass(kw_only=True, eq=False)
class MovingAverage(FittedArrays):
    """Distance to the moving average of the rows before, in robust deviations of that distance.

    It works on residuals in units of the baseline's scale, so that neither a level around zero nor a nightly job
    matters; what it measures is a scale, never a ratio to the mean. A value between its moving average and its
    baseline is on its way back to normal and scores 0: without this rule every incident would echo for the length of
    the window.

    Assumptions: the spread of that distance is the same all day, but for the scale of the baseline. Cost:
    ``window_rows`` additions a value. Memory: ``window_rows`` rows.

    Parameters
    ----------
    window_rows
        Length of the window before the row; half of it must be present.
    least_scale
        Floor of the spread, in units of the baseline's scale: smaller moves are nobody's incident.

    References
    ----------
    NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4 (moving-average control charts).
    """

    name: ClassVar[str] = "moving_average"
    type: ClassVar[AnomalyType] = AnomalyType.MOVING_AVERAGE_DEVIATION
    scope: ClassVar[Scope] = "series"
    least_boundary: ClassVar[float] = 4.0
    window_rows: int = 30
    least_scale: float = 0.1

    @property
    def context_rows(self) -> int:
        """The window."""
        return self.window_rows

    def fit(self, seen: Baselined) -> Self:
        """Learn the spread of the distance.

        Parameters
        ----------
        seen
            History.

        Returns
        -------
        MovingAverage
            Itself, fitted.
        """
        distance = seen.z - self._anchor(seen.z)
        spread = np.fmax(robust_scale(np.ascontiguousarray(distance.T)), self.least_scale)
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
            NaN where the value or more than half of its window is missing.
        """
        spread = np.asarray(self.to_arrays()["spread"], dtype=np.float64)
        anchor = self._anchor(seen.z)
        with np.errstate(over="ignore"):
            deviation = np.clip((seen.z - anchor) / spread, -MOST_DEVIATION, MOST_DEVIATION)
            expected = seen.expected + anchor * seen.scale
            scale = seen.scale * spread
        return Scores(score=np.abs(deviation), expected=expected, scale=scale, deviation=deviation)

    def _anchor(self, z: Array) -> Array:
        """The point nearest to the value between its moving average and its baseline (zero)."""
        recent = trailing_mean(z, self.window_rows, first_lag=1)
        anchor: Array = np.clip(z, np.minimum(recent, 0.0), np.maximum(recent, 0.0))
        return anchor
