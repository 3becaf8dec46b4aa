"""Which series move together with the symptom that is asked about.

Correlation over the incident and some rows before it, of signed logarithms of the deviations, so that neither a single
peak nor the unit decides. Only a named target makes this possible.
"""

import numpy as np
from numpy.typing import NDArray

from analysis.findings import SkippedMethod
from analysis.rootcause.kinds import MetricKind
from analysis.rootcause.observation import SeriesView, Values
from analysis.rootcause.settings import RootCauseSettings
from models.frames import SeriesKey

NAME = "comovement"
FEWEST_ROWS = 5


def measure_factors(view: SeriesView, target: SeriesKey | None, settings: RootCauseSettings) -> Values | SkippedMethod:
    """Part of its points that every series keeps.

    Parameters
    ----------
    view
        The series.
    target
        The symptom that is asked about.
    settings
        Gives window, sharpness and the share of the other symptom.

    Returns
    -------
    ndarray of float64, shape (n_series,) or SkippedMethod
        In [0, 1]: |correlation with the target| to the power of ``comovement_power``.
    """
    if settings.comovement_power == 0:
        return SkippedMethod(name=NAME, reason="It is switched off.")
    if target is None:
        return SkippedMethod(name=NAME, reason="No target is named.")
    if target not in view.keys:
        return SkippedMethod(name=NAME, reason=f"The target {target} has no series.")
    column = view.keys.index(target)
    window = view.deviations[max(0, view.onset - settings.comovement_rows) :]
    signal = np.sign(window) * np.log1p(np.abs(window))
    correlation, is_known = correlate(signal, signal[:, column])
    if not is_known[column]:
        return SkippedMethod(name=NAME, reason=f"The target {target} does not move, or has fewer than 5 values.")
    return np.abs(correlation) ** settings.comovement_power * _same_symptom(view, column, settings)


def correlate(signal: Values, target: Values) -> tuple[Values, NDArray[np.bool_]]:
    """Pearson correlation of every column with one, over the rows that both have.

    Parameters
    ----------
    signal
        Shape (n_rows, n_series); NaN means missing.
    target
        Shape (n_rows,).

    Returns
    -------
    ndarray of float64, shape (n_series,)
        0 where it is not known.
    ndarray of bool, shape (n_series,)
        Where five common rows exist and neither side is constant.
    """
    both = ~np.isnan(signal) & ~np.isnan(target)[:, None]
    counts = np.maximum(both.sum(axis=0), 1)
    x = np.where(both, signal, 0.0)
    y = np.where(both, np.nan_to_num(target)[:, None], 0.0)
    x = np.where(both, x - x.sum(axis=0) / counts, 0.0)
    y = np.where(both, y - y.sum(axis=0) / counts, 0.0)
    spread = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    is_known = (both.sum(axis=0) >= FEWEST_ROWS) & (spread > 1e-9)
    return np.where(is_known, (x * y).sum(axis=0) / np.where(is_known, spread, 1.0), 0.0), is_known


def _same_symptom(view: SeriesView, target: int, settings: RootCauseSettings) -> Values:
    """Latency explains errors less than it explains latency, and the other way round."""
    asked = view.kinds[target]
    if not asked.is_symptomatic:
        return np.ones(len(view.keys))
    other = ({MetricKind.LATENCY, MetricKind.ERRORS} - {asked}).pop()
    return np.array([settings.other_symptom_share if kind is other else 1.0 for kind in view.kinds])
