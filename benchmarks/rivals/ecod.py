"""PyOD's ECOD (Li et al., TKDE 2022), with the tails of the history only.

``ECOD.decision_function`` of PyOD 3.6 ranks the rows that it is given among the history and each other, so the score of
a row changes with the rows that follow it. Here each row is ranked among the history and itself: what PyOD answers when
it is asked one row at a time, without sorting the history anew for each.
"""

import warnings

import numpy as np

from benchmarks.rivals.contract import LAGS, Rival, lag_vectors
from models.detection_benchmark import SeriesInput
from models.features import Array


def score(series: SeriesInput, train_rows: int) -> Array:
    """How far out a row lies in the tails of the history.

    Parameters
    ----------
    series
        One file.
    train_rows
        Rows of history.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        The decision score over PyOD's threshold, the 90 % quantile of the history's scores.
    """
    from pyod.models.ecod import ECOD  # type: ignore[import-untyped]  # it ships no types

    vectors = lag_vectors(series)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # the skewness of a constant history
        threshold = float(ECOD().fit(vectors[:train_rows]).threshold_)
        return tail_scores(vectors[:train_rows], vectors) / max(threshold, 1e-12)


def tail_scores(history: Array, rows: Array) -> Array:
    """ECOD of each row by itself.

    Parameters
    ----------
    history
        Shape (n_history, n_features), without NaN.
    rows
        Shape (n_rows, n_features), without NaN.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Sum over the features of the largest of three: minus the logarithm of the left tail, of the right tail, and of
        the tail to which the history is skewed (of both if it is not).
    """
    from scipy.stats import skew

    ordered = np.sort(history, axis=0)
    lean = np.nan_to_num(skew(history, axis=0))
    total = np.zeros(len(rows))
    for column in range(rows.shape[1]):
        below = np.searchsorted(ordered[:, column], rows[:, column], side="right")
        above = len(ordered) - np.searchsorted(ordered[:, column], rows[:, column], side="left")
        left, right = (-np.log((count + 1) / (len(ordered) + 1)) for count in (below, above))
        skewed = left * (lean[column] <= 0) + right * (lean[column] >= 0)
        total += np.maximum(np.maximum(left, right), skewed)
    return total


RIVAL = Rival(
    name="PyOD ECOD",
    about=f"tail probabilities of the last {LAGS} values, with several metrics of the row of all of them. PyOD ranks "
    "the rows of a batch among each other; here each row is ranked among the history and itself, as PyOD does when "
    "asked one row at a time. Own boundary: PyOD's (contamination 0.1).",
    score=score,
)
