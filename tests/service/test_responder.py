"""Deciding once, on enough evidence; acting, verifying, and trying again within the guard."""

from dataclasses import replace

import pytest

from analysis.findings import CauseCategory
from analysis.incidents import IncidentStatus
from service.ports import PermanentError
from service.records import RecordKind
from service.recovery.breakers import CircuitState
from service.recovery.runs import RecoveryStatus
from tests.service.loops import World, a_finding
from tests.service.store.examples import MINUTE, T0, an_anomaly, an_incident

RESTARTED, SCALED = ("RESTART_COMPONENT", "payments-db"), ("SCALE_UP", "payments-db")


@pytest.fixture
def make_world(monkeypatch):
    """Makes worlds and ends them."""
    made = []

    def make(**settings):
        made.append(World(monkeypatch, **settings))
        made[-1].trouble()
        return made[-1]

    yield make
    for world in made:
        world.store.close()


@pytest.fixture
def world(make_world):
    """With the usual guard."""
    return make_world()


def test_an_incident_is_watched_before_it_is_decided(world):
    """Nothing is analysed before the trouble has lasted for the configured rows."""
    world.live(world.settings.diagnosis_rows - 1)
    assert (world.analysed, world.decisions) == ([], [])
    world.live(1)
    assert (len(world.analysed), len(world.decisions)) == (1, 1)


def test_an_incident_is_decided_and_acted_on_once(world):
    """However long it lasts, one decision, one action; cause, decision and recovery are told in that order."""
    world.live(12)
    kinds = [record.kind for record in world.store.records()]
    assert kinds[:4] == [
        RecordKind.ROOT_CAUSE_FOUND,
        RecordKind.DECISION_MADE,
        RecordKind.CIRCUIT_BREAKER_TRIPPED,
        RecordKind.RECOVERY_STARTED,
    ]
    assert (len(world.decisions), world.hand.done, len(world.analysed)) == (1, [RESTARTED], 1)
    assert world.status is IncidentStatus.MITIGATING


def test_a_verified_recovery_closes_its_breaker(world):
    """The breaker opens with the decision and closes when fresh metrics say that the recovery helped."""
    world.live(4)
    assert world.board.of("payments-db").state is CircuitState.OPEN
    world.score = 0.2
    world.live(4)
    assert world.board.of("payments-db").state is CircuitState.CLOSED
    assert [run.status for run in world.journal.runs()] == [RecoveryStatus.COMPLETED]


def test_a_verified_recovery_leaves_a_forced_breaker_alone(world):
    """What a person has forced, only a person ends; the recovery goes its way."""
    world.board.force("payments-db", CircuitState.FORCED_OPEN, "drill")
    world.live(4)
    world.score = 0.2
    world.live(4)
    assert [run.status for run in world.journal.runs()] == [RecoveryStatus.COMPLETED]
    assert world.board.of("payments-db").state is CircuitState.FORCED_OPEN


def test_a_breaker_forced_while_the_decision_is_made_does_not_stop_the_recovery(world, monkeypatch):
    """Between the look at the breakers and the trip, a person may act; the rest of the decision is carried out."""
    looked = world.board.snapshots()
    world.board.force("payments-db", CircuitState.DISABLED, "drill")
    monkeypatch.setattr(world.board, "snapshots", lambda: looked)
    world.live(4)
    assert (world.hand.done, world.board.of("payments-db").state) == ([RESTARTED], CircuitState.DISABLED)


def test_a_blip_that_is_over_is_not_decided(world):
    """Trouble that ended is not acted upon, although its incident is still open."""
    world.live(1)
    world.live(20, lasting=False)
    assert (world.analysed, world.decisions, world.hand.done) == ([], [], [])


def test_the_onset_is_that_of_the_trouble_that_lasts(world):
    """A blip an hour before, in the same incident, does not move the window of the analysis."""
    late = an_anomaly("payments-db", "cpu", minute=60, end=T0 + 90 * MINUTE)
    world.clock.move_by(64 * 60)
    world.casebook.keep(an_incident(1, (an_anomaly("orders"), late)))
    world.live(1, lasting=False)
    assert [situation.detected_at for situation in world.analysed] == [T0 + 60 * MINUTE]


def test_weak_evidence_is_waited_for_and_then_nothing_is_done(world):
    """Without a named cause nothing happens; when patience ends, that is recorded once."""
    world.finding = a_finding(confidence=0.3, is_named=False)
    world.live(world.settings.decision_patience_rows - 1)
    assert world.decisions == []
    world.live(20)
    (abstention,) = world.decisions
    assert "not enough evidence" in abstention
    assert (world.hand.done, world.journal.runs(), world.status) == ([], (), IncidentStatus.OPEN)


def test_an_abstention_does_not_end_the_watch(world):
    """When better evidence comes after patience has ended, also across a restart, it is acted upon."""
    world.finding = a_finding(confidence=0.3, is_named=False)
    world.live(world.settings.decision_patience_rows + 2)
    world.restart()
    world.finding = a_finding(confidence=0.9)
    world.live(1)
    assert len(world.decisions) == 2
    assert world.hand.done == [RESTARTED]


def test_an_unsure_cause_is_named_but_only_a_person_acts(world):
    """A cause below the guard's confidence is told, waited for, and then handed to a person with the plan."""
    world.finding = a_finding(confidence=0.4)
    world.live(world.settings.decision_patience_rows - 1)
    assert (len(world.told(RecordKind.ROOT_CAUSE_FOUND)), world.decisions) == (1, [])
    world.live(3)
    (decision,) = world.decisions
    assert "confidence 0.40 is below 0.50" in decision
    assert (world.hand.done, world.status) == ([], IncidentStatus.OPEN)
    assert [run.strategy.id for run in world.journal.runs()] == ["ask"]


def test_evidence_that_grows_is_decided_at_once(world):
    """Patience ends early when the confidence is there; a cause that changes is told again."""
    world.finding = a_finding(confidence=0.4, component="payments")
    world.live(6)
    world.finding = a_finding(confidence=0.9)
    world.live(1)
    assert len(world.told(RecordKind.ROOT_CAUSE_FOUND)) == 2
    assert world.hand.done == [RESTARTED]


def test_a_dry_run_decides_and_touches_nothing(make_world):
    """The decision says what would be done; no run, no breaker, no action, no change of the incident."""
    world = make_world(act=False)
    world.live(20)
    (decision,) = world.decisions
    assert decision.startswith("Dry run")
    assert (world.hand.done, world.journal.runs(), world.status) == ([], (), IncidentStatus.OPEN)
    assert world.board.of("payments-db").state is CircuitState.CLOSED


def test_a_component_without_a_boundary_is_left_alone(world):
    """A cause that no boundary holds is refused with its name, once."""
    world.finding = a_finding(component="somebody-else")
    world.live(20)
    (decision,) = world.decisions
    assert "somebody-else" in decision
    assert world.hand.done == []


def test_a_failed_recovery_opens_the_incident_and_the_next_strategy_is_tried(world):
    """Metrics that stay bad fail the run; the next strategy has its turn, and after the guard's tries a person."""
    world.live(4)
    assert (world.hand.done, world.status) == ([RESTARTED], IncidentStatus.MITIGATING)
    world.live(21)
    assert world.hand.done == [RESTARTED, SCALED]
    world.live(40)
    assert world.hand.done == [RESTARTED, SCALED, ("SCALE_DOWN", "payments-db")]
    assert [run.strategy.id for run in reversed(world.journal.runs())] == ["restart", "scale", "ask"]
    assert (len(world.decisions), world.status) == (3, IncidentStatus.OPEN)


def test_an_action_that_is_refused_is_followed_by_the_next(world):
    """A platform that refuses was not touched: the next strategy is tried at once, and then a person is asked."""
    world.hand.fault = PermanentError("refused by the platform")
    world.live(8)
    assert [(run.strategy.id, run.status) for run in reversed(world.journal.runs())] == [
        ("restart", RecoveryStatus.FAILED),
        ("scale", RecoveryStatus.FAILED),
        ("ask", RecoveryStatus.COMPLETED),
    ]
    assert (world.hand.done, len(world.decisions), world.status) == ([], 3, IncidentStatus.OPEN)


def test_what_a_person_calls_off_is_not_begun_anew(world):
    """After a cancel by hand the incident is open again, and the loop leaves it to people."""
    world.live(4)
    (run,) = world.journal.runs()
    world.journal.cancel(run.id, world.clock.now(), "I do it myself")
    world.live(20)
    assert (world.hand.done, len(world.decisions), world.status) == ([RESTARTED], 1, IncidentStatus.OPEN)


def test_a_restart_does_not_decide_again(world):
    """What an earlier life of the loop decided stays decided; its run goes on and is completed."""
    world.live(5)
    world.restart()
    world.score = 0.2
    world.live(6)
    assert (world.hand.done, len(world.decisions)) == ([RESTARTED], 1)
    assert [run.status for run in world.journal.runs()] == [RecoveryStatus.COMPLETED]


def test_a_restart_remembers_an_abstention(world):
    """Nothing done, for want of evidence, is a decision too."""
    world.finding = a_finding(confidence=0.3, is_named=False)
    world.live(16)
    world.restart()
    world.live(10)
    assert len(world.decisions) == 1


def test_a_restart_goes_on_after_a_failure(world):
    """A recovery that failed just before the restart is followed by the next strategy after it."""
    world.live(24)
    assert [run.status for run in world.journal.runs()] == [RecoveryStatus.FAILED]
    world.restart()
    world.live(2)
    assert world.hand.done == [RESTARTED, SCALED]


def test_an_incident_that_resolved_meanwhile(world):
    """A run whose incident is over is verified and completed; nothing is opened again."""
    world.live(5)
    world.resolve()
    world.score = 0.1
    world.live(5)
    assert [run.status for run in world.journal.runs()] == [RecoveryStatus.COMPLETED]
    assert world.casebook.open == ()


def test_a_decision_that_could_not_be_recorded_is_made_again(world, monkeypatch):
    """A ledger that fails while a decision is told delays the decision instead of losing it."""
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "append", lambda _: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            world.live(4)
    world.live(1)
    assert (len(world.decisions), world.hand.done) == (1, [RESTARTED])


def test_two_incidents_with_one_cause(world):
    """A component that is being repaired is not repaired for a second incident at the same time."""
    world.casebook.keep(replace(an_incident(2), anomalies=(an_anomaly("web", end=T0 + 60 * MINUTE),)))
    world.live(8)
    assert world.hand.done == [RESTARTED]
    assert sum("under way" in decision for decision in world.decisions) == 1


@pytest.mark.parametrize("category", [c for c in CauseCategory if c is not CauseCategory.RESOURCE])
def test_a_category_without_a_strategy_goes_to_a_person(world, category):
    """Nothing fits: the plan is handed over, nothing is touched."""
    world.finding = a_finding(category=category)
    world.live(6)
    assert world.hand.done == []
    assert [run.strategy.id for run in world.journal.runs()] == ["ask"]
