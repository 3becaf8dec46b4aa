"""The life of a run, signal by signal."""

import itertools

import pytest

from service.ports import ActionKind
from service.records import RecordKind
from service.recovery.lifecycle import HANDLERS, IllegalRunSignalError, advance
from service.recovery.runs import (
    Acted,
    ActionFailed,
    Announce,
    Approve,
    Begin,
    Cancel,
    Drop,
    Hold,
    Perform,
    RecoveryStatus,
    RunPhase,
    StepStatus,
    Tick,
)
from service.recovery.strategies import RecoveryType
from tests.service.recovery.plans import BAD, GOOD, NOW, backup, isolate, later, restart, run_of, strategy, verify

DONE = Acted(is_changed=True, detail="done")
SIGNALS = [Begin(), Tick({}), DONE, ActionFailed("no"), Approve("ann"), Cancel("no more")]


def feed(run, *signals, now=NOW):
    """Feed signals in order; give the run and all effects."""
    effects = []
    for signal in signals:
        step = advance(run, signal, now)
        run = step.run
        effects.extend(step.effects)
    return run, effects


def outcomes(run):
    """How each try ended."""
    return [(result.step_id, result.status) for result in run.results]


def performed(effects):
    """What was asked of the actuator."""
    return [(effect.action.kind, effect.action.key) for effect in effects if isinstance(effect, Perform)]


def in_phase(phase):
    """A run that stands in a phase."""
    ready, _ = feed(run_of(strategy()), Begin())
    acting, _ = feed(ready, Tick())
    undoing, _ = feed(acting, ActionFailed("no", is_in_doubt=True))
    waiting, _ = feed(run_of(strategy(type=RecoveryType.SEMIAUTOMATIC)), Begin())
    checking, _ = feed(run_of(strategy(verify())), Begin(), Tick())
    runs = {
        RunPhase.QUEUED: run_of(strategy()),
        RunPhase.APPROVAL: waiting,
        RunPhase.READY: ready,
        RunPhase.ACTING: acting,
        RunPhase.CHECKING: checking,
        RunPhase.UNDO_READY: undoing,
        RunPhase.UNDO_ACTING: feed(undoing, Tick())[0],
        RunPhase.ENDED: feed(run_of(strategy()), Cancel("x"))[0],
    }
    assert runs[phase].phase is phase
    return runs[phase]


@pytest.mark.parametrize(("phase", "signal"), list(itertools.product(RunPhase, SIGNALS)))
def test_every_pair_is_handled_or_refused(phase, signal):
    """Each of the 48 pairs moves the run to a consistent value, or raises and leaves it as it was."""
    run = in_phase(phase)
    if (phase, type(signal)) not in HANDLERS:
        with pytest.raises(IllegalRunSignalError, match=f"is {run.status}; it cannot take"):
            advance(run, signal, NOW)
        return
    after = advance(run, signal, NOW).run
    assert (after.action is not None) is (after.phase in {RunPhase.ACTING, RunPhase.UNDO_ACTING})
    assert (after.finished_at is not None) is after.status.is_final


def test_a_plan_runs_through_and_is_verified():
    """Steps are taken in order; the last waits over ticks until fresh facts meet its criteria."""
    run, effects = feed(run_of(strategy()), Begin(), Tick(), DONE, Tick(), DONE, Tick())
    assert performed(effects) == [
        (ActionKind.ISOLATE_COMPONENT, "run-1:isolate:1"),
        (ActionKind.RESTART_COMPONENT, "run-1:restart:1"),
    ]
    assert (run.phase, run.acted_at) == (RunPhase.CHECKING, NOW)
    for facts in ({}, BAD):
        step = advance(run, Tick(facts), later(99))
        assert (step.run, step.effects) == (run, ())
    run, effects = feed(run, Tick(GOOD), Tick(), now=later(99))
    assert (run.status, run.finished_at) == (RecoveryStatus.COMPLETED, later(99))
    assert outcomes(run) == [(name, StepStatus.SUCCEEDED) for name in ("isolate", "restart", "verify")]
    assert [e.kind for e in effects] == [RecordKind.RECOVERY_STEP_FINISHED, RecordKind.RECOVERY_FINISHED]
    assert run.is_verified


def test_a_retry_that_succeeds_goes_on():
    """A transient failure waits for its back-off, is tried under a new key, and the run goes on."""
    busy = ActionFailed("busy", is_transient=True)
    run, _ = feed(run_of(strategy(restart(attempts=3), verify())), Begin(), Tick(), busy)
    assert (run.attempt, run.not_before) == (2, later(10))
    assert advance(run, Tick(), later(9)).run is run
    run, _ = feed(run, Tick(), busy, now=later(10))
    assert run.not_before == later(30)
    run, effects = feed(run, Tick(), DONE, Tick(), Tick(GOOD), Tick(), now=later(30))
    assert performed(effects) == [(ActionKind.RESTART_COMPONENT, "run-1:restart:3")]
    assert run.status is RecoveryStatus.COMPLETED


def test_a_server_that_names_a_time_is_not_asked_earlier():
    """`retry_after_s` beats a shorter back-off."""
    failure = ActionFailed("busy", is_transient=True, retry_after_s=60)
    run, _ = feed(run_of(strategy(restart(attempts=2))), Begin(), Tick(), failure)
    assert run.not_before == later(60)


@pytest.mark.parametrize(
    ("attempts", "failure"), [(3, ActionFailed("broken")), (1, ActionFailed("busy", is_transient=True))]
)
def test_a_failure_for_good_takes_done_steps_back_in_reverse(attempts, failure):
    """A permanent failure, or the last try, fails the run after the rollback of what was changed."""
    plan = strategy(isolate(), backup(), restart(attempts=attempts))
    run, _ = feed(run_of(plan), Begin(), Tick(), DONE, Tick(), DONE, Tick(), failure)
    run, effects = feed(run, Tick(), DONE, Tick(), DONE, Tick())
    assert performed(effects) == [
        (ActionKind.DISABLE_BACKUP, "run-1:backup:undo:1"),
        (ActionKind.RELEASE_COMPONENT, "run-1:isolate:undo:1"),
    ]
    assert (run.status, run.reason) == (RecoveryStatus.FAILED, f"step restart: {failure.detail}")
    assert outcomes(run)[-3:] == [
        ("restart", StepStatus.FAILED),
        ("backup", StepStatus.ROLLED_BACK),
        ("isolate", StepStatus.ROLLED_BACK),
    ]


def test_what_was_so_already_is_not_taken_back():
    """A step that changed nothing leaves nothing to roll back: somebody else put it there."""
    already = Acted(is_changed=False, detail="was so already")
    run, effects = feed(
        run_of(strategy(isolate(), restart())), Begin(), Tick(), already, Tick(), ActionFailed("no"), Tick()
    )
    assert (run.status, len(performed(effects))) == (RecoveryStatus.FAILED, 2)


def test_criteria_that_are_not_met_in_time_fail_the_step_and_undo_it():
    """A step whose own criteria fail is taken back with the others."""
    own = isolate(success=verify().success, timeout_s=50.0)
    run, _ = feed(run_of(strategy(own)), Begin(), Tick(), DONE)
    run, effects = feed(run, Tick(BAD), Tick(), DONE, Tick(), now=later(50))
    assert performed(effects) == [(ActionKind.RELEASE_COMPONENT, "run-1:isolate:undo:1")]
    assert run.status is RecoveryStatus.FAILED
    assert "did not hold within 50 s: worst_score = 2" in run.reason


def test_criteria_that_fail_repeat_the_action_while_tries_are_left():
    """The retry policy covers the whole step."""
    own = restart(attempts=2, success=verify().success, timeout_s=50.0)
    run, _ = feed(run_of(strategy(own)), Begin(), Tick(), DONE)
    run, _ = feed(run, Tick(BAD), now=later(50))
    run, effects = feed(run, Tick(), DONE, Tick(GOOD), Tick(), now=later(60))
    assert performed(effects) == [(ActionKind.RESTART_COMPONENT, "run-1:restart:2")]
    assert run.status is RecoveryStatus.COMPLETED


def test_a_step_in_doubt_fails_the_run_and_is_taken_back():
    """What may be in place is undone; undoing is idempotent."""
    run, effects = feed(run_of(strategy()), Begin(), Tick(), ActionFailed("?", is_in_doubt=True), Tick(), DONE, Tick())
    assert performed(effects)[-1] == (ActionKind.RELEASE_COMPONENT, "run-1:isolate:undo:1")
    assert outcomes(run) == [("isolate", StepStatus.IN_DOUBT), ("isolate", StepStatus.ROLLED_BACK)]


def test_a_rollback_is_retried_and_a_failed_one_does_not_stop_the_others():
    """Each step's retry policy holds for its rollback too."""
    retry = restart(attempts=2).retry
    plan = strategy(isolate(), backup(retry=retry), restart())
    run, _ = feed(run_of(plan), Begin(), Tick(), DONE, Tick(), DONE, Tick(), ActionFailed("no"))
    busy = ActionFailed("busy", is_transient=True)
    run, _ = feed(run, Tick(), busy)
    assert advance(run, Tick(), later(9)).run is run
    run, effects = feed(run, Tick(), busy, Tick(), DONE, Tick(), now=later(10))
    assert [key for _, key in performed(effects)] == ["run-1:backup:undo:2", "run-1:isolate:undo:1"]
    assert outcomes(run)[-2:] == [("backup", StepStatus.ROLLBACK_FAILED), ("isolate", StepStatus.ROLLED_BACK)]
    assert run.status is RecoveryStatus.FAILED


@pytest.mark.parametrize("phase", [RunPhase.READY, RunPhase.CHECKING, RunPhase.ACTING])
def test_cancelling_takes_back_what_was_done(phase):
    """Wherever a run is called off, it ends as cancelled with nothing left in force."""
    plan = strategy(isolate(), restart(), verify())
    run, _ = feed(run_of(plan), Begin(), Tick(), DONE)
    if phase is not RunPhase.READY:
        run, _ = feed(run, Tick())
    if phase is RunPhase.CHECKING:
        run, _ = feed(run, DONE, Tick())
    run, _ = feed(run, Cancel("changed my mind"))
    if phase is RunPhase.ACTING:
        run, _ = feed(run, DONE)
    run, effects = feed(run, Tick(), DONE, Tick())
    assert performed(effects) == [(ActionKind.RELEASE_COMPONENT, "run-1:isolate:undo:1")]
    assert (run.status, run.reason) == (RecoveryStatus.CANCELLED, "changed my mind")


def test_a_semiautomatic_run_waits_for_enough_people():
    """Two of two must agree; one who agrees twice counts once."""
    plan = strategy(type=RecoveryType.SEMIAUTOMATIC, approvals=2, approval_timeout_s=100.0)
    run, effects = feed(run_of(plan), Begin(), Approve("ann"), Approve("ann"), Tick())
    assert (run.status, performed(effects)) == (RecoveryStatus.WAITING_APPROVAL, [])
    run, effects = feed(run, Approve("bob"), Tick())
    assert (run.approvals, len(performed(effects))) == (("ann", "bob"), 1)


def test_an_approval_expires():
    """After its time the run is cancelled, not a moment earlier."""
    run, _ = feed(run_of(strategy(type=RecoveryType.SEMIAUTOMATIC, approval_timeout_s=100.0)), Begin())
    assert advance(run, Tick(), later(99.9)).run is run
    run, _ = feed(run, Tick(), now=later(100))
    assert (run.status, run.reason) == (RecoveryStatus.CANCELLED, "nobody approved in time")


def test_a_manual_strategy_hands_the_plan_over():
    """Nothing is done; the record carries the plan."""
    run, effects = feed(run_of(strategy(restart(description="Restart it"), type=RecoveryType.MANUAL)), Begin())
    assert (run.status, performed(effects)) == (RecoveryStatus.COMPLETED, [])
    assert outcomes(run) == [("restart", StepStatus.LEFT_TO_OPERATOR)]
    assert not run.is_verified
    assert effects[0].data["plan"] == ["Restart it"]


def test_a_plan_without_criteria_is_never_verified():
    """A rule's single action completes, which says nothing about the component."""
    run, _ = feed(run_of(strategy(isolate())), Begin(), Tick(), DONE, Tick())
    assert (run.status, run.is_verified) == (RecoveryStatus.COMPLETED, False)


def test_what_is_in_force_is_told_apart():
    """Isolating holds until its time, releasing drops it; both are announced once."""
    plan = strategy(isolate(release_after_s=300.0, parameters=(("drain", 1.0),)), restart())
    _, effects = feed(run_of(plan), Begin(), Tick(), DONE, Tick(), ActionFailed("no"), Tick(), DONE)
    (hold,) = (e.isolation for e in effects if isinstance(e, Hold))
    assert (hold.component, hold.kind, hold.release_at) == ("orders", ActionKind.ISOLATE_COMPONENT, later(300))
    assert [e for e in effects if isinstance(e, Drop)] == [Drop("orders", ActionKind.ISOLATE_COMPONENT)]
    told = [e.kind for e in effects if isinstance(e, Announce) and e.subject == "orders"]
    assert told == [RecordKind.COMPONENT_ISOLATED, RecordKind.COMPONENT_RELEASED]
