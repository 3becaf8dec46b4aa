"""What closed products draw as a band: the usual range of the hour of the day."""

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Rival
from models.detection_benchmark import SeriesInput
from models.features import Array


def score(series: SeriesInput, train_rows: int) -> Array:
    """Distance to the middle of the band of the hour of the day.

    Parameters
    ----------
    series
        One file.
    train_rows
        Rows of history.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        In half bands, the highest of the metrics; where the band has no width, in standard deviations.
    """
    hour = pd.DatetimeIndex(series.times).hour.to_numpy()
    history = pd.DataFrame(series.values[:train_rows])
    low, high = (_by_hour(history, hour[:train_rows], q)[hour] for q in (0.01, 0.99))
    sd = history.std().to_numpy()
    half = np.where(high > low, (high - low) / 2, np.where(sd > 0, sd, 1.0))
    return np.asarray(np.nan_to_num(np.abs(series.values - (low + high) / 2) / half).max(axis=1))


def _by_hour(history: pd.DataFrame, hour: np.ndarray, q: float) -> Array:
    """The quantile of each hour, shape (24, n_metrics); of the whole history for an hour that it lacks."""
    band = history.groupby(hour).quantile(q).reindex(range(24)).fillna(history.quantile(q))
    return np.asarray(band.to_numpy(dtype=np.float64))


RIVAL = Rival(
    name="hour-of-day quantiles",
    about="distance to the middle between the 1 % and 99 % quantiles of the hour in the history. Own boundary: these "
    "quantiles.",
    score=score,
)
