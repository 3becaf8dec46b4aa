"""What a series normally does at a time of day: the one baseline that every detector of a bundle looks through.

It is fitted once a training run; detectors receive frames already set against it (``Baselined``) and must not fit
their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.errors import NotFittedError
from models.features import MAD_TO_SD, Array, medians, quantiles
from models.frames import MetricFrame

DAY_S = 86_400.0
EDGE_SHARE = 1 / 3
"""The scale beside an edge of the profile grows by this share of its height: to miss it by a slot is 3 deviations."""
MOST_DEVIATION = 1e6
"""Deviations are clipped here, so that a series that was constant at zero and moves stays a finite number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baselined:
    """A frame set against its baseline; every array has shape (n_rows, n_series).

    Parameters
    ----------
    frame
        The values; NaN means missing.
    expected
        What the baseline expects at that time, in the metric's unit.
    scale
        One robust standard deviation around it at that time, in the metric's unit, positive.
    z
        (value - expected) / scale, clipped to +-1e6; NaN where the value is missing.
    grain
        Shape (n_series,): smallest step between two values in the history, in the metric's unit; 1 for a counter of few
        events, next to 0 for a measured quantity, 0 for a constant.
    """

    frame: MetricFrame
    expected: Array
    scale: Array
    z: Array
    grain: Array

    def rows(self, first: int, last: int) -> "Baselined":
        """Rows ``first`` to ``last`` (exclusive), as a view.

        Parameters
        ----------
        first
            First row, not negative.
        last
            One behind the last row.

        Returns
        -------
        Baselined
            Sharing memory with this one.
        """
        part = slice(max(first, 0), last)
        return Baselined(
            frame=self.frame.rows(first, last),
            expected=self.expected[part],
            scale=self.scale[part],
            z=self.z[part],
            grain=self.grain,
        )


@dataclass(kw_only=True, eq=False)
class Baseline:
    """Robust seasonal baseline: a level, and a daily and a weekly profile where held-back days say that they help.

    A day is cut into slots of UTC time. Candidates are no season, a smooth day (half-hour slots, interpolated), a
    sharp day (five-minute slots: nightly jobs), and on top of the best a weekly correction once there are two weeks
    of history. The history is cut into blocks of whole days; each candidate is fitted without a block and judged on
    it by its mean absolute residual. A season is taken only where it beats the simpler candidate by ``least_gain``.

    The scale is 1.4826 times the median absolute residual, half of the whole history and half of the slot, and never
    below the floors: a tenth of the mean absolute residual (series that rest most of the time), half of the smallest
    step between two values (counters), and for a series that never moved a thousandth of its level. Next to a steep
    edge of the profile the scale grows by a third of its height, so that a nightly job may start five minutes early.

    Assumptions: anomalies fill less than half of each slot; seasons are daily and weekly in UTC (a change of daylight
    saving shifts them by an hour until the next training). Cost: about 12 sorts of the history to fit; one look-up a
    value to apply.

    Parameters
    ----------
    smooth_slots
        Slots of the smooth day; bounded by the number of rows a day.
    sharp_slots
        Slots of the sharp day and of the tables that are stored; bounded by the number of rows a day.
    least_gain
        Fraction of the mean absolute residual that a season must save.

    Attributes
    ----------
    level_ : ndarray, shape (n_series, n_slots)
        Expected value by slot of the day or of the week.
    scale_ : ndarray, shape (n_series, n_slots)
        One robust standard deviation by slot, positive.
    season_ : ndarray of int, shape (n_series,)
        0 none, 1 smooth day, 2 sharp day; plus 4 with a weekly correction.
    grain_ : ndarray, shape (n_series,)
        Smallest step between two values.
    days_ : int
        Days that the tables cover: 1, or 7 with two weeks of history.

    References
    ----------
    Hochenbaum, Vallis, Kejariwal: Automatic anomaly detection in the cloud via statistical learning, 2017 (robust
    seasonal residuals). Leys et al.: Detecting outliers: do not use standard deviation around the mean, 2013.
    """

    smooth_slots: int = 48
    sharp_slots: int = 288
    least_gain: float = 0.03
    level_: Array = field(init=False, repr=False)
    scale_: Array = field(init=False, repr=False)
    season_: NDArray[np.int8] = field(init=False, repr=False)
    grain_: Array = field(init=False, repr=False)
    days_: int = field(init=False, repr=False)

    def fit(self, frame: MetricFrame) -> Self:
        """Learn from history.

        Parameters
        ----------
        frame
            History; a series without a value gets a baseline of NaN.

        Returns
        -------
        Baseline
            Itself, fitted.
        """
        self.fit_apply(frame)
        return self

    def fit_apply(self, frame: MetricFrame) -> Baselined:
        """Learn from history and set each block of it against a baseline that has not seen that block.

        Scores made from the result are those of unseen data, so that thresholds learnt from them hold on new rows.

        Parameters
        ----------
        frame
            History.

        Returns
        -------
        Baselined
            The history against the baselines of the other blocks.
        """
        fit = _Fit(frame, self)
        self.season_ = fit.choose_seasons()
        self.level_, self.scale_ = fit.tables(np.ones(frame.n_rows, dtype=bool), self.season_)
        self.grain_, self.days_ = fit.grain, fit.days
        expected, scale = np.empty_like(frame.values), np.empty_like(frame.values)
        for block in fit.blocks:
            level, spread = fit.tables(~block, self.season_)
            expected[block], scale[block] = level[:, fit.slot[block]].T, spread[:, fit.slot[block]].T
        return _set_against(frame, expected, scale, self.grain_)

    def apply(self, frame: MetricFrame) -> Baselined:
        """Set new rows against the baseline.

        Parameters
        ----------
        frame
            The same series in the same order, any rows.

        Returns
        -------
        Baselined
            Each row from its own time and value alone.

        Raises
        ------
        NotFittedError
            If ``fit`` was not called.
        """
        if not hasattr(self, "level_"):
            raise NotFittedError("The baseline is not fitted.", remedy="call fit() first")
        n_slots = self.level_.shape[1]
        slot = _slots(frame, n_slots, self.days_)
        return _set_against(frame, self.level_[:, slot].T, self.scale_[:, slot].T, self.grain_)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The fitted state.

        Returns
        -------
        dict of str to ndarray
            For ``from_arrays``.
        """
        return {
            "level": self.level_,
            "scale": self.scale_,
            "season": self.season_,
            "grain": self.grain_,
            "days": np.array(self.days_),
        }

    def from_arrays(self, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take a fitted state.

        Parameters
        ----------
        arrays
            From ``to_arrays``.

        Returns
        -------
        Baseline
            Itself, fitted.
        """
        self.level_ = np.asarray(arrays["level"], dtype=np.float64)
        self.scale_ = np.asarray(arrays["scale"], dtype=np.float64)
        self.season_ = np.asarray(arrays["season"], dtype=np.int8)
        self.grain_ = np.asarray(arrays["grain"], dtype=np.float64)
        self.days_ = int(arrays["days"])
        return self


def robust_scale(residual: Array) -> Array:
    """Standard deviation of the bulk of each row of residuals, with a floor for series that rest most of the time.

    Parameters
    ----------
    residual
        Shape (n_series, n_rows), around zero; NaN means missing.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        1.4826 median |r|, at least a tenth of the mean |r| below its 99.5 % quantile; 0 if all residuals are 0.
    """
    size = np.abs(residual)
    cap = quantiles(size, 0.995)
    resting = 0.1253 * mean_size(residual, cap)
    scale: Array = np.fmax(MAD_TO_SD * medians(size), resting)
    return scale


def mean_size(residual: Array, cap: Array) -> Array:
    """Mean absolute residual of each row, every residual capped.

    Parameters
    ----------
    residual
        Shape (n_series, n_rows); NaN means missing.
    cap
        Shape (n_series,).

    Returns
    -------
    ndarray of float64, shape (n_series,)
        NaN where there is no residual.
    """
    size = np.minimum(np.abs(residual), cap[:, None])
    present = ~np.isnan(size)
    count = present.sum(axis=1)
    with np.errstate(over="ignore"):
        total = np.where(present, size, 0.0).sum(axis=1)
    mean: Array = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def _set_against(frame: MetricFrame, expected: Array, scale: Array, grain: Array) -> Baselined:
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.clip((frame.values - expected) / scale, -MOST_DEVIATION, MOST_DEVIATION)
    return Baselined(frame=frame, expected=expected, scale=scale, z=z, grain=grain)


def _slots(frame: MetricFrame, n_slots: int, days: int) -> NDArray[np.int64]:
    """Slot of each row in a table of one day, or of seven that start on a Thursday as 1970 did."""
    since_epoch = frame.times.astype("datetime64[us]").astype(np.int64)
    period = int(days * DAY_S * 1e6)
    slot: NDArray[np.int64] = since_epoch % period * n_slots // period
    return slot


def _slot_medians(x: Array, slot: NDArray[np.int64], n_slots: int) -> Array:
    """Medians by slot, shape (n_series, n_slots); NaN where a slot holds no value."""
    order = np.argsort(slot, kind="stable")
    counts = np.bincount(slot, minlength=n_slots)
    place = np.arange(counts.max(initial=0))
    behind = place >= counts[:, None]
    index = np.minimum((np.cumsum(counts) - counts)[:, None] + place, max(len(slot) - 1, 0))
    grouped = x[:, order[index]] if len(slot) else np.empty((len(x), n_slots, 0))
    grouped[:, behind] = np.nan
    return medians(grouped)


def _stretch(table: Array, n_slots: int) -> Array:
    """Interpolate a cyclic table to more slots."""
    coarse = table.shape[1]
    place = (np.arange(n_slots) + 0.5) * coarse / n_slots - 0.5
    low = np.floor(place).astype(np.int64)
    weight = place - low
    stretched: Array = table[:, low % coarse] * (1 - weight) + table[:, (low + 1) % coarse] * weight
    return stretched


class _Fit:
    """The history of one fit, series first, with its slots and its held-back blocks."""

    def __init__(self, frame: MetricFrame, baseline: Baseline) -> None:
        self.x = np.ascontiguousarray(frame.values.T)
        n_days = int(frame.n_rows * frame.step_s // DAY_S)
        self.least_gain = baseline.least_gain
        self.sharp = min(baseline.sharp_slots, max(1, int(DAY_S // frame.step_s)))
        self.smooth = min(baseline.smooth_slots, self.sharp)
        self.has_days, self.days = n_days >= 2, 7 if n_days >= 14 else 1
        self.n_slots = self.days * self.sharp
        self.slot = _slots(frame, self.n_slots, self.days)
        self.grain, self.floor = _grain_and_floor(self.x)
        self.blocks = _blocks(frame.n_rows, frame.step_s, n_days)

    def choose_seasons(self) -> NDArray[np.int8]:
        """The simplest candidate of each series that no richer one beats by the gain."""
        season = np.zeros(len(self.x), dtype=np.int8)
        if not self.has_days:
            return season
        cap = quantiles(np.abs(self.x - medians(self.x)[:, None]), 0.999)
        best = self._held_back_error(season, cap)
        for candidate in (1, 2):
            season, best = self._better(season, np.full_like(season, candidate), best, cap)
        if self.days == 7:
            season, best = self._better(season, (season + 4).astype(np.int8), best, cap)
        return season

    def _better(
        self, season: NDArray[np.int8], candidate: NDArray[np.int8], best: Array, cap: Array
    ) -> tuple[NDArray[np.int8], Array]:
        error = self._held_back_error(candidate, cap)
        gains = error < best * (1 - self.least_gain)
        return np.where(gains, candidate, season), np.where(gains, error, best)

    def _held_back_error(self, season: NDArray[np.int8], cap: Array) -> Array:
        residual = np.empty_like(self.x)
        for block in self.blocks:
            residual[:, block] = self.x[:, block] - self._levels(~block, season)[:, self.slot[block]]
        return mean_size(residual, cap)

    def tables(self, rows: NDArray[np.bool_], season: NDArray[np.int8]) -> tuple[Array, Array]:
        """Level and scale by slot, learnt from some of the rows."""
        level = self._levels(rows, season)
        with np.errstate(over="ignore", invalid="ignore"):
            residual = self.x[:, rows] - level[:, self.slot[rows]]
            whole = robust_scale(residual)[:, None]
            scale = np.repeat(whole, self.n_slots, axis=1)
            if self.has_days:
                of_day = self.slot[rows] % self.sharp * self.smooth // self.sharp
                local = MAD_TO_SD * _slot_medians(np.abs(residual), of_day, self.smooth)
                local = _stretch(np.where(np.isnan(local), whole, local), self.sharp)
                scale = (scale + np.tile(local, self.days)) / 2
            edge = np.abs(level - np.roll(level, 1, axis=1))
            edge = np.maximum(edge, np.roll(edge, -1, axis=1))
            scale = np.hypot(np.maximum(scale, self.floor[:, None]), edge * EDGE_SHARE)
        return level, np.minimum(scale, np.finfo(np.float64).max)

    def _levels(self, rows: NDArray[np.bool_], season: NDArray[np.int8]) -> Array:
        x, slot = self.x[:, rows], self.slot[rows]
        flat = medians(x)[:, None]
        level = np.repeat(flat, self.n_slots, axis=1)
        for kind, n_slots in ((1, self.smooth), (2, self.sharp)):
            which = (season & 3) == kind
            if which.any():
                day = _slot_medians(x[which], slot % self.sharp * n_slots // self.sharp, n_slots)
                day = _stretch(np.where(np.isnan(day), flat[which], day), self.sharp)
                level[which] = np.tile(day, self.days)
        which = season >= 4
        if which.any():
            rest = x[which] - level[which][:, slot]
            week = _slot_medians(rest, slot * 56 // self.n_slots, 56)
            level[which] += _stretch(np.where(np.isnan(week), 0.0, week), self.n_slots)
        return level


def _grain_and_floor(x: Array) -> tuple[Array, Array]:
    """Smallest step of each series, and its smallest scale: half of that, or a thousandth of a constant's level."""
    ordered = np.sort(x, axis=1)
    with np.errstate(over="ignore"):
        steps = np.diff(ordered, axis=1)
    steps[~(steps > 0)] = np.inf
    smallest = steps.min(axis=1, initial=np.inf)
    size = np.fmax(np.abs(medians(x)), 0.0)
    moves = np.isfinite(smallest)
    floor: Array = np.where(moves, smallest / 2, np.maximum(1e-3 * size, 1e-9))
    return np.where(moves, smallest, 0.0), np.maximum(floor, 1e-12 * size + 1e-300)


def _blocks(n_rows: int, step_s: float, n_days: int) -> list[NDArray[np.bool_]]:
    """Two or three contiguous blocks: of whole weeks, else of whole days, else thirds of the rows."""
    unit = 7 if n_days >= 14 else 1
    count = min(3, n_days // unit) if n_days >= 2 else 3
    row = np.arange(n_rows)
    if n_days < 2:
        block = row * count // max(n_rows, 1)
    else:
        per_block = -(-(n_days // unit) // count) * unit * DAY_S
        block = np.minimum((row * step_s // per_block).astype(np.int64), count - 1)
    return [block == i for i in range(count)]
