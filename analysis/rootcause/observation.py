"""The frame as the collectors see it: history and incident told apart, every series on its own robust scale.

Nothing is ranked here. Robust means: half of the history may be odd, missing or constant before a figure breaks.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from analysis.rootcause.kinds import MetricKind, classify
from analysis.situation import Situation
from analysis.topology import DependencyGraph, from_edges, from_traces
from models.frames import MetricFrame, SeriesKey, to_datetime, to_datetime64

ODD_DEVIATION = 3.0
"""Robust deviations from which a row counts as odd."""
RELATIVE_FLOOR = 0.01
"""A scale is never below this part of the series' own level: changes under 1 % are noise in most units."""
ERRORS_FLOOR = 0.002
"""The same for errors: an availability of 99 % instead of 100 % is no noise."""
FALLBACK_ROWS = 5
"""Rows taken for the incident when none lies at or after the detection."""
LEADING_SERIES = 8
"""Most moved series that vote on the onset."""
ONSET_TRIALS = 8
"""Splits tried on each side of the detection."""
STEP_ROWS = 15
"""Rows before a split that are compared with at most as many behind it."""
CLEAR_STEP = 6.0
"""Robust deviations that a series must step to say in which row."""
CLEARLY, LEAST_STEP = 1.2, 2.0
"""How much higher, as a factor and in points, the step at another split must be before the detection is doubted."""
SCALE_ROWS, SCALE_FACTOR = 60, 8
"""The scale is that of the last 60 rows, or of eight times the incident if that is longer: an older past tells of other
hours."""
BLOCK_ROWS = 20
CENTRE_ROWS, CENTRE_FACTOR = 30, 2
"""The centre is that of the last 30 rows, or of twice the incident: a daily swing is no shift."""
FEWEST_HISTORY = 4
"""Rows of history that must be left."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesView:
    """All series of a situation, split at the onset.

    Parameters
    ----------
    keys
        Sorted, one a column.
    kinds
        Of each column.
    times
        UTC, shape (n_rows,); rows without any value are left out.
    values
        Shape (n_rows, n_series), as in the frame.
    onset
        First row of the incident.
    baseline, level
        Median of history and of the incident, shape (n_series,); NaN where there is no value.
    shift
        Signed difference of the two in robust deviations of the history, shape (n_series,); NaN if one is missing.
    deviations
        Every row in robust deviations of the history, shape (n_rows, n_series).
    presence
        Share of present values in history and in the incident, shape (2, n_series).
    """

    keys: tuple[SeriesKey, ...]
    kinds: tuple[MetricKind, ...]
    times: NDArray[np.datetime64]
    values: Values
    onset: int
    baseline: Values
    level: Values
    shift: Values
    deviations: Values
    presence: Values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observation:
    """What every collector gets.

    Parameters
    ----------
    situation
        As it came.
    series
        None if there is no metric value at all.
    graph
        Declared edges and those of the traces; may be empty.
    candidates
        Every component that any part of the situation names, sorted.
    onset
        UTC; that of the series, or the detection where there are none.
    """

    situation: Situation
    series: SeriesView | None
    graph: DependencyGraph
    candidates: tuple[str, ...]
    onset: datetime


def observe(situation: Situation) -> Observation:
    """Prepare a situation.

    Parameters
    ----------
    situation
        Anything; every part may be absent.

    Returns
    -------
    Observation
        Independent of the order of columns, edges and rows of the tables.
    """
    series = view_series(situation.frame, situation.detected_at) if situation.frame is not None else None
    graph = from_edges(situation.edges or ())
    if situation.traces is not None:
        graph = graph.united_with(from_traces(situation.traces))
    names = set(graph.components)
    if situation.frame is not None:
        names |= set(situation.frame.components)
    if situation.target is not None:
        names.add(situation.target.component)
    for table in (situation.logs, situation.events):
        if table is not None:
            names |= {str(name) for name in table["component"].unique()} - {""}
    onset = situation.detected_at
    if series is not None and series.onset < len(series.times):
        onset = to_datetime(series.times[series.onset])
    return Observation(situation=situation, series=series, graph=graph, candidates=tuple(sorted(names)), onset=onset)


def view_series(frame: MetricFrame, detected_at: datetime) -> SeriesView | None:
    """Split the frame and measure every series against its own history.

    The detection may be late or early: of the splits near it that one is taken that tells the two apart best.

    Parameters
    ----------
    frame
        Any order of columns.
    detected_at
        UTC.

    Returns
    -------
    SeriesView or None
        None if the frame holds no value.
    """
    present = ~np.isnan(frame.values)
    rows = np.flatnonzero(present.any(axis=1))
    if not len(rows):
        return None
    order = sorted(range(frame.n_series), key=lambda i: frame.keys[i])
    values = frame.values[rows][:, order]
    times = frame.times[rows]
    cut = int(np.searchsorted(times, to_datetime64(detected_at)))
    if cut == len(rows):
        cut -= min(FALLBACK_ROWS, max(1, len(rows) // 10))
    units = _units(values)
    scaled = values / units
    keys = tuple(frame.keys[i] for i in order)
    kinds = tuple(classify(key.metric) for key in keys)
    floors = np.array([ERRORS_FLOOR if kind is MetricKind.ERRORS else RELATIVE_FLOOR for kind in kinds])
    onset = _find_onset(scaled, cut, floors)
    baseline, scale = _history(scaled, onset, floors)
    level = _median(scaled[onset:])
    return SeriesView(
        keys=keys,
        kinds=kinds,
        times=times,
        values=values,
        onset=onset,
        baseline=baseline * units,
        level=level * units,
        shift=(level - baseline) / scale,
        deviations=(scaled - baseline) / scale,
        presence=np.array([_share(scaled[:onset]), _share(scaled[onset:])]),
    )


def _units(values: Values) -> Values:
    """Largest magnitude of each column, so that no unit can overflow; 1 for a column of zeros or without values."""
    magnitude = np.max(np.abs(values), axis=0, initial=0.0, where=~np.isnan(values))
    return np.where(magnitude > 0, magnitude, 1.0)


def _median(rows: Values) -> Values:
    """Median of each column; NaN where there is no value."""
    median: Values = _quantiles(rows, (0.5,))[0]
    return median


def _quantiles(rows: Values, shares: tuple[float, ...]) -> Values:
    """Linear quantiles of each column over its present values, shape (n_shares, n_series); NaN where there are none."""
    result = np.full((len(shares), rows.shape[1]), np.nan)
    counts = (~np.isnan(rows)).sum(axis=0)
    filled = np.flatnonzero(counts)
    if not len(filled):
        return result
    ordered = np.sort(rows[:, filled], axis=0)
    for i, share in enumerate(shares):
        place = share * (counts[filled] - 1)
        low = np.floor(place).astype(np.int64)
        high = np.ceil(place).astype(np.int64)
        below = np.take_along_axis(ordered, low[None, :], axis=0)[0]
        above = np.take_along_axis(ordered, high[None, :], axis=0)[0]
        result[i, filled] = below + (above - below) * (place - low)
    return result


def _history(scaled: Values, onset: int, floors: Values) -> tuple[Values, Values]:
    """Centre and floored robust scale of each column before the onset; NaN centre where there is no history.

    The scale is the larger of the spread inside blocks of the recent past and of the usual shift from one block to the
    next: a daily swing is neither noise nor a shift.
    """
    length = len(scaled) - onset
    history = scaled[max(0, onset - max(SCALE_ROWS, SCALE_FACTOR * length)) : onset]
    recent = _median(scaled[max(0, onset - max(CENTRE_ROWS, CENTRE_FACTOR * length)) : onset])
    centre = np.where(np.isnan(recent), _median(history), recent)
    residuals, drift = _blocks(history)
    low, quarter, middle, three_quarters, high = _quantiles(residuals, (0.05, 0.25, 0.5, 0.75, 0.95))
    mad = 1.4826 * _median(np.abs(residuals - middle))
    spreads = [mad, (three_quarters - quarter) / 1.349, (high - low) / 3.29 / 2, drift, floors * np.abs(centre)]
    scale = np.nan_to_num(np.fmax.reduce(spreads))
    # A constant zero has no scale of its own: what it reaches in the incident is the only unit that is left.
    incident = scaled[onset:]
    reached = np.max(np.abs(incident), axis=0, initial=0.0, where=~np.isnan(incident))
    return centre, np.where(scale > 1e-12, scale, np.maximum(RELATIVE_FLOOR * reached, 1e-12))


def _blocks(history: Values) -> tuple[Values, Values]:
    """Residuals from the medians of blocks, and the median distance between neighbouring blocks."""
    starts = range(len(history) % BLOCK_ROWS if len(history) >= BLOCK_ROWS else 0, len(history), BLOCK_ROWS)
    blocks = [history[start : start + BLOCK_ROWS] for start in starts]
    medians = [_median(block) for block in blocks]
    residuals = [block - median for block, median in zip(blocks, medians, strict=True)]
    if len(blocks) < 2:
        return np.concatenate([history[:0], *residuals]), np.zeros(history.shape[1])
    return np.concatenate(residuals), _median(np.abs(np.diff(np.array(medians), axis=0)))


def _share(rows: Values) -> Values:
    """Share of present values of each column; 0 without rows."""
    present: Values = (~np.isnan(rows)).sum(axis=0) / max(len(rows), 1)
    return present


def _find_onset(scaled: Values, cut: int, floors: Values) -> int:
    """Where the series step, near the detection.

    Tried are splits up to as many rows before the detection as the incident has behind it, and up to half of the
    incident later; the detection itself stands unless the step at another split is clearly higher.
    """
    splits = _splits(cut, len(scaled))
    if not splits:
        return cut
    _, scale = _history(scaled, min(cut, *splits), floors)
    width = min(STEP_ROWS, max(len(scaled) - cut, 3))
    here = _step_height(scaled, cut, width, scale)
    best, most = cut, max(here * CLEARLY, here + LEAST_STEP)
    for split in splits:
        height = _step_height(scaled, split, width, scale)
        if height > most:
            best, most = split, height
    return _refine(scaled, best, width, scale)


def _refine(scaled: Values, split: int, width: int, scale: Values) -> int:
    """Move a split to the row where the stepping series change sides; medians alone leave it half a window open."""
    low, high = _median(scaled[max(0, split - STEP_ROWS) : split]), _median(scaled[split : split + width])
    step = np.nan_to_num(np.abs(high - low) / scale)
    leading = [i for i in np.argsort(-step, kind="stable")[:LEADING_SERIES] if step[i] > CLEAR_STEP]
    reach = min(width // 2, split - FEWEST_HISTORY, len(scaled) - split - 1)
    if not leading or reach < 1:
        return split
    near = scaled[split - reach : split + reach, leading]
    middle = (low + high)[leading] / 2
    sides = np.nan_to_num(np.sign(near - middle) * np.sign((high - low)[leading])).sum(axis=1)
    # The rows from the split on should lie on the side of the incident, those before it on the other one.
    gain = np.append(np.cumsum(sides[::-1])[::-1], 0.0)
    best = float(gain.max())
    return split if gain[reach] == best else split - reach + int(np.argmax(gain))


def _splits(cut: int, n_rows: int) -> list[int]:
    """Rows to try as the onset, nearest to the detection first."""
    after = n_rows - cut
    steps = {round(after * i / ONSET_TRIALS) for i in range(1, ONSET_TRIALS + 1)}
    early = {cut - step for step in steps if cut - step >= max(FEWEST_HISTORY, cut // 3)}
    late = {cut + max(1, step) for step in steps if 0 < step <= after // 2}
    return sorted(early | late - {cut}, key=lambda row: (abs(row - cut), row))


def _step_height(scaled: Values, split: int, width: int, scale: Values) -> float:
    """How far the series that step most step from the rows before a split to those behind it."""
    before, behind = scaled[max(0, split - STEP_ROWS) : split], scaled[split : split + width]
    step = np.nan_to_num(np.abs(_median(behind) - _median(before)) / scale)
    return float(np.sort(np.log1p(np.maximum(0.0, step - ODD_DEVIATION)))[-LEADING_SERIES:].sum())
