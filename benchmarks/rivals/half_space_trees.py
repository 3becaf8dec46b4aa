"""River's half-space trees (Tan, Ting and Liu, IJCAI 2011): a forest that learns every row after scoring it."""

from typing import Any

import numpy as np

from benchmarks.rivals.contract import Rival, filled
from models.detection_benchmark import SeriesInput
from models.features import Array

TREES, WINDOW_ROWS, QUANTILE, SEED = 25, 250, 0.95, 7
BOUNDARY_ROWS = 5_000
"""So many of the last rows of the history are scored before they are learnt, for the boundary."""


def score(series: SeriesInput, train_rows: int) -> Array:
    """Learn the history row by row, then score each row before it is learnt.

    Parameters
    ----------
    series
        One file.
    train_rows
        Rows of history.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Over the 95 % quantile of the scores of the last rows of the history; NaN before those.
    """
    from river import anomaly, preprocessing

    trees = anomaly.HalfSpaceTrees(n_trees=TREES, window_size=WINDOW_ROWS, seed=SEED)
    model = preprocessing.MinMaxScaler() | trees
    first = max(train_rows - BOUNDARY_ROWS, min(WINDOW_ROWS, train_rows // 2))
    scores = _follow(model, filled(series), first)
    boundary = float(np.quantile(scores[first:train_rows], QUANTILE))
    return scores / (boundary if boundary > 0 else 1.0)


def _follow(model: Any, values: Array, first: int) -> Array:
    """Scores of the rows from ``first`` on, every row learnt after its score."""
    names = range(values.shape[1])
    scores = np.full(len(values), np.nan)
    for row, numbers in enumerate(values.tolist()):
        known = dict(zip(names, numbers, strict=True))
        if row >= first:
            scores[row] = model.score_one(known)
        model.learn_one(known)
    return scores


RIVAL = Rival(
    name="river half-space trees",
    about=f"river's HalfSpaceTrees behind its MinMaxScaler, {TREES} trees, window {WINDOW_ROWS}, on the row of all "
    "metrics; every row is learnt after it was scored. Own boundary: the 95 % quantile, as in river's example of "
    f"QuantileFilter, of the last {BOUNDARY_ROWS:,} rows of the history.",
    score=score,
)
