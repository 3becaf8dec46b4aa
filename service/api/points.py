"""Points from a request on one grid, within bounds."""

from collections.abc import Sequence

import numpy as np

from models.errors import InputError
from models.frames import MetricFrame, SeriesKey, to_datetime64
from models.sources.grids import Points, lay_out
from models.sources.repairs import Repair
from models.sources.steps import infer_step
from service.api.schemas.detection import Point
from service.api.settings import ApiSettings

SOURCE = "points"


def frame_of(
    points: Sequence[Point], step_s: float | None, settings: ApiSettings
) -> tuple[MetricFrame, tuple[Repair, ...]]:
    """Lay points on the grid of their step.

    Parameters
    ----------
    points
        In any order.
    step_s
        Seconds between rows; None to tell it from the times.
    settings
        How much is allowed.

    Returns
    -------
    frame : MetricFrame
        The series sorted.
    repairs : tuple of Repair
        What had to be moved, dropped or averaged.

    Raises
    ------
    InputError
        If there are too many points, or the grid would be too large.
    """
    if len(points) > settings.max_points:
        raise InputError(f"there are {len(points)} points", source=SOURCE, remedy=f"send at most {settings.max_points}")
    keys = tuple(sorted({SeriesKey(point.component, point.metric) for point in points}))
    code_of = {key: code for code, key in enumerate(keys)}
    times = np.array([to_datetime64(point.ts) for point in points], dtype="datetime64[us]").astype(np.int64)
    codes = np.array([code_of[SeriesKey(point.component, point.metric)] for point in points], dtype=np.int32)
    values = np.array([point.value for point in points], dtype=np.float64)
    return lay_out(
        Points(source=SOURCE, keys=keys, codes=codes, times_us=times, values=values),
        step_s=infer_step(times, codes, source=SOURCE) if step_s is None else step_s,
        max_cells=settings.max_cells,
    )
