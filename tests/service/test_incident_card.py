"""service.incident_card: the card of an incident that is kept."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analysis.incidents import IncidentStatus
from models.errors import UnknownNameError
from service.incident_card import incident_card
from tests.service.api.fakes import NOW, FakeBackend
from tests.service.store.examples import MINUTE, T0, an_analysis, an_anomaly, an_incident


@pytest.fixture
def backend():
    """Fresh, with a store in memory."""
    backend = FakeBackend()
    yield backend
    backend.store.close()


def _keep(backend, **changes):
    found = (an_anomaly("payments-db", "cpu", 1), an_anomaly("orders", minute=2))
    incident = an_incident(anomalies=found, **changes)
    backend.store.save_incident(incident)
    return incident.id


def test_the_stored_analysis_counts(backend):
    """The card names what the latest analysis named, and the times of the incident."""
    name = _keep(backend)
    assert incident_card(backend, name).root_cause.component == ""
    backend.store.save_analysis(name, an_analysis(), T0)
    card = incident_card(backend, name)
    assert card.root_cause.component == "payments-db"
    assert card.times.detected_at == T0 + MINUTE
    assert card.times.seen_until == NOW
    assert card.times.is_ongoing is False


def test_what_was_seen_until_the_last_rows_lasts(backend):
    """An anomaly that reaches up to the present is going on; a resolved incident is looked at as it ended."""
    until = an_anomaly(minute=1).end
    backend.now = lambda: until + timedelta(seconds=90)
    name = _keep(backend)
    assert incident_card(backend, name).times.ongoing == ("orders", "payments-db")
    _keep(backend, status=IncidentStatus.RESOLVED, resolved_at=T0 + 30 * MINUTE)
    card = incident_card(backend, name)
    assert (card.times.seen_until, card.times.ongoing) == (T0 + 30 * MINUTE, ())


def test_who_sends_no_metrics_is_not_called_calm(backend):
    """A component at risk that was never measured is told as such."""
    name = _keep(backend)
    backend.store.save_analysis(name, an_analysis(), T0)
    (payments,) = incident_card(backend, name).impact.at_risk
    assert (payments.component, payments.is_measured) == ("payments", False)
    states = tuple(replace(state, last_seen=NOW) for state in backend.component_states())
    backend.component_states = lambda: states
    (payments,) = incident_card(backend, name).impact.at_risk
    assert payments.is_measured


def test_an_unknown_incident_has_no_card(backend):
    """The name that nobody knows is in the error."""
    with pytest.raises(UnknownNameError, match="nobody"):
        incident_card(backend, "nobody")
