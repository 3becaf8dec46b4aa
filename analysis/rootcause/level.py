"""How far every series moved: the level of the incident against the history, in robust deviations.

Drops count like rises. A series that appears with the incident, or that falls silent, counts as a fixed, large move, as
there is nothing to divide by. The logarithm keeps one wild series from deciding alone.
"""

import numpy as np
from numpy.typing import NDArray

from analysis.rootcause.observation import SeriesView
from analysis.rootcause.robust import Values
from analysis.rootcause.settings import RootCauseSettings

NOVELTY = 10.0
"""Robust deviations that the appearance or the silence of a series is worth."""
REGULAR_PRESENCE = 0.8
"""Share of history rows that a series must have had before its silence means anything."""
FEWEST_ROWS = 3
"""Rows of incident before silence means anything."""


def measure_points(view: SeriesView, settings: RootCauseSettings) -> Values:
    """Points of every series for having moved.

    Parameters
    ----------
    view
        The series.
    settings
        Gives the cap.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        log(1 + deviations), 0 where nothing can be said.
    """
    effect = np.minimum(np.abs(np.nan_to_num(view.shift)), settings.effect_cap)
    effect[is_new(view) | is_silent(view)] = NOVELTY
    points: Values = np.log1p(np.maximum(0.0, effect - settings.noise_deviations))
    return points


def is_new(view: SeriesView) -> NDArray[np.bool_]:
    """Which series have values in the incident only, while others have a history.

    Parameters
    ----------
    view
        The series.

    Returns
    -------
    ndarray of bool, shape (n_series,)
        All false without a history.
    """
    new: NDArray[np.bool_] = (view.presence[0] == 0) & (view.presence[1] > 0) & bool(view.presence[0].any())
    return new


def is_silent(view: SeriesView) -> NDArray[np.bool_]:
    """Which regular series have no value in the incident, while others have.

    Parameters
    ----------
    view
        The series.

    Returns
    -------
    ndarray of bool, shape (n_series,)
        All false in an incident of fewer than three rows.
    """
    is_long = len(view.times) - view.onset >= FEWEST_ROWS
    silent: NDArray[np.bool_] = (view.presence[0] >= REGULAR_PRESENCE) & (view.presence[1] == 0) & is_long
    return silent


def describe(view: SeriesView, column: int) -> tuple[str, dict[str, float]]:
    """Say what a series did.

    Parameters
    ----------
    view
        The series.
    column
        Which one.

    Returns
    -------
    str
        One sentence with the numbers.
    dict of str to float
        The numbers; finite ones only.
    """
    name, rows = view.keys[column].metric, len(view.times) - view.onset
    before, now, shift = (float(x[column]) for x in (view.baseline, view.level, view.shift))
    if view.presence[0][column] == 0:
        return f"{name} appeared with the incident, at {now:.4g}.", {"level": now}
    if view.presence[1][column] == 0:
        return f"{name} fell silent with the incident; it was at {before:.4g}.", {"baseline": before}
    verb = "rose" if now > before else "fell" if now < before else "stayed"
    statement = f"{name} {verb} from {before:.4g} to {now:.4g}: {abs(shift):.3g} robust deviations over {rows} rows."
    return statement, {"baseline": before, "level": now, "robust_deviations": shift}
