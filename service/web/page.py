"""What the page shows, worked out from plain values: sentences, cards, states; no I/O and no HTML."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from analysis.card.values import IncidentCard
from analysis.findings import PossibleCause, RootCauseAnalysis
from analysis.incidents import Incident, IncidentStatus
from models.anomalies import Anomaly
from service.api.backend import Chart, ComponentState, EngineStatus, RunSummary
from service.degradations import DegradationStatus
from service.records import Record, RecordKind
from service.recovery.breakers import BreakerSnapshot
from service.recovery.guards import Stop
from service.web.charts import Drawing, draw_chart, trouble
from service.web.layout import Edge
from service.web.servicemap import Look, ServiceMap, draw_map
from service.web.wording import CATEGORY_WORDS, plain, since, without_unit

GATHERED = frozenset({RecordKind.ANOMALY_DETECTED, RecordKind.INCIDENT_UPDATED})
WAITING = frozenset({"PENDING", "WAITING_FOR_APPROVAL"})
ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
TONE_OF_STATUS = {
    "COMPLETED": "good",
    "SUCCEEDED": "good",
    "FAILED": "bad",
    "CANCELLED": "warn",
    "ROLLED_BACK": "warn",
    "WAITING_FOR_APPROVAL": "warn",
    "RUNNING": "info",
}
TONES = {
    RecordKind.ANOMALY_DETECTED: "warn",
    RecordKind.INCIDENT_OPENED: "bad",
    RecordKind.INCIDENT_RESOLVED: "good",
    RecordKind.ROOT_CAUSE_FOUND: "info",
    RecordKind.DECISION_MADE: "info",
    RecordKind.CIRCUIT_BREAKER_TRIPPED: "bad",
    RecordKind.CIRCUIT_BREAKER_HALF_OPENED: "warn",
    RecordKind.CIRCUIT_BREAKER_RESET: "good",
    RecordKind.CIRCUIT_BREAKER_FORCED: "warn",
    RecordKind.COMPONENT_ISOLATED: "warn",
    RecordKind.COMPONENT_RELEASED: "good",
    RecordKind.ENGINE_ERROR: "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageData:
    """Everything the page is made from.

    Parameters
    ----------
    now
        The engine's time, UTC.
    engine
        How the loop is.
    n_open
        Incidents that are not resolved.
    incidents
        To list, newest first.
    incident
        The one to show; None if there is none.
    analysis, analysed_at
        Its latest root-cause analysis, and when that was made.
    card
        Its three buckets; None if there is no incident.
    edges, components, breakers
        As they are now.
    runs, records
        Of the incident.
    series
        Metrics to draw.
    n_forgotten
        Metrics that would be drawn but have left the memory of the engine.
    stopped
        Who stopped all actions, and why; None if nobody did.
    reduced
        Components that give something up now.
    """

    now: datetime
    engine: EngineStatus
    n_open: int = 0
    incidents: tuple[Incident, ...] = ()
    incident: Incident | None = None
    analysis: RootCauseAnalysis | None = None
    analysed_at: datetime | None = None
    card: IncidentCard | None = None
    edges: tuple[Edge, ...] = ()
    components: tuple[ComponentState, ...] = ()
    breakers: tuple[BreakerSnapshot, ...] = ()
    runs: tuple[RunSummary, ...] = ()
    records: tuple[Record, ...] = ()
    series: tuple[Chart, ...] = ()
    n_forgotten: int = 0
    stopped: Stop | None = None
    reduced: tuple[DegradationStatus, ...] = ()

    @property
    def data_age_s(self) -> float:
        """Seconds since the newest metric row; NaN before the first."""
        at = self.engine.last_row_at
        return math.nan if at is None else max((self.now - at).total_seconds(), 0.0)

    @property
    def ended_unexplained(self) -> bool:
        """Whether the incident was over before there was an analysis of it."""
        return self.incident is not None and self.incident.status is IncidentStatus.RESOLVED and self.analysis is None

    @property
    def acted_at(self) -> datetime | None:
        """When the first recovery run of the incident began; None if none did."""
        return min((run.created_at for run in self.runs if run.status not in WAITING), default=None)

    @property
    def is_fresh(self) -> bool:
        """Whether the newest row is at most three steps old; five minutes where the step is not known."""
        steps = [3 * incident.anomalies[0].step_s for incident in self.incidents[:1]]
        return self.data_age_s <= max(steps, default=300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentLine:
    """An incident in the list."""

    id: str
    title: str
    level: str
    status: str
    opened_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the timeline: a record, the tone of its mark, and the like ones that follow it at once."""

    record: Record
    tone: str
    more: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the templates see.

    Parameters
    ----------
    data
        What it was made from.
    lines
        The list of incidents, newest first.
    headline, why
        The answer in one line, and the sentence behind it.
    response
        The state of the repair in words, and its tone.
    service_map, drawings, timeline
        As drawn.
    """

    data: PageData
    lines: tuple[IncidentLine, ...]
    headline: str
    why: str
    response: tuple[str, str]
    service_map: ServiceMap
    drawings: tuple[Drawing, ...]
    timeline: tuple[Entry, ...]

    @property
    def reason(self) -> str:
        """The strongest evidence for the named cause that its description does not say already; may be empty."""
        told = (e.statement for e in self.cause.evidence if e.is_supporting) if self.cause else ()
        return next((said for said in told if said.lower() not in self.why.lower()), "")

    @property
    def alarming_breakers(self) -> tuple[BreakerSnapshot, ...]:
        """Those that are not closed, or have seen trouble."""
        return tuple(b for b in self.data.breakers if b.state != "CLOSED" or b.failure_count or b.rejected_count)

    @property
    def calm_breakers(self) -> tuple[BreakerSnapshot, ...]:
        """Those that are closed and have never had a failure."""
        return tuple(b for b in self.data.breakers if b not in self.alarming_breakers)

    @property
    def cause(self) -> PossibleCause | None:
        """The most likely cause, if one is named."""
        return self.data.analysis.most_likely_cause if self.data.analysis else None


def make_page(data: PageData) -> Page:
    """Work out what to say.

    Parameters
    ----------
    data
        What is known.

    Returns
    -------
    Page
        Ready for the templates.
    """
    incident, cause = data.incident, data.analysis.most_likely_cause if data.analysis else None
    headline, why = _headline(data)
    return Page(
        data=data,
        lines=tuple(_line(one, incident) for one in data.incidents),
        headline=headline,
        why=why,
        response=_response(data),
        service_map=draw_map(_looks(data), data.edges, cause.propagation if cause else ()),
        drawings=tuple(draw_chart(chart, incident, data.acted_at) for chart in data.series) if incident else (),
        timeline=_timeline(data.records),
    )


def rank_of(anomaly: Anomaly) -> tuple[int, float]:
    """How much an anomaly hurts.

    Parameters
    ----------
    anomaly
        Any.

    Returns
    -------
    tuple of int and float
        Severity, then score.
    """
    return anomaly.severity.rank, anomaly.score if math.isfinite(anomaly.score) else 0.0


def _headline(data: PageData) -> tuple[str, str]:
    if data.incident is None:
        return "", ""
    cause = data.analysis.most_likely_cause if data.analysis else None
    if cause:
        return f"{cause.component}: {CATEGORY_WORDS[cause.category]}", _sentence(cause)
    count = len(data.incident.components)
    if data.ended_unexplained:
        what = (
            f"{count} component{'s were' if count != 1 else ' was'} abnormal, the incident ended before its cause was "
        )
        return what + "named", "It was over before enough rows of it had been seen for an analysis."
    what = f"{count} component{'s are' if count != 1 else ' is'} abnormal, the cause is "
    if data.analysis:
        return what + "not clear", "There is not enough evidence to name one component. The candidates are below."
    return what + "being looked for", "The analysis starts once enough rows of the incident have been seen."


def _sentence(cause: PossibleCause) -> str:
    """What is said of the cause; the headline names it already."""
    said = cause.description.removeprefix(f"{cause.component}: ")
    return said[:1].upper() + said[1:] if said != cause.description else said


def _line(incident: Incident, current: Incident | None) -> IncidentLine:
    worst = max(incident.anomalies, key=rank_of)
    is_resolved = incident.status is IncidentStatus.RESOLVED
    return IncidentLine(
        id=incident.id,
        title=f"{worst.key.component} {without_unit(worst.key.metric)}",
        level="resolved" if is_resolved else incident.severity.lower(),
        status=plain(incident.status) if is_resolved else f"{plain(incident.severity)}, {plain(incident.status)}",
        opened_at=incident.opened_at,
        is_current=current is not None and incident.id == current.id,
    )


def _response(data: PageData) -> tuple[str, str]:
    """The newest run, or else what is known instead."""
    if data.runs:
        run = max(data.runs, key=lambda r: r.created_at)
        took = f" in {since(run.updated_at, run.created_at)}" if run.status in ENDED else ""
        return f"{plain(run.status).capitalize()}{took}", TONE_OF_STATUS.get(run.status, "info")
    if any(r.kind is RecordKind.DECISION_MADE for r in data.records):
        return "Decided: nothing to run", "info"
    is_waiting = data.incident is not None and data.incident.status is IncidentStatus.OPEN
    return "Nothing done yet", "warn" if is_waiting else ""


def _looks(data: PageData) -> list[Look]:
    """How each component is drawn: with an incident as that saw it, without one as it is now."""
    rising = sorted(data.incident.anomalies if data.incident else (), key=rank_of)
    worst = {anomaly.key.component: anomaly for anomaly in rising}
    cause = data.analysis.most_likely_cause if data.analysis else None
    now = {state.component: state for state in data.components}
    looks = []
    for name in sorted(set(now) | {end for edge in data.edges for end in edge} | set(worst)):
        state, anomaly = now.get(name), worst.get(name)
        current = state.severity if state and data.incident is None else None
        looks.append(
            Look(
                name=name,
                severity=anomaly.severity if anomaly else current,
                symptom=trouble(anomaly) if anomaly else "",
                score=anomaly.score if anomaly else state.score if state else math.nan,
                is_root_cause=cause is not None and cause.component == name,
                is_isolated=state is not None and state.is_isolated,
                breaker=state.breaker if state else "",
            )
        )
    return looks


def _timeline(records: Sequence[Record]) -> tuple[Entry, ...]:
    """Oldest first; a run of anomalies, or of updates, is one entry."""
    entries: list[Entry] = []
    for record in sorted(records, key=lambda r: (r.at, r.seq)):
        if entries and record.kind in GATHERED and entries[-1].record.kind is record.kind:
            entries[-1] = replace(entries[-1], more=(*entries[-1].more, record))
        else:
            entries.append(Entry(record=record, tone=_tone(record)))
    return tuple(entries)


def _tone(record: Record) -> str:
    if record.kind in {RecordKind.RECOVERY_FINISHED, RecordKind.RECOVERY_STEP_FINISHED}:
        return TONE_OF_STATUS.get(str(record.data.get("status", "")), "")
    return TONES.get(record.kind, "")
