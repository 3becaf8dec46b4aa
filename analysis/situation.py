"""What a diagnosis looks at: one value, made from a recorded case or from the live window alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from models.anomalies import Anomaly
from models.frames import MetricFrame, SeriesKey


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """The observed world around one incident; every part but the time of detection may be absent.

    Parameters
    ----------
    detected_at
        UTC; may be late, or a row early.
    frame
        History and incident, NaN for missing.
    edges
        Caller and callee; None if the topology is unknown.
    target
        The symptom that is asked about.
    traces, logs, events
        In the columns of the incident case format.
    anomalies
        What the detectors raised; empty if there is no trained bundle.
    attributes
        Where each component runs and the like, for example ``{"db": {"host": ("h1",)}}``; None if nobody says.
    """

    detected_at: datetime
    frame: MetricFrame | None = None
    edges: tuple[tuple[str, str], ...] | None = None
    target: SeriesKey | None = None
    traces: pd.DataFrame | None = None
    logs: pd.DataFrame | None = None
    events: pd.DataFrame | None = None
    anomalies: tuple[Anomaly, ...] = ()
    attributes: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None
