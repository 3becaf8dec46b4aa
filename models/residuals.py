"""History and rows set against what was expected of them: the one place where a seasonal baseline is learnt.

Each row is judged by what was known before it, in history as in the live loop, so that thresholds learnt from the
residuals of history hold on new rows (Dawid: Statistical theory, the prequential approach, 1984).
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.calendar import Calendar
from models.errors import NotFittedError
from models.features import Array
from models.frames import SeriesKey
from models.online import residuals as kernel
from models.online.arrays import Arrays, from_arrays, to_arrays
from models.online.residuals import FAR, FEATURES, N_SPREADS, ResidualState, SeriesUnits
from models.online.season import BY_DAY, Places

MOST_SLOTS = 288
MOST_HOUR_ROWS, LEAST_HOUR_ROWS = 60, 12
DAY_S = 86_400
MOST_DEVIATION = 1e6
LEAST_SPREAD = 0.03
"""No spread is below this fraction of the history's standard deviation, nor below half of the smallest step."""
ROUNDING, MOST_GRAIN = 1e-9, 4.0
BEFORE_ANY = -3.0
"""Logarithm of the spread with which the first pass over history starts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residuals:
    """Rows beside what was expected of them.

    Parameters
    ----------
    keys
        The series.
    values, expected, scale
        Shape (n_series, n_rows), in the metrics' units; the scale is one robust standard deviation at this hour of the
        day. A NaN value is missing.
    features
        Shape (n_series, n_rows, 12), see ``models.online.residuals``; NaN where the value is missing.
    """

    keys: tuple[SeriesKey, ...]
    values: Array
    expected: Array
    scale: Array
    features: NDArray[np.float32]

    @property
    def deviation(self) -> Array:
        """(value - expected) / scale, signed; within a million."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.clip((self.values - self.expected) / self.scale, -MOST_DEVIATION, MOST_DEVIATION)


@dataclass(kw_only=True, eq=False)
class ResidualModel:
    """Level, season and spread of each series, learnt row by row.

    Parameters
    ----------
    step_s
        Usual interval of the rows, seconds.
    calendars
        Local times in which days and weeks are meant; a series has one of them.

    Attributes
    ----------
    units_ : SeriesUnits
        Location, unit and calendar of each series.
    """

    step_s: float
    calendars: tuple[Calendar, ...] = (Calendar(),)
    units_: SeriesUnits = field(init=False, repr=False)

    @property
    def slots(self) -> int:
        """Slots of a day."""
        return int(max(1, min(MOST_SLOTS, DAY_S // self.step_s)))

    def fit_apply(
        self, keys: tuple[SeriesKey, ...], times: NDArray[np.datetime64], values: Array, calendar: NDArray[np.int64]
    ) -> tuple[Residuals, ResidualState]:
        """Learn from history, and set each row of it against what was known before it.

        Two passes: the first finds the usual spreads, with which the second starts.

        Parameters
        ----------
        keys
            The series.
        times
            UTC, shape (n_rows,).
        values
            Shape (n_series, n_rows); NaN means missing.
        calendar
            Shape (n_series,): which of the calendars each series follows.

        Returns
        -------
        tuple of Residuals and ResidualState
            Of the history, and as it was at its end.
        """
        centre, unit = _location_and_unit(values)
        self.units_ = SeriesUnits(centre, unit, np.maximum(LEAST_SPREAD, _grain(values, unit) / 4), calendar)
        places = self.places(times)
        level = _first_level(values, places.day[0], self.units_)
        start = kernel.blank(level, np.full((len(keys), N_SPREADS), BEFORE_ANY), self.slots, self._hour_rows)
        self._advance(keys, start, places, values)
        state = kernel.blank(level, _usual_spreads(start), self.slots, self._hour_rows)
        return self._advance(keys, state, places, values), state

    def apply(
        self, keys: tuple[SeriesKey, ...], times: NDArray[np.datetime64], values: Array, state: ResidualState
    ) -> Residuals:
        """Set new rows against what is known, and learn from them.

        Parameters
        ----------
        keys
            The same series in the same order.
        times
            UTC, shape (n_rows,), behind those that the state has seen.
        values
            Shape (n_series, n_rows); NaN means missing.
        state
            Changed in place.

        Returns
        -------
        Residuals
            Of the rows.

        Raises
        ------
        NotFittedError
            If there was no history.
        """
        if not hasattr(self, "units_"):
            raise NotFittedError("The residual model is not fitted.", remedy="call fit_apply() first")
        return self._advance(keys, state, self.places(times), values)

    def places(self, times: NDArray[np.datetime64]) -> Places:
        """Where rows lie in the local time of each calendar.

        Parameters
        ----------
        times
            UTC, shape (n_rows,).

        Returns
        -------
        Places
            For the kernel.
        """
        day, slot, hour, week, month = ([], [], [], [], [])
        for calendar in self.calendars:
            local = calendar.places(times)
            second = local.second.astype(np.int64)
            part = np.where(local.days_left < 3, 31 + local.days_left, local.day_of_month - 1).astype(np.int64)
            day.append(local.day)
            slot.append(second * self.slots // DAY_S)
            hour.append(second // 3600)
            week.append(local.weekday.astype(np.int64) * 24 + hour[-1])
            month.append(part * 6 + hour[-1] // 4)
        return Places(*(np.array(each) for each in (day, slot, hour, week, month)))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What is fixed for each series.

        Returns
        -------
        dict of str to ndarray
            For ``from_arrays``.
        """
        return to_arrays(self.units_)

    def from_arrays(self, arrays: Arrays) -> Self:
        """Take what is fixed for each series.

        Parameters
        ----------
        arrays
            From ``to_arrays``.

        Returns
        -------
        ResidualModel
            Itself, fitted.
        """
        self.units_ = from_arrays(SeriesUnits, arrays)
        return self

    @property
    def _hour_rows(self) -> int:
        return int(min(MOST_HOUR_ROWS, max(LEAST_HOUR_ROWS, 3600 // self.step_s)))

    def _advance(self, keys: tuple[SeriesKey, ...], state: ResidualState, places: Places, values: Array) -> Residuals:
        features = np.empty((*values.shape, len(FEATURES)), dtype=np.float32)
        expected, scale = np.empty(values.shape), np.empty(values.shape)
        values = np.ascontiguousarray(values)
        kernel.advance(state, self.units_, places, values, features, expected, scale)
        return Residuals(keys=keys, values=values, expected=expected, scale=scale, features=features)


def predicted_by_day(state: ResidualState) -> NDArray[np.bool_]:
    """Where the profile of the day predicts better than the level alone.

    Parameters
    ----------
    state
        At any time.

    Returns
    -------
    ndarray of bool, shape (n_series,)
        False before the second day.
    """
    by_day: NDArray[np.bool_] = state.season.counts[:, BY_DAY] > 0
    return by_day


def _location_and_unit(values: Array) -> tuple[Array, Array]:
    """Median of each series, and its standard deviation without the far half per cent; for a constant 0.1 % of it."""
    n = len(values)
    centre, unit = np.zeros(n), np.empty(n)
    for i, series in enumerate(values):
        present = series[~np.isnan(series)]
        if present.size:
            centre[i] = 2 * np.median(present / 2)  # the sum of two large values overflows
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.abs(present - centre[i])
            edge = np.quantile(far, 0.995) if present.size else 0.0
            largest = far.max(initial=0.0)
            sd = largest * np.std((present - centre[i]) / largest) if 0 < largest < np.inf else 0.0
        spread = max(sd, 1e-3 * abs(centre[i]))
        unit[i] = min(spread, edge) if edge > 0 else spread
    return centre, np.clip(unit, 1e-300, 1e300) + np.where(unit == 0, 1e-9, 0.0)


def _grain(values: Array, unit: Array) -> Array:
    """Smallest step between two values of each series, in its units; 0 for a constant."""
    grain = np.zeros(len(values))
    for i, series in enumerate(values):
        with np.errstate(over="ignore"):
            steps = np.diff(np.unique(series[~np.isnan(series)])) / unit[i]
        steps = steps[steps > ROUNDING]
        grain[i] = steps.min(initial=np.inf) if steps.size else 0.0
    return np.minimum(grain, MOST_GRAIN)


def _first_level(values: Array, day: NDArray[np.int64], units: SeriesUnits) -> Array:
    """Median of the first day of each series, in its units; 0 where it has no value on that day."""
    level = np.zeros(len(values))
    for i, series in enumerate(values[:, day == day[0]] if len(day) else values):
        present = series[~np.isnan(series)]
        if present.size:
            middle = 2 * np.median(present / 2)
            with np.errstate(over="ignore"):
                level[i] = (middle - units.centre[i]) / units.unit[i]
    return np.clip(level, -FAR, FAR)


def _usual_spreads(state: ResidualState) -> Array:
    """Logarithms of the spreads of all that was seen; of the present hour where none was closed."""
    rows = np.maximum(state.spread.counts[:, 1:], 1)
    return np.where(state.spread.counts[:, :1] > 0, state.spread.whole, state.spread.total / rows)
