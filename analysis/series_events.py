"""Events read off the metrics themselves, for an incident that no detector has seen: which series left its band, when.

A series counts as odd if the incident lies further from the history than any stretch of that history of the same
length did: what swings that far on a calm day is no event. Needs no trained bundle.
"""

import math

import numpy as np
from numpy.typing import NDArray

from analysis.events import Event, EventKind, is_symptom
from analysis.rootcause import level
from analysis.rootcause.observation import SeriesView
from analysis.rootcause.onset import ODD_DEVIATION
from analysis.rootcause.robust import Values, median
from models.frames import to_datetime

LEAST_SHIFT = 5.0
"""Robust deviations that the level must have moved, at least."""
MARGIN = 1.2
"""How much further than ever before in the history, as a factor."""
FEWEST_STRETCHES, MOST_STRETCHES = 8, 60
"""Stretches of the history that are compared with, the latest ones; shorter than the incident if the history is."""


def from_series(view: SeriesView) -> tuple[Event, ...]:
    """See the moved series as events.

    Parameters
    ----------
    view
        The series, split at the onset.

    Returns
    -------
    tuple of Event
        Sorted; at most one a series. It begins in the first row of the incident (or the one before it) that is outside
        of the band and stays there for a second row, and lasts until the last such row. A series that appears with
        the incident, or falls silent, is one too. Weight 1.0 is a move that barely counts; it grows with the logarithm.
    """
    limits = _limits(view)
    shift = np.nan_to_num(view.shift)
    is_special = level.is_new(view) | level.is_silent(view)
    columns = np.flatnonzero((np.abs(shift) > limits) | is_special)
    return tuple(sorted(_event(view, int(i), float(limits[i])) for i in columns))


def _limits(view: SeriesView) -> Values:
    """How far each series must have moved: further than any stretch of its history that is as long as the incident."""
    length = max(1, min(len(view.deviations) - view.onset, view.onset // FEWEST_STRETCHES))
    history = view.deviations[max(0, view.onset - MOST_STRETCHES * length) : view.onset]
    history = history[len(history) % length :]
    stretches = [median(history[first : first + length]) for first in range(0, len(history), length)]
    farthest = np.max(np.abs(np.nan_to_num(np.array(stretches))), axis=0) if stretches else np.zeros(len(view.keys))
    limits: Values = np.maximum(LEAST_SHIFT, MARGIN * farthest)
    return limits


def _event(view: SeriesView, column: int, limit: float) -> Event:
    """What one series did."""
    first, last = _span(view, column)
    start, end = to_datetime(view.times[first]), to_datetime(view.times[last])
    ratio = abs(float(np.nan_to_num(view.shift[column]))) / limit
    key = view.keys[column]
    return Event(
        at=start,
        component=key.component,
        kind=EventKind.ANOMALY,
        name=key.metric,
        detail=_sentence(view, column),
        weight=1.0 + math.log(max(1.0, min(ratio, 1e6))),
        lasted_s=(end - start).total_seconds() + _step_s(view),
        is_symptom=is_symptom(key.metric, is_falling=view.shift[column] < 0),
    )


def _span(view: SeriesView, column: int) -> tuple[int, int]:
    """First and last row in which the series is odd."""
    first = max(view.onset - 1, 0)
    deviations = view.deviations[first:, column]
    if view.presence[0][column] == 0:
        rows = ~np.isnan(view.values[first:, column])
    elif view.presence[1][column] == 0:
        rows = np.isnan(view.values[first:, column])
    else:
        rows = np.sign(view.shift[column]) * np.nan_to_num(deviations) > ODD_DEVIATION
    odd = np.flatnonzero(_lasting(rows))
    return (first + int(odd[0]), first + int(odd[-1])) if len(odd) else (view.onset, view.onset)


def _lasting(rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows with an odd neighbour; all odd ones if there are no two in a row."""
    pairs = rows[:-1] & rows[1:]
    lasting = np.append(pairs, False) | np.append(False, pairs)
    return lasting if lasting.any() else rows


def _sentence(view: SeriesView, column: int) -> str:
    """What happened to the value."""
    before, now = float(view.baseline[column]), float(view.level[column])
    if view.presence[0][column] == 0:
        return f"appeared, at {now:.4g}"
    if view.presence[1][column] == 0:
        return f"fell silent; it was at {before:.4g}"
    return f"{'rose' if now > before else 'fell'} from {before:.4g} to {now:.4g}"


def _step_s(view: SeriesView) -> float:
    """Usual distance of two rows, seconds; 0 with a single row."""
    gaps = np.diff(view.times) / np.timedelta64(1, "s")
    return float(np.median(gaps)) if len(gaps) else 0.0
