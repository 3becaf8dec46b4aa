"""Ways to spoil a case that real recordings are spoilt in; all random choices come from the given generator."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd

from analysis.rootcause.kinds import MetricKind, classify
from benchmarks.rca.contract import candidates_of
from benchmarks.rca.graphs import GRAPHS
from benchmarks.rca.run import Renaming, Spoil
from models.frames import MetricFrame, SeriesKey
from models.sources.cases import Case

TABLES = ("traces", "logs", "events")
IDS = ("trace_id", "span_id", "parent_span_id")
COPIED = "copied-"


def late(case: Case, _random: np.random.Generator, share: float) -> tuple[Case, Renaming]:
    """Detect the incident when a part of it is over, so that its first rows lie in the history."""
    return replace(case, detected_at=case.detected_at + share * length_of(case)), {}


def length_of(case: Case) -> timedelta:
    """How long the incident is recorded."""
    ends = [pd.Timestamp(case.frame.end, tz="UTC")] if case.frame is not None else []
    ends += [table["ts"].max() for table in _tables(case).values() if len(table)]
    last = max(ends, default=pd.Timestamp(case.detected_at))
    return max(last.to_pydatetime() - case.detected_at, timedelta(0))


def thinned(case: Case, random: np.random.Generator, share: float) -> tuple[Case, Renaming]:
    """Lose values of metrics and rows of tables."""
    lost = {
        name: table[random.random(len(table)) >= share].reset_index(drop=True) for name, table in _tables(case).items()
    }
    if case.frame is not None:
        is_lost = random.random(case.frame.values.shape) < share
        lost_frame = _with_values(case.frame, np.where(is_lost, np.nan, case.frame.values))
        case = replace(case, frame=lost_frame)
    return _with_tables(case, lost), {}


def contaminated(case: Case, _random: np.random.Generator, share: float) -> tuple[Case, Renaming]:
    """Let the same incident have happened once before, in the middle of the history.

    Its rows, or as many of the first as fill the given share of the history, replace values there; rows of tables are
    added at the same distance, without metrics two lengths of the incident earlier.
    """
    length, back = length_of(case), 2 * length_of(case)
    if case.frame is not None:
        cut = case.frame.row_at(case.detected_at)
        count = min(case.frame.n_rows - cut, int(share * cut))
        first = (cut - count) // 2
        values = case.frame.values.copy()
        values[first : first + count] = case.frame.values[cut : cut + count]
        case = replace(case, frame=_with_values(case.frame, values))
        length, back = (timedelta(seconds=rows * case.frame.step_s) for rows in (count, cut - first))  # type: ignore[union-attr]  # just set
    tables = {name: _with_copy(table, case, length, back) for name, table in _tables(case).items()}
    return _with_tables(case, tables), {}


def _with_copy(table: pd.DataFrame, case: Case, length: timedelta, back: timedelta) -> pd.DataFrame:
    """Add the incident's first rows once more, earlier."""
    is_copied = (table["ts"] >= case.detected_at) & (table["ts"] < case.detected_at + length)
    copy = table[is_copied].assign(ts=table["ts"][is_copied] - back)
    for name in set(IDS) & set(copy.columns):
        copy[name] = copy[name].where(copy[name] == "", COPIED + copy[name])
    return pd.concat([table, copy]).sort_values("ts", kind="stable").reset_index(drop=True)


def without_kind(case: Case, _random: np.random.Generator, kind: MetricKind) -> tuple[Case, Renaming]:
    """Lose a family of metrics, and the alerts on it."""
    if case.frame is not None:
        kept = case.frame.where(lambda key: classify(key.metric) is not kind)
        case = replace(case, frame=kept if kept.n_series else None)
    if case.events is not None:
        is_lost = (case.events["kind"] == "METRIC") & (case.events["name"].map(classify) == kind)
        case = replace(case, events=case.events[~is_lost].reset_index(drop=True))
    return case, {}


def without_table(case: Case, _random: np.random.Generator, table: str) -> tuple[Case, Renaming]:
    """Lose a file."""
    return _with_tables(case, {table: None}), {}


def shuffled_columns(case: Case, random: np.random.Generator) -> tuple[Case, Renaming]:
    """Put the series and the edges into another order."""
    if case.frame is not None:
        order = random.permutation(case.frame.n_series)
        case = replace(case, frame=case.frame.select([case.frame.keys[i] for i in order]))
    if case.edges is not None:
        case = replace(case, edges=tuple(case.edges[i] for i in random.permutation(len(case.edges))))
    return case, {}


def shuffled_rows(case: Case, random: np.random.Generator) -> tuple[Case, Renaming]:
    """Put the rows of traces, logs and events into another order."""
    tables = {name: table.iloc[random.permutation(len(table))] for name, table in _tables(case).items()}
    return _with_tables(case, {name: table.reset_index(drop=True) for name, table in tables.items()}), {}


def renamed(case: Case, random: np.random.Generator) -> tuple[Case, Renaming]:
    """Give every component another name; words inside log messages and operations stay."""
    old = candidates_of(case)
    names = dict(zip(old, (f"{number:012x}" for number in random.choice(2**40, len(old), replace=False)), strict=True))
    frame, target = case.frame, case.target
    if frame is not None:
        keys = tuple(_moved(key, names) for key in frame.keys)
        frame = MetricFrame(start=frame.start, step_s=frame.step_s, keys=keys, values=frame.values)
    edges = tuple((names[a], names[b]) for a, b in case.edges) if case.edges is not None else None
    case = replace(case, frame=frame, edges=edges, target=_moved(target, names) if target is not None else None)
    tables = {name: table.assign(**_other_names(table, names)) for name, table in _tables(case).items()}
    return _with_tables(case, tables), {new: name for name, new in names.items()}


def _moved(key: SeriesKey, names: dict[str, str]) -> SeriesKey:
    """The same metric of the renamed component."""
    return SeriesKey(names[key.component], key.metric)


def _other_names(table: pd.DataFrame, names: dict[str, str]) -> dict[str, pd.Series]:
    """Columns of component names; what is no candidate stays."""
    return {
        column: table[column].map(lambda name: names.get(name, name)).astype(table[column].dtype)
        for column in ("component", "caller")
        if column in table
    }


def _tables(case: Case) -> dict[str, pd.DataFrame]:
    """Those that are there."""
    return {name: getattr(case, name) for name in TABLES if getattr(case, name) is not None}


def _with_tables(case: Case, tables: Mapping[str, pd.DataFrame | None]) -> Case:
    """The case with other tables."""
    return replace(case, **dict(tables))  # type: ignore[arg-type]  # names of tables only


def _with_values(frame: MetricFrame, values: np.ndarray) -> MetricFrame:
    """The same grid with other values."""
    return MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)


EDGES = ("graph: half of the edges removed", "graph: half of the edges reversed")
KINDS = (MetricKind.LATENCY, MetricKind.ERRORS, MetricKind.SATURATION, MetricKind.TRAFFIC)
SPOILT: dict[str, Spoil] = {
    "detected 20 % late": partial(late, share=0.2),
    "detected 50 % late": partial(late, share=0.5),
    "5 % of the points missing": partial(thinned, share=0.05),
    "20 % of the points missing": partial(thinned, share=0.2),
    "an earlier incident in at most a quarter of the history": partial(contaminated, share=0.25),
    "an earlier incident in at most half of the history": partial(contaminated, share=0.5),
    **{name.removeprefix("graph: "): GRAPHS[name] for name in EDGES},
    **{f"no {kind.value.lower()} metrics": partial(without_kind, kind=kind) for kind in KINDS},
    "no traces": partial(without_table, table="traces"),
    "no logs": partial(without_table, table="logs"),
}
"""Losses of information, by the name of the row: figures may drop."""
SAME: dict[str, Spoil] = {
    "columns and edges shuffled": shuffled_columns,
    "rows of tables shuffled": shuffled_rows,
    "components renamed": renamed,
}
"""The same facts in another form: nothing may change."""
