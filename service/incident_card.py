"""The card of an incident that the service watches, or watched."""

from analysis.card.make import REACH_STEPS, make_card
from analysis.card.scene import Scene
from analysis.card.values import IncidentCard
from analysis.topology import from_edges
from service.api.backend import Backend


def incident_card(backend: Backend, incident_id: str) -> IncidentCard:
    """Put an incident on its card, with what is known now.

    Parameters
    ----------
    backend
        The engine; nothing is analysed anew, the latest analysis counts.
    incident_id
        Of any incident that is kept; one that nobody knows is an UnknownNameError of the store.

    Returns
    -------
    IncidentCard
        Names no root cause before the first analysis.
    """
    incident = backend.store.incident(incident_id)
    return make_card(
        Scene(
            analysis=backend.store.analysis(incident_id),
            events=backend.event_graph(incident_id),
            graph=from_edges(backend.edges()),
            detected_at=incident.opened_at,
            seen_until=incident.resolved_at or max(backend.now(), incident.updated_at),
            measured=frozenset(s.component for s in backend.component_states() if s.last_seen is not None),
            reach_s=REACH_STEPS * incident.anomalies[0].step_s,
        )
    )
