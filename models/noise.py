"""Why a series alarms as often as it does, in words: from its seasons, its trend, its rest, and what was learnt."""

from collections.abc import Iterator

import numpy as np

from models.decomposition import DAY_S, WEEK_S, Decomposition, decompose, thin
from models.errors import InputError
from models.features import Array
from models.frames import MetricFrame

CLEAR = 0.6
"""Strength of a season or trend from which it is worth a word; Hyndman takes 0.64 as reason to difference."""
FAR_SD, MANY_FAR = 5.0, 0.001
FEW_VALUES = 6
MUCH_MISSING = 0.02
NAMES = {DAY_S: "day", WEEK_S: "week"}


def explain_noise(frame: MetricFrame, train_rows: int, column: int, *, learnt_by_day: bool) -> tuple[str, ...]:
    """Look for reasons why a series alarms often.

    Parameters
    ----------
    frame
        The whole history.
    train_rows
        How many rows were learnt from.
    column
        The series.
    learnt_by_day
        Whether a profile of the day was learnt that predicts better than the level.

    Returns
    -------
    tuple of str
        Short sentences, the figures of the decomposition first; at least one.
    """
    values = frame.values[:, column]
    times, thinned, step_s = thin(frame.times, values, frame.step_s)
    try:
        parts = decompose(times, thinned, step_s)
    except InputError as error:
        return (f"not decomposed: {error}", *_of_values(values, train_rows))
    reasons = (*_of_parts(parts, learnt_by_day=learnt_by_day), *_of_values(values, train_rows))
    return (_figures(parts), *(reasons or ("neither season, trend, jumps nor gaps explain it: perhaps incidents",)))


def _figures(parts: Decomposition) -> str:
    seasons = ", ".join(f"{NAMES.get(period, f'{period:g} s')} {s:.2f}" for period, s in parts.season_strength.items())
    filled = f"; {parts.interpolated} of {len(parts.residual)} rows interpolated" if parts.interpolated else ""
    return f"strength of trend {parts.trend_strength:.2f}, of season: {seasons}{filled}"


def _of_parts(parts: Decomposition, *, learnt_by_day: bool) -> Iterator[str]:
    day, week = (parts.season_strength.get(period, 0.0) for period in (DAY_S, WEEK_S))
    if day >= CLEAR and not learnt_by_day:
        yield f"its day repeats (strength {day:.2f}), but the day is not learnt: train on more days"
    if week >= CLEAR and week > day:
        yield f"its week repeats (strength {week:.2f}) more than its day: train on several weeks"
    if parts.trend_strength >= CLEAR and parts.trend_strength > max(day, week):
        yield f"its level wanders (strength of trend {parts.trend_strength:.2f})"
    far = _share_far(parts.residual)
    if far >= MANY_FAR:
        yield f"{far:.1%} of its rest lie more than {FAR_SD:g} robust standard deviations off: it jumps by nature"


def _share_far(rest: Array) -> float:
    off = np.abs(rest - np.median(rest))
    sigma = 1.4826 * float(np.median(off))
    return float(np.mean(off > FAR_SD * sigma)) if sigma > 0 else 0.0


def _of_values(values: Array, train_rows: int) -> Iterator[str]:
    before, after = (part[~np.isnan(part)] for part in (values[:train_rows], values[train_rows:]))
    missing = float(np.isnan(values).mean())
    if missing >= MUCH_MISSING:
        yield f"{missing:.0%} of its values are missing"
    different = len(np.unique(before))
    if 1 < different <= FEW_VALUES:
        yield f"it takes {different} values only: any other one is far off; a rule with least_deviation helps"
    if len(before) and len(after):
        low, middle, high = np.quantile(before, [0.005, 0.5, 0.995])
        now = float(np.median(after))
        if not low <= now <= high:
            yield f"its median went from {middle:.4g} in the learnt part to {now:.4g} in the judged one"
