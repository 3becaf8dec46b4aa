"""The judged part of a back-test once more, with faults in it."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.backtest_report import UntouchedFigures
from models.budgets import Judgement, judge, judged_days
from models.bundle import Bundle
from models.detector import components
from models.frames import MetricFrame
from models.injection import FaultFigures, InjectedFault, Trial, inject, measure


class Trials:
    """Judges rounds of faults, each on a copy of the same rows, and compares with the judgement without them.

    Parameters
    ----------
    bundle
        Trained.
    later
        The first rows behind its history: its series in its order.
    budgets
        For which figures are wanted.
    judged
        The judgement without faults, by budget.
    """

    def __init__(
        self, bundle: Bundle, later: MetricFrame, budgets: Sequence[float], judged: Mapping[float, Judgement]
    ) -> None:
        self._bundle, self._later, self._judged = bundle, later, judged
        self._trials: dict[float, list[Trial]] = {budget: [] for budget in budgets}
        self._alerts = dict.fromkeys(budgets, 0)
        self._series_days = 0.0
        self._component = np.empty(later.n_series, dtype=np.int64)
        for place, columns in enumerate(components(later.keys).values()):
            self._component[columns] = place

    def add(self, faults: Sequence[InjectedFault]) -> None:
        """Judge a round.

        Parameters
        ----------
        faults
            At most one a component at a time.
        """
        spoilt = judge(self._bundle, inject(self._later, faults), tuple(self._trials))
        touched = {fault.key for fault in faults}
        free = np.array([key not in touched for key in self._later.keys])
        for budget, trials in self._trials.items():
            self._alerts[budget] += int(spoilt[budget].own[:, free].sum())
            trials += [self._trial(fault, spoilt[budget], self._judged[budget]) for fault in faults]
        self._series_days += float(judged_days(next(iter(spoilt.values())))[0][free].sum())

    def figures(self, budget: float) -> tuple[FaultFigures, ...]:
        """Recall and delay under a budget.

        Parameters
        ----------
        budget
            One of those given.

        Returns
        -------
        tuple of FaultFigures
            By shape and size.
        """
        return measure(self._trials[budget], self._later.step_s)

    def untouched(self, budget: float) -> UntouchedFigures:
        """Alerts of series without faults under a budget.

        Parameters
        ----------
        budget
            One of those given.

        Returns
        -------
        UntouchedFigures
            Over all rounds.
        """
        alerts, days = self._alerts[budget], self._series_days
        return UntouchedFigures(alerts=alerts, alerts_per_series_day=alerts / days if days else None, series_days=days)

    def _trial(self, fault: InjectedFault, spoilt: Judgement, plain: Judgement) -> Trial:
        column = spoilt.frame.keys.index(fault.key)
        rows = fault.alert_rows
        alerts, without = (
            each.own[rows, column] | each.component_told[rows, self._component[column]] for each in (spoilt, plain)
        )
        return Trial(fault=fault, alerts=alerts, alerts_without=without)
