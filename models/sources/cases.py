"""The incident case format: one recorded incident as a directory of files.

Reads and writes what an algorithm may see; the truth of a suite is read in ``models.sources.suites`` only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from models.errors import CaseError, InputError
from models.frames import LONG_COLUMNS, MetricFrame, SeriesKey, to_datetime64
from models.sources.columns import names, numbers
from models.sources.grids import Points, lay_out
from models.sources.holes import find_hole
from models.sources.incident_file import read_incident
from models.sources.json_files import write_object
from models.sources.long_form import points_from_long, write_long
from models.sources.parquet import read_parquet, table_from_pandas
from models.sources.renames import renamed_key, renamed_points, renamed_table
from models.sources.repairs import Repair
from models.sources.steps import infer_step
from models.sources.times import times_us
from models.sources.topology_file import TopologyFile, read_topology_file

LONE_STEP_S = 60.0
"""The step of a case whose metrics hold a single time, so that no step can be told."""

TABLE_COLUMNS = {
    "traces": ("ts", "trace_id", "span_id", "parent_span_id", "component", "operation", "duration_s"),
    "logs": ("ts", "component", "message"),
    "events": ("ts", "component", "caller", "kind", "name", "sign"),
}
"""Columns of the optional tables; all are strings but ``ts`` and ``duration_s``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One incident, read; every part but the name and the time of detection may be absent.

    Parameters
    ----------
    name
        The case's own name.
    detected_at
        UTC; rows before it are history, rows from it on are the incident. The cut is not clean.
    target
        The symptom that the user asks about.
    frame
        All metrics, history and incident.
    edges
        Caller and callee of the calls that hold at the detection, by their present names; None if the case has no
        topology. Where the topology tells earlier names, all other parts are renamed too (see ``repairs``).
    traces
        ts (datetime64[us, UTC]), trace_id, span_id, parent_span_id ("" = root), component, operation, duration_s.
    logs
        ts, component, message.
    events
        ts, component, caller, kind, name, sign.
    repairs
        What the reader mended.
    attributes
        Where each component runs at the detection and the like; None if the topology does not say.
    """

    name: str
    detected_at: datetime
    target: SeriesKey | None
    frame: MetricFrame | None
    edges: tuple[tuple[str, str], ...] | None
    traces: pd.DataFrame | None
    logs: pd.DataFrame | None
    events: pd.DataFrame | None
    repairs: tuple[Repair, ...] = ()
    attributes: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None


def read_case(directory: str | Path) -> Case:
    """Read one case.

    The step is the one that ``incident.json`` states, unless the data are at least twice as coarse; without one it is
    told from the times. A long hole before the detection is closed (see ``models.sources.holes``) in all files alike.

    Parameters
    ----------
    directory
        Holds ``incident.json`` and any of the other files of the format.

    Returns
    -------
    Case
        Tables ordered by time.

    Raises
    ------
    CaseError
        If ``incident.json`` is absent, or a file that is there breaks the format.
    """
    place = Path(directory)
    try:
        return _read(place)
    except CaseError:
        raise
    except InputError as fault:
        raise CaseError(
            fault.problem, source=fault.source, column=fault.column, row=fault.row, remedy=fault.remedy
        ) from fault


def read_traces(path: str | Path) -> tuple[pd.DataFrame, tuple[Repair, ...]]:
    """Read ``traces.parquet`` alone.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    DataFrame
        Columns as in the case format, ordered by time.
    tuple of Repair
        What the reader mended.
    """
    return _table(Path(path), TABLE_COLUMNS["traces"])


def write_case(case: Case, directory: str | Path) -> None:
    """Write one case; ``read_case`` gives it back.

    Parameters
    ----------
    case
        What to write; absent parts become absent files, and a metric without any value is left out.
    directory
        Created if necessary; files of the same names are replaced.
    """
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    incident = {
        "case": case.name,
        "detected_at": case.detected_at.astimezone(UTC).isoformat(),
        "target": {"component": case.target.component, "metric": case.target.metric} if case.target else None,
        "step_s": case.frame.step_s if case.frame else None,
    }
    write_object(place / "incident.json", incident)
    if case.edges is not None or case.attributes:
        write_object(place / "topology.json", _topology(case))
    if case.frame is not None:
        write_long(case.frame, place / "metrics.parquet")
    for name in TABLE_COLUMNS:
        table: pd.DataFrame | None = getattr(case, name)
        if table is not None:
            arrow = table_from_pandas(table[list(TABLE_COLUMNS[name])])
            pq.write_table(arrow, place / f"{name}.parquet", compression="zstd")


def _topology(case: Case) -> dict[str, Any]:
    """The content of ``topology.json``."""
    content: dict[str, Any] = {"edges": [{"caller": a, "callee": b} for a, b in case.edges or ()]}
    if case.attributes:
        content["components"] = [
            {"name": name, "attributes": {key: list(values) for key, values in attributes.items()}}
            for name, attributes in sorted(case.attributes.items())
        ]
    return content


def _read(place: Path) -> Case:
    """Read all parts, then move history together in all of them."""
    incident = read_incident(place / "incident.json")
    points, repairs = _read_points(place / "metrics.parquet")
    repairs = incident.repairs + repairs
    tables: dict[str, pd.DataFrame | None] = {}
    for name, columns in TABLE_COLUMNS.items():
        tables[name], more = _read_table(place / f"{name}.parquet", columns)
        repairs += more
    path = place / "topology.json"
    topology = read_topology_file(path) if path.exists() else TopologyFile(edges=())
    points, tables, more = _renamed(points, tables, topology.present_names, place)
    repairs += more
    target = incident.target and renamed_key(incident.target, topology.present_names)
    frame = None
    if points is not None and len(points.times_us):
        step_s, step_repairs = _step(points, incident.step_s)
        points, tables, hole_repairs = _close_hole(points, tables, incident.detected_at, step_s)
        frame, grid_repairs = lay_out(points, step_s=step_s)
        repairs += step_repairs + hole_repairs + grid_repairs
    return Case(
        name=incident.name,
        detected_at=incident.detected_at,
        target=target,
        frame=frame,
        edges=topology.pairs_at(incident.detected_at) if path.exists() else None,
        **tables,
        repairs=repairs,
        attributes=topology.attributes_at(incident.detected_at) or None,
    )


def _renamed(
    points: Points | None, tables: dict[str, pd.DataFrame | None], names: Mapping[str, str], place: Path
) -> tuple[Points | None, dict[str, pd.DataFrame | None], tuple[Repair, ...]]:
    """Everything by the present names, where the topology tells earlier ones."""
    repairs: tuple[Repair, ...] = ()
    renamed = dict(tables)
    if names and points is not None:
        points, repairs = renamed_points(points, names)
    for name, table in tables.items():
        if names and table is not None:
            renamed[name], more = renamed_table(table, names, str(place / f"{name}.parquet"))
            repairs += more
    return points, renamed, repairs


def _read_points(path: Path) -> tuple[Points | None, tuple[Repair, ...]]:
    """The metrics, still at their own times."""
    if not path.exists():
        return None, ()
    return points_from_long(read_parquet(path, list(LONG_COLUMNS)), source=str(path))


def _read_table(path: Path, columns: tuple[str, ...]) -> tuple[pd.DataFrame | None, tuple[Repair, ...]]:
    """One optional table."""
    return _table(path, columns) if path.exists() else (None, ())


def _table(path: Path, columns: tuple[str, ...]) -> tuple[pd.DataFrame, tuple[Repair, ...]]:
    """One table, ordered by time; null strings are ""."""
    table, source = read_parquet(path, list(columns)), str(path)
    times, repairs = times_us(table["ts"], source=source)
    content: dict[str, Any] = {"ts": pd.DatetimeIndex(times.astype("datetime64[us]")).tz_localize("UTC")}
    for name in columns[1:]:
        if name == "duration_s":
            content[name], more = numbers(table[name], source=source, name=name)
            repairs += more
        else:
            encoded = names(table[name], source=source, name=name, is_empty_allowed=True)
            content[name] = pd.Series(encoded.dictionary_decode().to_pandas(), dtype="str")
    return pd.DataFrame(content).iloc[np.argsort(times, kind="stable")].reset_index(drop=True), repairs


def _step(points: Points, stated_s: float | None) -> tuple[float, tuple[Repair, ...]]:
    """The stated step, if the data are not much coarser, else that of the data."""
    try:
        step_s = infer_step(points.times_us, points.codes)
    except InputError:
        step_s = stated_s or LONE_STEP_S
        action = f"taken as {step_s:g} s"
        repair = Repair(source=points.source, problem="a step that cannot be told", action=action, count=1)
        return step_s, () if stated_s else (repair,)
    if stated_s is None or step_s < 2 * stated_s:
        return stated_s or step_s, ()
    problem = f"a stated step of {stated_s:g} s, but values every {step_s:g} s"
    return step_s, (Repair(source=points.source, problem=problem, action="took the latter", count=1),)


def _close_hole(
    points: Points, tables: dict[str, pd.DataFrame | None], detected_at: datetime, step_s: float
) -> tuple[Points, dict[str, pd.DataFrame | None], tuple[Repair, ...]]:
    """Move what lies before a long hole up to it, in the metrics and in all tables."""
    before_us, step_us = int(to_datetime64(detected_at).astype(np.int64)), max(round(step_s * 1e6), 1)
    hole = find_hole(points.times_us, before_us=before_us, step_us=step_us)
    if hole is None:
        return points, tables, ()
    until_us, by_us = hole
    moved = points.times_us <= until_us
    shift, until = pd.Timedelta(by_us, "us"), pd.Timestamp(until_us, unit="us", tz="UTC")
    tables = {
        name: table.assign(ts=table["ts"].where(table["ts"] > until, table["ts"] + shift))
        if table is not None
        else None
        for name, table in tables.items()
    }
    repair = Repair(
        source=points.source,
        problem=f"a hole of {by_us // step_us} rows before the detection",
        action=f"moved the history before it later by {by_us / 1e6:g} s",
        count=int(moved.sum()),
    )
    return replace(points, times_us=np.where(moved, points.times_us + by_us, points.times_us)), tables, (repair,)
