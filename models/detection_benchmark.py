"""Detection on a suite of labelled series, as the product ships: fit on the first rows, score the rest causally.

Never reads the truth. One configuration for every series of every suite. ``models.evaluation`` compares the result with
the truth.

A file is a component: with one metric the alert score of that series is written, with several that of the component.
Every input row is judged, one after the other in the order of the file; a time that runs back counts as the latest one
before it.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.errors import FaultlineError, InputError
from models.features import Array
from models.frames import MetricFrame, SeriesKey, frame_from_series, to_datetime
from models.scoring import Scorer
from models.sources.json_files import write_object
from models.sources.parquet import read_parquet
from models.sources.steps import infer_step
from models.sources.suites import read_protocol
from models.training import TrainingSettings, train

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
        What is told: 1.0 is the alarm boundary; rows that tell nothing new are ordered below it by how strange they
        look. NaN = not scored.
    alarm
        True where an alert is told, once for an incident; a later row changes nothing.
    skipped
        Metrics that could not be learnt, and why.
    """

    score: Array
    alarm: NDArray[np.bool_]
    skipped: dict[str, str]


def detect_suite(
    suite: str | Path, out: str | Path, *, settings: TrainingSettings | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit and score every series of a suite, and write the result.

    Parameters
    ----------
    suite
        Directory in the labelled series format; its truth is not read.
    out
        Directory for ``<series>.parquet`` (score, alarm) and ``report.json``; created.
    settings
        None takes the shipped defaults.
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
            scores = detect_series(series, train_rows, settings)
        except FaultlineError as error:
            skipped[name] = str(error)
            scores = _nothing(series.n_rows)
        if scores.skipped:
            partly[name] = {"metrics skipped": scores.skipped}
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
        "false_alarms_per_day": (settings or TrainingSettings()).false_alarms_per_day,
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
    times = np.maximum.accumulate(series.times)
    fitted = train(
        _history(series, times, train_rows, step_s),
        settings or TrainingSettings(),
        created=to_datetime(times[:train_rows][-1]),
    )
    bundle = fitted.bundle
    columns = [series.keys.index(key) for key in bundle.keys]
    scores = Scorer(bundle).judge(times[train_rows:], series.values[train_rows:, columns])
    result = _nothing(series.n_rows)
    together = scores.component_alert if not np.isnan(scores.component_alert).all() else scores.alert
    result.score[train_rows:] = np.fmax.reduce(together, axis=1)
    result.alarm[train_rows:] = result.score[train_rows:] >= 1.0
    skipped = {skip.key.metric: skip.reason for skip in fitted.report.skipped}
    return SeriesScores(score=result.score, alarm=result.alarm, skipped=skipped)


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
    return SeriesScores(score=np.full(n_rows, np.nan), alarm=np.zeros(n_rows, dtype=bool), skipped={})


def _history(series: SeriesInput, times: NDArray[np.datetime64], n: int, step_s: float) -> MetricFrame:
    """The first rows on a grid; the last one of a grid row counts."""
    items = ((key, times[:n], series.values[:n, column]) for column, key in enumerate(series.keys))
    return frame_from_series(items, step_s=step_s)


def _peak_memory_mb() -> float:
    """Largest resident memory of this process so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
