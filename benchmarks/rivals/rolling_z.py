"""What a rule over the last minutes does: standard deviations off the rolling mean."""

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Rival
from models.detection_benchmark import SeriesInput
from models.features import Array

WINDOW_ROWS = 120


def score(series: SeriesInput, train_rows: int) -> Array:  # noqa: ARG001  # it has no history but the window
    """Distance to the mean of the rows just before.

    Parameters
    ----------
    series
        One file.
    train_rows
        Not used.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        In thirds of a standard deviation of these rows, the highest of the metrics.
    """
    before = pd.DataFrame(series.values).shift(1).rolling(WINDOW_ROWS, min_periods=WINDOW_ROWS // 4)
    mean, sd = before.mean().to_numpy(), before.std().to_numpy()
    z: Array = np.abs(series.values - mean) / np.where(sd > 1e-9, sd, 1.0) / 3.0
    return np.asarray(np.nan_to_num(z).max(axis=1))


RIVAL = Rival(
    name="rolling z",
    about=f"the same against the {WINDOW_ROWS} rows before. Own boundary: 3.",
    score=score,
)
