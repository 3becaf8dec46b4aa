"""History to bundle: one pass, vectorised over series, the same bits for the same history and settings.

Nothing is left out in silence: a series that cannot be learnt is in the report with the reason.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.bundle import Bundle, History, Member
from models.calendar import Calendar
from models.calibration import Method, calibrate, judged
from models.detector import components
from models.errors import ConfigurationError, InputError
from models.features import Array
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.memory import Memory
from models.online import alerts, sums
from models.online.tail import BOUNDARY, DAY_S
from models.registry import DETECTORS, ENSEMBLE, make_detector
from models.residuals import ResidualModel, predicted_by_day
from models.scoring import DENSITY
from models.segments import SegmentRules
from models.shaping import silence
from models.shaping.resolve import ResolvedRules, resolve
from models.shaping.rules_file import ShapingRules
from models.shaping.windows import resolve_windows

Progress = Callable[[str, float], None]
"""Called with what is done now and the fraction of the training that is behind it."""
BudgetScope = Literal["series", "component", "fleet"]
SHARED_BY = 2.0
"""Detectors of series alarm together often enough that each gets the budget divided by this, not by their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What a training run may be told.

    Parameters
    ----------
    detectors
        Names from ``models.registry``; at least one.
    parameters
        Parameters of detectors by name, where they are not the defaults.
    false_alarms_per_day
        Budget that the boundaries are set for: alarms that normal metrics may raise a day.
    budget_per
        Whom the budget is for: each series (and each component as a whole), each component with all of its series, or
        the whole fleet.
    calibration
        "tail" or "conformal", see ``models.calibration``.
    least_values
        A series with fewer values in the history is skipped.
    calendar
        Local time in which days and weeks are meant; a rule may name another zone or holidays for its series.
    shaping
        What is to be told, and of which series; also times that are not learnt from.
    rules
        How scores become anomalies.
    """

    detectors: tuple[str, ...] = ENSEMBLE
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    false_alarms_per_day: float = 0.1
    budget_per: BudgetScope = "series"
    calibration: Method = "tail"
    least_values: int = 120
    calendar: Calendar = field(default_factory=Calendar)
    shaping: ShapingRules = field(default_factory=ShapingRules)
    rules: SegmentRules = field(default_factory=SegmentRules)

    def __post_init__(self) -> None:
        if not self.detectors or len(set(self.detectors)) != len(self.detectors):
            raise ConfigurationError("Training needs detectors, each once.", remedy=f"choose from {sorted(DETECTORS)}")
        if not 0 < self.false_alarms_per_day < np.inf:
            raise ConfigurationError(
                f"false_alarms_per_day is {self.false_alarms_per_day}.", remedy="give a positive rate"
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
    by_day
        Number of series whose day has a profile that predicts better than their level alone.
    cannot_alarm
        Number of series for which no detector has a boundary yet (conformal calibration needs more history).
    alarms_per_series_day
        Events above the boundary on the history itself, by detector; incidents in the history count too.
    unmatched
        Rules and windows that match no series.
    """

    n_rows: int
    n_series: int
    n_components: int
    days: float
    missing_fraction: float
    skipped: tuple[SkippedSeries, ...]
    by_day: int
    cannot_alarm: int
    alarms_per_series_day: Mapping[str, float]
    unmatched: tuple[str, ...]

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
            "by_day": float(self.by_day),
            "cannot_alarm": float(self.cannot_alarm),
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

    Notes
    -----
    If no series can be learnt that is an InputError.
    """
    tell = progress or (lambda _what, _done: None)
    tell("Learning what is usual", 0.0)
    history, skipped = _learnable(frame, settings.least_values)
    wanted, windows = (
        resolve(settings.shaping.rules, history.keys),
        resolve_windows(settings.shaping.windows, history.keys),
    )
    mask = windows.mask(history.times)
    values = np.ascontiguousarray(np.where(mask, np.nan, history.values).T)
    calendars, calendar = _calendars(settings.calendar, wanted)
    model = ResidualModel(step_s=history.step_s, calendars=calendars)
    seen, state = model.fit_apply(history.keys, history.times, values, calendar)
    members, alarms = [], {}
    detectors: dict[str, dict[str, NDArray[Any]]] = {}
    tails = {}
    crossed = np.zeros(history.n_series, dtype=bool)
    component_raw = np.full((len(components(history.keys)), history.n_rows), np.nan)
    budgets = _budgets(settings, history.keys, wanted)
    for place, name in enumerate(settings.detectors):
        tell(f"Fitting {name.replace('_', ' ')}", 0.4 + 0.6 * place / len(settings.detectors))
        detector = make_detector(name, settings.parameters.get(name)).fit(seen)
        detectors[name] = detector.start(history.keys)
        raw = detector.score(seen, detectors[name])
        calibration, tails[name] = calibrate(
            raw,
            step_s=history.step_s,
            budget=budgets[detector.scope],
            common_boundary=detector.common_boundary,
            sigma=detector.sigma,
            method=settings.calibration,
        )
        members.append(Member(detector=detector, calibration=calibration))
        above = judged(calibration, tails[name], raw) >= 1.0
        events = np.sum(np.diff(above.astype(np.int8), axis=1, prepend=0) > 0)
        alarms[name] = float(events / (len(raw) * history.n_rows * history.step_s / DAY_S))
        if detector.scope == "series":
            crossed |= np.isfinite(tails[name].figures[:, BOUNDARY])
        else:
            component_raw = np.fmax(component_raw, raw)
    strangeness = np.empty(seen.values.shape)
    sums.length(seen.features, DENSITY, strangeness)
    bundle = Bundle(
        created=created,
        step_s=history.step_s,
        keys=history.keys,
        residuals=model,
        members=tuple(members),
        rules=settings.rules,
        shaping=settings.shaping,
        silence=silence.learn_silence(history.values, history.step_s, mask),
        strangeness=_usual_density(strangeness),
        component_strangeness=_usual_density(component_raw),
        memory=Memory(
            residuals=state,
            detectors=detectors,
            tails=tails,
            alerts=alerts.blank(history.n_series),
            component_alerts=alerts.blank(len(component_raw)),
            silence=silence.fresh_state(history.n_series),
            silent=np.zeros(history.n_series, dtype=bool),
        ),
        history=History(
            start=to_datetime(history.start),
            end=to_datetime(history.end),
            n_rows=history.n_rows,
            fingerprint=fingerprint(history),
        ),
        settings=_jsonable(settings),
    )
    report = TrainingReport(
        n_rows=history.n_rows,
        n_series=history.n_series,
        n_components=len(component_raw),
        days=history.n_rows * history.step_s / DAY_S,
        missing_fraction=float(np.isnan(history.values).mean()),
        skipped=skipped,
        by_day=int(predicted_by_day(state).sum()),
        cannot_alarm=int(np.sum(~crossed)),
        alarms_per_series_day=alarms,
        unmatched=(*wanted.unmatched, *windows.unmatched),
    )
    tell("Trained", 1.0)
    return TrainingResult(bundle=bundle, report=report)


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


def _learnable(frame: MetricFrame, least_values: int) -> tuple[MetricFrame, tuple[SkippedSeries, ...]]:
    present = np.sum(~np.isnan(frame.values), axis=0)
    skipped = []
    for key, count in zip(frame.keys, present.tolist(), strict=True):
        if count < least_values:
            reason = "all values are missing" if count == 0 else f"{count} values, {least_values} are needed"
            skipped.append(SkippedSeries(key=key, reason=reason))
    without = {skip.key for skip in skipped}
    history = frame.where(lambda key: key not in without) if without else frame
    if not history.keys:
        reason = skipped[0].reason if skipped else "the frame holds no series"
        raise InputError(f"no series can be learnt: {reason}", remedy="give a longer history")
    return history, tuple(skipped)


def _calendars(usual: Calendar, wanted: ResolvedRules) -> tuple[tuple[Calendar, ...], NDArray[np.int64]]:
    """The calendars that the series follow, the usual one first, and which of them each series follows."""
    found = {usual: 0}
    which = []
    for zone, days in zip(wanted.time_zone, wanted.holidays, strict=True):
        own = usual if zone is None else replace(usual, time_zone=zone)
        if isinstance(days, str):
            own = replace(own, holidays=days)
        elif days is not None:
            own = replace(own, extra_holidays=days)
        which.append(found.setdefault(own, len(found)))
    return tuple(found), np.array(which, dtype=np.int64)


def _budgets(settings: TrainingSettings, keys: tuple[SeriesKey, ...], wanted: ResolvedRules) -> dict[str, Array]:
    """False alarms a day for each detector, by scope: of each series, and of each component."""
    members = components(keys)
    given, scopes = settings.false_alarms_per_day, {DETECTORS[name].scope for name in settings.detectors}  # type: ignore[attr-defined]  # a class variable
    series, component = np.full(len(keys), given), np.full(len(members), given)
    if settings.budget_per != "series":
        for place, columns in enumerate(members.values()):
            judges = ("series" in scopes) * len(columns) + ("component" in scopes and len(columns) > 1)
            series[columns] = component[place] = given / max(judges, 1)
    if settings.budget_per == "fleet":
        series, component = series / len(members), component / len(members)
    series = np.where(np.isnan(wanted.false_alarms_per_day), series, wanted.false_alarms_per_day)
    n_series = sum(DETECTORS[name].scope == "series" for name in settings.detectors)  # type: ignore[attr-defined]  # a class variable
    return {
        "series": series / min(max(n_series, 1), SHARED_BY),
        "component": component / max(len(settings.detectors) - n_series, 1),
    }


def _usual_density(strangeness: Array) -> Array:
    """98 % quantile of each row's running average; 1 where nothing is known."""
    usual = np.ones(len(strangeness))
    for place, series in enumerate(strangeness):
        present = series[~np.isnan(series)]
        if present.size:
            smoothed = pd.Series(present).ewm(alpha=alerts.SMOOTHING, adjust=False).mean()
            usual[place] = smoothed.quantile(0.98)
    return usual


def _jsonable(settings: TrainingSettings) -> dict[str, Any]:
    return {
        "detectors": list(settings.detectors),
        "parameters": {name: dict(values) for name, values in settings.parameters.items()},
        "false_alarms_per_day": settings.false_alarms_per_day,
        "budget_per": settings.budget_per,
        "calibration": settings.calibration,
        "least_values": settings.least_values,
        "calendar": settings.calendar.parameters(),
        "shaping": settings.shaping.to_document(),
        "rules": asdict(settings.rules),
    }
