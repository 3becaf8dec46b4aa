"""A consensus of k-means models as in Netdata, written anew from its documentation.

Netdata's pages "ML Configuration" and "Machine Learning Anomaly Detection": 18 models a metric, k = 2, each of 6 hours,
a new one every 3 hours that displaces the oldest; features are the last six differences, each smoothed over 3 rows (1
to diff, 3 to smooth, 5 to lag). A row is anomalous if all models say so. Netdata reads every second and samples one row
of five for training; here the suites' own rows count, all of them.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.rivals.contract import Rival, filled
from models.detection_benchmark import SeriesInput
from models.features import Array

P = ParamSpec("P")
R = TypeVar("R")
MODELS, SMOOTH, LAG = 18, 3, 5
WINDOW_S, EVERY_S, ALERT_S = 6 * 3_600.0, 3 * 3_600.0, 300.0
QUANTILE, ALERT_SHARE = 0.99, 0.2
LEAST_ROWS = 72
"""Rows of a model's window at least: six hours of rare rows are too few for two clusters."""
MOST_ROUNDS = 100


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile to native code at the first call.

    Parameters
    ----------
    function
        In the subset of Python that numba compiles.

    Returns
    -------
    callable
        With the same signature.
    """
    return cast("Callable[P, R]", numba.njit(function))


def score(series: SeriesInput, train_rows: int) -> Array:
    """Rolling share of anomaly bits; among equal shares the farther row is the stranger.

    Parameters
    ----------
    series
        One file.
    train_rows
        Rows of history; the models that follow are trained on the rows behind it as these pass, as in Netdata.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Share over the metrics and the last five minutes, over 20 %, plus less than a thousandth for the distance.
    """
    step_s = float(np.median(np.diff(series.times[:train_rows]) / np.timedelta64(1, "s")))
    width = min(max(round(WINDOW_S / step_s), LEAST_ROWS), train_rows)
    ends = np.arange(width + SMOOTH + LAG, series.n_rows, max(round(width * EVERY_S / WINDOW_S), 1))
    distance = np.column_stack([consensus(one, ends, width) for one in filled(series).T])
    bits = pd.Series((distance > 1.0).mean(axis=1))
    share = bits.rolling(max(round(ALERT_S / step_s), 1), min_periods=1).mean().to_numpy(dtype=np.float64)
    return np.asarray(share / ALERT_SHARE + 1e-3 * np.tanh(np.log1p(distance.max(axis=1))))


def consensus(values: Array, ends: NDArray[np.int64], width: int) -> Array:
    """How far each row of one metric is at least, to whichever model one asks.

    Parameters
    ----------
    values
        Shape (n_rows,), without NaN.
    ends
        Rows at which a model is ready, rising; it saw the ``width`` rows before.
    width
        Rows of a model's window.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        The smallest of the last ``MODELS`` models' distances, each over its limit: above 1 all models say that the row
        is anomalous. 0 before the first model.
    """
    smooth = pd.Series(values).diff().rolling(SMOOTH).mean()
    features = np.column_stack([smooth.shift(lag).to_numpy(dtype=np.float64) for lag in range(LAG + 1)])
    return np.asarray(_consensus(np.nan_to_num(features), ends, width))


@compiled
def _consensus(x: Array, ends: NDArray[np.int64], width: int) -> Array:
    centres = np.zeros((MODELS, 2, x.shape[1]))
    limits = np.zeros(MODELS)
    smallest = np.zeros(len(x))
    n_models = 0
    for row in range(len(x)):
        if n_models < len(ends) and row == ends[n_models]:
            slot = n_models % MODELS
            limits[slot] = max(_train(x[row - width : row], centres[slot]), 1e-12)
            n_models += 1
        if n_models:
            smallest[row] = np.inf
        for model in range(min(n_models, MODELS)):
            smallest[row] = min(smallest[row], _distance(x[row], centres[model]) / limits[model])
    return smallest


@compiled
def _train(x: Array, centres: Array) -> float:
    """Two clusters, begun on either side of the median; gives the distance that 1 % of the rows exceed."""
    sums = x.sum(axis=1)
    side = sums > np.median(sums)
    for _ in range(MOST_ROUNDS):
        for k in range(2):
            members = x[side == (k == 1)]
            if len(members):
                for feature in range(x.shape[1]):
                    centres[k, feature] = members[:, feature].mean()
        moved = False
        for row in range(len(x)):
            nearer = _to_centre(x[row], centres[1]) < _to_centre(x[row], centres[0])
            moved |= nearer != side[row]
            side[row] = nearer
        if not moved:
            break
    return float(np.quantile(np.array([_distance(one, centres) for one in x]), QUANTILE))


@compiled
def _distance(x: Array, centres: Array) -> float:
    """Mean distance to both centres, as Netdata takes it."""
    return (_to_centre(x, centres[0]) + _to_centre(x, centres[1])) / 2


@compiled
def _to_centre(x: Array, centre: Array) -> float:
    total = 0.0
    for feature in range(len(x)):
        total += (x[feature] - centre[feature]) ** 2
    return float(np.sqrt(total))


RIVAL = Rival(
    name="Netdata-like consensus",
    about=f"{MODELS} k-means models a metric (k = 2) of 6 hours each, one every 3 hours, the newest displacing the "
    "oldest, on the last six smoothed differences; a row's bit is set if its distance exceeds the 99 % quantile of the "
    "training distances in all models; the score is the share of bits over metrics and five minutes, rows of equal "
    "share in the order of their distance. Written anew from Netdata's documentation and compiled. Own boundary: 20 %, "
    "as in Netdata's example of an alert.",
    score=score,
)
