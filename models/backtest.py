"""What detection would have done on a history: learn its first part, judge the rest causally, under several budgets.

Measures; changes nothing. With labels or with injected faults it also says what would have been found and missed.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from models.anomalies import AnomalySeverity, AnomalyType
from models.backtest_labels import LabelFigures, compare, place_labels
from models.backtest_report import BacktestReport, BudgetFigures, NoisySeries
from models.backtest_trials import Trials
from models.budgets import Judgement, judge, judged_days, rows_under_alarm
from models.bundle import Bundle
from models.detector import components
from models.errors import ConfigurationError, InputError
from models.features import Array
from models.frames import MetricFrame, to_datetime
from models.injection import plan_faults
from models.noise import explain_noise
from models.residuals import predicted_by_day
from models.shaping.resolve import resolve
from models.shaping.rules_file import ShapingRules
from models.sources.labels import Label
from models.training import TrainingSettings, train

DAY_S = 86_400.0
WHAT_IF = (0.5, 1.0, 2.0)
"""Multiples of each budget that are tried as well."""
MOST_BUDGETS = 8
NOISIEST = 10
LEAST_JUDGED = 2

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSettings:
    """What a back-test may be told.

    Parameters
    ----------
    train_share
        Part of the rows that is learnt from, the first ones; between 0 and 1.
    train_days
        Days that are learnt from instead; None takes the share.
    budgets
        False alarms per series and day, each once.
    shaping
        What is to be told, and of which series.
    labels
        What was abnormal; empty if nobody knows.
    inject
        Whether seeded faults are put into copies of the judged part.
    seed
        Of these faults.
    """

    train_share: float = 0.6
    train_days: float | None = None
    budgets: tuple[float, ...] = (0.1,)
    shaping: ShapingRules = field(default_factory=ShapingRules)
    labels: tuple[Label, ...] = ()
    inject: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.train_share < 1:
            raise ConfigurationError(f"train_share is {self.train_share}.", remedy="give a share between 0 and 1")
        if self.train_days is not None and not 0 < self.train_days < np.inf:
            raise ConfigurationError(f"train_days is {self.train_days}.", remedy="give a positive number of days")
        wrong = [budget for budget in self.budgets if not 0 < budget < np.inf]
        if wrong:
            raise ConfigurationError(
                f"The budget is {wrong[0]}.", remedy="give false alarms per series and day, above 0"
            )
        if not 0 < len(self.budgets) <= MOST_BUDGETS or len(set(self.budgets)) != len(self.budgets):
            remedy = f"give 1 to {MOST_BUDGETS} budgets, each once"
            raise ConfigurationError(f"The budgets are {list(self.budgets)[:12]}.", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backtest:
    """A report, and the judgement under the first budget for plots."""

    report: BacktestReport
    judgement: Judgement


def run_backtest(
    frame: MetricFrame, settings: BacktestSettings, *, created: datetime, progress: Progress | None = None
) -> Backtest:
    """Learn the first part of a history and judge the rest.

    Parameters
    ----------
    frame
        The whole history.
    settings
        See BacktestSettings.
    created
        UTC, for the bundle.
    progress
        Called with what is done now and the fraction behind it.

    Returns
    -------
    Backtest
        Of all budgets. A history that is too short or not to be learnt, and labels of which none fits, are an
        InputError of the functions that are called.
    """
    tell = progress or (lambda _what, _done: None)
    train_rows = split(frame, settings)
    first = settings.budgets[0]
    if settings.labels:  # an error before the work, not after it
        place_labels(settings.labels, frame.rows(train_rows, frame.n_rows))
    trained = train(
        frame.rows(0, train_rows),
        TrainingSettings(false_alarms_per_day=first, shaping=settings.shaping),
        created=created,
        progress=lambda what, done: tell(what, 0.3 * done),
    )
    bundle, later = trained.bundle, frame.rows(train_rows, frame.n_rows).select(trained.bundle.keys)
    placed = place_labels(settings.labels, later) if settings.labels else None
    tried = sorted({budget * factor for budget in settings.budgets for factor in WHAT_IF})
    judged = judge(
        bundle,
        later,
        tried,
        detailed=settings.budgets,
        progress=lambda done, total: tell("Judging", 0.3 + 0.3 * done / total),
    )
    trials = None
    if settings.inject:
        plan = plan_faults(frame.rows(0, train_rows).select(later.keys), later, seed=settings.seed)
        trials = Trials(bundle, later, settings.budgets, judged)
        for done, faults in enumerate(plan):
            tell("Injecting faults", 0.6 + 0.3 * done / len(plan))
            trials.add(faults)
    reasons = _Reasons(frame, train_rows, bundle, tell)
    figures = tuple(
        _figures(
            budget,
            judged,
            noisiest=_noisiest(judged[budget], reasons),
            labels=compare(judged[budget], placed) if placed else None,
            trials=trials,
        )
        for budget in settings.budgets
    )
    report = BacktestReport(
        model_version=judged[first].bundle.model_version,
        train_start=to_datetime(frame.start),
        judged_start=to_datetime(later.start),
        judged_end=to_datetime(later.end),
        train_days=train_rows * frame.step_s / DAY_S,
        judged_days=_days(later),
        step_s=frame.step_s,
        series=later.n_series,
        components=len(components(later.keys)),
        skipped={str(skip.key): skip.reason for skip in trained.report.skipped},
        notes=(*trained.report.unmatched, *_silent_series(later), *(placed.notes if placed else ())),
        budgets=figures,
        curve={f"{budget:g}": rate for budget in tried if (rate := _rates(judged[budget]).per_series_day) is not None},
    )
    tell("Done", 1.0)
    return Backtest(report=report, judgement=judged[first])


def split(frame: MetricFrame, settings: BacktestSettings) -> int:
    """How many rows are learnt from.

    Parameters
    ----------
    frame
        The whole history.
    settings
        Share or days.

    Returns
    -------
    int
        At least one, and at most two less than there are.

    Raises
    ------
    InputError
        If nothing would be left to learn from or to judge.
    """
    rows = int(frame.n_rows * settings.train_share)
    if settings.train_days is not None:
        rows = round(settings.train_days * DAY_S / frame.step_s)
    if rows < 1 or frame.n_rows - rows < LEAST_JUDGED:
        left = max(frame.n_rows - rows, 0)
        problem = f"learning {rows} of {frame.n_rows} rows of {frame.step_s:g} s leaves {left} to judge"
        raise InputError(problem, remedy="give a longer history, or another --train-share or --train-days")
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rates:
    """Alerts against budget."""

    asked: float
    per_series_day: float | None
    expected: float
    per_component_day: float | None
    component_asked: float


def _rates(judgement: Judgement) -> _Rates:
    days, component_days = judged_days(judgement)
    asked, component_asked = _asked(judgement.bundle)
    counted = int(np.sum(judgement.own & ~judgement.by_rule))
    expected, total, whole = float(asked @ days), float(days.sum()), float(component_days.sum())
    return _Rates(
        asked=expected / total if total else float(asked.mean()),
        per_series_day=counted / total if total else None,
        expected=expected,
        per_component_day=float(judgement.component_told.sum()) / whole if whole else None,
        component_asked=component_asked,
    )


def _asked(bundle: Bundle) -> tuple[Array, float]:
    """Budget of each series, and of a component as a whole."""
    stated = float(bundle.settings["false_alarms_per_day"])
    by_rule = resolve(bundle.shaping.rules, bundle.keys).false_alarms_per_day
    return np.where(np.isnan(by_rule), stated, by_rule), stated


def _figures(
    budget: float,
    judged: Mapping[float, Judgement],
    *,
    noisiest: tuple[NoisySeries, ...],
    labels: LabelFigures | None,
    trials: Trials | None,
) -> BudgetFigures:
    judgement, rates = judged[budget], _rates(judged[budget])
    under = rows_under_alarm(judgement)
    kinds, grades = (Counter(str(getattr(each, name)) for each in judgement.anomalies) for name in ("type", "severity"))
    component = rates.per_component_day
    return BudgetFigures(
        budget=budget,
        asked=rates.asked,
        alerts=int(judgement.own.sum()),
        by_rule=int(judgement.by_rule.sum()),
        component_alerts=int(judgement.component_told.sum()),
        alerts_a_day=_alerts_a_day(judgement),
        per_series_day=rates.per_series_day,
        ratio=None if rates.per_series_day is None else rates.per_series_day / rates.asked,
        expected_alerts=rates.expected,
        per_component_day=component,
        component_ratio=None if component is None else component / rates.component_asked,
        cells_under_alarm=float(under.mean()),
        rows_under_alarm=float(under.any(axis=1).mean()),
        anomalies=len(judgement.anomalies),
        by_type={str(kind): kinds[str(kind)] for kind in AnomalyType if kinds[str(kind)]},
        by_severity={str(grade): grades[str(grade)] for grade in AnomalySeverity if grades[str(grade)]},
        noisiest=noisiest,
        what_if={f"{factor:g}": _alerts_a_day(judged[budget * factor]) for factor in WHAT_IF},
        labels=labels,
        faults=trials.figures(budget) if trials else None,
        untouched=trials.untouched(budget) if trials else None,
    )


def _days(frame: MetricFrame) -> float:
    return frame.n_rows * frame.step_s / DAY_S


def _alerts_a_day(judgement: Judgement) -> float:
    return float(judgement.own.sum() + judgement.component_told.sum()) / _days(judgement.frame)


def _silent_series(later: MetricFrame) -> tuple[str, ...]:
    empty = np.flatnonzero(np.isnan(later.values).all(axis=0)).tolist()
    return tuple(f"no value in the judged part: {later.keys[column]}" for column in empty)


def _noisiest(judgement: Judgement, reasons: "_Reasons") -> tuple[NoisySeries, ...]:
    under = rows_under_alarm(judgement)
    counts = Counter(each.key for each in judgement.anomalies)
    told = judgement.told.sum(axis=0)
    column = {key: place for place, key in enumerate(judgement.frame.keys)}
    order = sorted(counts, key=lambda key: (-counts[key], -told[column[key]], key))[:NOISIEST]
    return tuple(
        NoisySeries(
            series=str(key),
            anomalies=counts[key],
            alerts_a_day=float(told[column[key]]) / _days(judgement.frame),
            share_under_alarm=float(under[:, column[key]].mean()),
            why=reasons.of(column[key]),
        )
        for key in order
    )


class _Reasons:
    """Explains each noisy series once, for whatever budgets."""

    def __init__(self, frame: MetricFrame, train_rows: int, bundle: Bundle, tell: Progress) -> None:
        self._frame, self._train_rows, self._tell = frame, train_rows, tell
        self._column = {key: place for place, key in enumerate(frame.keys)}
        self._keys = bundle.keys
        self._by_day = predicted_by_day(bundle.memory.residuals)
        self._known: dict[int, tuple[str, ...]] = {}

    def of(self, column: int) -> tuple[str, ...]:
        """Reasons for a series of the bundle."""
        if column not in self._known:
            self._tell("Explaining the noisiest", 0.9 + min(0.09, 0.01 * len(self._known)))
            place = self._column[self._keys[column]]
            self._known[column] = explain_noise(
                self._frame, self._train_rows, place, learnt_by_day=bool(self._by_day[column])
            )
        return self._known[column]
