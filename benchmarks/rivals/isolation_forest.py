"""The forest that most tutorials start with."""

import numpy as np

from benchmarks.rivals.contract import LAGS, Rival, lag_vectors
from models.detection_benchmark import SeriesInput
from models.features import Array


def score(series: SeriesInput, train_rows: int) -> Array:
    """An isolation forest with scikit-learn's defaults.

    Parameters
    ----------
    series
        One file.
    train_rows
        Rows of history.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        The score of the paper over 0.5.
    """
    from sklearn.ensemble import IsolationForest

    vectors = lag_vectors(series)
    return np.asarray(-IsolationForest(random_state=7).fit(vectors[:train_rows]).score_samples(vectors) / 0.5)


RIVAL = Rival(
    name="isolation forest, raw lags",
    about=f"scikit-learn's defaults, on the last {LAGS} values, with several metrics on the row of all of them. Own "
    "boundary: scikit-learn's.",
    score=score,
)
