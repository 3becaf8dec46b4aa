"""Watching: fresh rows in, calibrated scores of the window and present anomalies out.

Every row is scored once; what the scores depend on is carried from row to row.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.anomalies import Anomaly
from models.bundle import Bundle
from models.evidence import find_anomalies
from models.frames import MetricFrame, to_datetime64
from models.memory import Memory
from models.scoring import BundleScores, Scorer
from service.buffers import RowBuffer
from service.window import MetricWindow

Rows = NDArray[np.float64]
ARRAYS = ("score", "alert", "component_score", "component_alert", "expected", "lower", "upper", "deviation", "share")


class Observer:
    """The judged window of all series.

    Parameters
    ----------
    bundle
        The trained bundle in force.
    first
        Rows that are known already, for example the end of the training history. Those of the history are not judged:
        the bundle has learnt from them.
    window_rows
        How many rows are kept.
    memory
        What an earlier observer of the same bundle carried after the last of the first rows; None begins behind the
        history.
    """

    def __init__(self, bundle: Bundle, first: MetricFrame, window_rows: int, memory: Memory | None = None) -> None:
        self.bundle = bundle
        self._window = MetricWindow(first.select(bundle.keys), window_rows)
        self._scorer = Scorer(bundle, memory)
        known = self._window.frame
        past = known.n_rows if memory else int(np.sum(known.times < to_datetime64(bundle.history.end)))
        self._latest = self._scorer.advance(known.rows(past, known.n_rows))
        self._buffers = {}
        for name, rows in _arrays(self._latest).items():
            unjudged = np.full((past, rows.shape[1]), np.nan)
            self._buffers[name] = RowBuffer(np.concatenate([unjudged, rows]), window_rows)

    def observe(self, fresh: MetricFrame) -> None:
        """Take fresh rows and score them.

        InputError if the rows are not later than the window, off its grid, or of series that the bundle does not know.

        Parameters
        ----------
        fresh
            Rows behind those that are known, on the same grid.
        """
        laid = self._window.laid(fresh)
        self._latest = self._scorer.advance(laid)
        self._window.extend(laid)  # only now: what cannot be scored is not kept either
        for name, rows in _arrays(self._latest).items():
            self._buffers[name].extend(rows)

    @property
    def memory(self) -> Memory:
        """What is carried from row to row, for another observer that goes on from here."""
        return self._scorer.memory.copy()

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
    flat = {name: getattr(scores, name) for name in ARRAYS}
    return flat | {f"detector.{name}": judged for name, judged in scores.by_detector.items()}


def _with_arrays(scores: BundleScores, frame: MetricFrame, rows: Callable[[str], Rows]) -> BundleScores:
    """The same judgement over other rows."""
    arrays: dict[str, Any] = {name: rows(name) for name in ARRAYS}
    by_detector = {name: rows(f"detector.{name}") for name in scores.by_detector}
    return replace(scores, frame=frame, by_detector=by_detector, **arrays)
