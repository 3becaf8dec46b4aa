"""Pictures of a back-test: the most abnormal series, and what each budget would have told."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.backtest import Backtest
from models.backtest_report import BacktestReport
from models.errors import InputError
from models.frames import SeriesKey
from models.plots import most_abnormal, plot_series, save_plot
from models.scoring import BundleScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SHOWN_ROWS = 1500
"""More rows than this are a black bar; those around the highest score are drawn then."""


def write_plots(backtest: Backtest, directory: Path) -> tuple[Path, ...]:
    """Draw the series with the highest score, the series with the most anomalies, and the curve of budgets.

    Parameters
    ----------
    backtest
        With at least one judged row.
    directory
        Exists.

    Returns
    -------
    tuple of Path
        The PNG files.

    Raises
    ------
    InputError
        If the judgement holds no scores.
    """
    judgement, report = backtest.judgement, backtest.report
    scores = judgement.scores
    if scores is None:
        raise InputError("the judgement holds alerts only", remedy="judge the first budget in detail")
    shown = {"most_abnormal.png": most_abnormal(scores)}
    noisiest = report.budgets[0].noisiest
    if noisiest:
        shown["noisiest.png"] = next(key for key in scores.frame.keys if str(key) == noisiest[0].series)
    files = [
        save_plot(directory / name, partial(_draw, scores=scores, key=key, backtest=backtest))
        for name, key in shown.items()
    ]
    if report.curve:
        files.append(
            save_plot(directory / "budget.png", lambda ax: plot_budget_curve(ax, report), width_in=6.0, height_in=4.5)
        )
    return tuple(files)


def plot_budget_curve(ax: "Axes", report: BacktestReport) -> "Axes":
    """Draw measured alerts against the budgets that asked for them.

    Parameters
    ----------
    ax
        Where to draw.
    report
        Of a back-test; a budget without an alert is drawn at the bottom.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    budgets = np.array([float(name) for name in report.curve])
    measured = np.array(list(report.curve.values()))
    floor = min(budgets.min(), *measured[measured > 0]) / 4 if (measured > 0).any() else budgets.min() / 4
    ends = np.array([budgets.min() / 1.5, budgets.max() * 1.5])
    ax.fill_between(ends, ends / 2, ends * 2, color="#9ecae1", alpha=0.4, linewidth=0, label="within a factor of 2")
    ax.plot(ends, ends, color="#3182bd", linewidth=1.0, label="as asked")
    ax.plot(budgets, np.maximum(measured, floor), color="#252525", marker="o", linewidth=1.0, label="measured")
    stated = [
        place for place, budget in enumerate(budgets) if any(np.isclose(budget, each.budget) for each in report.budgets)
    ]
    ax.plot(budgets[stated], np.maximum(measured[stated], floor), "o", color="#de2d26", label="stated budget")
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("budget (false alarms per series and day)")
    ax.set_ylabel("alerts per series and day, incidents included")
    ax.set_title(f"{report.series} series, {report.judged_days:.3g} days judged", loc="left", fontsize=10)
    ax.legend(loc="upper left", fontsize=8, frameon=False)
    return ax


def _draw(ax: "Axes", *, scores: BundleScores, key: SeriesKey, backtest: Backtest) -> "Axes":
    """A series around its highest score, with dots: an anomaly of one row is thinner than a line."""
    frame, column = scores.frame, scores.frame.keys.index(key)
    own = scores.score[:, column]
    peak = int(np.nanargmax(own)) if not np.isnan(own).all() else 0
    first = int(np.clip(peak - MOST_SHOWN_ROWS // 2, 0, max(0, frame.n_rows - MOST_SHOWN_ROWS)))
    anomalies = [each for each in backtest.judgement.anomalies if each.key == key]
    rows = [frame.row_at(each.peak) for each in anomalies]
    ax.plot(frame.times[rows], frame.values[rows, column], "o", color="#de2d26", markersize=4, zorder=3)
    plot_series(ax, scores, key, anomalies)
    ax.set_xlim(frame.times[first], frame.times[min(first + MOST_SHOWN_ROWS, frame.n_rows) - 1])
    return ax
