"""Results of checks as series of metrics, so that detectors learn from them as from any other."""

import math
from collections.abc import Iterable

import numpy as np

from models.errors import InputError
from models.frames import MetricFrame, SeriesKey, to_datetime64
from service.recovery.checkup import CheckResult
from service.recovery.health import GRAVITY


def series_of(result: CheckResult) -> dict[SeriesKey, float]:
    """Name the values of a result as series of its component.

    Parameters
    ----------
    result
        Any.

    Returns
    -------
    dict of SeriesKey to float
        ``ID.METRIC`` for each measured value, ``ID.duration_s``, and ``ID.status``: 0 healthy, 1 degraded, 2 unknown,
        3 unhealthy. NaN where nothing was measured.
    """
    named = {**result.reading.values, "duration_s": result.reading.duration_s, "status": float(GRAVITY[result.status])}
    return {SeriesKey(result.component, f"{result.check_id}.{name}"): value for name, value in named.items()}


def frame_of(results: Iterable[CheckResult], step_s: float) -> MetricFrame:
    """Lay results out on a grid.

    Parameters
    ----------
    results
        In any order.
    step_s
        Seconds between rows; of several results in one step the latest counts.

    Returns
    -------
    MetricFrame
        From the first result to the last; NaN where there was no result in a step.

    Raises
    ------
    InputError
        If there is no result.
    """
    listed = sorted(results, key=lambda result: (result.at, result.check_id, result.seq))
    if not listed:
        raise InputError("there are no results of checks", remedy="let the checks run for a while")
    values: dict[SeriesKey, dict[int, float]] = {}
    first = math.floor(listed[0].at.timestamp() / step_s)
    for result in listed:
        row = math.floor(result.at.timestamp() / step_s) - first
        for key, value in series_of(result).items():
            values.setdefault(key, {})[row] = value
    keys = tuple(sorted(values))
    n_rows = 1 + max(max(rows) for rows in values.values())
    grid = np.full((n_rows, len(keys)), np.nan)
    for column, key in enumerate(keys):
        grid[list(values[key]), column] = list(values[key].values())
    start = to_datetime64(listed[0].at) - np.timedelta64(round((listed[0].at.timestamp() - first * step_s) * 1e6), "us")
    return MetricFrame(start=start, step_s=step_s, keys=keys, values=grid)
