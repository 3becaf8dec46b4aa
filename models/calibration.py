"""From a detector's raw score to how rarely normal days show such a score, and to the alarm boundary of each series.

Nothing here knows which detector made the scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.anomalies import AnomalySeverity
from models.features import Array, quantiles

TAIL_FROM = 0.98
"""The tail model starts at this quantile of the training scores."""
MOST_SHAPE = 0.3
"""Heavier tails are not believed: in a few days of history they are incidents, and the boundary would run away."""
CLUSTER_GAP_ROWS = 5
"""Exceedances closer than this are one event."""
LEAST_CLUSTERS = 12
"""With fewer events in the tail its shape is not estimated but taken as ``FEW_SHAPE``."""
FEW_SHAPE = 0.2
GRID = np.linspace(0.0, TAIL_FROM, 33)
FEEDBACK_STEP = 0.15
"""One verdict moves the boundary by this much in logarithm, about 16 %."""
LEAST_FACTOR, MOST_FACTOR = 0.5, 4.0
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """What the scores of one detector mean, for each series; all arrays but ``grid`` have shape (n_series,).

    The tail above ``threshold`` is a generalised Pareto distribution (peaks over threshold): of the events (runs of
    exceedances) that start above it, a fraction ``(1 + shape (x - threshold) / sigma) ** (-1 / shape)`` exceeds
    ``x``. Below the threshold the training quantiles in ``grid`` are used. The boundary is the score that normal days
    exceed as often as the budget allows, and at least the detector's least boundary.

    Parameters
    ----------
    threshold
        The 98 % quantile of the training scores; NaN where there were none.
    sigma, shape
        Of the tail; sigma is positive, shape in [0, 0.3].
    events_per_day
        Runs of exceedances of the threshold on a day of training.
    boundary
        Raw score of the alarm boundary, before feedback.
    factor
        By which feedback has moved the boundary, in [0.5, 4]; 1 without feedback.
    grid
        Shape (33, n_series): training quantiles at equal steps from 0 to 98 %.

    References
    ----------
    Siffer, Fouque, Termier, Largouet: Anomaly detection in streams with extreme value theory, KDD 2017.
    Coles: An introduction to statistical modeling of extreme values, 2001, 5.3.2 (declustering).
    """

    threshold: Array
    sigma: Array
    shape: Array
    events_per_day: Array
    boundary: Array
    factor: Array
    grid: Array

    def calibrated(self, raw: Array) -> Array:
        """Scale so that 1.0 is the alarm boundary.

        Parameters
        ----------
        raw
            Shape (n_rows, n_series).

        Returns
        -------
        ndarray of float64
            Same shape; NaN where the raw score or the calibration is NaN.
        """
        scaled: Array = raw / (self.boundary * self.factor)
        return scaled

    def rate_per_day(self, raw: float | np.float64, column: int) -> float:
        """How many events at least so strange a normal day shows.

        Parameters
        ----------
        raw
            Raw score.
        column
            Which series.

        Returns
        -------
        float
            Per day; a lower bound where the score is below the threshold of the tail. Feedback on the series is
            counted: a series whose alarms were rejected needs a higher score for the same rarity.
        """
        raw = float(raw) / float(self.factor[column])
        excess = max(raw - float(self.threshold[column]), 0.0) / float(self.sigma[column])
        shape = float(self.shape[column])
        survival = np.exp(-excess) if shape < 1e-9 else (1 + shape * excess) ** (-1 / shape)
        return float(self.events_per_day[column]) * float(survival)

    def tail_probability(self, raw: Array) -> Array:
        """Fraction of training rows with at least such a score, continued by the tail model beyond the 98 % quantile.

        Parameters
        ----------
        raw
            Shape (n_rows, n_series).

        Returns
        -------
        ndarray of float64
            Same shape, in [0, 1]; NaN where the raw score or the calibration is NaN.
        """
        below = np.zeros(raw.shape)
        for level in self.grid[1:]:
            below += raw > level
        with np.errstate(invalid="ignore", over="ignore"):
            excess = np.maximum(raw - self.threshold, 0.0) / self.sigma
            shape = np.maximum(self.shape, 1e-9)
            tail = (1 - TAIL_FROM) * np.exp(-np.log1p(shape * excess) / shape)
        probability = np.where(raw > self.threshold, tail, 1 - GRID[below.astype(np.int64)])
        return np.where(np.isnan(raw) | np.isnan(self.threshold), np.nan, probability)

    def adjusted(self, *, rejected: Mapping[int, int], confirmed: Mapping[int, int]) -> "Calibration":
        """Move boundaries by what operators said of anomalies.

        Each rejection moves the boundary of its series up by 16 %, each confirmation takes one such step down; the
        total stays within half and four times the learnt boundary. A verdict is undone by its opposite, or all by
        ``reset``.

        Parameters
        ----------
        rejected
            Number of rejections by column.
        confirmed
            Number of confirmations by column.

        Returns
        -------
        Calibration
            A new one.
        """
        steps = np.zeros(len(self.factor))
        for sign, verdicts in ((1, rejected), (-1, confirmed)):
            for column, count in verdicts.items():
                steps[column] += sign * count
        factor = np.clip(self.factor * np.exp(FEEDBACK_STEP * steps), LEAST_FACTOR, MOST_FACTOR)
        return replace(self, factor=factor)

    def reset(self) -> "Calibration":
        """Forget all feedback.

        Returns
        -------
        Calibration
            A new one with the learnt boundaries.
        """
        return replace(self, factor=np.ones_like(self.factor))

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The state, by the names of the fields.

        Returns
        -------
        dict of str to ndarray
            For ``from_arrays``.
        """
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """Restore, to the same bits.

        Parameters
        ----------
        arrays
            From ``to_arrays``.

        Returns
        -------
        Calibration
            Equal to the one saved.
        """
        return cls(**{name: np.asarray(arrays[name], dtype=np.float64) for name in cls.__slots__})


def calibrate(
    raw: Array, *, step_s: float, false_alarms_per_series_day: float, least_boundary: float, grain: Array | float = 0.0
) -> Calibration:
    """Learn what the scores mean from those of history.

    Exceedances of the 98 % quantile are grouped into events, so that one long incident in the history counts once;
    the tail is fitted to two quantiles of the events' peaks (50 and 87.5 %), which a few incidents cannot move. What
    three of four days reach is normal in any case: with three days of history or more the boundary is at least 1.25
    times that.

    Parameters
    ----------
    raw
        Shape (n_rows, n_series), scores of history by a model that has not seen it; NaN = cannot tell.
    step_s
        Seconds between rows.
    false_alarms_per_series_day
        Events that a normal day may put above the boundary.
    least_boundary
        No boundary is below this.
    grain
        Raw score of the smallest step that the value can make, for each series. The tail of a counter cannot be seen
        between its steps, so sigma is at least half of it.

    Returns
    -------
    Calibration
        NaN for a series without a single score.
    """
    scores = np.ascontiguousarray(raw.T)
    days = np.maximum(np.sum(~np.isnan(scores), axis=1), 1) * step_s / DAY_S
    grid = np.stack([quantiles(scores, level) for level in GRID])
    threshold = grid[-1]
    sigma, shape, count = _tail(scores, threshold, least_boundary)
    sigma = np.maximum(sigma, np.asarray(grain) / 2)
    events_per_day = np.maximum(count, 0.5) / days
    excess_rate = np.maximum(events_per_day / false_alarms_per_series_day, 1.0)
    gentle = np.maximum(shape, 1e-9)
    reach = np.expm1(gentle * np.log(excess_rate)) / gentle
    daily = 1.25 * _usual_daily_peak(scores, round(DAY_S / step_s)) - threshold
    sigma = np.where((daily > sigma * reach) & (reach > 0), daily / np.maximum(reach, 1e-300), sigma)
    return Calibration(
        threshold=threshold,
        sigma=sigma,
        shape=shape,
        events_per_day=np.where(np.isnan(threshold), np.nan, events_per_day),
        boundary=np.fmax(np.maximum(threshold + sigma * reach, least_boundary), threshold + daily),
        factor=np.ones_like(threshold),
        grid=grid,
    )


def severity(rate_per_day: float, *, budget_per_day: float, duration_s: float, rows: int) -> AnomalySeverity:
    """Grade an anomaly by how rare its peak is and by how long it lasts.

    ===============================  ==========  ===================================
    peak seen on normal days         one row     five rows and ten minutes, or more
    ===============================  ==========  ===================================
    at most as often as the budget   LOW         MEDIUM
    a fifth of it                    MEDIUM      HIGH
    a fiftieth of it                 HIGH        CRITICAL
    ===============================  ==========  ===================================

    A run between the two columns gets the left one.

    Parameters
    ----------
    rate_per_day
        Events at least so strange on a normal day.
    budget_per_day
        The budget of the boundary.
    duration_s
        Length of the run, seconds.
    rows
        Length of the run in rows.

    Returns
    -------
    AnomalySeverity
        By the table.
    """
    rank = 0 + (rate_per_day <= budget_per_day / 5) + (rate_per_day <= budget_per_day / 50)
    lasts = rows >= 5 and duration_s >= 600
    return list(AnomalySeverity)[rank + lasts]


def _usual_daily_peak(scores: Array, day_rows: int) -> Array:
    """The peak that three of four days reach; NaN with fewer than three days."""
    n_days = scores.shape[1] // max(day_rows, 1)
    if n_days < 3 or day_rows < 1:
        return np.full(len(scores), np.nan)
    peaks = np.fmax.reduce(scores[:, : n_days * day_rows].reshape(len(scores), n_days, day_rows), axis=2)
    return quantiles(peaks, 0.25)


def _tail(scores: Array, threshold: Array, least_boundary: float) -> tuple[Array, Array, Array]:
    """Sigma, shape and number of events of each series' tail."""
    series, row = np.nonzero(scores > threshold[:, None])
    starts = np.flatnonzero(
        np.diff(series, prepend=-1).astype(bool) | (np.diff(row, prepend=-CLUSTER_GAP_ROWS) > CLUSTER_GAP_ROWS)
    )
    n_series = len(scores)
    if len(starts) == 0:
        return np.fmax(threshold, least_boundary) / 10, np.full(n_series, FEW_SHAPE), np.zeros(n_series)
    owner = series[starts]
    peaks = np.maximum.reduceat(scores[series, row], starts) - threshold[owner]
    peaks = peaks[np.lexsort((peaks, owner))]
    count = np.bincount(owner, minlength=n_series)
    first = np.cumsum(count) - count
    middle, high = (
        np.where(count > 0, peaks[np.minimum(first + ((count - 1) * level).astype(np.int64), len(peaks) - 1)], 0.0)
        for level in (0.5, 0.875)
    )
    # For a generalised Pareto tail the two quantiles have the ratio a**2 + a + 1 with a = 2**shape.
    ratio = high / np.maximum(middle, 1e-300)
    learnt = np.log2(np.maximum((np.sqrt(np.maximum(4 * ratio - 3, 0.0)) - 1) / 2, 1.0))
    shape = np.where(count >= LEAST_CLUSTERS, np.clip(learnt, 0.0, MOST_SHAPE), FEW_SHAPE)
    gentle = np.maximum(shape, 1e-9)
    sigma = middle * gentle / np.expm1(gentle * np.log(2.0))
    floor = np.fmax(threshold, least_boundary) / 50
    return np.where(count > 0, np.maximum(sigma, floor), floor * 5), shape, count.astype(np.float64)
