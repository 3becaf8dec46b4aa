"""The story of one incident: planned, lived through, told."""

import json
from dataclasses import replace

import pytest

from models.errors import ConfigurationError, UnknownNameError
from models.simulator import Fault, FaultKind, SimulatedSystem
from service.config import Settings
from service.records import RecordKind
from service.replay import CALM_ROWS, MOST_ROWS, Replay, ReplayPlan, Story, history_of
from tests.service.store.examples import T0, a_record, an_anomaly, an_incident
from tests.trained_system import DAYS, SEED, a_bundle, a_history, a_replay, a_system


@pytest.mark.parametrize("word", ["BAD_DEPLOY", "bad-deploy", "Bad_Deploy"])
def test_a_kind_is_known_in_any_spelling(word):
    """Case and hyphens do not matter."""
    assert ReplayPlan.of(word, "payment").fault == Fault(kind=FaultKind.BAD_DEPLOY, component="payment")


@pytest.mark.parametrize("kind", FaultKind)
def test_the_seed_chooses_a_component_that_there_is(kind):
    """The same seed chooses the same one, and it is one of the system's."""
    plan = ReplayPlan.of(kind, seed=5)
    assert plan.fault == ReplayPlan.of(kind, seed=5).fault
    assert plan.fault.component in SimulatedSystem(plan.simulator).topology.names


def test_what_does_not_exist_is_refused_before_the_work():
    """An unknown kind and an unknown component are named when the replay is planned."""
    with pytest.raises(ConfigurationError, match=r"gremlins.*BAD_DEPLOY"):
        ReplayPlan.of("gremlins")
    with pytest.raises(UnknownNameError, match=r"nobody.*Use one of"):
        ReplayPlan.of("ERRORS", "nobody")


def test_the_history_ends_where_the_replay_begins():
    """The system stands at the end of exactly the days that were asked for."""
    plan = ReplayPlan.of("ERRORS", "payment", seed=1, days=2)
    system, history = history_of(plan)
    assert history.n_rows == 2 * 1440
    assert history.append(system.step()).n_rows == history.n_rows + 1


def test_progress_is_told_row_by_row():
    """Counts rise by one and never pass the most that there can be; the fault begins after the calm."""
    told = []
    replay = a_replay("ERRORS", "payment")
    story = replay.play(lambda done, total: told.append((done, total)))
    assert told == [(row, MOST_ROWS) for row in range(1, len(told) + 1)]
    assert CALM_ROWS < len(told) < MOST_ROWS
    assert min(record.at for record in story.records) >= story.fault_at
    replay.app.store.close()


def test_a_story_is_json():
    """Programs get all of it, without NaN."""
    replay = a_replay("ERRORS", "payment")
    told = json.loads(json.dumps(replay.play().to_json(), allow_nan=False))
    assert told["injected"]["component"] == told["analysis"]["ranking"][0] == "payment"
    assert told["is_cause_first"]
    assert len(told["records"]) > 5
    replay.app.store.close()


def test_a_fault_that_nobody_notices(monkeypatch):
    """A fault too faint to see ends as a story without an incident, an analysis or a claim."""
    monkeypatch.setattr("service.replay.MOST_ROWS", CALM_ROWS + 20)
    plan = ReplayPlan.of("CPU_HOG", "account", seed=SEED, days=DAYS)
    plan = replace(plan, fault=replace(plan.fault, magnitude=1e-6))
    replay = Replay.wired(plan, a_system(), a_bundle(), a_history(), Settings(store_url="sqlite://"))
    story = replay.play()
    assert story.incident is None
    assert (story.analysis, story.detected_after_s, story.resolved_after_s) == (None, None, None)
    assert story.to_json()["incident"] is None
    assert not story.is_cause_first
    replay.app.store.close()


def test_the_ledger_of_a_long_replay_is_told_to_its_end():
    """More records than one page of the store are all in the story."""
    replay = a_replay("ERRORS", "payment")
    for _ in range(600):
        replay.app.store.append(a_record(at=T0.replace(year=2027)))
    records = replay.play().records
    assert len(records) > 600
    assert records[-1].kind is RecordKind.INCIDENT_RESOLVED
    replay.app.store.close()


def test_times_count_from_the_first_faulty_row():
    """Detection is when it was noticed, not when it began; without a resolution there is no time of it."""
    early, late = an_anomaly(minute=-30), an_anomaly(minute=2)
    incident = an_incident(1, (early, late), opened_at=late.end)
    story = Story(
        fault=Fault(kind=FaultKind.ERRORS, component="orders"),
        fault_at=T0,
        incident=incident,
        analysis=None,
        records=(),
    )
    assert (story.detected_after_s, story.resolved_after_s, story.is_cause_first) == (300.0, None, False)
