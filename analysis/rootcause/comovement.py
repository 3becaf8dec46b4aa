"""Which series move together with the symptom that is asked about.

Correlation over the incident and some rows before it, of signed logarithms of the deviations, so that neither a single
peak nor the unit decides. Where no symptom is named, the one that users most likely feel is assumed: a latency or error
series that moved much, of a component that depends on many others; then only latency and errors have to follow it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.findings import SkippedMethod
from analysis.rootcause.kinds import MetricKind
from analysis.rootcause.observation import SeriesView
from analysis.rootcause.onset import ODD_DEVIATION
from analysis.rootcause.robust import Values
from analysis.rootcause.settings import RootCauseSettings
from analysis.topology import DependencyGraph
from models.frames import SeriesKey

NAME = "comovement"
FEWEST_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comovement:
    """How far every series follows the symptom.

    Parameters
    ----------
    target
        The symptom.
    is_assumed
        Whether nobody named it.
    factors
        Part of its points that every series keeps, in [0, 1], shape (n_series,).
    """

    target: SeriesKey
    is_assumed: bool
    factors: Values


def measure(
    view: SeriesView, points: Values, named: SeriesKey | None, graph: DependencyGraph, settings: RootCauseSettings
) -> Comovement | SkippedMethod:
    """Correlate every series with the symptom.

    Parameters
    ----------
    view
        The series.
    points
        Of every series for having moved, shape (n_series,).
    named
        The symptom that is asked about.
    graph
        Who calls whom.
    settings
        Gives window, sharpness and the share of the other symptom.

    Returns
    -------
    Comovement or SkippedMethod
        Factors are |correlation with the symptom| to the power of the settings.
    """
    if settings.comovement_power == 0:
        return SkippedMethod(name=NAME, reason="It is switched off.")
    target = named or assume_target(view, points, graph)
    if target is None:
        return SkippedMethod(name=NAME, reason="No target is named, and no latency or error metric moved.")
    if target not in view.keys:
        return SkippedMethod(name=NAME, reason=f"The target {target} has no series.")
    column = view.keys.index(target)
    window = view.deviations[max(0, view.onset - settings.comovement_rows) :]
    signal = np.sign(window) * np.log1p(np.abs(window))
    correlation, is_known = correlate(signal, signal[:, column])
    if not is_known[column]:
        return SkippedMethod(name=NAME, reason=f"The target {target} does not move, or has fewer than 5 values.")
    if named is not None:
        factors = np.abs(correlation) ** settings.comovement_power * _same_symptom(view, column, settings)
        return Comovement(target=target, is_assumed=False, factors=factors)
    is_symptomatic = np.array([kind.is_symptomatic for kind in view.kinds])
    factors = np.where(is_symptomatic, np.abs(correlation) ** settings.assumed_comovement_power, 1.0)
    return Comovement(target=target, is_assumed=True, factors=factors)


def assume_target(view: SeriesView, points: Values, graph: DependencyGraph) -> SeriesKey | None:
    """Guess the symptom that users feel.

    Parameters
    ----------
    view
        The series.
    points
        Of every series for having moved, shape (n_series,).
    graph
        Who calls whom.

    Returns
    -------
    SeriesKey or None
        Of the latency and error series that moved clearly, the one with the most points times the logarithm of the
        number of components that its own depends on; None if none moved. Ties go to the name.
    """
    best: tuple[float, SeriesKey] | None = None
    moved = np.abs(np.nan_to_num(view.shift)) > ODD_DEVIATION
    for i, (key, kind) in enumerate(zip(view.keys, view.kinds, strict=True)):
        if moved[i] and kind.is_symptomatic:
            below = graph.n_below(key.component)
            weight = float(points[i] * np.log(2 + below))
            if best is None or weight > best[0]:
                best = (weight, key)
    return best[1] if best else None


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
