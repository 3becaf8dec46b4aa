"""A recovery run as its readers see it."""

from service.api.backend import RunSummary, StepSummary
from service.recovery.runs import RecoveryRun, RecoveryStatus, RunPhase, StepResult
from service.recovery.strategies import RecoveryStep, RecoveryType


def summarise(run: RecoveryRun) -> RunSummary:
    """Put a run in short.

    Parameters
    ----------
    run
        At any point of its life.

    Returns
    -------
    RunSummary
        Its steps in the order of the plan, each with the latest that is known of it.
    """
    return RunSummary(
        id=run.id,
        strategy=run.strategy.id,
        type=run.strategy.type,
        status=run.status,
        component=run.component,
        incident_id=run.incident_id,
        reason=run.reason,
        created_at=run.created_at,
        updated_at=run.updated_at,
        steps=tuple(_step(run, step) for step in run.strategy.steps),
        approval_expires_at=run.deadline if run.phase is RunPhase.APPROVAL else None,
        approvals=run.approvals,
        approvals_needed=run.strategy.approvals if run.strategy.type is RecoveryType.SEMIAUTOMATIC else 0,
        plan=run.strategy.plan,
    )


def _step(run: RecoveryRun, step: RecoveryStep) -> StepSummary:
    results = [result for result in run.results if result.step_id == step.id]
    is_running = run.status is RecoveryStatus.RUNNING and run.ending is None and run.step == step
    tried = max((result.attempt for result in results), default=0)
    return StepSummary(
        name=step.id,
        type=step.type,
        status="RUNNING" if is_running else _settled(run, results),
        attempts=max(tried, run.attempt) if is_running else tried,
        detail=results[-1].detail if results else step.description,
        started_at=results[0].started_at if results else run.step_started_at if is_running else None,
        finished_at=None if is_running or not results else results[-1].finished_at,
    )


def _settled(run: RecoveryRun, results: list[StepResult]) -> str:
    if results:
        return results[-1].status.value
    return "SKIPPED" if run.status.is_final or run.ending is not None else "PENDING"
