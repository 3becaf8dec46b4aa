"""How far the residuals of a series usually stray, by hour of the day: the units in which a residual is strange.

A spread is 1.8 times the geometric mean of the absolute residuals of an hour, which a few outliers cannot move; for
Gaussian residuals that is 0.95 standard deviations. Half of it is that of the hour of the day (with its neighbours),
half that of all hours.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats

HOURS = 24
TO_SD = 1.8
LEAST_SHARE = 0.25
"""A residual counts at least as this fraction of its floor: its logarithm has to be finite."""
MEMORY = 8
"""An hour of the day remembers about so many days."""
MOST_STEP = 1.5
"""In logarithm: what one hour may change once the spread is known."""
SETTLED_HOURS = 48
"""Until then no spread is below that of the history."""


class SpreadState(NamedTuple):
    """What is remembered of each series; spreads are logarithms of a geometric mean."""

    prior: Floats  # (n_series, n_residuals) before anything was seen
    hourly: NDArray[np.float32]  # (n_series, n_residuals, HOURS)
    whole: Floats  # (n_series, n_residuals)
    total: Floats  # (n_series, n_residuals) sum of logarithms in this hour
    days: NDArray[np.int64]  # (n_series, HOURS) how often each hour was seen
    now: Floats  # (n_series, n_residuals) what ``usual`` gave for the present hour, not a logarithm
    counts: NDArray[np.int64]  # (n_series, 2) hours in all, rows in this hour


def blank(prior: Floats) -> SpreadState:
    """A state that has seen nothing.

    Parameters
    ----------
    prior
        Shape (n_series, n_residuals), logarithms.

    Returns
    -------
    SpreadState
        For ``in_spreads``.
    """
    n, kinds = prior.shape
    return SpreadState(
        prior=prior,
        hourly=np.zeros((n, kinds, HOURS), dtype=np.float32),
        whole=np.zeros((n, kinds)),
        total=np.zeros((n, kinds)),
        days=np.zeros((n, HOURS), dtype=np.int64),
        now=TO_SD * np.exp(prior),
        counts=np.zeros((n, 2), dtype=np.int64),
    )


@compiled
def of_series(state: SpreadState, i: int) -> SpreadState:
    """The part of one series, as views without the first axis."""
    return SpreadState(
        state.prior[i], state.hourly[i], state.whole[i], state.total[i], state.days[i], state.now[i], state.counts[i]
    )


@compiled
def usual(state: SpreadState, kind: int, hour: int) -> float:
    """Spread of a kind of residual at an hour of the day."""
    hours = state.counts[0]
    if hours == 0:
        return TO_SD * math.exp(state.prior[kind])
    whole, local, n = math.exp(state.whole[kind]), 0.0, 0
    for shift in range(-1, 2):
        near = (hour + shift) % HOURS
        if state.days[near] > 0:
            local += math.exp(state.hourly[kind, near])
            n += 1
    local = local / n if n > 0 else whole
    if hours < SETTLED_HOURS:
        whole = max(whole, math.exp(state.prior[kind]))
        local = max(local, whole)
    return TO_SD * 0.5 * (whole + local)


@compiled
def open_hour(state: SpreadState, hour: int) -> None:
    """Move to an hour of the day."""
    for kind in range(len(state.now)):
        state.now[kind] = usual(state, kind, hour)


@compiled
def note(state: SpreadState, kind: int, residual: float, floor: float) -> None:
    """Count a residual into the present hour; ``count_row`` once for all kinds of a row."""
    state.total[kind] += math.log(max(abs(residual), LEAST_SHARE * floor))


@compiled
def close_hour(state: SpreadState, hour: int) -> None:
    """Learn from the rows since the last close, which were those of an hour of the day."""
    rows = state.counts[1]
    if rows == 0:
        return
    seen, hours = state.days[hour], state.counts[0]
    for kind in range(len(state.total)):
        now = state.total[kind] / rows
        state.total[kind] = 0.0
        step = now - state.hourly[kind, hour]
        if seen >= 3:
            step = min(max(step, -MOST_STEP), MOST_STEP)
        state.hourly[kind, hour] += step / min(seen + 1, MEMORY)
        step = now - state.whole[kind]
        if hours >= HOURS:
            step = min(max(step, -MOST_STEP), MOST_STEP)
        state.whole[kind] += step / min(hours + 1, MEMORY * HOURS)
    state.days[hour] = seen + 1
    state.counts[0], state.counts[1] = hours + 1, 0
