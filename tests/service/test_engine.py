"""The loop: stages that fail stop nothing else, and a restart in the middle of a recovery finishes it."""

import logging
from datetime import timedelta

import pytest

from analysis.incidents import IncidentStatus
from models.simulator import FaultKind
from service.engine import Ledger
from service.ports import TransientError
from service.records import RecordKind
from service.recovery.runs import RecoveryStatus
from service.store.sql import SqlStore
from tests.service.store.examples import a_record
from tests.trained_system import a_system, an_application, broken


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
    return app


def kinds_of(app):
    """The ledger's kinds, in order."""
    return [record.kind for record in app.store.records(limit=500)]


def errors_of(app):
    """Failures in the ledger: the stage and what it said."""
    return [(r.subject, r.message) for r in app.store.records(kind=RecordKind.ENGINE_ERROR, limit=500)]


def failing(message="no connection"):
    """Something that always raises."""

    def fail(*_, **__):
        raise TransientError(message)

    return fail


def test_a_calm_system_is_left_alone(app):
    """Half an hour of normal life: rows are read and judged, nothing fails, no component is touched."""
    stepped(app, 30)
    assert (app.engine.pulse.rows_read, app.engine.pulse.error_count) == (30, 0)
    assert app.engine.pulse.last_step_at == app.desk.now()
    assert not {RecordKind.RECOVERY_STARTED, RecordKind.ENGINE_ERROR} & set(kinds_of(app))


def test_a_source_that_has_nothing_is_no_failure(app, monkeypatch):
    """A step without fresh rows says so and still looks after what is under way."""
    monkeypatch.setattr(app.engine._source, "read", lambda: None)
    assert app.engine.step() is False
    assert (app.engine.pulse.rows_read, app.engine.pulse.error_count) == (0, 0)


def test_what_fails_between_the_stages_stops_nothing(app, monkeypatch):
    """An error outside every stage is counted, recorded once and shown; with the next good step it is over."""
    with monkeypatch.context() as patch:
        patch.setattr(app.engine, "_forget_the_resolved", failing("no memory"))
        assert app.engine.step() is True
        assert app.engine.step() is True
        assert (app.engine.pulse.rows_read, app.engine.pulse.error_count) == (2, 2)
        assert "no memory" in app.desk.status().reason
    assert errors_of(app) == [("step", "the stage step failed: TransientError: no memory")]
    app.engine.step()
    assert (app.desk.status().reason, app.engine.pulse.error_count) == ("", 2)


def test_a_source_that_fails_is_recorded_once_and_stops_nothing(app, system, monkeypatch):
    """A source that is away for a while: one record, every failure counted, and a recovery under way goes on."""
    broken(system)
    stepped(app, 6)
    (run,) = app.desk.runs()
    with monkeypatch.context() as patch:
        patch.setattr(app.engine._source, "read", failing())
        patch.setattr(app.engine._source, "changes", failing("unreachable"))
        stepped(app, 5)
        assert "read: TransientError: no connection" in app.desk.status().reason
    assert app.engine.pulse.error_count == 5
    assert errors_of(app) == [("read", "the stage read failed: TransientError: no connection")]
    stepped(app, 10)
    assert app.desk.status().reason == ""
    assert next(r for r in app.desk.runs() if r.id == run.id).status is RecoveryStatus.COMPLETED


def test_another_failure_of_the_same_stage_is_recorded(app, monkeypatch):
    """Each new reason is told, and the same one again after the stage had worked in between."""
    for message in ("one", "one", "two", "", "two"):
        with monkeypatch.context() as patch:
            if message:
                patch.setattr(app.engine._source, "read", failing(message))
            app.engine.step()
    assert [message.rsplit(" ", 1)[1] for _, message in errors_of(app)] == ["one", "two", "two"]


@pytest.mark.parametrize("stage", ["score", "group", "respond", "recover"])
def test_every_stage_is_guarded(app, system, monkeypatch, stage):
    """Whatever fails in a stage is recorded under its name, and the step ends as usual."""
    broken(system)
    stepped(app, 2)
    target, name = {
        "score": (app.engine.observer, "observe"),
        "group": (app.engine.casebook, "update"),
        "respond": (app.engine._responder, "respond"),
        "recover": (app.engine._responder, "advance"),
    }[stage]
    before = app.engine.pulse.last_step_at
    with monkeypatch.context() as patch:
        patch.setattr(target, name, failing())
        assert app.engine.step() is True
    assert [subject.split()[0] for subject, _ in errors_of(app)] == [stage]
    assert app.engine.pulse.last_step_at > before


def test_an_incident_that_cannot_be_analysed_stops_neither_others_nor_recoveries(app, system, monkeypatch):
    """One incident's failing analysis leaves the recovery of the other one alone, and is forgotten with it."""
    broken(system)
    stepped(app, 6)
    (mine,) = app.engine.casebook.open
    respond = app.engine._responder.respond

    def picky(incident, *rest):
        if incident.id == mine.id:
            raise ValueError("singular matrix")
        respond(incident, *rest)

    monkeypatch.setattr(app.engine._responder, "respond", picky)
    stepped(app, 1)
    assert app.engine.pulse.failing == {f"respond to {mine.id}": "ValueError: singular matrix"}
    stepped(app, 30)
    assert app.store.incident(mine.id).status is IncidentStatus.RESOLVED
    assert app.engine.pulse.failing == {}
    assert [run.status for run in app.desk.runs()] == [RecoveryStatus.COMPLETED]


def test_rows_that_could_not_be_grouped_are_grouped_later(app, system, monkeypatch):
    """An anomaly that came and went while the store failed opens its incident when the store is back."""
    broken(system, duration=timedelta(minutes=2))
    with monkeypatch.context() as patch:
        patch.setattr(app.store, "save_incident", failing("disk full"))
        stepped(app, 4)
        assert app.store.incidents().items == ()
    stepped(app, 1)
    (incident,) = app.store.incidents().items
    assert "payment" in incident.components


def test_a_store_that_fails_altogether_does_not_stop_the_loop(app, system, monkeypatch, caplog):
    """Failures that cannot be recorded are logged and counted; when the store is back the work goes on."""
    caplog.set_level(logging.CRITICAL, logger="service.engine")
    broken(system)
    with monkeypatch.context() as patch:
        for name in ("append", "save_incident", "save_analysis", "records"):
            patch.setattr(app.store, name, failing("disk full"))
        stepped(app, 6)
    assert app.engine.pulse.unrecorded_count == app.engine.pulse.error_count > 0
    assert errors_of(app) == []
    stepped(app, 40)
    assert app.engine.pulse.failing == {}
    assert [run.status for run in app.desk.runs()] == [RecoveryStatus.COMPLETED]
    assert [incident.status for incident in app.store.incidents().items] == [IncidentStatus.RESOLVED]
    assert kinds_of(app).count(RecordKind.INCIDENT_OPENED) == 1


def test_an_actuator_that_breaks_fails_its_run_and_not_the_loop(app, system, monkeypatch):
    """A hand that raises anything ends in a failed run with the reason; the stages stay well."""
    monkeypatch.setattr(app.desk._journal._course.hand.actuator, "perform", failing("the platform is away"))
    monkeypatch.setattr(app.desk._journal._course.hand.actuator, "probe", failing())
    broken(system)
    stepped(app, 30)
    assert app.engine.pulse.error_count == 0
    failed = [run for run in app.desk.runs() if run.status is RecoveryStatus.FAILED]
    assert failed
    assert "the platform is away" in " ".join(run.reason for run in failed)


@pytest.mark.parametrize("rows", range(3, 10))
def test_a_restart_in_the_middle_completes_the_recovery(system, tmp_path, rows):
    """Killed at any step and built anew on the same store, the loop acts once in all and finishes what it began."""
    url = f"sqlite:///{tmp_path}/kept.db"
    broken(system)
    app = stepped(an_application(system, store_url=url), rows)
    app.store.close()
    app = stepped(an_application(system, store_url=url), 40)
    assert [run.status for run in app.desk.runs()] == [RecoveryStatus.COMPLETED]
    assert [incident.status for incident in app.store.incidents().items] == [IncidentStatus.RESOLVED]
    kinds = kinds_of(app)
    for kind in ("INCIDENT_OPENED", "DECISION_MADE", "RECOVERY_STARTED", "RECOVERY_FINISHED", "INCIDENT_RESOLVED"):
        assert kinds.count(RecordKind(kind)) == 1, kind
    assert app.engine.pulse.error_count == 0
    app.store.close()


def test_a_dry_run_touches_nothing(system):
    """The decision is recorded; the system lives on exactly like one that nobody looks after."""
    twin = a_system()
    for each in (system, twin):
        broken(each, FaultKind.CPU_HOG)
    app = stepped(an_application(system, act=False), 15)
    twin.advance(15)
    assert (system.step().values == twin.step().values).all()
    assert (RecordKind.DECISION_MADE in kinds_of(app), app.desk.runs()) == (True, ())
    app.store.close()


def test_a_listener_that_fails_is_logged(caplog):
    """A record is kept once and the other listeners hear of it, whatever one of them does."""
    caplog.set_level(logging.CRITICAL, logger="service.engine")
    heard = []

    class Sink:
        def __init__(self, publish):
            self.publish = publish

    store = SqlStore("sqlite://")
    ledger = Ledger(store, [Sink(failing()), Sink(heard.append)])
    ledger(a_record())
    assert [record.seq for record in heard] == [record.seq for record in store.records()] == [1]
    store.close()
