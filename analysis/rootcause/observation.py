"""The frame as the collectors see it: history and incident told apart, every series on its own robust scale.

Nothing is ranked here. A few odd points, missing values or a constant past break none of the figures.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from analysis.rootcause.alert_calls import calls_of
from analysis.rootcause.kinds import MetricKind, classify
from analysis.rootcause.onset import find_onset
from analysis.rootcause.robust import RELATIVE_FLOOR, Values, baseline_of, median, presence_of, units_of
from analysis.rootcause.tables import tidied
from analysis.situation import Situation
from analysis.topology import DependencyGraph, EdgeSource, from_edges, from_traces
from models.frames import MetricFrame, SeriesKey, to_datetime, to_datetime64

ERRORS_FLOOR = 0.002
"""Scales of errors are floored lower than others: an availability of 99 % instead of 100 % is no noise."""
FEWEST_SETTLED = 3
"""Rows from the detection on that are needed to judge the incident by them alone."""
FALLBACK_ROWS = 5
"""Rows taken for the incident when none lies at or after the detection."""


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
    settled
        First row that is surely of the incident: an onset before the detection is a guess. From ``onset`` to it the
        rows tell of neither side.
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
    settled: int
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
        As it came, its tables tidied.
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
    situation = tidied(situation)
    series = view_series(situation.frame, situation.detected_at) if situation.frame is not None else None
    graph = from_edges(situation.edges or ())
    if situation.traces is not None:
        graph = graph.united_with(from_traces(situation.traces))
    if situation.events is not None:
        graph = graph.united_with(from_edges(calls_of(situation.events), source=EdgeSource.TRACES))
    names = set(graph.components)
    if situation.frame is not None:
        names |= set(situation.frame.components)
    if situation.target is not None:
        names.add(situation.target.component)
    for table in (situation.logs, situation.events):
        if table is not None:
            names |= {str(name) for name in table["component"].unique()}
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
    units = units_of(values)
    scaled = values / units
    keys = tuple(frame.keys[i] for i in order)
    kinds = tuple(classify(key.metric) for key in keys)
    floors = np.array([ERRORS_FLOOR if kind is MetricKind.ERRORS else RELATIVE_FLOOR for kind in kinds])
    onset = find_onset(scaled, cut, floors)
    baseline, scale = baseline_of(scaled, onset, floors)
    settled = max(onset, cut) if len(times) - max(onset, cut) >= FEWEST_SETTLED else onset
    level = median(scaled[settled:])
    return SeriesView(
        keys=keys,
        kinds=kinds,
        times=times,
        values=values,
        onset=onset,
        settled=settled,
        baseline=baseline * units,
        level=level * units,
        shift=(level - baseline) / scale,
        deviations=(scaled - baseline) / scale,
        presence=np.array([presence_of(scaled[:onset]), presence_of(scaled[onset:])]),
    )
