"""Detection on a suite of labelled series, as the product ships: fit on the first rows, score the rest causally.

Never reads the truth. One configuration for every series of every suite. ``models.evaluation`` compares the result with
the truth.

How the rows of a file become rows of a grid, and back, with nothing taken from a later row:

- The step is told from the history's times; row 0 of the grid is the first time of the file.
- An input row belongs to the grid row nearest to its time. One that comes late (a later grid row was there before) is
  neither used nor scored, and counted.
- Of several input rows in one grid row each is scored with its own value, against the grid rows before.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.bundle import Bundle
from models.detectors.isolation_forest import columns_by_component
from models.errors import FaultlineError, InputError
from models.features import Array
from models.frames import MetricFrame, SeriesKey, frame_from_series, to_datetime
from models.scoring import BundleScores, score_frame
from models.segments import SegmentRules, find_runs
from models.sources.json_files import write_object
from models.sources.parquet import read_parquet
from models.sources.steps import infer_step
from models.sources.suites import read_protocol
from models.training import TrainingSettings, train

MOST_IN_A_ROW = 8
"""Input rows of one grid row beyond this many are not scored, and counted."""
REPORT = "report.json"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesInput:
    """One file of a suite.

    Parameters
    ----------
    name
        The file without its ending; the component of its metrics.
    times
        datetime64[us] UTC, shape (n_rows,), as in the file: may repeat, leave gaps and run backwards.
    values
        Shape (n_rows, n_metrics); NaN means missing.
    metrics
        Names of the columns.
    """

    name: str
    times: NDArray[np.datetime64]
    values: Array
    metrics: tuple[str, ...]

    @property
    def n_rows(self) -> int:
        """Rows of the file."""
        return len(self.times)

    @property
    def keys(self) -> tuple[SeriesKey, ...]:
        """One a metric."""
        return tuple(SeriesKey(self.name, metric) for metric in self.metrics)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesScores:
    """What the product says about one file, one entry an input row.

    Parameters
    ----------
    score
        The highest calibrated score of any detector on any metric of the row; 1.0 is the alarm boundary, NaN = not
        scored.
    alarm
        True from the row at which an anomaly of any metric is reported while any lasts; what resumes after a gap that
        the rules merge is the same alarm and not told again. A later row changes nothing.
    n_late, n_crowded
        Rows after the history that were not scored because they came late, or were too many for one grid row.
    skipped
        Metrics that could not be learnt, and why.
    """

    score: Array
    alarm: NDArray[np.bool_]
    n_late: int
    n_crowded: int
    skipped: dict[str, str]


def detect_suite(suite: str | Path, out: str | Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """Fit and score every series of a suite, and write the result.

    Parameters
    ----------
    suite
        Directory in the labelled series format; its truth is not read.
    out
        Directory for ``<series>.parquet`` (score, alarm) and ``report.json``; created.
    progress
        Called with the series done and the series in all.

    Returns
    -------
    dict
        The report: version, settings, wall and CPU seconds, peak memory, points, points per CPU second, and the series
        that were skipped or only partly scored, with the reason. JSON-ready.
    """
    protocol, place = read_protocol(suite), Path(out)
    place.mkdir(parents=True, exist_ok=True)
    skipped: dict[str, str] = {}
    partly: dict[str, Any] = {}
    n_points, wall, cpu = 0, perf_counter(), process_time()
    for done, (name, train_rows) in enumerate(protocol.items(), start=1):
        series = read_series(suite, name)
        n_points += series.values.size
        try:
            scores = detect_series(series, train_rows)
        except FaultlineError as error:
            skipped[name] = str(error)
            scores = _nothing(series.n_rows)
        notes = {"late rows": scores.n_late, "crowded rows": scores.n_crowded, "metrics skipped": scores.skipped}
        if any(notes.values()):
            partly[name] = {what: note for what, note in notes.items() if note}
        write_scores(place, name, scores.score, scores.alarm)
        if progress is not None:
            progress(done, len(protocol))
    cpu_s = process_time() - cpu
    report = {
        "version": version("faultline"),
        "suite": Path(suite).name,
        "series": len(protocol),
        "points": n_points,
        "seconds": perf_counter() - wall,
        "cpu_seconds": cpu_s,
        "points_per_cpu_second": n_points / max(cpu_s, 1e-9),
        "peak_memory_mb": _peak_memory_mb(),
        "false_alarms_per_series_day": TrainingSettings().false_alarms_per_series_day,
        "skipped": skipped,
        "partly_scored": partly,
    }
    write_object(place / REPORT, report)
    return report


def read_series(suite: str | Path, name: str) -> SeriesInput:
    """Read one file of a suite, row by row as it stands.

    Parameters
    ----------
    suite
        The directory.
    name
        Of the series.

    Returns
    -------
    SeriesInput
        Infinite values count as missing.

    Raises
    ------
    InputError
        If the name is a path, the file is absent or damaged, has no metric, text for numbers, or a time is missing.
    """
    path = Path(suite) / f"{name}.parquet"
    if Path(name).name != name:
        raise InputError("the name of a series is no path", source=name, remedy="name a file of the suite's directory")
    table = read_parquet(path)
    metrics = tuple(column for column in table.column_names if column != "ts")
    if "ts" not in table.column_names or not metrics:
        raise InputError("it needs ts and at least one metric", source=str(path), remedy="see the series format")
    if not pa.types.is_timestamp(table.schema.field("ts").type) or table["ts"].null_count:
        raise InputError("a time is missing or no timestamp", source=str(path), column="ts", remedy="write it anew")
    for metric in metrics:
        kind = table.schema.field(metric).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise InputError(f"values are of type {kind}", source=str(path), column=metric, remedy="write numbers")
    times = table["ts"].cast(pa.timestamp("us"), safe=False).to_numpy().astype("datetime64[us]")
    columns = [table[metric].cast(pa.float64()).to_numpy().astype(np.float64) for metric in metrics]
    values = np.column_stack(columns) if len(times) else np.empty((0, len(metrics)))
    return SeriesInput(name=name, times=times, values=np.where(np.isinf(values), np.nan, values), metrics=metrics)


def detect_series(series: SeriesInput, train_rows: int, settings: TrainingSettings | None = None) -> SeriesScores:
    """Fit on the first rows of a series and score the others.

    Parameters
    ----------
    series
        One file.
    train_rows
        How many rows may be learnt from; they are not scored.
    settings
        None takes the shipped defaults.

    Returns
    -------
    SeriesScores
        Appending rows to the series does not change those of earlier rows. A history with fewer than two different
        times, or too few values to learn any metric, is an InputError of the functions that are called.
    """
    step_s = infer_step(series.times[:train_rows].astype(np.int64), source=series.name)
    row, turn = _places(series.times, step_s)
    history = np.flatnonzero(turn[:train_rows] >= 0)
    fitted = train(
        _frame(series, history, step_s),
        settings or TrainingSettings(),
        created=to_datetime(series.times[history[-1]]),
    )
    bundle = fitted.bundle
    result = _nothing(series.n_rows)
    rest = np.arange(train_rows, series.n_rows)
    for k in range(int(turn[rest].max(initial=-1)) + 1):
        scored = rest[turn[rest] == k]
        score, alarm, first = _apply(bundle, series, np.flatnonzero((turn >= 0) & (turn <= k)), row, scored)
        result.score[scored], result.alarm[scored] = score[row[scored] - first], alarm[row[scored] - first]
    return SeriesScores(
        score=result.score,
        alarm=result.alarm,
        n_late=int(np.sum(turn[rest] == -1)),
        n_crowded=int(np.sum(turn[rest] == -2)),
        skipped={skip.key.metric: skip.reason for skip in fitted.report.skipped},
    )


def reported_rows(score: Array, rules: SegmentRules) -> NDArray[np.bool_]:
    """Rows at which a live loop shows an anomaly of a column.

    Parameters
    ----------
    score
        Calibrated, shape (n_rows, n_columns); NaN = cannot tell.
    rules
        How scores become anomalies.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_columns)
        In each run of ``find_runs``, from the row at which it has earned its report, the rows with at least ``leave``.
        Each follows from itself and the rows before.
    """
    reported = np.zeros(score.shape, dtype=bool)
    for run in find_runs(score, rules):
        part = score[run.first : run.last, run.column]
        earned = np.cumsum(part >= rules.enter) >= max(rules.least_rows, 1)
        earned |= np.logical_or.accumulate(part >= max(rules.spike, rules.enter))
        reported[run.first : run.last, run.column] = earned & (part >= rules.leave)
    return reported


def tell_once(reported: NDArray[np.bool_], merge_rows: int) -> NDArray[np.bool_]:
    """Silence what follows an alarm so closely that it is the same one.

    Parameters
    ----------
    reported
        Shape (n_rows,).
    merge_rows
        Runs with at most so many other rows between them are one alarm.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
        The first run of each alarm. To fill the gaps instead would need the rows behind them.
    """
    rows = np.flatnonzero(reported)
    gap = np.diff(rows, prepend=-merge_rows - 2) - 1
    run, alarm = np.cumsum(gap > 0), np.cumsum(gap > merge_rows)
    first_run = run[gap > merge_rows]
    told = np.zeros_like(reported)
    told[rows[run == first_run[alarm - 1]]] = True
    return told


def write_scores(directory: Path, name: str, score: Array, alarm: NDArray[np.bool_]) -> None:
    """Write the result of one series.

    Parameters
    ----------
    directory
        Exists.
    name
        Of the series.
    score
        One an input row; NaN = not scored.
    alarm
        One an input row.
    """
    table = pa.table({"score": pa.array(score, type=pa.float64()), "alarm": pa.array(alarm, type=pa.bool_())})
    pq.write_table(table, directory / f"{name}.parquet")


def _nothing(n_rows: int) -> SeriesScores:
    return SeriesScores(
        score=np.full(n_rows, np.nan), alarm=np.zeros(n_rows, dtype=bool), n_late=0, n_crowded=0, skipped={}
    )


def _places(times: NDArray[np.datetime64], step_s: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Grid row of each input row, and which of the inputs of that grid row it is: from 0; -1 late, -2 crowded."""
    offset = (times - times[0]) / np.timedelta64(round(step_s * 1e6), "us")
    row = np.floor(offset + 0.5).astype(np.int64)
    newest = np.maximum.accumulate(row)
    on_time = row == newest
    turn = pd.Series(on_time).groupby(newest).cumsum().to_numpy().astype(np.int64) - 1
    turn = np.where(turn >= MOST_IN_A_ROW, -2, turn)
    return row, np.where(on_time, turn, -1)


def _frame(series: SeriesInput, rows: NDArray[np.int64], step_s: float) -> MetricFrame:
    """The given input rows on the grid that starts with the file; the last one of a grid row counts."""
    times = np.maximum.accumulate(series.times[rows])
    items = ((key, times, series.values[rows, column]) for column, key in enumerate(series.keys))
    return frame_from_series(items, step_s=step_s)


def _apply(
    bundle: Bundle,
    series: SeriesInput,
    used: NDArray[np.int64],
    row: NDArray[np.int64],
    scored: NDArray[np.int64],
) -> tuple[Array, NDArray[np.bool_], int]:
    """Score and alarm of each grid row from ``first`` on, and ``first``."""
    grid = _frame(series, used, bundle.step_s)
    first = int(row[scored[0]])
    context = max(first - bundle.context_rows, 0)
    scores = score_frame(bundle, grid.rows(context, grid.n_rows))
    own = first - context
    combined = np.fmax.reduce(scores.score[own:], axis=1)
    return combined, _alarms(bundle, scores, own), first


def _alarms(bundle: Bundle, scores: BundleScores, own: int) -> NDArray[np.bool_]:
    reported = np.zeros(len(scores.score) - own, dtype=bool)
    one_each = [columns[0] for columns in columns_by_component(bundle.keys).values()]
    for member in bundle.members:
        judged = scores.by_detector[member.detector.name].score[own:]
        judged = judged[:, one_each] if member.detector.scope == "component" else judged
        reported |= reported_rows(judged, bundle.rules).any(axis=1)
    return tell_once(reported, bundle.rules.merge_rows)


def _peak_memory_mb() -> float:
    """Largest resident memory of this process so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
