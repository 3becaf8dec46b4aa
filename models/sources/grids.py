"""Lay points with times of their own on one fixed-step grid, and count what had to move or merge.

The one place where a time becomes a row: readers of files and of cases both end here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import InputError
from models.frames import MAX_CELLS, MetricFrame, SeriesKey
from models.sources.repairs import Repair


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Values of many series in long form, as one file gave them.

    Parameters
    ----------
    source
        The file.
    keys
        The series, each once.
    codes
        Index into ``keys``, shape (n,).
    times_us
        Microseconds since 1970 UTC, shape (n,).
    values
        Shape (n,); NaN means missing, never infinite.
    width
        Points a data row of the file holds: 1 in long form, the number of series in wide form.
    """

    source: str
    keys: tuple[SeriesKey, ...]
    codes: NDArray[np.int32]
    times_us: NDArray[np.int64]
    values: NDArray[np.float64]
    width: int = 1


def merge_points(parts: Sequence[Points], *, source: str) -> Points:
    """Join the points of several files; the same series in two files becomes one.

    Parameters
    ----------
    parts
        At least one.
    source
        Name of the whole, for example the directory.

    Returns
    -------
    Points
        In the order of the parts; the keys sorted.
    """
    keys = tuple(sorted({key for part in parts for key in part.keys}))
    code_of = {key: code for code, key in enumerate(keys)}
    codes = [np.array([code_of[key] for key in part.keys], dtype=np.int32)[part.codes] for part in parts]
    return Points(
        source=source,
        keys=keys,
        codes=np.concatenate(codes),
        times_us=np.concatenate([part.times_us for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        width=parts[0].width if len(parts) == 1 else 0,
    )


def lay_out(points: Points, *, step_s: float, max_cells: int = MAX_CELLS) -> tuple[MetricFrame, tuple[Repair, ...]]:
    """Put every point into the grid row nearest to its time.

    A series that keeps a constant distance to the grid stays in step: its distance is taken off before rounding. Of
    two values of a series for one and the same time the last one stays; values with different times that fall into one
    row are averaged. Both are counted, and so is every time that lies off the grid.

    Parameters
    ----------
    points
        At least one; NaN values stretch the grid but fill no cell.
    step_s
        Seconds between rows.
    max_cells
        Refuse a grid with more cells than this.

    Returns
    -------
    frame : MetricFrame
        Columns in the order of ``points.keys``.
    repairs : tuple of Repair
        What was moved, dropped and averaged.

    Raises
    ------
    InputError
        If there is no point, or the grid would exceed ``max_cells``.
    """
    if not len(points.times_us):
        raise InputError(
            "there is not a single value", source=points.source, remedy="check the time range and the file"
        )
    step_us = max(round(step_s * 1e6), 1)
    start_us, rows, n_off = _rows_of(points, step_us)
    n_rows, n_series = int(rows.max()) + 1, len(points.keys)
    _check_size(points, step_us, n_rows, max_cells)
    present = np.flatnonzero(~np.isnan(points.values))
    cells = rows[present] * n_series + points.codes[present]
    flat = np.full(n_rows * n_series, np.nan)
    flat[cells] = points.values[present]
    repairs = [_repair(points, "time off the grid", "moved to the nearest row", n_off)]
    if np.count_nonzero(~np.isnan(flat)) < len(cells):
        n_same, n_merged, first = _resolve(flat, cells, points.times_us[present], points.values[present])
        row = int(present[first]) // points.width if points.width else None
        repairs.append(_repair(points, "duplicate time of a series", "kept the last value", n_same, row))
        repairs.append(_repair(points, "several times in one step", "averaged", n_merged, row))
    frame = MetricFrame(
        start=np.datetime64(start_us, "us"),
        step_s=step_us / 1e6,
        keys=points.keys,
        values=flat.reshape(n_rows, n_series),
    )
    return frame, tuple(repair for repair in repairs if repair.count)


def _rows_of(points: Points, step_us: int) -> tuple[int, NDArray[np.int64], int]:
    """Time of row 0, the row of each point, and how many points lie off the grid by more than a thousandth step."""
    residue = points.times_us % step_us
    if (residue == residue[0]).all():
        rows = points.times_us // step_us
        first = int(rows.min())
        return first * step_us + int(residue[0]), rows - first, 0
    phase = _phase(residue, step_us)
    offset = _series_offsets(points.codes, len(points.keys), residue - phase, step_us)
    since = points.times_us - phase
    rows = np.floor((since - offset[points.codes]) / step_us + 0.5).astype(np.int64)
    n_off = int(np.count_nonzero(np.abs(since - rows * step_us) > step_us / 1000))
    first = int(rows.min())
    return first * step_us + phase, rows - first, n_off


def _phase(residue: NDArray[np.int64], step_us: int) -> int:
    """Where in a step the rows lie: the residue that half of the points share, else their circular mean."""
    sample = residue[:: max(len(residue) // 200_000, 1)]
    sizes, counts = np.unique(sample, return_counts=True)
    if counts.max() >= 0.5 * len(sample):
        return int(sizes[counts.argmax()])
    mean = np.angle(np.exp(2j * np.pi * sample / step_us).sum())
    return round(float(mean) / (2 * np.pi) * step_us) % step_us


def _series_offsets(
    codes: NDArray[np.int32], n_series: int, residue: NDArray[np.int64], step_us: int
) -> NDArray[np.float64]:
    """Constant distance of each series to the grid, in [-step/2, step/2); 0 for a series that keeps none."""
    angle = 2 * np.pi * residue / step_us
    n = np.maximum(np.bincount(codes, minlength=n_series), 1)
    cosine = np.bincount(codes, np.cos(angle), n_series) / n
    sine = np.bincount(codes, np.sin(angle), n_series) / n
    turn = np.arctan2(sine, cosine) / (2 * np.pi)
    offset: NDArray[np.float64] = ((turn + 0.5) % 1 - 0.5) * step_us
    return np.where(np.hypot(sine, cosine) > 0.9, offset, 0.0)


def _resolve(
    flat: NDArray[np.float64], cells: NDArray[np.int64], times_us: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[int, int, int]:
    """Settle the cells that got several values, in place; return the two counts and the first point concerned."""
    last = np.full(len(flat), -1, dtype=np.int64)
    last[cells] = np.arange(len(cells))
    concerned = np.unique(cells[last[cells] != np.arange(len(cells))])
    involved = np.flatnonzero(np.isin(cells, concerned))
    order = involved[np.lexsort((involved, times_us[involved], cells[involved]))]
    same = (np.diff(cells[order]) == 0) & (np.diff(times_us[order]) == 0)
    kept = order[np.append(~same, True)]
    sums = np.bincount(np.searchsorted(concerned, cells[kept]), values[kept], len(concerned))
    counts = np.bincount(np.searchsorted(concerned, cells[kept]), minlength=len(concerned))
    flat[concerned] = sums / counts
    return int(same.sum()), len(kept) - len(concerned), int(involved[0])


def _repair(points: Points, problem: str, action: str, count: int, first_row: int | None = None) -> Repair:
    """Say it about this input."""
    return Repair(source=points.source, problem=problem, action=action, count=count, first_row=first_row)


def _check_size(points: Points, step_us: int, n_rows: int, max_cells: int) -> None:
    """Refuse a grid that is too large, naming the widest hole if there is one that explains it."""
    if n_rows * len(points.keys) <= max_cells:
        return
    order = np.argsort(points.times_us, kind="stable")
    gaps = np.diff(points.times_us[order])
    widest = int(gaps.argmax())
    hole_rows = int(gaps[widest]) // step_us
    after = np.datetime64(int(points.times_us[order[widest + 1]]), "us")
    cause = f"; the widest hole has {hole_rows} rows and ends at {after}" if hole_rows > 1 else ""
    row = int(order[widest + 1]) // points.width if points.width and hole_rows > 1 else None
    raise InputError(
        f"{n_rows} rows of {step_us / 1e6:g} s for {len(points.keys)} series exceed {max_cells} cells{cause}",
        source=points.source,
        row=row,
        remedy="state a larger step_s, read a shorter time range, or mend a stray time",
    )
