"""The incident case format: one recorded incident as a directory of files."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from models.frames import MetricFrame, SeriesKey
from models.sources.repairs import Repair


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One incident, read; every part but the name and the time of detection may be absent.

    Parameters
    ----------
    name
        The case's own name.
    detected_at
        UTC; rows before it are history, rows from it on are the incident. The cut is not clean.
    target
        The symptom that the user asks about.
    frame
        All metrics, history and incident.
    edges
        Caller and callee; None if the case has no topology.
    traces
        ts (datetime64[us, UTC]), trace_id, span_id, parent_span_id ("" = root), component, operation, duration_s.
    logs
        ts, component, message.
    events
        ts, component, caller, kind, name, sign.
    repairs
        What the reader mended.
    """

    name: str
    detected_at: datetime
    target: SeriesKey | None
    frame: MetricFrame | None
    edges: tuple[tuple[str, str], ...] | None
    traces: pd.DataFrame | None
    logs: pd.DataFrame | None
    events: pd.DataFrame | None
    repairs: tuple[Repair, ...] = ()
