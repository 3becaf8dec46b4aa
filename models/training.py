"""History to bundle: one pass, vectorised over series, the same bits for the same history and settings.

Nothing is left out in silence: a series that cannot be learnt is in the report with the reason.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from models.baseline import Baseline
from models.bundle import Bundle, History, Member
from models.calibration import DAY_S, calibrate
from models.detector import Scores
from models.detectors.isolation_forest import columns_by_component
from models.errors import ConfigurationError, InputError
from models.features import Array, medians
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.registry import DETECTORS, make_detector
from models.segments import SegmentRules, find_runs

Progress = Callable[[str, float], None]
"""Called with what is done now and the fraction of the training that is behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What a training run may be told.

    Parameters
    ----------
    detectors
        Names from ``models.registry``; at least one.
    parameters
        Parameters of detectors by name, where they are not the defaults.
    false_alarms_per_series_day
        Budget that the boundaries are set for: alarms that a normal series may raise a day, shared equally by the
        detectors. The default lets a series without faults alarm once in twenty days.
    least_values
        A series with fewer values in the history is skipped.
    rules
        How scores become anomalies.
    """

    detectors: tuple[str, ...] = tuple(DETECTORS)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    false_alarms_per_series_day: float = 0.05
    least_values: int = 120
    rules: SegmentRules = field(default_factory=SegmentRules)

    def __post_init__(self) -> None:
        if not self.detectors or len(set(self.detectors)) != len(self.detectors):
            raise ConfigurationError("Training needs detectors, each once.", remedy=f"choose from {sorted(DETECTORS)}")
        if not self.false_alarms_per_series_day > 0:
            raise ConfigurationError(
                f"false_alarms_per_series_day is {self.false_alarms_per_series_day}.", remedy="give a positive rate"
            )
        unused = sorted(set(self.parameters) - set(self.detectors))
        if unused:
            raise ConfigurationError(f"There are parameters for {unused}, which are not trained.", remedy="remove them")


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedSeries:
    """A series of the history that is not in the bundle, and why."""

    key: SeriesKey
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """What the training saw and made.

    Parameters
    ----------
    n_rows, n_series, n_components
        Of the bundle.
    days
        Length of the history.
    missing_fraction
        Of the trained series' cells.
    skipped
        Series that could not be learnt.
    seasons
        Number of series by season of their baseline.
    alarms_per_series_day
        On the history itself, by detector: each part of it judged by a baseline that had not seen it. Incidents in the
        history count too, so this is at or above the budget's share when the history had incidents.
    """

    n_rows: int
    n_series: int
    n_components: int
    days: float
    missing_fraction: float
    skipped: tuple[SkippedSeries, ...]
    seasons: Mapping[str, int]
    alarms_per_series_day: Mapping[str, float]

    def metrics(self) -> dict[str, float]:
        """The figures by name, for tracking.

        Returns
        -------
        dict of str to float
            Flat.
        """
        return {
            "rows": float(self.n_rows),
            "series": float(self.n_series),
            "components": float(self.n_components),
            "days": self.days,
            "missing_fraction": self.missing_fraction,
            "skipped_series": float(len(self.skipped)),
            **{f"season.{name}": float(count) for name, count in self.seasons.items()},
            **{f"alarms_per_series_day.{name}": rate for name, rate in self.alarms_per_series_day.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingResult:
    """A bundle and the report of its training."""

    bundle: Bundle
    report: TrainingReport


def train(
    frame: MetricFrame, settings: TrainingSettings, *, created: datetime, progress: Progress | None = None
) -> TrainingResult:
    """Learn what is normal from history.

    Parameters
    ----------
    frame
        History; incidents in it are tolerated while they fill less than half of each time of day.
    settings
        See TrainingSettings.
    created
        UTC, for the manifest.
    progress
        Called before each stage and at the end.

    Returns
    -------
    TrainingResult
        The bundle has the same model version for the same frame and settings.

    Raises
    ------
    InputError
        If no series can be learnt.
    """
    tell = progress or (lambda _what, _done: None)
    tell("Learning baselines", 0.0)
    skipped = _unlearnable(frame, settings.least_values)
    without = {skip.key for skip in skipped}
    history = frame.where(lambda key: key not in without) if without else frame
    if not history.keys:
        reason = skipped[0].reason if skipped else "the frame holds no series"
        raise InputError(f"no series can be learnt: {reason}", remedy="give a longer history")
    baseline = Baseline()
    seen = baseline.fit_apply(history)
    members, alarms = [], {}
    for place, name in enumerate(settings.detectors):
        tell(f"Fitting {name.replace('_', ' ')}", 0.3 + 0.7 * place / len(settings.detectors))
        detector = make_detector(name, settings.parameters.get(name)).fit(seen)
        scores = detector.score(seen)
        raw = scores.score
        budget = settings.false_alarms_per_series_day / len(settings.detectors)
        calibration = calibrate(
            raw,
            step_s=frame.step_s,
            false_alarms_per_series_day=budget,
            least_boundary=detector.least_boundary,
            grain=_grain_of_scores(seen.grain, scores) if detector.scope == "series" else 0.0,
        )
        members.append(Member(detector=detector, calibration=calibration, budget_per_day=budget))
        runs = find_runs(calibration.calibrated(raw), settings.rules)
        alarms[name] = len(runs) / (history.n_series * history.n_rows * history.step_s / DAY_S)
    bundle = Bundle(
        created=created,
        step_s=history.step_s,
        keys=history.keys,
        baseline=baseline,
        members=tuple(members),
        rules=settings.rules,
        history=History(
            start=to_datetime(history.start),
            end=to_datetime(history.end),
            n_rows=history.n_rows,
            fingerprint=fingerprint(history),
        ),
        settings=_jsonable(settings),
    )
    tell("Trained", 1.0)
    return TrainingResult(bundle=bundle, report=_report(bundle, history, skipped, alarms))


def fingerprint(frame: MetricFrame) -> str:
    """Hash a frame.

    Parameters
    ----------
    frame
        Any frame.

    Returns
    -------
    str
        SHA-256, hexadecimal, over keys, grid and values; all NaN count as the same.
    """
    grid = f"{frame.start}|{frame.step_s!r}|{frame.values.shape}"
    names = "".join(f"{len(k.component)}:{k.component}{len(k.metric)}:{k.metric}" for k in frame.keys)
    digest = hashlib.sha256(f"{grid}|{names}".encode())
    digest.update(np.ascontiguousarray(np.where(np.isnan(frame.values), np.nan, frame.values)).data)
    return digest.hexdigest()


def _grain_of_scores(grain: Array, scores: Scores) -> Array:
    """Raw score of the smallest step of each series; 0 where its scale is unknown."""
    with np.errstate(divide="ignore", over="ignore"):
        size = grain / medians(np.ascontiguousarray(scores.scale.T))
    return np.where(np.isfinite(size), size, 0.0)


def _unlearnable(frame: MetricFrame, least_values: int) -> tuple[SkippedSeries, ...]:
    present = np.sum(~np.isnan(frame.values), axis=0)
    skipped = []
    for key, count in zip(frame.keys, present.tolist(), strict=True):
        if count < least_values:
            reason = "all values are missing" if count == 0 else f"{count} values, {least_values} are needed"
            skipped.append(SkippedSeries(key=key, reason=reason))
    return tuple(skipped)


def _report(
    bundle: Bundle, history: MetricFrame, skipped: tuple[SkippedSeries, ...], alarms: Mapping[str, float]
) -> TrainingReport:
    season = bundle.baseline.season_
    return TrainingReport(
        n_rows=history.n_rows,
        n_series=history.n_series,
        n_components=len(columns_by_component(history.keys)),
        days=history.n_rows * history.step_s / DAY_S,
        missing_fraction=float(np.isnan(history.values).mean()),
        skipped=skipped,
        seasons={
            "none": int(np.sum(season == 0)),
            "smooth_day": int(np.sum((season & 3) == 1)),
            "sharp_day": int(np.sum((season & 3) == 2)),
            "week": int(np.sum(season >= 4)),
        },
        alarms_per_series_day=dict(alarms),
    )


def _jsonable(settings: TrainingSettings) -> dict[str, Any]:
    plain = asdict(settings)
    plain["detectors"] = list(settings.detectors)
    plain["parameters"] = {name: dict(values) for name, values in settings.parameters.items()}
    return plain
