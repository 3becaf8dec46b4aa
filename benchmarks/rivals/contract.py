"""What every rival is: a function from one series to the scores of its rows, with what a reader must know of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.detection_benchmark import SeriesInput
from models.features import Array

LAGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A detector that is set beside Faultline.

    Parameters
    ----------
    name
        In the table.
    about
        What it does and which boundary is its customary one; goes onto the page.
    score
        From a series and its rows of history to one score a row: higher is stranger, 1.0 is its own boundary. The score
        of a row behind the history rests on that row and earlier ones; those of the history are not looked at. Scores
        that are NaN count as 0.
    contends
        False if it is there for comparison only.
    """

    name: str
    about: str
    score: Callable[[SeriesInput, int], Array]
    contends: bool = True


def filled(series: SeriesInput) -> Array:
    """Values with missing ones replaced.

    Parameters
    ----------
    series
        One file.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_metrics)
        The last value before a missing one, 0 where there is none.
    """
    return pd.DataFrame(series.values).ffill().fillna(0.0).to_numpy(dtype=np.float64)


def lag_vectors(series: SeriesInput) -> Array:
    """What a detector of table rows is given.

    Parameters
    ----------
    series
        One file.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_features)
        Of one metric the last ``LAGS`` values, of several metrics the row of all; no row sees a later one, but the
        first ``LAGS`` of the file, which repeat row ``LAGS``.
    """
    values = pd.DataFrame(filled(series))
    n_lags = LAGS if values.shape[1] == 1 else 1
    lagged = pd.concat([values.shift(lag) for lag in range(n_lags)], axis=1)
    return lagged.bfill().to_numpy(dtype=np.float64)
