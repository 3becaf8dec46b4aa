"""Watching: fresh rows in, calibrated scores of the window and present anomalies out.

Every row is scored once, with the context that the bundle asks for.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.anomalies import Anomaly
from models.bundle import Bundle
from models.detector import Scores
from models.frames import MetricFrame
from models.scoring import BundleScores, DetectorScores, find_anomalies, score_frame
from service.buffers import RowBuffer
from service.window import MetricWindow

Rows = NDArray[np.float64]


class Observer:
    """The judged window of all series.

    Parameters
    ----------
    bundle
        The trained bundle in force.
    first
        Rows that are known already, for example the end of the training history: context for the first fresh rows.
    window_rows
        How many rows are kept.
    """

    def __init__(self, bundle: Bundle, first: MetricFrame, window_rows: int) -> None:
        self.bundle = bundle
        kept = max(window_rows, bundle.context_rows + 1)
        self._window = MetricWindow(first.select(bundle.keys), kept)
        self._latest = score_frame(bundle, self._window.frame)
        self._buffers = {name: RowBuffer(rows, kept) for name, rows in _arrays(self._latest).items()}

    def observe(self, fresh: MetricFrame) -> None:
        """Take fresh rows and score them.

        InputError if the rows are not later than the window, off its grid, or of series that the bundle does not know.

        Parameters
        ----------
        fresh
            Rows behind those that are known, on the same grid.
        """
        known = self._window.frame
        context = known.rows(max(known.n_rows - self.bundle.context_rows, 0), known.n_rows)
        judged = score_frame(self.bundle, context.append(fresh.select(self.bundle.keys)))
        self._window.extend(fresh)  # only now: what cannot be scored is not kept either
        for name, rows in _arrays(judged).items():
            self._buffers[name].extend(rows[context.n_rows :])
        self._latest = judged

    @property
    def frame(self) -> MetricFrame:
        """The metrics that are kept."""
        return self._window.frame

    @property
    def scores(self) -> BundleScores:
        """The judgement of the rows that are kept."""
        return _with_arrays(self._latest, self.frame, lambda name: self._buffers[name].view)

    def anomalies(self, since: datetime) -> tuple[Anomaly, ...]:
        """Anomalies that last beyond a time, with their whole length as far as it is kept.

        Parameters
        ----------
        since
            UTC.

        Returns
        -------
        tuple of Anomaly
            By start, then by series.
        """
        return find_anomalies(self.bundle, self.scores, since=since)


def _arrays(scores: BundleScores) -> dict[str, Rows]:
    """All arrays of a judgement, by a flat name."""
    flat = {name: getattr(scores, name) for name in ("score", "expected", "lower", "upper")}
    for detector, judged in scores.by_detector.items():
        flat |= {f"{detector}.{name}": getattr(judged, name) for name in ("score", "lower", "upper")}
        flat |= {f"{detector}.raw.{name}": getattr(judged.raw, name) for name in Scores.__slots__}
    return flat


def _with_arrays(scores: BundleScores, frame: MetricFrame, rows: Callable[[str], Rows]) -> BundleScores:
    """The same judgement over other rows."""
    by_detector: Mapping[str, DetectorScores] = {
        detector: DetectorScores(
            **{name: rows(f"{detector}.{name}") for name in ("score", "lower", "upper")},
            raw=Scores(**{name: rows(f"{detector}.raw.{name}") for name in Scores.__slots__}),
        )
        for detector in scores.by_detector
    }
    return replace(
        scores,
        frame=frame,
        by_detector=by_detector,
        score=rows("score"),
        expected=rows("expected"),
        lower=rows("lower"),
        upper=rows("upper"),
    )
