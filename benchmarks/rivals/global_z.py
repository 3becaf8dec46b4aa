"""The commonest rule: so many standard deviations off the mean."""

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Rival
from models.detection_benchmark import SeriesInput
from models.features import Array


def score(series: SeriesInput, train_rows: int) -> Array:
    """Distance to the mean of the history.

    Parameters
    ----------
    series
        One file.
    train_rows
        Rows of history.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        In thirds of a standard deviation of the history, the highest of the metrics.
    """
    history = pd.DataFrame(series.values[:train_rows])
    mean, sd = history.mean().to_numpy(), history.std().to_numpy()
    z: Array = np.abs(series.values - mean) / np.where(sd > 0, sd, 1.0) / 3.0
    return np.asarray(z.max(axis=1))


RIVAL = Rival(
    name="global z",
    about="distance to the mean of the history in standard deviations. Own boundary: 3.",
    score=score,
)
