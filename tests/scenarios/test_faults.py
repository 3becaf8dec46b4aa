"""The main job, end to end: each fault is noticed, blamed on the right component, and treated there, nowhere else."""

from functools import cache
from itertools import pairwise

import pytest

from analysis.incidents import IncidentStatus
from models.simulator import FaultKind
from service.records import RecordKind
from service.recovery.runs import RecoveryStatus
from service.recovery.strategies import RecoveryType
from tests.trained_system import a_replay

ORDER = (
    RecordKind.INCIDENT_OPENED,
    RecordKind.ROOT_CAUSE_FOUND,
    RecordKind.DECISION_MADE,
    RecordKind.RECOVERY_STARTED,
    RecordKind.RECOVERY_STEP_STARTED,
    RecordKind.RECOVERY_STEP_FINISHED,
    RecordKind.RECOVERY_FINISHED,
)
REPAIRED = tuple(kind for kind in FaultKind if kind not in {FaultKind.TRAFFIC_SURGE, FaultKind.NETWORK_LOSS})
each_fault = pytest.mark.parametrize("kind", FaultKind)


@cache
def played(kind):
    """The story of a fault, its runs, and how the loop was; told once for all tests."""
    replay = a_replay(kind)
    story = replay.play()
    runs, pulse = replay.app.desk.runs(), replay.app.engine.pulse
    kept = replay.app.store.anomalies(limit=500).items
    replay.app.store.close()
    return story, runs, pulse, kept


@each_fault
def test_it_is_noticed_and_blamed_on_the_right_component(kind):
    """The incident begins after the fault, and the injected component leads the ranking, by name and with evidence."""
    story, *_ = played(kind)
    assert story.incident is not None
    assert story.detected_after_s > 0
    assert story.analysis.ranking[0] == story.fault.component
    assert story.analysis.most_likely_cause.component == story.fault.component
    assert story.analysis.evidence


@each_fault
def test_nothing_else_is_touched(kind):
    """Every run, every breaker and every action of the story is about the injected component."""
    story, runs, *_ = played(kind)
    acted = {r.subject for r in story.records if r.kind.startswith(("RECOVERY", "CIRCUIT", "COMPONENT"))}
    assert acted == {story.fault.component}
    assert {run.component for run in runs} == {story.fault.component}


@each_fault
def test_the_ledger_tells_it_in_order(kind):
    """Opened, cause, decision, started, steps, finished: first mentions come in this order, in time and in number."""
    story, *_ = played(kind)
    first = {wanted: next(r for r in story.records if r.kind is wanted) for wanted in ORDER}
    assert [r.kind for r in sorted(first.values(), key=lambda r: r.seq)] == list(ORDER)
    assert [r.at for r in story.records] == sorted(r.at for r in story.records)
    assert [r.seq for r in story.records] == sorted(r.seq for r in story.records)
    assert sum(r.kind is RecordKind.INCIDENT_OPENED for r in story.records) == 1


@each_fault
def test_the_loop_stays_well(kind):
    """No stage failed, and nothing was recorded as an error."""
    story, _, pulse, _ = played(kind)
    assert (pulse.error_count, pulse.unrecorded_count, pulse.failing) == (0, 0, {})
    assert not [r for r in story.records if r.kind is RecordKind.ENGINE_ERROR]


@each_fault
def test_each_run_of_odd_rows_is_one_anomaly(kind):
    """However often it was judged anew, no series is in the incident twice at a time, and the store keeps no more."""
    story, _, _, kept = played(kind)
    held = sorted(story.incident.anomalies, key=lambda a: (a.key, a.start))
    assert not [(a, b) for a, b in pairwise(held) if a.key == b.key and b.start < a.end]
    assert {repr(anomaly) for anomaly in held} <= {repr(anomaly) for anomaly in kept}
    stored = sorted(kept, key=lambda a: (a.key, a.start))
    assert not [(a, b) for a, b in pairwise(stored) if a.key == b.key and b.start < a.end]


@pytest.mark.parametrize("kind", REPAIRED)
def test_it_is_repaired_and_the_repair_verified(kind):
    """One recovery completes because the metrics say so, and the incident ends; its breaker is closed."""
    story, runs, *_ = played(kind)
    assert [run.status for run in runs if run.incident_id == story.incident.id][-1] is RecoveryStatus.COMPLETED
    assert story.incident.status is IncidentStatus.RESOLVED
    breaker = [r.kind for r in story.records if r.kind.startswith("CIRCUIT")]
    assert breaker[-1] is RecordKind.CIRCUIT_BREAKER_RESET


def test_a_surge_is_carried():
    """Nothing is broken: the capacity grows, and the recovery completes by what users feel."""
    _, runs, *_ = played(FaultKind.TRAFFIC_SURGE)
    assert (runs[-1].strategy, runs[-1].status) == ("scale-up", RecoveryStatus.COMPLETED)


def test_what_was_not_cured_is_never_called_repaired():
    """Packet loss is gone around, or the recovery fails by the metrics and a person gets the plan."""
    story, runs, *_ = played(FaultKind.NETWORK_LOSS)
    automatic = [run for run in runs if run.type is not RecoveryType.MANUAL]
    if any(run.status is RecoveryStatus.COMPLETED for run in automatic):
        assert any(run.strategy == "go-around-network" for run in automatic)
        return
    assert {run.status for run in automatic} == {RecoveryStatus.FAILED}
    assert runs[0].strategy == "hand-to-operator"
    assert story.incident.status is IncidentStatus.OPEN


def test_a_story_is_told_the_same_twice():
    """One seed, one story: two replays differ in nothing."""
    again = a_replay(FaultKind.BAD_DEPLOY)
    assert again.play().to_json() == played(FaultKind.BAD_DEPLOY)[0].to_json()
    again.app.store.close()
