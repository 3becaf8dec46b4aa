"""No detector: an alarm that never ends, so that chance has a row of its own."""

import numpy as np

from benchmarks.rivals.contract import Rival
from models.detection_benchmark import SeriesInput
from models.features import Array


def score(series: SeriesInput, train_rows: int) -> Array:  # noqa: ARG001  # it learns nothing
    """Alarm in every row.

    Parameters
    ----------
    series
        One file.
    train_rows
        Not used.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Ones.
    """
    return np.ones(series.n_rows)


RIVAL = Rival(
    name="(alarm without end)",
    about="no detector but the worth of one alarm that never ends, so of chance; not in the contest.",
    score=score,
    contends=False,
)
