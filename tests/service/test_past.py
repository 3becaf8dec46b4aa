"""Past incidents with what came of them, from the store."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analysis.correlation import CorrelationKind, correlate
from analysis.events import EventKind
from analysis.findings import CauseCategory
from analysis.incidents import IncidentStatus
from analysis.patterns import Resolution, identify_patterns
from analysis.topology import from_edges
from models.errors import UnknownNameError
from service.past import history_of, latest_incidents, resolution_of, similar_to, with_outcomes
from service.records import RecordKind
from service.recovery.runs import RecoveryStatus, RunPhase, StepResult, StepStatus
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from tests.service.recovery.plans import NOW, isolate, restart, run_of, strategy, verify
from tests.service.store.examples import MINUTE, T0, a_record, an_analysis, an_anomaly, an_incident
from tests.trained_system import a_system, an_application, broken

HOUR = timedelta(hours=1)
GRAPH = from_edges([("orders", "payments-db")])


@pytest.fixture
def store():
    """An empty store in memory."""
    store = SqlStore("sqlite://")
    yield store
    store.close()


def db_incident(number, hour):
    """The database is busy, then its caller slow."""
    start = hour * 60
    parts = (an_anomaly("payments-db", "cpu", minute=start), an_anomaly("orders", "latency", minute=start + 2))
    opened = {"opened_at": T0 + hour * HOUR, "status": IncidentStatus.RESOLVED}
    return an_incident(number, parts, **opened)


def finished(number, incident_id, *, met=True):
    """A run that restarted the database, and saw it well again or not."""
    steps = (restart(), verify())
    words = [("restart", StepStatus.SUCCEEDED), ("verify", StepStatus.SUCCEEDED if met else StepStatus.FAILED)]
    results = tuple(
        StepResult(step_id=name, status=status, attempt=1, started_at=NOW, finished_at=NOW, detail="")
        for name, status in words
    )
    return run_of(
        strategy(*steps),
        id=f"run-{number}",
        incident_id=incident_id,
        component="payments-db",
        phase=RunPhase.ENDED,
        ending=RecoveryStatus.COMPLETED if met else RecoveryStatus.FAILED,
        results=results,
    )


def kept(store, *hours):
    """Incidents at these hours, the earlier ones analysed and repaired."""
    runs = RecoveryStore(store.database)
    for number, hour in enumerate(hours):
        store.save_incident(db_incident(number, hour))
        if number < len(hours) - 1:
            store.save_analysis(f"inc-{number:04d}", an_analysis(), T0)
            runs.ask(finished(number, f"inc-{number:04d}", met=number > 0))


def test_latest_incidents(store):
    """The latest come first, over several pages, and it is told whether older ones are left out."""
    for number in range(503):
        store.save_incident(an_incident(number))
    some, most = latest_incidents(store, 501), latest_incidents(store, 503)
    assert (len(some.incidents), some.is_complete) == (501, False)
    assert (len(most.incidents), most.is_complete) == (503, True)
    assert most.incidents[0].id == "inc-0502"
    assert latest_incidents(SqlStore("sqlite://"), 5).incidents == ()


def test_outcomes(store):
    """Cause, category and what was done come with an incident; one that has none has none."""
    kept(store, 0, 5, 10)
    new, old, first = with_outcomes(store, latest_incidents(store, 10).incidents)
    assert (new.cause, new.category, new.resolutions) == ("", None, ())
    assert (old.cause, old.category) == ("payments-db", CauseCategory.RESOURCE)
    done = Resolution(action="RESTART_COMPONENT", component="payments-db", is_verified=True)
    assert (old.resolutions, first.resolutions) == ((done,), (replace(done, is_verified=False),))


def test_a_run_that_did_nothing_resolves_nothing():
    """A run that never acted, and one that only releases, are no resolution."""
    assert resolution_of(run_of(strategy(isolate()))) is None
    release = finished(1, "inc-0001")
    assert resolution_of(replace(release, strategy=replace(release.strategy, id="release:ISOLATE_COMPONENT"))) is None


def test_similar_failures(store):
    """The earlier failure comes with what was done about it; later incidents and the incident itself do not."""
    kept(store, 0, 5, 10)
    (found,) = similar_to(store, "inc-0002", 100)
    assert found.pattern.incident_ids == ("inc-0000", "inc-0001")
    assert "RESTART_COMPONENT on payments-db, verified 1 of 2 times" in found.description
    assert [len(similar_to(store, f"inc-000{n}", 100)) for n in (0, 1)] == [0, 1]
    with pytest.raises(UnknownNameError, match="nope"):
        similar_to(store, "nope", 100)


def test_recurring_failures(store):
    """Patterns over stored incidents know count, cause and the repair."""
    kept(store, 0, 5, 10)
    (pattern,) = identify_patterns(with_outcomes(store, latest_incidents(store, 10).incidents))
    assert (pattern.count, pattern.signature.cause, pattern.mean_gap_s) == (3, "payments-db", 5 * 3600)


def test_the_history_of_a_store(store):
    """Watched since the first record; changes are those on record, and none on record is nobody recording them."""
    kept(store, 1, 5)
    past, now = latest_incidents(store, 10), T0 + 20 * HOUR
    assert history_of(store, past, GRAPH, None, now).changes is None
    store.append(a_record(0))
    store.append(a_record(3, kind=RecordKind.CHANGE_OBSERVED, subject="orders", message="deploy v2"))
    history = history_of(store, past, GRAPH, None, now)
    assert history.observed == (T0, now)
    (change,) = history.changes
    assert (change.at, change.component, change.name) == (T0 + 3 * MINUTE, "orders", "deploy v2")
    assert change.kind is EventKind.CHANGE
    assert correlate(history).found == ()
    cut = latest_incidents(store, 1)
    assert history_of(store, cut, GRAPH, None, now).observed[0] == T0 + 5 * HOUR


def test_a_store_without_anything(store):
    """Nothing was watched, nothing is related."""
    history = history_of(store, latest_incidents(store, 10), GRAPH, None, T0)
    assert history.observed is None
    assert correlate(history).found == ()


def test_the_live_service_answers():
    """After an incident of the simulated system the desk correlates with its metrics and calls, and finds no pair."""
    system = a_system()
    app = an_application(system)
    try:
        broken(system)
        for _ in range(12):
            app.engine.step()
        past, found = app.desk.correlations(100)
        assert past.incidents
        assert found.found == ()
        assert CorrelationKind.CAUSAL.value not in [method.name for method in found.skipped]
    finally:
        app.store.close()
