"""Faults put into recorded metrics, so that what a detector misses is known by construction.

Seeded: the same history and seed give the same faults. Nothing but the rows of a fault is touched, and a missing value
stays missing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.detector import components
from models.errors import InputError
from models.features import Array
from models.frames import MetricFrame, SeriesKey

DAY_S = 86_400.0
SIZES = (3.0, 6.0, 12.0)
"""In robust standard deviations of the series."""
LEAST_REPEATS, MOST_REPEATS = 3, 10
MOST_ROUNDS = 16
SPIKE_GRACE_ROWS = 3
"""An alert so many rows behind a spike still counts as finding it; the other faults must be found before they end."""
LEAST_PRESENT = 0.8
"""Share of the values that must be there where a fault is put."""
LEAST_ROWS = 48
_TRIES = 20


class FaultShape(StrEnum):
    """What is done to the values."""

    SPIKE = "SPIKE"
    LEVEL_SHIFT = "LEVEL_SHIFT"
    SLOW_DRIFT = "SLOW_DRIFT"
    VARIANCE_CHANGE = "VARIANCE_CHANGE"
    SEASON_CHANGE = "SEASON_CHANGE"
    FLAT_LINE = "FLAT_LINE"


DURATIONS_S = {
    FaultShape.SPIKE: 0.0,
    FaultShape.LEVEL_SHIFT: 6 * 3600.0,
    FaultShape.SLOW_DRIFT: DAY_S,
    FaultShape.VARIANCE_CHANGE: 6 * 3600.0,
    FaultShape.SEASON_CHANGE: DAY_S,
    FaultShape.FLAT_LINE: 6 * 3600.0,
}
"""A spike has one row; the others at least twelve, and at most half of the rows between two faults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """One fault.

    Parameters
    ----------
    key
        The series.
    shape
        What is done.
    size
        Signed, in robust standard deviations: the height of a spike, a shift, the end of a drift, or an additional
        wave of a day; the standard deviation of additional noise. 0 for a flat line, which has no size.
    sigma
        One robust standard deviation, in the metric's unit.
    first, end
        Rows of the judged frame; ``end`` is exclusive.
    seed
        Of the additional noise.
    """

    key: SeriesKey
    shape: FaultShape
    size: float
    sigma: float
    first: int
    end: int
    seed: int

    @property
    def alert_rows(self) -> slice:
        """Rows in which an alert finds it."""
        return slice(self.first, self.end + (SPIKE_GRACE_ROWS if self.shape is FaultShape.SPIKE else 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultFigures:
    """What was found of the faults of one shape and size.

    Parameters
    ----------
    shape, size_sigma
        Which; sizes without sign.
    faults, found
        How many there were, and for how many the series or its component raised an alert that is not there without
        the fault.
    recall
        found / faults.
    alarming_anyway
        Share of faults in whose rows there is an alert without them, too: they lie in an incident, or in noise.
    median_delay_s
        From the first row of a fault to the first such alert, of those found; None if none was.
    missed
        Series and first row of the judged part of at most three faults that were not found.
    """

    shape: FaultShape
    size_sigma: float
    faults: int
    found: int
    recall: float
    alarming_anyway: float
    median_delay_s: float | None
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One fault with the rows that alerted, with it and without it; row 0 is the first of the fault."""

    fault: InjectedFault
    alerts: NDArray[np.bool_]
    alerts_without: NDArray[np.bool_]


def robust_sigma(history: MetricFrame) -> Array:
    """Robust standard deviation of each series around the median of its hour of the day.

    Parameters
    ----------
    history
        Normal rows.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        1.4826 times the median absolute deviation, in the metric's unit; NaN without a value.
    """
    hour = history.times.astype("datetime64[h]").astype(np.int64) % 24
    table = pd.DataFrame(history.values)
    rest = table - table.groupby(hour).transform("median")
    return 1.4826 * rest.abs().median().to_numpy(dtype=np.float64)


def plan_faults(history: MetricFrame, judged: MetricFrame, *, seed: int) -> tuple[tuple[InjectedFault, ...], ...]:
    """Choose where which fault is put, in rounds that are judged independently of each other.

    In a round at most half of the components get faults (the only one, if there is one), each on one series at a time.
    Series whose robust standard deviation is 0 are not chosen: their faults would have no size.

    Parameters
    ----------
    history
        What was learnt from; gives the standard deviations.
    judged
        The same series, later.
    seed
        Of all choices.

    Returns
    -------
    tuple of tuple of InjectedFault
        The faults of each round.

    Raises
    ------
    InputError
        If the judged part has fewer than 48 rows, or no series can take a fault.
    """
    if judged.n_rows < LEAST_ROWS:
        remedy = f"leave at least {LEAST_ROWS} rows to judge"
        raise InputError(f"{judged.n_rows} judged rows are too few to put faults into", remedy=remedy)
    sigma = robust_sigma(history)
    hosts = _hosts(judged, sigma)
    if not hosts:
        raise InputError(
            "no series varies enough to take a fault", remedy="leave out --inject, or give another history"
        )
    rng = np.random.default_rng(seed)
    segments = int(np.clip(judged.n_rows * judged.step_s // (6 * DAY_S), 1, 3))
    touched = max(1, len(hosts) // 2)
    wanted = _wanted(rng, repeats=int(np.clip(touched * segments // 16, LEAST_REPEATS, MOST_REPEATS)))
    rounds: list[tuple[InjectedFault, ...]] = []
    while wanted and len(rounds) < MOST_ROUNDS:
        chosen = rng.permutation(len(hosts))[:touched]
        rounds.append(tuple(_round(rng, judged, sigma, [hosts[i] for i in chosen], segments, wanted)))
    return tuple(rounds)


def inject(frame: MetricFrame, faults: Iterable[InjectedFault]) -> MetricFrame:
    """Put faults into metrics.

    Parameters
    ----------
    frame
        Not changed.
    faults
        As planned for this frame.

    Returns
    -------
    MetricFrame
        A copy that differs in the rows of the faults only.
    """
    values = frame.values.copy()
    for fault in faults:
        column = frame.keys.index(fault.key)
        values[fault.first : fault.end, column] = _spoilt(fault, values[: fault.end, column], frame.step_s)
    return MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)


def measure(trials: Sequence[Trial], step_s: float) -> tuple[FaultFigures, ...]:
    """Recall and delay by shape and size.

    Parameters
    ----------
    trials
        One a fault.
    step_s
        Seconds between rows.

    Returns
    -------
    tuple of FaultFigures
        By shape, then by size.
    """
    groups: dict[tuple[FaultShape, float], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.fault.shape, abs(trial.fault.size)), []).append(trial)
    order = list(FaultShape)
    return tuple(
        _figures(shape, size, groups[shape, size], step_s)
        for shape, size in sorted(groups, key=lambda pair: (order.index(pair[0]), pair[1]))
    )


def _figures(shape: FaultShape, size: float, trials: Sequence[Trial], step_s: float) -> FaultFigures:
    new = [trial.alerts & ~trial.alerts_without for trial in trials]
    delays = [int(np.argmax(alerts)) for alerts in new if alerts.any()]
    return FaultFigures(
        shape=shape,
        size_sigma=size,
        faults=len(trials),
        found=len(delays),
        recall=len(delays) / len(trials),
        alarming_anyway=sum(bool(trial.alerts_without.any()) for trial in trials) / len(trials),
        median_delay_s=float(np.median(delays)) * step_s if delays else None,
        missed=tuple(
            f"{trial.fault.key}, row {trial.fault.first}"
            for trial, alerts in zip(trials, new, strict=True)
            if not alerts.any()
        )[:3],
    )


def _hosts(judged: MetricFrame, sigma: Array) -> list[list[int]]:
    """The columns of each component that can take a fault."""
    present = ~np.isnan(judged.values)
    fit = (sigma > 0) & np.isfinite(sigma) & (present.mean(axis=0) >= 0.5)
    columns = ([column for column in members if fit[column]] for members in components(judged.keys).values())
    return [members for members in columns if members]


def _wanted(rng: np.random.Generator, repeats: int) -> list[tuple[FaultShape, float]]:
    """Every shape in every size, as often as wanted; each kind once before any comes again."""
    kinds: list[tuple[FaultShape, float]] = [
        (shape, size) for shape in FaultShape if shape is not FaultShape.FLAT_LINE for size in SIZES
    ]
    kinds.append((FaultShape.FLAT_LINE, 0.0))
    return [kinds[place] for _ in range(repeats) for place in rng.permutation(len(kinds))]


def _round(
    rng: np.random.Generator,
    judged: MetricFrame,
    sigma: Array,
    hosts: Sequence[list[int]],
    segments: int,
    wanted: list[tuple[FaultShape, float]],
) -> Iterator[InjectedFault]:
    """Take from what is wanted, and place it: one fault a component and segment of time."""
    length = judged.n_rows // segments
    for members in hosts:
        for segment in range(segments):
            if not wanted:
                return
            shape, size = wanted.pop(0)
            column = int(rng.choice(members))
            rows = _rows_of(shape, judged.step_s, length)
            first = _place(rng, judged.values[:, column], segment * length, (segment + 1) * length, rows)
            if first is None:
                continue
            window = judged.values[first : first + rows, column]
            sign = (
                -1.0
                if rng.random() < 0.5 and _may_fall(judged.values[:, column], window, size * sigma[column])
                else 1.0
            )
            yield InjectedFault(
                key=judged.keys[column],
                shape=shape,
                size=sign * size,
                sigma=float(sigma[column]),
                first=first,
                end=first + rows,
                seed=int(rng.integers(2**31)),
            )


def _rows_of(shape: FaultShape, step_s: float, most: int) -> int:
    return 1 if shape is FaultShape.SPIKE else min(max(12, round(DURATIONS_S[shape] / step_s)), most // 2)


def _place(rng: np.random.Generator, values: Array, first: int, end: int, rows: int) -> int | None:
    """A start with enough values behind it, and one right before it; None if chance finds none."""
    for start in rng.integers(first + 1, end - rows + 1, size=_TRIES).tolist():
        window = values[start - 1 : start + rows]
        if not np.isnan(window[:2]).any() and np.mean(~np.isnan(window)) >= LEAST_PRESENT:
            return int(start)
    return None


def _may_fall(values: Array, window: Array, depth: float) -> bool:
    """Whether a metric that is never negative stays so."""
    return bool(np.nanmin(values) < 0 or np.nanmin(window) >= depth)


def _spoilt(fault: InjectedFault, values: Array, step_s: float) -> Array:
    """The rows of the fault, from the values up to its end."""
    window: Array = values[fault.first :]
    height = fault.size * fault.sigma
    rows = np.arange(1, len(window) + 1)
    if fault.shape is FaultShape.FLAT_LINE:
        return np.where(np.isnan(window), np.nan, values[fault.first - 1])
    shapes: dict[FaultShape, Array] = {
        FaultShape.SPIKE: np.ones(len(window)),
        FaultShape.LEVEL_SHIFT: np.ones(len(window)),
        FaultShape.SLOW_DRIFT: rows / len(window),
        FaultShape.VARIANCE_CHANGE: np.random.default_rng(fault.seed).normal(size=len(window)),
        FaultShape.SEASON_CHANGE: np.sin(2 * np.pi * rows * step_s / DAY_S),
    }
    return window + height * shapes[fault.shape]
