"""From the backend to what the page is made of: the only place of the page that asks the engine and the store."""

import math
from collections.abc import Sequence
from datetime import timedelta

from analysis.findings import RootCauseAnalysis
from analysis.incidents import Incident, IncidentStatus
from models.errors import UnknownNameError
from models.frames import SeriesKey
from service.api.backend import Backend, Chart
from service.incident_card import incident_card
from service.web.page import PageData, rank_of

LISTED = 30
LISTED_OPEN = 100
RECORDS = 300
CHARTS = 6
FEWEST_BEFORE, MOST_BEFORE, STEPS_AFTER, MOST_STEPS = 20, 60, 10, 1400


def gather(backend: Backend, incident_id: str | None) -> PageData:
    """Ask for everything that the page shows.

    Parameters
    ----------
    backend
        The engine.
    incident_id
        Which incident to show; None for the gravest open one, else the newest that was analysed, else the newest. One
        that nobody knows is an UnknownNameError of the store.

    Returns
    -------
    PageData
        A consistent enough picture: each part is read once.
    """
    listed, n_open = _incidents(backend)
    incident = backend.store.incident(incident_id) if incident_id else _first(backend, listed)
    analysis = backend.store.analysis(incident.id) if incident else None
    series, n_forgotten = _series(backend, incident, analysis) if incident else ((), 0)
    return PageData(
        now=backend.now(),
        engine=backend.status(),
        n_open=n_open,
        incidents=listed,
        incident=incident,
        analysis=analysis,
        analysed_at=backend.store.analysed_at(incident.id) if incident else None,
        card=incident_card(backend, incident.id) if incident else None,
        edges=backend.edges(),
        components=backend.component_states(),
        breakers=backend.breakers(),
        runs=tuple(run for run in backend.runs() if incident and run.incident_id == incident.id),
        records=backend.store.records(incident_id=incident.id, limit=RECORDS, newest_first=True) if incident else (),
        series=series,
        n_forgotten=n_forgotten,
        stopped=backend.safety.stopped,
        reduced=tuple(status for status in backend.safety.degradations() if status.level),
    )


def _incidents(backend: Backend) -> tuple[tuple[Incident, ...], int]:
    """The newest ones and every open one, newest first, and how many are open."""
    waiting = [
        incident
        for status in (IncidentStatus.OPEN, IncidentStatus.MITIGATING)
        for incident in backend.store.incidents(status=status, limit=LISTED_OPEN).items
    ]
    found = {incident.id: incident for incident in (*waiting, *backend.store.incidents(limit=LISTED).items)}
    newest_first = sorted(found.values(), key=lambda incident: (incident.opened_at, incident.id), reverse=True)
    return tuple(newest_first), len(waiting)


def _first(backend: Backend, listed: Sequence[Incident]) -> Incident | None:
    """The gravest that waits, of equal ones the newest; or else the newest that has more to tell than that it was."""
    waiting = [incident for incident in listed if incident.status is not IncidentStatus.RESOLVED]
    if waiting:
        return max(waiting, key=lambda incident: incident.severity.rank)
    analysed = (incident for incident in listed if backend.store.analysed_at(incident.id) is not None)
    return next(analysed, next(iter(listed), None))


def _series(backend: Backend, incident: Incident, analysis: RootCauseAnalysis | None) -> tuple[tuple[Chart, ...], int]:
    """The metrics that tell the story, around the incident, and how many of them are no longer in memory."""
    step = timedelta(seconds=incident.anomalies[0].step_s)
    over = incident.resolved_at or backend.now()
    before = min(max(2 * math.ceil((over - incident.onset) / step), FEWEST_BEFORE), MOST_BEFORE)
    start = incident.onset - before * step
    end = min(over + STEPS_AFTER * step, start + MOST_STEPS * step)
    found = []
    wanted = telling(incident, analysis)
    for key in wanted:
        try:
            chart = backend.chart(key, start, end)
        except UnknownNameError:
            continue
        if len(chart.values):
            found.append(chart)
    return tuple(found), len(wanted) - len(found)


def telling(incident: Incident, analysis: RootCauseAnalysis | None) -> tuple[SeriesKey, ...]:
    """Choose the metrics to draw.

    Parameters
    ----------
    incident
        Its anomalies are candidates.
    analysis
        Its metric ranking is, too; None if there is none.

    Returns
    -------
    tuple of SeriesKey
        At most six: up to three of the most likely cause, then the worst of each other component, then the ranking.
    """
    worst_first = sorted(incident.anomalies, key=rank_of, reverse=True)
    cause = analysis.most_likely_cause if analysis else None
    ranked = analysis.metric_ranking if analysis else ()
    suspects = (*(a.key for a in worst_first), *ranked)
    own = list(dict.fromkeys(key for key in suspects if cause and key.component == cause.component))[:3]
    others: dict[str, SeriesKey] = {}
    for anomaly in worst_first:
        if cause is None or anomaly.key.component != cause.component:
            others.setdefault(anomaly.key.component, anomaly.key)
    return tuple(dict.fromkeys((*own, *others.values(), *(a.key for a in worst_first), *ranked)))[:CHARTS]
