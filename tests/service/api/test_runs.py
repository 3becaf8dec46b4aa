"""A run as its readers see it, at every point of its life."""

from service.api.runs import summarise
from service.ports import ActionKind
from service.recovery.conditions import Condition
from service.recovery.facts import FINDING_FACTS
from service.recovery.lifecycle import advance
from service.recovery.runs import Acted, ActionFailed, Approve, Begin, Cancel, RecoveryRun, RecoveryStatus, Tick
from service.recovery.strategies import RecoveryStep, RecoveryStrategy, RecoveryType, StepType
from tests.service.store.examples import MINUTE, T0


def a_run(kind):
    """A fresh run of two steps."""
    steps = (
        RecoveryStep(
            id="restart", type=StepType.RESTART, action=ActionKind.RESTART_COMPONENT, description="turn it off"
        ),
        RecoveryStep(id="look", type=StepType.DIAGNOSTIC, description="look at it"),
    )
    strategy = RecoveryStrategy(
        id="s", name="S", type=kind, steps=steps, condition=Condition.of("confidence > 0.5", FINDING_FACTS)
    )
    return RecoveryRun(
        id="run-1", strategy=strategy, incident_id="inc-1", component="db", facts={}, created_at=T0, updated_at=T0
    )


def life(kind, *signals):
    """The summary after each signal, a minute apart, the fresh run first."""
    run = a_run(kind)
    seen = [summarise(run)]
    for minute, signal in enumerate(signals, 1):
        run = advance(run, signal, T0 + minute * MINUTE).run
        seen.append(summarise(run))
    return seen


def steps(summary):
    """Name, status and attempts of each step."""
    return [(step.name, step.status, step.attempts) for step in summary.steps]


def test_a_run_that_succeeds():
    """Steps go from pending over running to succeeded, with their times and details."""
    seen = life(RecoveryType.AUTOMATIC, Begin(), Tick(), Acted(is_changed=True, detail="it is off"), Tick(), Tick())
    assert [s.status for s in seen[:2]] == [RecoveryStatus.PENDING, RecoveryStatus.RUNNING]
    assert steps(seen[0]) == [("restart", "PENDING", 0), ("look", "PENDING", 0)]
    assert steps(seen[2]) == [("restart", "RUNNING", 1), ("look", "PENDING", 0)]
    assert (seen[2].steps[0].started_at, seen[2].steps[0].detail) == (T0 + 2 * MINUTE, "turn it off")
    assert steps(seen[-1]) == [("restart", "SUCCEEDED", 1), ("look", "SUCCEEDED", 1)]
    assert seen[-1].status is RecoveryStatus.COMPLETED
    assert seen[-1].steps[0].detail == "it is off"
    assert seen[-1].steps[0].finished_at == T0 + 3 * MINUTE


def test_a_run_that_fails():
    """The failed step says why, the steps behind it are skipped."""
    last = life(RecoveryType.AUTOMATIC, Begin(), Tick(), ActionFailed("no such host"), Tick())[-1]
    assert last.status is RecoveryStatus.FAILED
    assert steps(last) == [("restart", "FAILED", 1), ("look", "SKIPPED", 0)]
    assert last.steps[0].detail == "no such host"


def test_a_run_that_waits():
    """While a run waits for an approval it says until when; approved or cancelled it does not wait any more."""
    _, waiting, approved = life(RecoveryType.SEMIAUTOMATIC, Begin(), Approve("kim"))
    assert waiting.status is RecoveryStatus.WAITING_APPROVAL
    assert waiting.approval_expires_at == T0 + 31 * MINUTE
    assert (approved.status, approved.approval_expires_at) == (RecoveryStatus.RUNNING, None)
    cancelled = life(RecoveryType.SEMIAUTOMATIC, Begin(), Cancel("not now"))[-1]
    assert (cancelled.status, cancelled.reason) == (RecoveryStatus.CANCELLED, "not now")
    assert steps(cancelled) == [("restart", "SKIPPED", 0), ("look", "SKIPPED", 0)]


def test_a_plan_for_the_operator():
    """A manual run leaves its steps to the operator."""
    assert steps(life(RecoveryType.MANUAL, Begin())[-1])[0] == ("restart", "LEFT_TO_OPERATOR", 1)
