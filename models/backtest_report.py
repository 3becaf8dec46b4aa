"""The figures of a back-test, as they are written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models.backtest_labels import LabelFigures
from models.injection import FaultFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisySeries:
    """A series that would have told much.

    Parameters
    ----------
    series
        ``component/metric``.
    anomalies, alerts_a_day
        As told to people, and the alerts behind them a judged day, those of its component that point to it included.
    share_under_alarm
        Of the judged rows.
    why
        What explains it, from a decomposition of the whole history.
    """

    series: str
    anomalies: int
    alerts_a_day: float
    share_under_alarm: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UntouchedFigures:
    """Series that got no fault while others did.

    Parameters
    ----------
    alerts, alerts_per_series_day
        By their own judges; without labels nobody can say that all of them are false.
    series_days
        Over all rounds.
    """

    alerts: int
    alerts_per_series_day: float | None
    series_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigures:
    """What one budget would have meant.

    Parameters
    ----------
    budget
        Stated: false alarms per series and day.
    asked
        Budget of the average series, with those that rules set.
    alerts, by_rule
        Alerts by the judges of single series, and how many of them came from rules of silence and data range alone,
        which have no budget.
    component_alerts
        Alerts by the judges of components as a whole.
    alerts_a_day
        All alerts a day of the judged part.
    per_series_day, ratio
        Alerts per series and day without those by rule, and this divided by ``asked``; None if nothing could be
        judged. Without labels real incidents count as well.
    expected_alerts
        What ``asked`` allows over the judged series-days, to be set beside ``alerts - by_rule``.
    per_component_day, component_ratio
        The same for components as a whole; None without components of several metrics.
    cells_under_alarm, rows_under_alarm
        Share of values inside an anomaly, and of rows in which any series is.
    anomalies, by_type, by_severity
        Alerts merged as people see them.
    noisiest
        At most ten series.
    what_if
        Alerts a day at half, all and twice this budget, by the factor.
    labels
        None without labels.
    faults, untouched
        None unless faults were injected.
    """

    budget: float
    asked: float
    alerts: int
    by_rule: int
    component_alerts: int
    alerts_a_day: float
    per_series_day: float | None
    ratio: float | None
    expected_alerts: float
    per_component_day: float | None
    component_ratio: float | None
    cells_under_alarm: float
    rows_under_alarm: float
    anomalies: int
    by_type: Mapping[str, int]
    by_severity: Mapping[str, int]
    noisiest: tuple[NoisySeries, ...]
    what_if: Mapping[str, float]
    labels: LabelFigures | None
    faults: tuple[FaultFigures, ...] | None
    untouched: UntouchedFigures | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestReport:
    """All figures of a back-test.

    Parameters
    ----------
    model_version
        Of the bundle with the first budget.
    train_start, judged_start, judged_end
        UTC.
    train_days, judged_days, step_s
        Lengths.
    series, components
        That were judged.
    skipped
        Why other series were not, by name.
    notes
        What else a reader should know.
    budgets
        In the order of the settings.
    curve
        Measured alerts per series and day by budget, every budget that was tried.
    """

    model_version: str
    train_start: datetime
    judged_start: datetime
    judged_end: datetime
    train_days: float
    judged_days: float
    step_s: float
    series: int
    components: int
    skipped: Mapping[str, str]
    notes: tuple[str, ...]
    budgets: tuple[BudgetFigures, ...]
    curve: Mapping[str, float]
