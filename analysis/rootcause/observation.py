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
"""Robust deviations from which a row of a moved series counts as part of the incident."""
RELATIVE_FLOOR = 0.01
"""A scale is never below this part of the series' own level: changes under 1 % are noise in any unit."""
FALLBACK_ROWS = 5
"""Rows taken for the incident when none lies at or after the detection."""
LEADING_SERIES = 8
"""Most moved series that vote on the onset."""

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
        onset = min(onset, to_datetime(series.times[series.onset]))
    return Observation(situation=situation, series=series, graph=graph, candidates=tuple(sorted(names)), onset=onset)


def view_series(frame: MetricFrame, detected_at: datetime) -> SeriesView | None:
    """Split the frame and measure every series against its own history.

    The detection may be late: rows before it that are as odd as the incident already are counted to it.

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
    onset = _find_onset(scaled, cut)
    baseline, scale = _history(scaled, onset)
    level = _median(scaled[onset:])
    keys = tuple(frame.keys[i] for i in order)
    return SeriesView(
        keys=keys,
        kinds=tuple(classify(key.metric) for key in keys),
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


def _history(scaled: Values, onset: int) -> tuple[Values, Values]:
    """Centre and floored robust scale of each column before the onset; NaN centre where there is no history."""
    history = scaled[:onset]
    quarter, centre, three_quarters = _quantiles(history, (0.25, 0.5, 0.75))
    mad = 1.4826 * _median(np.abs(history - centre))
    counts = np.maximum((~np.isnan(history)).sum(axis=0), 1)
    away = np.where(np.isnan(history), 0.0, history - centre)
    deviation = np.sqrt((away**2).sum(axis=0) / counts) / 4
    scale = np.fmax.reduce([mad, (three_quarters - quarter) / 1.349, deviation, RELATIVE_FLOOR * np.abs(centre)])
    # A constant zero has no scale of its own; its largest value is the only unit that is left.
    return centre, np.where(np.nan_to_num(scale) > 1e-12, scale, RELATIVE_FLOOR)


def _share(rows: Values) -> Values:
    """Share of present values of each column; 0 without rows."""
    present: Values = (~np.isnan(rows)).sum(axis=0) / max(len(rows), 1)
    return present


def _find_onset(scaled: Values, cut: int) -> int:
    """Walk back from the detection while most of the moved series are odd already; at most half of the history."""
    if cut < 4:
        return cut
    centre, scale = _history(scaled, cut)
    shift = np.abs(_median(scaled[cut:]) - centre) / scale
    leading = [int(i) for i in np.argsort(-np.nan_to_num(shift), kind="stable")[:LEADING_SERIES]]
    leading = [i for i in leading if shift[i] > ODD_DEVIATION]
    if not leading:
        return cut
    sign = np.sign(_median(scaled[cut:])[leading] - centre[leading])
    odd = ((scaled[:, leading] - centre[leading]) / scale[leading]) * sign > ODD_DEVIATION
    onset = cut
    while onset > cut // 2 and odd[onset - 1].mean() > 0.5:
        onset -= 1
    return onset
