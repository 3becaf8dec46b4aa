"""What people and programs ask the running engine."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analysis.incidents import IncidentStatus
from models.anomalies import AnomalySeverity
from models.errors import InputError, UnknownNameError
from models.frames import MetricFrame, SeriesKey, to_datetime, to_datetime64
from service.api.backend import ConflictError
from service.recovery.breakers import CircuitState
from service.recovery.documents import read_strategies
from service.recovery.runs import RecoveryStatus
from tests.service.store.examples import an_anomaly, an_incident
from tests.trained_system import a_system, an_application, broken

ASKING = """
default: ask
strategies:
  - id: ask
    name: Ask
    type: SEMIAUTOMATIC
    condition: "true"
    steps:
      - {id: restart, type: RESTART, action: RESTART_COMPONENT, description: restart}
"""
HOUR = timedelta(hours=1)


@pytest.fixture
def system():
    """At the end of its history."""
    return a_system()


@pytest.fixture
def app(system):
    """The loop around it, on a store in memory."""
    app = an_application(system)
    yield app
    app.store.close()


def stepped(app, rows):
    """Go round so many times."""
    for _ in range(rows):
        app.engine.step()
    return app.desk


def waiting(desk):
    """A run that waits for an approval."""
    plan = read_strategies(ASKING, source="test").of("ask")
    run = desk._journal.start(plan, "", "payment", {}, desk.now())
    desk._journal.tick(desk.now(), lambda _: {})
    return run.id


def test_status_before_and_after_the_first_step(app, system):
    """Rows, times and the bundle are told; before the first step there is none."""
    desk = app.desk
    assert (desk.status().rows_read, desk.status().last_step_at) == (0, None)
    status = stepped(app, 3).status()
    assert (status.is_ready, status.reason, status.rows_read, status.error_count) == (True, "", 3, 0)
    assert status.bundle_version == app.engine.observer.bundle.model_version
    assert status.last_step_at == desk.now() == system.now
    assert status.last_row_at == system.now - timedelta(seconds=60)
    assert status.is_acting


def test_every_component_has_a_state(app, system):
    """All components of metrics and edges, each once, in order; quiet ones have a score and no severity."""
    states = stepped(app, 2).component_states()
    assert [state.component for state in states] == sorted(system.topology.names)
    assert all(np.isfinite(state.score) and state.last_seen is not None for state in states)
    assert {(state.is_isolated, state.breaker) for state in states} == {(False, "CLOSED")}


def test_a_component_that_only_edges_name_is_unknown(app, monkeypatch):
    """Nobody measures it: its score is missing, not zero, and it was never seen."""
    monkeypatch.setattr(type(app.engine._source), "edges", property(lambda _: (("payment", "a-bank"),)))
    state = next(state for state in app.desk.component_states() if state.component == "a-bank")
    assert (np.isnan(state.score), state.severity, state.last_seen) == (True, None, None)


def test_a_component_in_trouble(app, system):
    """Its score is beyond the alarm boundary, its severity that of its anomalies, its breaker open."""
    broken(system)
    desk = stepped(app, 4)
    state = next(state for state in desk.component_states() if state.component == "payment")
    assert state.score > 1
    assert state.severity in {AnomalySeverity.HIGH, AnomalySeverity.CRITICAL}
    desk = stepped(app, 1)
    assert next(s for s in desk.component_states() if s.component == "payment").breaker == "OPEN"


def test_the_last_word_on_a_component_is_not_an_infinity_lost(app, monkeypatch):
    """An infinite score is the worst one, not an unknown one."""
    scores = app.engine.observer.scores
    score = scores.score.copy()
    score[-1] = np.inf
    monkeypatch.setattr(type(app.engine.observer), "scores", property(lambda _: replace(scores, score=score)))
    assert {state.score for state in app.desk.component_states()} == {np.inf}


def test_a_chart_shows_a_series_with_its_band(app, system):
    """Values are as measured, times cut to the question, the band of each judged row is around its expectation."""
    desk = stepped(app, 5)
    key = SeriesKey("payment", "latency_p95_s")
    chart = desk.chart(key, desk.now() - HOUR, desk.now())
    assert len(chart.times) == 60
    assert to_datetime(chart.times[0]) == desk.now() - HOUR
    assert to_datetime(chart.times[-1]) == desk.now() - timedelta(minutes=1)
    for part in (chart.values, chart.expected, chart.lower, chart.upper):
        assert len(part) == 60
    assert np.isfinite(chart.expected[-5:]).all()  # the history before them is not judged
    assert ((chart.lower <= chart.expected) & (chart.expected <= chart.upper))[-5:].all()


def test_a_chart_outside_of_the_memory_is_empty(app):
    """Before the window, after it, and backwards in time there is nothing."""
    desk, key = app.desk, SeriesKey("payment", "cpu")
    for start, end in ((-9000, -8000), (100, 200), (-1, -2)):
        assert len(desk.chart(key, desk.now() + start * HOUR, desk.now() + end * HOUR).times) == 0


@pytest.mark.parametrize("key", [SeriesKey("payment", "cpi"), SeriesKey("", ""), SeriesKey("nobody", "cpu")])
def test_a_chart_of_an_unknown_series_is_refused(app, key):
    """The error names the series that was asked for."""
    with pytest.raises(UnknownNameError, match=str(key) if key.component else "series"):
        app.desk.chart(key, app.desk.now() - HOUR, app.desk.now())


def test_sent_rows_are_judged_without_a_trace(app, system):
    """Rows that somebody sends are scored by the bundle; the window and the store stay as they are."""
    before = app.engine.observer.frame.end
    other = a_system()
    broken(other)
    assert any(anomaly.key.component == "payment" for anomaly in app.desk.score(other.advance(40)).anomalies)
    assert app.engine.observer.frame.end == before
    assert app.store.anomalies().items == ()


def test_sent_series_that_nobody_knows_are_named(app):
    """Among known ones they are listed as not judged; alone they are refused, since no anomaly would mean nothing."""
    rows = a_system().advance(3)
    odd = tuple(SeriesKey("odd", f"m{n}") for n in range(7))
    mixed = MetricFrame(
        start=rows.start,
        step_s=rows.step_s,
        keys=(*rows.keys, *odd),
        values=np.hstack([rows.values, np.ones((rows.n_rows, len(odd)))]),
    )
    assert app.desk.score(rows).unknown == ()
    assert set(app.desk.score(mixed).unknown) == set(odd)
    with pytest.raises(InputError, match=rf"none of the 7 series: {odd[0]}, .*, \.\.\.\. Remedy"):
        app.desk.score(mixed.select(odd))


def test_a_diagnosis_on_request_is_kept(app, system):
    """It is what the store shows then, and it looks at the trouble, not at what the repair made of it."""
    broken(system)
    desk = stepped(app, 8)
    (incident,) = app.store.incidents().items
    analysis = desk.diagnose(incident.id)
    (run,) = desk._journal.runs()
    assert analysis.ranking[0] == "payment"
    assert repr(app.store.analysis(incident.id)) == repr(analysis)
    assert app.store.analysed_at(incident.id) == run.acted_at < desk.now()


def test_a_diagnosis_without_metrics_is_refused(app):
    """An incident that is older than the memory keeps the analysis that it has."""
    old = app.desk.now() - 100 * 24 * HOUR
    anomaly = an_anomaly("payment", start=old, peak=old, end=old + HOUR)
    app.store.save_incident(
        an_incident(1, (anomaly,), status=IncidentStatus.RESOLVED, opened_at=old, resolved_at=old + HOUR)
    )
    with pytest.raises(ConflictError, match="inc-0001"):
        app.desk.diagnose("inc-0001")
    assert app.store.analysis("inc-0001") is None
    with pytest.raises(UnknownNameError, match="nope"):
        app.desk.diagnose("nope")


def test_a_run_that_waits_is_approved_once(app):
    """It goes on after the approval; a second approval and an unknown run are told apart."""
    desk = app.desk
    run_id = waiting(desk)
    assert desk.runs()[0].status is RecoveryStatus.WAITING_APPROVAL
    desk.approve_run(run_id, "ada")
    stepped(app, 1)
    assert desk.runs()[0].status is RecoveryStatus.COMPLETED
    with pytest.raises(ConflictError, match=run_id):
        desk.approve_run(run_id, "ada")
    with pytest.raises(UnknownNameError, match="nope"):
        desk.approve_run("nope", "ada")


def test_a_run_is_cancelled_once(app):
    """A cancelled run touches nothing; cancelling or approving it again is a conflict, and changes nothing."""
    desk = app.desk
    run_id = waiting(desk)
    desk.cancel_run(run_id, "not now")
    assert (desk.runs()[0].status, desk.runs()[0].reason) == (RecoveryStatus.CANCELLED, "not now")
    for again in (lambda: desk.cancel_run(run_id, "again"), lambda: desk.approve_run(run_id, "ada")):
        with pytest.raises(ConflictError):
            again()
    stepped(app, 2)
    assert desk.runs()[0].status is RecoveryStatus.CANCELLED
    with pytest.raises(UnknownNameError, match="nope"):
        desk.cancel_run("nope", "x")


def test_breakers_by_hand(app):
    """A breaker is tripped and reset by name, with the reason; an unknown one is named."""
    desk = app.desk
    desk.trip_breaker("payment", "maintenance")
    shown = {breaker.name: breaker for breaker in desk.breakers()}
    assert (shown["payment"].state, shown["payment"].reason) == ("OPEN", "maintenance")
    desk.reset_breaker("payment", "done")
    assert {breaker.state for breaker in desk.breakers()} == {"CLOSED"}
    desk.force_breaker("payment", CircuitState.METRICS_ONLY, "drill")
    assert next(b for b in desk.breakers() if b.name == "payment").state == "METRICS_ONLY"
    for action in (desk.trip_breaker, desk.reset_breaker):
        with pytest.raises(UnknownNameError, match="nobody"):
            action("nobody", "x")


def test_edges_of_a_source_that_knows_none(app, monkeypatch):
    """Unknown callers are no edges, and nothing else breaks."""
    monkeypatch.setattr(type(app.engine._source), "edges", property(lambda _: None))
    assert app.desk.edges() == ()
    assert stepped(app, 2).status().error_count == 0
    assert to_datetime64(app.desk.now()) == app.engine.observer.frame.end
