"""The page asks the backend for the right things."""

from dataclasses import replace

import pytest

from analysis.incidents import IncidentStatus
from models.anomalies import AnomalySeverity
from models.errors import UnknownNameError
from models.frames import SeriesKey
from service.web.gather import CHARTS, gather, telling
from tests.browser.fake import MINUTE, ONSET, FakeBackend, a_busy_backend, a_quiet_backend, the_analysis, the_incident


def _an_open_one(name, severity, opened_at):
    worst = replace(the_incident().anomalies[0], key=SeriesKey(name, "cpu"), severity=severity)
    return replace(
        the_incident(),
        id=name,
        status=IncidentStatus.OPEN,
        opened_at=opened_at,
        updated_at=opened_at,
        resolved_at=None,
        anomalies=(worst,),
    )


def test_the_gravest_open_incident_leads():
    """A newer slight one does not hide it; of equally grave ones the newest leads."""
    backend = a_busy_backend()
    for name, severity, after in (
        ("grave", AnomalySeverity.HIGH, 1),
        ("graver", AnomalySeverity.CRITICAL, 2),
        ("as-grave", AnomalySeverity.CRITICAL, 3),
        ("slight", AnomalySeverity.LOW, 4),
    ):
        backend.store.save_incident(_an_open_one(name, severity, ONSET + after * MINUTE))
    assert gather(backend, None).incident.id == "as-grave"


def test_a_blip_without_an_analysis_does_not_lead():
    """When nothing is open, the newest analysed incident comes first; without any analysis, the newest."""
    backend = a_busy_backend()
    blip = replace(the_incident(), id="blip", opened_at=ONSET + 20 * MINUTE, resolved_at=ONSET + 21 * MINUTE)
    backend.store.save_incident(blip)
    data = gather(backend, None)
    assert (data.incident.id, data.incidents[0].id) == (the_incident().id, "blip")
    backend.store.analysed_at = lambda _: None
    assert gather(backend, None).incident.id == "blip"


def test_without_an_id_an_open_incident_is_shown():
    """An open one comes before a newer resolved one."""
    backend = a_busy_backend()
    older = replace(
        the_incident(), id="older", status=IncidentStatus.OPEN, opened_at=ONSET, resolved_at=None, updated_at=ONSET
    )
    backend.store.save_incident(older)
    data = gather(backend, None)
    assert data.incident.id == "older"
    assert (data.n_open, len(data.incidents)) == (1, 2)


def test_without_an_open_one_the_newest_is_shown():
    """With its runs, its records and its charts."""
    data = gather(a_busy_backend(), None)
    assert data.incident.id == the_incident().id
    assert data.analysed_at is not None
    assert (len(data.runs), len(data.records), len(data.series), data.n_forgotten) == (1, 16, 6, 0)


def test_the_three_buckets_are_on_the_page():
    """The root cause, who suffers, whom else it touches; none without an incident."""
    card = gather(a_busy_backend(), None).card
    assert card.root_cause.component == "orders-db"
    assert [party.component for party in card.critical_failure.parties] == ["gateway"]
    assert {party.component for party in card.impact.affected} == {"checkout", "orders", "shipping"}
    assert [party.component for party in card.impact.at_risk] == ["events-queue", "mobile-bff", "web"]
    assert gather(a_quiet_backend(), None).card is None


def test_an_id_wins():
    """The incident that is asked for is shown, and an unknown one is an error."""
    backend = a_busy_backend()
    assert gather(backend, the_incident().id).incident == the_incident()
    with pytest.raises(UnknownNameError):
        gather(backend, "nobody")


def test_runs_of_other_incidents_are_left_out():
    """The page of one incident shows what was done for it."""
    backend = a_busy_backend()
    backend.done = (replace(backend.done[0], incident_id="other"),)
    assert gather(backend, None).runs == ()


def test_an_engine_without_incidents_gives_the_system_only():
    """Nothing is asked that cannot be answered."""
    data = gather(a_quiet_backend(), None)
    assert (data.incident, data.series, data.records, data.n_open) == (None, (), (), 0)


def test_series_that_left_the_memory_are_counted():
    """What cannot be drawn is said, not hidden."""
    backend = a_busy_backend()

    def forget(key, start, end):
        raise UnknownNameError("series", str(key))

    backend.chart = forget
    data = gather(backend, None)
    assert (data.series, data.n_forgotten) == ((), CHARTS)


def test_an_empty_window_counts_as_forgotten():
    """A chart without a row is no chart."""
    backend = a_busy_backend()
    backend.at = ONSET.replace(year=2020)
    assert gather(backend, None).n_forgotten == CHARTS


def test_the_cause_comes_first_and_every_other_component_once():
    """The charts tell the story: cause, then the worst of each affected component."""
    keys = telling(the_incident(), the_analysis())
    assert [key.component for key in keys] == ["orders-db", "orders-db", "orders", "checkout", "gateway", "shipping"]
    assert telling(the_incident(), None)[0].component == "orders-db"


def test_the_fake_is_a_backend():
    """What the page asks of a backend, the fake has."""
    asked = ("store", "now", "status", "edges", "component_states", "chart", "breakers", "runs")
    assert all(hasattr(FakeBackend(), name) for name in asked)
