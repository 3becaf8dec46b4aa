"""What a simulated system leaves behind: its history, and incidents with the truth apart from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from models.errors import ConfigurationError
from models.frames import MetricFrame
from models.simulator.controls import Change
from models.simulator.faults import TELLING_METRICS, Fault, FaultKind
from models.simulator.settings import SimulatorSettings
from models.simulator.system import SimulatedSystem
from models.sources.cases import Case
from models.sources.files import write_long
from models.sources.suites import Truth

Progress = Callable[[int, int], None]

_DETECTION_STREAM = 41
_CHUNK_ROWS = 1440
_NOTICED_AFTER_S = (120.0, 300.0)
_SLOWLY_NOTICED_AFTER_S = (900.0, 1200.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPlan:
    """How long a case is.

    Parameters
    ----------
    history_rows
        Rows before the fault, at least 1.
    incident_rows
        Rows from the fault on, at least 1.

    Raises
    ------
    ConfigurationError
        If one of them is below 1.
    """

    history_rows: int = 360
    incident_rows: int = 45

    def __post_init__(self) -> None:
        if self.history_rows < 1 or self.incident_rows < 1:
            raise ConfigurationError(
                f"A case of {self.history_rows} history and {self.incident_rows} incident rows.",
                remedy="Give at least one row of each.",
            )


def simulate_history(settings: SimulatorSettings, days: float, progress: Progress | None = None) -> MetricFrame:
    """Step a healthy system.

    Parameters
    ----------
    settings
        What to simulate.
    days
        Above 0, up to 3660.
    progress
        Called with the rows done and the rows in all.

    Returns
    -------
    MetricFrame
        From ``settings.start`` on.

    Raises
    ------
    ConfigurationError
        If the number of days is out of range.
    """
    if not 0 < days <= 3660:
        raise ConfigurationError(f"A history of {days} days.", remedy="Give a number above 0, up to 3660.")
    n_rows = max(1, round(days * 86400 / settings.step_s))
    return _advance(SimulatedSystem(settings), n_rows, progress)


def write_history(
    settings: SimulatorSettings, days: float, path: str | Path, progress: Progress | None = None
) -> MetricFrame:
    """Step a healthy system and write what it showed as long Parquet.

    Parameters
    ----------
    settings
        What to simulate.
    days
        Above 0, up to 3660.
    path
        The file; its directory is created if necessary.
    progress
        Called with the rows done and the rows in all.

    Returns
    -------
    MetricFrame
        What was written.
    """
    frame = simulate_history(settings, days, progress)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_long(frame, path)
    return frame


def simulate_incident(
    settings: SimulatorSettings, fault: Fault, plan: IncidentPlan | None = None, *, name: str = ""
) -> tuple[Case, Truth]:
    """Record one incident from a fault that nobody repairs.

    Parameters
    ----------
    settings
        The system; the first row of the case is at ``settings.start``.
    fault
        What goes wrong. Without a start it begins after ``plan.history_rows`` rows.
    plan
        The length; None for the usual one.
    name
        Of the case; made from kind and seed if empty.

    Returns
    -------
    Case
        Detected some minutes after the onset; a leak is noticed later than the rest.
    Truth
        What an algorithm must not see.
    """
    plan = plan or IncidentPlan()
    system = SimulatedSystem(settings)
    if fault.start is None:
        fault = replace(fault, start=timedelta(seconds=plan.history_rows * settings.step_s))
    system.inject(fault)
    frame = _advance(system, plan.history_rows + plan.incident_rows, None)
    onset = system.faults[0].start
    case = Case(
        name=name or f"{fault.kind.lower().replace('_', '-')}-{settings.seed}",
        detected_at=_detected_at(settings, fault.kind, onset, latest=system.now),
        target=None,
        frame=frame,
        edges=system.edges,
        traces=system.traces if settings.traces_per_step else None,
        logs=None,
        events=change_events(system.changes),
        attributes={component: {"host": (host,)} for component, host in system.hosts.items()},
    )
    metrics = tuple((fault.component, metric) for metric in TELLING_METRICS[fault.kind])
    return case, Truth(components=(fault.component,), metrics=metrics, fault=str(fault.kind))


def change_events(changes: Sequence[Change]) -> pd.DataFrame:
    """Put changes into the event columns of the case format.

    Parameters
    ----------
    changes
        In time order.

    Returns
    -------
    pandas.DataFrame
        Columns ts (datetime64[us, UTC]), component, caller, kind (CHANGE), name, sign; may have no rows.
    """
    return pd.DataFrame(
        {
            "ts": pd.DatetimeIndex([change.ts for change in changes], dtype="datetime64[us, UTC]"),
            "component": pd.array([change.component for change in changes], dtype="str"),
            "caller": pd.array([""] * len(changes), dtype="str"),
            "kind": pd.array(["CHANGE"] * len(changes), dtype="str"),
            "name": pd.array([change.name for change in changes], dtype="str"),
            "sign": pd.array([""] * len(changes), dtype="str"),
        }
    )


def _advance(system: SimulatedSystem, n_rows: int, progress: Progress | None) -> MetricFrame:
    """Step in chunks of a day, so that progress can be shown."""
    parts = []
    for done in range(0, n_rows, _CHUNK_ROWS):
        parts.append(system.advance(min(_CHUNK_ROWS, n_rows - done)))
        if progress:
            progress(min(done + _CHUNK_ROWS, n_rows), n_rows)
    values = np.concatenate([part.values for part in parts])
    return MetricFrame(start=parts[0].start, step_s=parts[0].step_s, keys=parts[0].keys, values=values)


def _detected_at(settings: SimulatorSettings, kind: FaultKind, onset: datetime, *, latest: datetime) -> datetime:
    """Some minutes after the onset, on a whole row, and not behind the last row."""
    earliest_s, latest_s = _SLOWLY_NOTICED_AFTER_S if kind is FaultKind.MEMORY_LEAK else _NOTICED_AFTER_S
    rng = np.random.default_rng([settings.seed, _DETECTION_STREAM, list(FaultKind).index(kind)])
    rows = max(1, round(rng.uniform(earliest_s, latest_s) / settings.step_s))
    step = timedelta(seconds=settings.step_s)
    return min(onset + rows * step, latest - step)
