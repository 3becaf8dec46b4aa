"""``incident.json``: what happened when, and which symptom is asked about."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.errors import CaseError
from models.frames import SeriesKey
from models.sources.json_files import read_object
from models.sources.repairs import Repair


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What ``incident.json`` says.

    Parameters
    ----------
    name
        The case.
    detected_at
        UTC.
    target
        The symptom that is asked about.
    step_s
        Seconds between rows; None if the data have to tell.
    repairs
        Whether a zone had to be assumed.
    """

    name: str
    detected_at: datetime
    target: SeriesKey | None
    step_s: float | None
    repairs: tuple[Repair, ...]


def read_incident(path: Path) -> Incident:
    """Read ``incident.json``; without a name the case is called like its directory.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Incident
        Checked field by field; a field that breaks the format is a CaseError that names it.
    """
    content, source = read_object(path), str(path)
    detected_at, repairs = _moment(content.get("detected_at"), source)
    return Incident(
        name=_text(content.get("case", path.absolute().parent.name), "case", source),
        detected_at=detected_at,
        target=_target(content.get("target"), source),
        step_s=_step(content.get("step_s"), source),
        repairs=repairs,
    )


def _text(value: Any, column: str, source: str) -> str:
    """A non-empty string."""
    if not isinstance(value, str) or not value:
        raise CaseError(f"{value!r} is not a name", source=source, column=column, remedy="write a non-empty string")
    return value


def _moment(value: Any, source: str) -> tuple[datetime, tuple[Repair, ...]]:
    """The time of detection; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(value)
        in_utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (OverflowError, TypeError, ValueError):
        problem = f"{value!r} is not a time"
        raise CaseError(problem, source=source, column="detected_at", remedy="write ISO 8601 in UTC") from None
    if moment.tzinfo:
        return in_utc, ()
    repair = Repair(source=source, problem="time without a zone", action="taken as UTC", count=1, column="detected_at")
    return in_utc, (repair,)


def _step(value: Any, source: str) -> float | None:
    """The step that the case states."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-6 <= value <= 1e9:
        raise CaseError(f"the step is {value!r}", source=source, column="step_s", remedy="seconds, positive, or null")
    return float(value)


def _target(value: Any, source: str) -> SeriesKey | None:
    """The symptom asked about."""
    if value is None:
        return None
    if not isinstance(value, dict):
        problem = f"{value!r} is no target"
        raise CaseError(problem, source=source, column="target", remedy="write component and metric, or null")
    component = _text(value.get("component"), "target.component", source)
    return SeriesKey(component, _text(value.get("metric"), "target.metric", source))
