"""Scores of a suite of labelled series against its truth: no point adjustment, no smoothing, chance stays chance.

An event counts once if any of its rows alarms; a false alarm is a run of alarmed rows outside the events. Only the
commands that score call this; no detector may.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import CaseError, InputError
from models.features import Array
from models.sources.json_files import read_object
from models.sources.parquet import read_parquet

DAY_S = 86_400.0
DELAY_ROWS = 7
"""An event must be hit at most this many rows after its first one, in the delay F1."""
MOST_THRESHOLDS = 200
"""Of more event peaks than this only so many quantiles are tried as thresholds."""
MISSING_SCORES = "a missing series counts as silence, but not all may be missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTruth:
    """What was abnormal in a series.

    Parameters
    ----------
    train_rows
        Rows of history; they are not scored.
    events
        First row and one behind the last row of each, in rows of the file.
    """

    train_rows: int
    events: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredSeries:
    """Scores and labels of the rows after the history.

    Parameters
    ----------
    events
        First row and one behind the last row of each.
    score
        Finite, shape (n_rows,).
    alarm
        Shape (n_rows,).
    step_s
        Seconds between rows.
    """

    events: tuple[tuple[int, int], ...]
    score: Array
    alarm: NDArray[np.bool_]
    step_s: float
    label: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        label = np.zeros(len(self.score), dtype=bool)
        for first, end in self.events:
            label[first:end] = True
        object.__setattr__(self, "label", label)

    def peaks(self, rows: int | None = None) -> Array:
        """Highest score of each event, in its first ``rows`` rows or in all."""
        ends = [end if rows is None else min(end, first + rows) for first, end in self.events]
        return np.array([self.score[first:end].max() for (first, _), end in zip(self.events, ends, strict=True)])

    def false_runs(self, thresholds: Array) -> NDArray[np.int64]:
        """Runs of rows outside events with at least each of the thresholds."""
        outside = np.where(self.label, -np.inf, self.score)
        previous = np.append(-np.inf, outside[:-1])
        return _count_from(outside, thresholds) - _count_from(np.minimum(outside, previous), thresholds)


def evaluate_suite(suite: str | Path, scores: str | Path) -> dict[str, Any]:
    """Compare the scores of a directory with the truth of a suite.

    Parameters
    ----------
    suite
        Directory in the labelled series format.
    scores
        Directory of ``<series>.parquet`` with score and alarm, one row an input row, as ``faultline bench detect``
        writes it. A missing file counts as silence.

    Returns
    -------
    dict
        The figures by name, see ``evaluate``.

    Raises
    ------
    InputError
        If no series of the suite has scores, or a file has another number of rows than its series.
    """
    truth, place = read_series_truth(suite), Path(scores)
    if not any((place / f"{name}.parquet").is_file() for name in truth):
        raise InputError("holds no scores of the suite's series", source=str(place), remedy=MISSING_SCORES)
    return evaluate([_load(Path(suite), place, name, entry) for name, entry in truth.items()])


def evaluate(series: Sequence[ScoredSeries]) -> dict[str, Any]:
    """Compute all figures of a suite.

    Parameters
    ----------
    series
        All of it; those without events count for the false alarms and their days only.

    Returns
    -------
    dict
        AUC-PR, event F1 at the best threshold of each series, at the best one for all, and at the own boundary, with
        its recall, false alarms per series and day, the share of rows outside events that are under alarm (a
        detector that never stops has few false runs), and median delay in rows; delay F1, its events weighted by
        their length. F1 in [0, 1]; AUC-PR, best per series and delay are means over the series with events.

    Raises
    ------
    InputError
        If no series has an event.
    """
    labelled = [one for one in series if one.events]
    if not labelled:
        raise InputError("no series has an event after its history", remedy="there is nothing to find in this suite")
    hits = [int(np.argmax(one.alarm[a:b])) for one in labelled for a, b in one.events if one.alarm[a:b].any()]
    n_events = sum(len(one.events) for one in labelled)
    false = sum(count_runs(one.alarm & ~one.label) for one in series)
    days = sum(len(one.score) * one.step_s for one in series) / DAY_S
    n_normal = sum(int(np.sum(~one.label)) for one in series)
    pooled, threshold = best_event_f1(labelled)
    return {
        "series": len(series),
        "labelled": len(labelled),
        "events": n_events,
        "AUC-PR": float(np.mean([average_precision(one.label, one.score) for one in labelled])),
        "event F1, best per series": float(np.mean([best_event_f1([one])[0] for one in labelled])),
        "event F1, one threshold": pooled,
        "that threshold": threshold,
        "event F1, own boundary": _f1(len(hits), false, n_events),
        "recall, own boundary": len(hits) / n_events,
        "false alarms per series and day": false / max(days, 1e-9),
        "normal rows under alarm": sum(int(np.sum(one.alarm & ~one.label)) for one in series) / max(n_normal, 1),
        "median delay (rows)": float(np.median(hits)) if hits else None,
        "delay-7 F1": float(np.mean([delay_f1(one) for one in labelled])),
    }


def average_precision(label: NDArray[np.bool_], score: Array) -> float:
    """Area under the precision-recall curve, as a sum over the distinct scores.

    Parameters
    ----------
    label
        Shape (n_rows,).
    score
        Shape (n_rows,), no NaN.

    Returns
    -------
    float
        In [0, 1]; 0 without a true label.
    """
    order = np.argsort(-score, kind="stable")
    ranked, found = score[order], np.cumsum(label[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    precision, recall = found[last] / (last + 1), found[last] / max(int(label.sum()), 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def best_event_f1(series: Sequence[ScoredSeries]) -> tuple[float, float]:
    """Event F1 at the one threshold that is best for all the series together.

    Parameters
    ----------
    series
        At least one event in all.

    Returns
    -------
    f1 : float
        In [0, 1].
    threshold : float
        The highest of equally good ones.
    """
    peaks = np.concatenate([one.peaks() for one in series])
    thresholds = np.unique(peaks)
    if len(thresholds) > MOST_THRESHOLDS:
        thresholds = np.quantile(thresholds, np.linspace(0, 1, MOST_THRESHOLDS))
    found = _count_from(peaks, thresholds)
    false = np.sum([one.false_runs(thresholds) for one in series], axis=0)
    f1 = 2 * found / np.maximum(found + false + len(peaks), 1)
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    return float(f1[best]), float(thresholds[best])


def delay_f1(series: ScoredSeries) -> float:
    """Best F1 over rows when an event is found by its first rows or not at all.

    Parameters
    ----------
    series
        With at least one event.

    Returns
    -------
    float
        In [0, 1]; a found event counts all its rows, every row outside events counts for itself.
    """
    early = series.peaks(DELAY_ROWS + 1)
    length = np.array([end - first for first, end in series.events])
    found = np.array([length[early >= threshold].sum() for threshold in early])
    false = _count_from(series.score[~series.label], early)
    return float(np.max(2 * found / (found + false + length.sum())))


def count_runs(mask: NDArray[np.bool_]) -> int:
    """Number of runs of true rows.

    Parameters
    ----------
    mask
        Shape (n_rows,).

    Returns
    -------
    int
        Not negative.
    """
    return int(np.count_nonzero(mask & ~np.append(False, mask[:-1])))


def read_series_truth(suite: str | Path) -> dict[str, SeriesTruth]:
    """Read ``truth.json`` of a suite of labelled series; only for scoring.

    Parameters
    ----------
    suite
        The directory.

    Returns
    -------
    dict of str to SeriesTruth
        By series.

    Raises
    ------
    CaseError
        If the file is absent or an entry is not a truth.
    """
    path, truths = Path(suite) / "truth.json", {}
    for name, entry in read_object(path).items():
        try:
            events = tuple((int(first), int(end)) for first, end in entry["events"])
            truths[name] = SeriesTruth(train_rows=int(entry["train_rows"]), events=events)
        except (KeyError, TypeError, ValueError):
            raise CaseError("not a truth", source=str(path), column=name, remedy="see the series format") from None
        if any(not 0 <= first < end for first, end in events):
            raise CaseError("an event has no rows", source=str(path), column=name, remedy="give [first, end)")
    return truths


def _load(suite: Path, scores: Path, name: str, truth: SeriesTruth) -> ScoredSeries:
    times = read_parquet(suite / f"{name}.parquet", ["ts"])["ts"].to_numpy().astype("datetime64[us]")
    score, alarm = np.zeros(len(times)), np.zeros(len(times), dtype=bool)
    path, k = scores / f"{name}.parquet", truth.train_rows
    if path.is_file():
        table = read_parquet(path, ["score", "alarm"])
        if table.num_rows != len(times):
            problem = f"{table.num_rows} rows, the series has {len(times)}"
            raise InputError(problem, source=str(path), remedy="write one row an input row")
        score = np.nan_to_num(table["score"].to_numpy().astype(np.float64))
        alarm = table["alarm"].fill_null(False).to_numpy().astype(bool)
    events = tuple((max(first, k) - k, min(end, len(times)) - k) for first, end in truth.events if end > k)
    if any(first >= end for first, end in events):
        raise CaseError("an event lies behind the series", source=str(suite / "truth.json"), column=name)
    step_s = float(np.median(np.diff(times).astype(np.int64))) / 1e6 if len(times) > 1 else 0.0
    return ScoredSeries(events, score[k:], alarm[k:], step_s)


def _count_from(values: Array, thresholds: Array) -> NDArray[np.int64]:
    """How many values are at least each of the thresholds."""
    return np.asarray(len(values) - np.searchsorted(np.sort(values), thresholds, side="left"), dtype=np.int64)


def _f1(found: int, false: int, positives: int) -> float:
    return 2 * found / (found + false + positives) if found else 0.0
