"""What has changed since training: level and spread of each series now, beside those at the end of the history.

Judging adapts by itself: the level follows within a day, the spread within some eight days. So a lasting shift is
reported once and is usual from then on; this module keeps it from being forgotten. Nothing here changes anything.

Measured on 40 seeds of Gaussian noise at ten minutes, a week of history: a shift of four standard deviations is told
after 21 hours, a ramp of half of one a day after six days, a spread of four times after six days, and of 1200
stationary series (also skewed, counted, correlated over two hours), asked daily for two weeks, none was called drifted.
Noise that wanders over a day or more is, sometimes. A short history still counts the days before it knew the season,
so that a shift beside a wave of five standard deviations has to be six to be told.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.errors import BundleError
from models.features import Array
from models.frames import SeriesKey
from models.memory import Memory
from models.online import alerts
from models.online.residuals import MID, SLOW, ResidualState, SeriesUnits
from models.online.season import IN_HOUR, IN_SLOT, LEVEL, N_HOURS
from models.online.spread import TO_SD
from models.training import SHARED_BY

LEAST_SHIFT = 3.0
"""In usual spreads: a level that moved by more has drifted, if it lasts."""
LASTING_HOURS = 20
"""Of the last 24 hours with values so many have to lie beyond half of the shift: a day, not an afternoon."""
WEEKLY = 0.95
"""The level follows weekends too: what this quantile of the hours of the week shows every week is no drift."""
LEAST_RATIO = 2.0
"""A spread that became more than so many times as large or as small has drifted."""
MANY_ALERTS = 3.0
"""So many alerts a day, or so many times the budget if that is more, are worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How a series is now beside how it was at the end of the history.

    Parameters
    ----------
    key
        The series.
    hours
        Whole clock hours with values that were judged since.
    level_then, level_now
        Median of the 24 last hours' medians, without season; in the metric's unit.
    shift
        Level now less level then, in usual residuals of the season then; signed.
    shift_limit
        What its size has to exceed: 3, and what the weeks of the history move the level anyway.
    spread_then, spread_now
        How far values usually stray from the median of the hour before them, about a standard deviation in the
        metric's unit; an average over some eight days, so that a change shows its half after five and a half.
    spread_ratio
        Spread now / spread then.
    alerts_per_day
        Alerts of the series, those of the last day most: the weight of an alert falls to 1/e in a day.
    budget_per_day
        False alarms a day that the series was trained for; NaN if no detector judges single series.
    is_shifted
        The level moved by more than the limit, and 20 of the last 24 hours agree.
    """

    key: SeriesKey
    hours: int
    level_then: float
    level_now: float
    shift: float
    shift_limit: float
    spread_then: float
    spread_now: float
    spread_ratio: float
    alerts_per_day: float
    budget_per_day: float
    is_shifted: bool

    @property
    def is_respread(self) -> bool:
        """The spread changed by more than a factor of 2."""
        return not 1 / LEAST_RATIO <= self.spread_ratio <= LEAST_RATIO

    @property
    def is_drifted(self) -> bool:
        """Level or spread are no longer those of the history."""
        return self.is_shifted or self.is_respread

    @property
    def statement(self) -> str:
        """The same in a sentence."""
        if self.hours == 0:
            return f"{self.key}: no whole hour was judged since the end of the history"
        parts = []
        if self.is_shifted:
            rose = "rose" if self.shift > 0 else "fell"
            parts.append(
                f"the level {rose} from {self.level_then:.4g} to {self.level_now:.4g} ({abs(self.shift):.3g} usual "
                "spreads) and stayed there for a day"
            )
        if self.is_respread:
            how = "rose" if self.spread_ratio > 1 else "fell"
            parts.append(f"the spread {how} from {self.spread_then:.3g} to {self.spread_now:.3g}")
        if self.alerts_per_day > MANY_ALERTS * max(1.0, self.budget_per_day):
            parts.append(f"it alerts {self.alerts_per_day:.3g} times a day, the budget is {self.budget_per_day:.3g}")
        return f"{self.key}: {'; '.join(parts) or 'as in the history'}"


def drift(bundle: Bundle, memory: Memory) -> tuple[Drift, ...]:
    """Compare what is usual now with what was usual at the end of the history.

    Parameters
    ----------
    bundle
        Trained.
    memory
        Of a scorer of this bundle, at any time; not changed.

    Returns
    -------
    tuple of Drift
        One a series, in the bundle's order.

    Raises
    ------
    BundleError
        If the memory is of other series than the bundle.
    """
    then, now, units = bundle.memory.residuals, memory.residuals, bundle.residuals.units_
    if now.season.figures.shape != then.season.figures.shape:
        raise BundleError(
            f"The memory has {len(now.season.figures)} series, the bundle {bundle.model_version} {len(bundle.keys)}.",
            remedy="give the memory of a scorer of this bundle",
        )
    old, new = then.season.figures[:, LEVEL], now.season.figures[:, LEVEL]
    before, after = _spread(then, units, MID), _spread(now, units, MID)
    usual = _spread(then, units, SLOW)
    shift, limit = (new - old) / usual, LEAST_SHIFT + _weekly(then) / usual
    columns = {
        "hours": _hours(then, now),
        "level_then": units.centre + old * units.unit,
        "level_now": units.centre + new * units.unit,
        "shift": shift,
        "shift_limit": limit,
        "spread_then": before * units.unit,
        "spread_now": after * units.unit,
        "spread_ratio": after / before,
        "alerts_per_day": memory.alerts.figures[:, alerts.RECENT],
        "budget_per_day": _budget(bundle),
        "is_shifted": (np.abs(shift) > limit) & _lasts(now, old, new),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return tuple(
        Drift(key=key, **dict(zip(columns, row, strict=True))) for key, row in zip(bundle.keys, rows, strict=True)
    )


def _hours(then: ResidualState, now: ResidualState) -> NDArray[np.int64]:
    """Hours that were closed since, without the one that was open at the end of the history."""
    was_open = (then.season.counts[:, IN_HOUR] > 0) | (then.season.counts[:, IN_SLOT] > 0)
    hours: NDArray[np.int64] = now.season.counts[:, N_HOURS] - then.season.counts[:, N_HOURS] - was_open
    return np.maximum(hours, 0)


def _spread(state: ResidualState, units: SeriesUnits, kind: int) -> Array:
    """Usual size of a kind of residual over all hours, in units; that of the prior before the first hour."""
    spread = state.spread
    usual = TO_SD * np.exp(np.where(spread.counts[:, 0] > 0, spread.whole[:, kind], spread.prior[:, kind]))
    return np.asarray(np.hypot(usual, units.floor))


def _weekly(state: ResidualState) -> Array:
    """How far the last two weeks left the day's profile to the same side, in units."""
    newer, older = np.moveaxis(state.season.week.astype(np.float64), -1, 0)
    agreed = np.where(newer * older > 0, np.minimum(np.abs(newer), np.abs(older)), 0.0)
    return np.asarray(np.quantile(agreed, WEEKLY, axis=1))


def _lasts(state: ResidualState, old: Array, new: Array) -> NDArray[np.bool_]:
    """Whether most of the last hours lie on the new side."""
    moved = (state.season.hours - old[:, None]) * np.sign(new - old)[:, None]
    agree: NDArray[np.bool_] = np.sum(moved > np.abs(new - old)[:, None] / 2, axis=1) >= LASTING_HOURS
    return agree


def _budget(bundle: Bundle) -> Array:
    """False alarms a day of each series; its detectors share it as ``models.training`` says."""
    budgets = [member.calibration.budget for member in bundle.members if member.detector.scope == "series"]
    if not budgets:
        return np.full(len(bundle.keys), np.nan)
    return np.asarray(budgets[0] * min(len(budgets), SHARED_BY))
