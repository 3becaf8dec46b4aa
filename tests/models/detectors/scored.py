"""Raw scores of a detector on a series or two, from the first row of the history on."""

import numpy as np

from models.detector import Detector
from models.frames import MetricFrame
from models.residuals import ResidualModel, Residuals


def seen_of(frame: MetricFrame) -> Residuals:
    """All rows as history."""
    values = np.ascontiguousarray(frame.values.T)
    model = ResidualModel(step_s=frame.step_s)
    return model.fit_apply(frame.keys, frame.times, values, np.zeros(frame.n_series, dtype=np.int64))[0]


def scored(detector: Detector, frame: MetricFrame, *, changed: MetricFrame | None = None) -> np.ndarray:
    """Fit on a frame and judge it, or another one of the same series, as history: shape (n_columns, n_rows)."""
    detector.fit(seen_of(frame))
    return detector.score(seen_of(changed or frame), detector.start(frame.keys))
