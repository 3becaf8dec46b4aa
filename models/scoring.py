"""Applying a bundle: rows in, calibrated scores and anomalies out.

The scores of a row do not depend on what else is in the batch, so a live loop may pass a trailing window.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.anomalies import Anomaly
from models.bundle import Bundle, Member
from models.calibration import severity
from models.detector import Scores
from models.detectors.isolation_forest import columns_by_component
from models.errors import InputError
from models.features import Array
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.segments import Run, find_runs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetectorScores:
    """What one detector says, calibrated; arrays have shape (n_rows, n_series).

    Parameters
    ----------
    score
        1.0 is the alarm boundary; NaN = cannot tell.
    raw
        What the detector gave.
    lower, upper
        The band that a value leaves where the score exceeds 1, in the metric's unit; NaN for a detector of components.
    """

    score: Array
    raw: Scores
    lower: Array
    upper: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BundleScores:
    """The judgement of a bundle on a frame.

    Parameters
    ----------
    frame
        The judged values: the bundle's series in the bundle's order; an absent one is all NaN.
    by_detector
        Scores of each detector, by name.
    score
        Shape (n_rows, n_series): the highest of the detectors; a component's score counts for the metric that
        deviates most. NaN where no detector can tell.
    expected, lower, upper
        Same shape: the band of the first detector of the bundle that has one, in the metric's unit.
    unknown
        Series of the frame that the bundle was not trained on; they were not judged.
    absent
        Series of the bundle that the frame does not hold.
    """

    frame: MetricFrame
    by_detector: Mapping[str, DetectorScores]
    score: Array
    expected: Array
    lower: Array
    upper: Array
    unknown: tuple[SeriesKey, ...]
    absent: tuple[SeriesKey, ...]


def score_frame(bundle: Bundle, frame: MetricFrame) -> BundleScores:
    """Score every row of a frame.

    Parameters
    ----------
    bundle
        Trained.
    frame
        Rows to judge, after at least ``bundle.context_rows`` rows of context; in those first rows some detectors
        cannot tell.

    Returns
    -------
    BundleScores
        For the bundle's series.

    Raises
    ------
    InputError
        If the frame has another step than the bundle.
    """
    if abs(frame.step_s - bundle.step_s) > 1e-6:
        raise InputError(
            f"the frame has a step of {frame.step_s} s, the bundle was trained on {bundle.step_s} s",
            remedy="resample the frame or train on this step",
        )
    present, trained = set(frame.keys), set(bundle.keys)
    judged = frame if frame.keys == bundle.keys else frame.select(bundle.keys)
    seen = bundle.baseline.apply(judged)
    by_detector = {member.detector.name: _calibrated(member, member.detector.score(seen)) for member in bundle.members}
    banded = next((by_detector[m.detector.name] for m in bundle.members if m.detector.scope == "series"), None)
    nothing = np.full(judged.values.shape, np.nan)
    return BundleScores(
        frame=judged,
        by_detector=by_detector,
        score=_combined(bundle, by_detector),
        expected=seen.expected,
        lower=nothing if banded is None else banded.lower,
        upper=nothing if banded is None else banded.upper,
        unknown=tuple(key for key in frame.keys if key not in trained),
        absent=tuple(key for key in bundle.keys if key not in present),
    )


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

    Runs of several detectors that overlap on a series become one anomaly from the first start to the last end; it
    carries the evidence of the detector whose peak is rarest, and names the others.

    Parameters
    ----------
    bundle
        That gave the scores.
    scores
        From ``score_frame``.
    since
        As for ``detect``.

    Returns
    -------
    tuple of Anomaly
        By start, then by series.
    """
    first_row = 0 if since is None else scores.frame.row_at(since)
    runs = sorted(run for run in _judged_runs(bundle, scores) if run.run.last > first_row)
    anomalies = [_anomaly(bundle, scores, group) for group in _overlapping(runs)]
    return tuple(sorted(anomalies, key=lambda anomaly: (anomaly.start, anomaly.key)))


@dataclass(frozen=True, slots=True, order=True)
class _JudgedRun:
    run: Run
    member: int
    rate_per_day: float


def _calibrated(member: Member, raw: Scores) -> DetectorScores:
    width = member.calibration.boundary * member.calibration.factor
    if member.detector.scope == "component":
        width = np.full_like(width, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        reach = width * raw.scale
        return DetectorScores(
            score=member.calibration.calibrated(raw.score),
            raw=raw,
            lower=raw.expected - reach,
            upper=raw.expected + reach,
        )


def _combined(bundle: Bundle, by_detector: Mapping[str, DetectorScores]) -> Array:
    parts = []
    for member in bundle.members:
        scores = by_detector[member.detector.name]
        part = scores.score
        if member.detector.scope == "component":
            part = np.where(_deviates_most(bundle.keys, scores.raw.deviation), part, np.nan)
        parts.append(part)
    combined: Array = np.fmax.reduce(parts)
    return combined


def _deviates_most(keys: tuple[SeriesKey, ...], deviation: Array) -> NDArray[np.bool_]:
    """True for the metric of each component that deviates most in a row; the first in name order of equal ones."""
    size = np.where(np.isnan(deviation), -1.0, np.abs(deviation))
    most = np.zeros(size.shape, dtype=bool)
    rows = np.arange(len(size))
    for columns in columns_by_component(keys).values():
        most[rows, np.asarray(columns)[size[:, columns].argmax(axis=1)]] = True
    return most


def _judged_runs(bundle: Bundle, scores: BundleScores) -> Iterator[_JudgedRun]:
    components = [np.asarray(columns) for columns in columns_by_component(bundle.keys).values()]
    for place, member in enumerate(bundle.members):
        judged = scores.by_detector[member.detector.name]
        if member.detector.scope == "series":
            for run in find_runs(judged.score, bundle.rules):
                yield _JudgedRun(
                    run, place, member.calibration.rate_per_day(judged.raw.score[run.peak, run.column], run.column)
                )
            continue
        for run in find_runs(judged.score[:, [columns[0] for columns in components]], bundle.rules):
            columns = components[run.column]
            size = np.abs(judged.raw.deviation[run.peak, columns])
            column = int(columns[np.argmax(np.where(np.isnan(size), -1.0, size))])
            rate = member.calibration.rate_per_day(judged.raw.score[run.peak, column], column)
            yield _JudgedRun(Run(column, run.first, run.last, run.peak), place, rate)


def _overlapping(runs: Iterable[_JudgedRun]) -> Iterator[list[_JudgedRun]]:
    """Group runs of one series that overlap or touch; they come in order of series and start."""
    group: list[_JudgedRun] = []
    last = 0
    for judged in runs:
        if group and (judged.run.column != group[0].run.column or judged.run.first > last):
            yield group
            group = []
        last = judged.run.last if not group else max(last, judged.run.last)
        group.append(judged)
    if group:
        yield group


def _anomaly(bundle: Bundle, scores: BundleScores, group: list[_JudgedRun]) -> Anomaly:
    strongest = min(group, key=lambda judged: (judged.rate_per_day, judged.member, judged.run))
    member = bundle.members[strongest.member]
    evidence = scores.by_detector[member.detector.name]
    banded = evidence if member.detector.scope == "series" else scores
    row, column = strongest.run.peak, strongest.run.column
    first, last = min(j.run.first for j in group), max(j.run.last for j in group)
    times, values, step_s = scores.frame.times, scores.frame.values[:, column], scores.frame.step_s
    previous = float(values[row - 1]) if row else float("nan")
    return Anomaly(
        key=bundle.keys[column],
        type=member.detector.type,
        severity=severity(
            strongest.rate_per_day,
            budget_per_day=member.budget_per_day,
            duration_s=(last - first) * step_s,
            rows=last - first,
        ),
        confidence=float(np.exp(-strongest.rate_per_day)),
        start=to_datetime(times[first]),
        peak=to_datetime(times[row]),
        end=to_datetime(times[last - 1] + scores.frame.step),
        value=float(values[row]),
        expected=float(evidence.raw.expected[row, column]),
        lower=float(banded.lower[row, column]),
        upper=float(banded.upper[row, column]),
        score=float(evidence.score[row, column]),
        deviation=float(evidence.raw.deviation[row, column]),
        previous_value=previous,
        rate_of_change=(float(values[row]) - previous) / step_s,
        detector=member.detector.name,
        model_version=bundle.model_version,
        step_s=step_s,
        supporting_detectors=tuple(
            bundle.members[place].detector.name for place in sorted({j.member for j in group} - {strongest.member})
        ),
    )
