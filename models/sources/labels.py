"""Labels of a history: which series were abnormal from when to when, as people wrote them down."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.errors import ConfigurationError, InputError
from models.shaping.rules import Selector
from models.sources.columns import names
from models.sources.delimited import read_csv
from models.sources.parquet import read_parquet
from models.sources.repairs import Repair
from models.sources.times import times_us

_NEEDED = ("component", "start", "end")
_KNOWN = (*_NEEDED, "metric")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One abnormal time.

    Parameters
    ----------
    selector
        The series, by globs.
    start, end
        UTC; ``end`` is exclusive, but a label has at least one row.
    """

    selector: Selector
    start: np.datetime64
    end: np.datetime64


def read_labels(path: str | Path) -> tuple[tuple[Label, ...], tuple[Repair, ...]]:
    """Read a file of labels.

    Parameters
    ----------
    path
        CSV or Parquet with the columns component, start, end, and, if wanted, metric; component and metric are globs,
        an empty metric means all of the component.

    Returns
    -------
    labels : tuple of Label
        In the order of the file.
    repairs : tuple of Repair
        Columns that were not used, zones that were assumed.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column, names no series, or an end lies before its start.
    """
    place, source = Path(path), str(path)
    if not place.is_file():
        raise InputError("there is no such file", source=source, remedy="check the path of the labels")
    table = read_parquet(place) if place.suffix.lower() in (".parquet", ".pq") else read_csv(place)
    for name in _NEEDED:
        if name not in table.column_names:
            remedy = "labels have the columns component, metric (optional), start, end"
            raise InputError("labels lack this column", source=source, column=name, remedy=remedy)
    if not table.num_rows:
        raise InputError("there is not a single label", source=source, remedy="leave out --labels")
    starts, repairs = times_us(table["start"], source=source, name="start")
    ends, more = times_us(table["end"], source=source, name="end")
    if (ends < starts).any():
        row = int(np.argmax(ends < starts))
        raise InputError("the end lies before the start", source=source, row=row, remedy="exchange them")
    selectors = _selectors(table, source)
    labels = tuple(
        Label(selector=selector, start=np.datetime64(int(start), "us"), end=np.datetime64(int(end), "us"))
        for selector, start, end in zip(selectors, starts, ends, strict=True)
    )
    return labels, (*repairs, *more, *_unused(table, source))


def _selectors(table: pa.Table, source: str) -> list[Selector]:
    component = names(table["component"], source=source, name="component").to_pylist()
    metric = ["*"] * len(component)
    if "metric" in table.column_names:
        metric = names(table["metric"], source=source, name="metric", is_empty_allowed=True).to_pylist()
    selectors = []
    for row, (own, part) in enumerate(zip(component, metric, strict=True)):
        try:
            selectors.append(Selector(component=own, metric=part or "*"))
        except ConfigurationError as error:
            raise InputError(str(error), source=source, row=row) from error
    return selectors


def _unused(table: pa.Table, source: str) -> tuple[Repair, ...]:
    return tuple(
        Repair(source=source, problem="column of no label", action="not used", count=table.num_rows, column=name)
        for name in table.column_names
        if name not in _KNOWN
    )
