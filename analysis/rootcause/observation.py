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
CLEARLY = 1.2
"""How much better another split must be before the detection is doubted."""
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
    """Centre and floored robust scale of each column before the onset; NaN centre where there is no history."""
    history = scaled[:onset]
    low, quarter, centre, three_quarters, high = _quantiles(history, (0.05, 0.25, 0.5, 0.75, 0.95))
    mad = 1.4826 * _median(np.abs(history - centre))
    spreads = [mad, (three_quarters - quarter) / 1.349, (high - low) / 3.29 / 2, floors * np.abs(centre)]
    scale = np.nan_to_num(np.fmax.reduce(spreads))
    # A constant zero has no scale of its own: what it reaches in the incident is the only unit that is left.
    incident = scaled[onset:]
    reached = np.max(np.abs(incident), axis=0, initial=0.0, where=~np.isnan(incident))
    return centre, np.where(scale > 1e-12, scale, np.maximum(RELATIVE_FLOOR * reached, 1e-12))


def _share(rows: Values) -> Values:
    """Share of present values of each column; 0 without rows."""
    present: Values = (~np.isnan(rows)).sum(axis=0) / max(len(rows), 1)
    return present


def _find_onset(scaled: Values, cut: int, floors: Values) -> int:
    """Where history and incident differ most, near the detection.

    Tried are splits up to as many rows before the detection as the incident has behind it, and up to half of the
    incident later; the detection itself stands unless another split tells the two apart clearly better.
    """
    best, most = cut, _contrast(scaled, cut, floors) * CLEARLY
    for split in _splits(cut, len(scaled)):
        contrast = _contrast(scaled, split, floors)
        if contrast > most:
            best, most = split, contrast
    return best


def _splits(cut: int, n_rows: int) -> list[int]:
    """Rows to try as the onset, nearest to the detection first."""
    after = n_rows - cut
    steps = {round(after * i / ONSET_TRIALS) for i in range(1, ONSET_TRIALS + 1)}
    early = {cut - step for step in steps if cut - step >= max(FEWEST_HISTORY, cut // 3)}
    late = {cut + max(1, step) for step in steps if 0 < step <= after // 2}
    return sorted(early | late - {cut}, key=lambda row: (abs(row - cut), row))


def _contrast(scaled: Values, split: int, floors: Values) -> float:
    """How far the most moved series move if the incident starts at a row; 0 without history."""
    if not 0 < split < len(scaled):
        return 0.0
    centre, scale = _history(scaled, split, floors)
    shift = np.nan_to_num(np.abs(_median(scaled[split:]) - centre) / scale)
    return float(np.sort(np.log1p(np.maximum(0.0, shift - ODD_DEVIATION)))[-LEADING_SERIES:].sum())
