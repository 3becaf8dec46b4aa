"""What the raw scores of one detector mean for each series: 1.0 is the alarm boundary that the user's budget asks for.

Nothing here knows which detector made the scores. The method is in ``models.online.tail``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from models.anomalies import AnomalySeverity
from models.errors import ConfigurationError
from models.features import Array
from models.online import tail
from models.online.arrays import Arrays, from_arrays, to_arrays
from models.online.tail import DAY_S, TailRules, TailState

Method = Literal["tail", "conformal"]

FEEDBACK_STEP = 0.15
"""One verdict moves the boundary by this much in logarithm, about 16 %."""
LEAST_FACTOR, MOST_FACTOR = 0.5, 4.0
YOUNG_DAYS, MATURE_DAYS, MOST_COMMON = 3.0, 4.0, 0.9
"""The weight of the common boundary rises from 0 at three days of history towards 0.9, half of it at ten days."""
LEAST_UNIT = 1e-3
REACH = 0.9 * tail.TOP
"""What comes twice a day lies within so many units."""
SUPPLIED_BUDGET = 0.05
"""Of a detector's common boundary; another budget moves it along the exponential tail."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """How the scores of one detector are calibrated; all arrays have shape (n_columns,).

    Parameters
    ----------
    budget
        False alarms a day for each column.
    common, own
        Boundary that holds for any series, and the weight of the own one against it.
    sigma
        Usual scale of the tail.
    factor
        By which feedback has moved the boundary away from the threshold, in [0.5, 4]; 1 without feedback.
    step_s
        Usual interval of the rows, seconds.
    method
        "tail" is peaks over threshold; "conformal" takes the empirical return level alone, without any assumption on
        the tail, and cannot alarm before the budget allows one alarm in the remembered days.
    """

    budget: Array
    common: Array
    own: Array
    sigma: float
    factor: Array
    step_s: float
    method: Method = "tail"

    @property
    def rules(self) -> TailRules:
        """For the kernel."""
        return TailRules(self.budget, self.common, self.own, self.sigma, self.step_s, self.method == "conformal")

    def advance(self, raw: Array, state: TailState, boundary: Array | None = None) -> Array:
        """Calibrate rows and learn from them.

        Parameters
        ----------
        raw
            Shape (n_columns, n_rows); NaN = cannot tell.
        state
            Changed in place.
        boundary
            Same shape as ``raw``; gets the raw score of the boundary that was in force in each row. None: not wanted.

        Returns
        -------
        ndarray of float64
            Same shape; 1.0 is the boundary.
        """
        score = np.empty_like(raw)
        bounds = np.empty_like(raw) if boundary is None else boundary
        tail.advance(state, self.rules, self.factor, np.ascontiguousarray(raw), score, bounds, True)
        return score

    def rate_per_day(self, score: float, column: int, state: TailState) -> float:
        """How many events at least so strange a normal day shows.

        Parameters
        ----------
        score
            Calibrated.
        column
            Which column.
        state
            Of this calibration.

        Returns
        -------
        float
            The budget at 1.0, less by the exponential tail above, more below. With a common boundary in force this is
            what the boundary promises rather than what the few events of the history say.
        """
        figures = state.figures[column]
        reach = (figures[tail.BOUNDARY] - figures[tail.THRESHOLD]) / figures[tail.SIGMA]
        return float(self.budget[column] * np.exp(np.clip((1.0 - score) * reach, -700.0, 50.0)))

    def adjusted(self, *, rejected: Mapping[int, int], confirmed: Mapping[int, int]) -> "Calibration":
        """Move boundaries by what operators said of anomalies.

        Each rejection moves the boundary of its column up by 16 %, each confirmation takes one such step down; the
        total stays within half and four times the learnt distance. A verdict is undone by its opposite, or all by
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

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What has a column.

        Returns
        -------
        dict of str to ndarray
            For ``from_arrays``.
        """
        return {name: getattr(self, name) for name in ("budget", "common", "own", "factor")}

    @classmethod
    def from_arrays(cls, arrays: Arrays, *, sigma: float, step_s: float, method: Method) -> Self:
        """Restore, to the same bits.

        Parameters
        ----------
        arrays
            From ``to_arrays``.
        sigma
            As it was.
        step_s
            As it was.
        method
            As it was.

        Returns
        -------
        Calibration
            Equal to the one saved.
        """
        return cls(
            **{name: np.asarray(array) for name, array in arrays.items()}, sigma=sigma, step_s=step_s, method=method
        )


def calibrate(
    raw: Array,
    *,
    step_s: float,
    budget: Array,
    common_boundary: float,
    sigma: float,
    method: Method = "tail",
) -> tuple[Calibration, TailState]:
    """Learn what raw scores mean from those of history.

    Parameters
    ----------
    raw
        Shape (n_columns, n_rows), scores of history by a model that had not seen the row; NaN = cannot tell.
    step_s
        Usual interval of the rows, seconds.
    budget
        Shape (n_columns,): events a normal day may put above the boundary.
    common_boundary
        The detector's.
    sigma
        The detector's.
    method
        See Calibration.

    Returns
    -------
    tuple of Calibration and TailState
        The state is that at the end of the history. A column without a score stays NaN.

    Raises
    ------
    ConfigurationError
        If conformal calibration is to keep a budget of less than one alarm in the days that it remembers.
    """
    if method == "conformal" and (np.asarray(budget) * tail.FADE_DAYS < 1 - 1e-9).any():
        least = float(np.min(budget))
        raise ConfigurationError(
            f"Conformal calibration remembers {tail.FADE_DAYS:g} days, too few for a budget of {least:g} alarms a day.",
            remedy=f"allow at least {1 / tail.FADE_DAYS:g} a day for each detector, or calibrate by the tail",
        )
    raw = np.ascontiguousarray(raw)
    present = ~np.isnan(raw)
    days = present.sum(axis=1) * step_s / DAY_S
    own = 1 - MOST_COMMON * np.clip((days - YOUNG_DAYS) / (days + MATURE_DAYS), 0, 1)
    calibration = Calibration(
        budget=np.asarray(budget, dtype=np.float64),
        common=common_boundary + sigma * np.log(SUPPLIED_BUDGET / budget),
        own=own,
        sigma=sigma,
        factor=np.ones(len(raw)),
        step_s=step_s,
        method=method,
    )
    threshold, unit = _units(raw, present, days, calibration)
    state = tail.blank(unit)
    state.figures[:, tail.THRESHOLD] = threshold
    tail.advance(state, calibration.rules, calibration.factor, raw, np.empty_like(raw), np.empty_like(raw), False)
    tail.refit_all(state, calibration.rules)
    return calibration, state


def _units(raw: Array, present: NDArray[np.bool_], days: Array, calibration: Calibration) -> tuple[Array, Array]:
    """Where the tail of each column begins; and that or more, so that the histograms hold what comes twice a day."""
    threshold, unit = np.full(len(raw), np.nan), np.full(len(raw), np.nan)
    for column, (row, known) in enumerate(zip(raw, present, strict=True)):
        if known.any():
            ordered = np.sort(row[known])
            events = int(max(tail.GUARD_PEAKS, tail.GUARD_PER_DAY * days[column]))
            level = tail.tail_level(calibration.budget[column], calibration.step_s)
            threshold[column] = max(np.quantile(ordered, level), LEAST_UNIT)
            usual = max(np.quantile(ordered, tail.TAIL_FROM), LEAST_UNIT)
            unit[column] = max(usual, ordered[-min(events, len(ordered))] / REACH)
    return threshold, unit


def judged(calibration: Calibration, state: TailState, raw: Array) -> Array:
    """Calibrate rows without learning from them.

    Parameters
    ----------
    calibration
        Of the scores.
    state
        Not changed.
    raw
        Shape (n_columns, n_rows).

    Returns
    -------
    ndarray of float64
        Same shape.
    """
    untouched = from_arrays(TailState, to_arrays(state))
    score = np.empty_like(raw)
    tail.advance(
        untouched, calibration.rules, calibration.factor, np.ascontiguousarray(raw), score, np.empty_like(raw), False
    )
    return score


def boundaries(calibration: Calibration, state: TailState) -> Array:
    """Raw score of each column's boundary, feedback included.

    Parameters
    ----------
    calibration
        Of the scores.
    state
        Of this calibration.

    Returns
    -------
    ndarray of float64, shape (n_columns,)
        NaN where nothing could be learnt, infinite where the method cannot alarm yet.
    """
    threshold = state.figures[:, tail.THRESHOLD]
    reach: Array = threshold + (state.figures[:, tail.BOUNDARY] - threshold) * calibration.factor
    return reach


def p_values(state: TailState, raw: Array) -> Array:
    """Conformal p-values: how large a part of the remembered rows was at least so strange.

    Parameters
    ----------
    state
        At the end of the remembered rows.
    raw
        Shape (n_columns, n_rows).

    Returns
    -------
    ndarray of float64
        Same shape, in (0, 1]: (rows at least so strange + 1) / (rows + 1), to the width of a bin; NaN where the score
        is NaN. Vovk, Gammerman, Shafer: Algorithmic learning in a random world, 2005, 2.2.
    """
    unit = state.figures[:, tail.UNIT, None]
    with np.errstate(invalid="ignore"):
        place = np.clip(raw / unit * tail.BINS / tail.TOP, 0, tail.BINS - 1)
    at_least = np.cumsum(state.rows[:, ::-1].astype(np.float64), axis=1)[:, ::-1]
    safe = np.where(np.isnan(place), 0, place).astype(np.int64)
    p = (np.take_along_axis(at_least, safe, axis=1) + 1) / (at_least[:, :1] + 1)
    return np.where(np.isnan(place), np.nan, p)


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
