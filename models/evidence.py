"""From scores to anomalies: runs of strange rows of one series, each with its evidence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.anomalies import Anomaly, AnomalyType
from models.bundle import Bundle, Member
from models.calibration import severity
from models.detector import components
from models.frames import MetricFrame, to_datetime
from models.scoring import FLAGS, MISSING, OUT_OF_RANGE, STUCK, BundleScores, score_frame
from models.segments import find_runs
from models.shaping.resolve import resolve

TYPES_OF_FLAGS = {
    OUT_OF_RANGE: AnomalyType.DATA_OUT_OF_RANGE,
    MISSING: AnomalyType.MISSING_DATA,
    STUCK: AnomalyType.STUCK_VALUE,
}


def detect(bundle: Bundle, frame: MetricFrame, *, since: datetime | None = None) -> tuple[Anomaly, ...]:
    """Find the anomalies of a frame.

    Parameters
    ----------
    bundle
        Trained.
    frame
        As for ``score_frame``.
    since
        UTC; only anomalies that last beyond this time are returned, with the start that the frame shows. None returns
        all.

    Returns
    -------
    tuple of Anomaly
        By start, then by series; at most one at a time for a series.
    """
    return find_anomalies(bundle, score_frame(bundle, frame), since=since)


def find_anomalies(bundle: Bundle, scores: BundleScores, *, since: datetime | None = None) -> tuple[Anomaly, ...]:
    """Turn scores into anomalies.

    A run of a component counts for the metric that adds most to its score at the peak. Runs that overlap on a series
    become one anomaly from the first start to the last end; it carries the evidence of the run with the higher score.

    Parameters
    ----------
    bundle
        That gave the scores.
    scores
        Of any rows.
    since
        As for ``detect``.

    Returns
    -------
    tuple of Anomaly
        By start, then by series.
    """
    first_row = 0 if since is None else scores.frame.row_at(since)
    runs = sorted(run for run in _all_runs(bundle, scores) if run.last > first_row)
    columns = _columns(bundle)
    anomalies = [_anomaly(bundle, scores, group, columns) for group in _overlapping(runs)]
    return tuple(sorted(anomalies, key=lambda anomaly: (anomaly.start, anomaly.key)))


@dataclass(frozen=True, slots=True, order=True)
class _ScopedRun:
    """A run on a series; ``component`` is the place of the component whose score it is, -1 for that of the series."""

    column: int
    first: int
    last: int
    peak: int
    component: int


def _columns(bundle: Bundle) -> tuple[NDArray[np.int64], ...]:
    return tuple(np.asarray(columns) for columns in components(bundle.keys).values())


def _all_runs(bundle: Bundle, scores: BundleScores) -> Iterator[_ScopedRun]:
    merge_s = resolve(bundle.shaping.rules, bundle.keys).merge_s
    merge_rows = np.where(np.isnan(merge_s), bundle.rules.merge_rows, np.ceil(merge_s / bundle.step_s)).astype(np.int64)
    for run in find_runs(scores.score, scores.alert, bundle.rules, merge_rows):
        yield _ScopedRun(run.column, run.first, run.last, run.peak, -1)
    members = _columns(bundle)
    for run in find_runs(scores.component_score, scores.component_alert, bundle.rules):
        yield _ScopedRun(adds_most(scores, run.peak, members[run.column]), run.first, run.last, run.peak, run.column)


def adds_most(scores: BundleScores, row: int, columns: NDArray[np.int64]) -> int:
    """The metric of a component that adds most to its score.

    Parameters
    ----------
    scores
        Of any rows.
    row
        Which of them.
    columns
        Of the component's metrics.

    Returns
    -------
    int
        One of the columns; the one that deviates most where no shares are known.
    """
    share, size = scores.share[row, columns], np.abs(scores.deviation[row, columns])
    size = size if np.isnan(share).all() else share
    return int(columns[np.argmax(np.where(np.isnan(size), -1.0, size))])


def _overlapping(runs: Iterable[_ScopedRun]) -> Iterator[list[_ScopedRun]]:
    """Group runs of one series that overlap or touch; they come in order of series and start."""
    group: list[_ScopedRun] = []
    last = 0
    for run in runs:
        if group and (run.column != group[0].column or run.first > last):
            yield group
            group = []
        last = run.last if not group else max(last, run.last)
        group.append(run)
    if group:
        yield group


def _score_of(scores: BundleScores, run: _ScopedRun) -> float:
    own = scores.score[:, run.column] if run.component < 0 else scores.component_score[:, run.component]
    return float(own[run.peak])


def _anomaly(
    bundle: Bundle, scores: BundleScores, group: list[_ScopedRun], columns: tuple[NDArray[np.int64], ...]
) -> Anomaly:
    strongest = max(group, key=lambda run: (_score_of(scores, run), -run.component, -run.first))
    row, column = strongest.peak, strongest.column
    first, last = min(run.first for run in group), max(run.last for run in group)
    component = next(place for place, members in enumerate(columns) if column in members)
    judges = _judges(bundle, scores, first, last, column, component)
    name, member = _judge_of(bundle, scores, strongest, component)
    times, values, step_s = scores.frame.times, scores.frame.values[:, column], scores.frame.step_s
    previous = float(values[row - 1]) if row else float("nan")
    rate, budget = _rate(bundle, member, _score_of(scores, strongest), strongest, component)
    return Anomaly(
        key=bundle.keys[column],
        type=TYPES_OF_FLAGS[name] if member is None else member.detector.type,
        severity=severity(rate, budget_per_day=budget, duration_s=(last - first) * step_s, rows=last - first),
        confidence=float(np.exp(-rate)),
        start=to_datetime(times[first]),
        peak=to_datetime(times[row]),
        end=to_datetime(times[last - 1] + scores.frame.step),
        value=float(values[row]),
        expected=float(scores.expected[row, column]),
        lower=float(scores.lower[row, column]),
        upper=float(scores.upper[row, column]),
        score=_score_of(scores, strongest),
        deviation=float(scores.deviation[row, column]),
        previous_value=previous,
        rate_of_change=(float(values[row]) - previous) / step_s,
        detector=name,
        model_version=bundle.model_version,
        step_s=step_s,
        supporting_detectors=tuple(judge for judge in judges if judge != name),
    )


def _judges(
    bundle: Bundle, scores: BundleScores, first: int, last: int, column: int, component: int
) -> tuple[str, ...]:
    """Who reached the boundary in a run, in the order of the bundle."""
    places = {member.detector.name: component for member in bundle.members if member.detector.scope == "component"}
    return tuple(
        name
        for name, judged in scores.by_detector.items()
        if (judged[first:last, places.get(name, column)] >= 1.0).any()
    )


def _judge_of(bundle: Bundle, scores: BundleScores, run: _ScopedRun, component: int) -> tuple[str, Member | None]:
    """The detector with the highest score at the peak of a run; a flag only where no detector reached the boundary."""
    scope = "series" if run.component < 0 else "component"
    column = run.column if run.component < 0 else component
    best: tuple[float, str, Member | None] = (-1.0, "", None)
    for member in bundle.members:
        score = scores.by_detector[member.detector.name][run.peak, column] if member.detector.scope == scope else np.nan
        if score > best[0]:
            best = (float(score), member.detector.name, member)
    flags = [name for name in FLAGS if run.component < 0 and scores.by_detector[name][run.peak, run.column] > 0]
    if flags and best[0] < 1.0:
        return flags[0], None
    return best[1], best[2]


def _rate(bundle: Bundle, member: Member | None, score: float, run: _ScopedRun, component: int) -> tuple[float, float]:
    """Events at least so strange on a normal day, and the budget; a flag is a rule, not a matter of chance."""
    if member is None:
        return 0.0, 1.0
    column = run.column if run.component < 0 else component
    rate = member.calibration.rate_per_day(score, column, bundle.memory.tails[member.detector.name])
    return rate, float(member.calibration.budget[column])
