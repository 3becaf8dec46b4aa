"""Alerts of a back-test set beside labels, with the figures of ``models.evaluation``.

A label that names several series of a component is found when any of them alerts; so the series that a label ties
together are judged as one. A series without a label is taken to be normal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.budgets import Judgement, judged_days
from models.errors import InputError
from models.evaluation import ScoredSeries, evaluate
from models.frames import MetricFrame
from models.sources.labels import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """How well alerts met labels.

    Parameters
    ----------
    events, found
        Labelled events in the judged part, and those with an alert in one of their rows.
    false_alerts
        Alerts outside events.
    false_per_series_day
        Alerts by the judges of single series outside events, without those by rules, per series and day that could be
        judged: what the budget is for. None if nothing could be judged.
    recall, precision, event_f1
        found / events; found / (found + false_alerts); their harmonic mean. No point adjustment.
    delay_7_f1
        Best F1 over rows when an event is found in its first eight rows or not at all; mean over what is labelled.
    auc_pr
        Area under the precision-recall curve of rows; mean over what is labelled.
    median_delay_s
        From the start of an event to its first alert, of those found; None if none was.
    """

    events: int
    found: int
    false_alerts: int
    false_per_series_day: float | None
    recall: float
    precision: float
    event_f1: float
    delay_7_f1: float
    auc_pr: float
    median_delay_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLabels:
    """Labels laid on the judged rows.

    Parameters
    ----------
    units
        Columns that are judged as one.
    events
        First row and one behind the last row of each, for each unit; overlapping ones are joined.
    notes
        What was not used or joined, for people.
    """

    units: tuple[tuple[int, ...], ...]
    events: tuple[tuple[tuple[int, int], ...], ...]
    notes: tuple[str, ...]


def place_labels(labels: Sequence[Label], frame: MetricFrame) -> PlacedLabels:
    """Find the series and rows of labels.

    Parameters
    ----------
    labels
        As read.
    frame
        The judged rows.

    Returns
    -------
    PlacedLabels
        Every column is in one unit.

    Raises
    ------
    InputError
        If no label names a judged series and lies in the judged rows.
    """
    parent = list(range(frame.n_series))
    found: list[tuple[int, int, int]] = []
    unmatched, outside = [], 0
    for label in labels:
        groups = _by_component(frame, np.flatnonzero(label.selector.matches(frame.keys)).tolist())
        if not groups:
            unmatched.append(str(label.selector))
            continue
        if label.end < frame.start or label.start >= frame.end:
            outside += 1
            continue
        first = min(frame.row_at(label.start), frame.n_rows - 1)
        end = max(frame.row_at(label.end), first + 1)
        for columns in groups:
            _join(parent, columns)
            found.append((columns[0], first, end))
    if not found:
        where = f"{frame.start} to {frame.end}"
        names = f", for example {unmatched[0]}" if unmatched else ""
        raise InputError(
            f"of {len(labels)} labels {len(unmatched)} name no judged series{names}, and {outside} lie outside {where}",
            remedy="check component and metric of the labels, or train on a shorter part",
        )
    units: dict[int, list[int]] = {}
    for column in range(frame.n_series):
        units.setdefault(_root(parent, column), []).append(column)
    spans: dict[int, list[tuple[int, int]]] = {root: [] for root in units}
    for column, first, end in found:
        spans[_root(parent, column)].append((first, end))
    events = {root: _merged(each) for root, each in spans.items()}
    overlapping = len(found) - sum(len(each) for each in events.values())
    return PlacedLabels(
        units=tuple(tuple(columns) for columns in units.values()),
        events=tuple(events[root] for root in units),
        notes=tuple(_notes(unmatched, outside, overlapping)),
    )


def compare(judgement: Judgement, placed: PlacedLabels) -> LabelFigures:
    """Compare alerts with labels.

    Parameters
    ----------
    judgement
        Of the rows that the labels were placed on.
    placed
        At least one event.

    Returns
    -------
    LabelFigures
        Over all units.
    """
    score = np.nan_to_num(judgement.alert)
    series = [
        ScoredSeries(
            events,
            score[:, columns].max(axis=1).astype(np.float64),
            np.asarray(judgement.told[:, columns].any(axis=1)),
            judgement.bundle.step_s,
        )
        for columns, events in zip((list(unit) for unit in placed.units), placed.events, strict=True)
    ]
    figures = evaluate(series)
    n_events, delay = int(figures["events"]), figures["median delay (rows)"]
    found = round(figures["recall, own boundary"] * n_events)
    false = sum(int(np.sum(one.alarm & ~one.label)) for one in series)
    return LabelFigures(
        events=n_events,
        found=found,
        false_alerts=false,
        false_per_series_day=_false_rate(judgement, placed),
        recall=found / n_events,
        precision=found / max(found + false, 1),
        event_f1=2 * found / max(found + false + n_events, 1),
        delay_7_f1=figures["delay-7 F1"],
        auc_pr=figures["AUC-PR"],
        median_delay_s=None if delay is None else delay * judgement.bundle.step_s,
    )


def _false_rate(judgement: Judgement, placed: PlacedLabels) -> float | None:
    counted = judgement.own & ~judgement.by_rule
    for unit, events in zip(placed.units, placed.events, strict=True):
        for first, end in events:
            counted[first:end, list(unit)] = False
    days = float(judged_days(judgement)[0].sum())
    return float(counted.sum()) / days if days else None


def _by_component(frame: MetricFrame, columns: Iterable[int]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for column in columns:
        groups.setdefault(frame.keys[column].component, []).append(column)
    return list(groups.values())


def _root(parent: list[int], column: int) -> int:
    while parent[column] != column:
        column = parent[column]
    return column


def _join(parent: list[int], columns: Sequence[int]) -> None:
    for column in columns[1:]:
        parent[_root(parent, column)] = _root(parent, columns[0])


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for first, end in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((first, end))
    return tuple(merged)


def _notes(unmatched: Sequence[str], outside: int, overlapping: int) -> Iterable[str]:
    for name in dict.fromkeys(unmatched):
        yield f"label names no judged series: {name}"
    if outside:
        yield f"{outside} labels lie outside the judged part and were not used"
    if overlapping:
        yield f"{overlapping} labels overlap or touch another one of the same series and count as one with it"
