"""How well each strategy works: success rate and time to recover, from the runs themselves."""

from collections.abc import Iterable
from dataclasses import dataclass

from service.recovery.runs import RecoveryRun, RecoveryStatus
from service.recovery.strategies import RecoveryType


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyFigures:
    """Figures of one strategy.

    Parameters
    ----------
    strategy_id
        Which.
    completed, failed, cancelled
        Finished runs by how they ended.
    success_rate
        Completed among completed and failed, 0 to 1; None if there is none, or if the operator does the work.
    time_to_recover_s
        Mean of completed runs from the request to the end, seconds; None as above.
    """

    strategy_id: str
    completed: int
    failed: int
    cancelled: int
    success_rate: float | None
    time_to_recover_s: float | None


def figures_of(runs: Iterable[RecoveryRun]) -> tuple[StrategyFigures, ...]:
    """Sum finished runs up.

    Parameters
    ----------
    runs
        Unfinished ones are left out.

    Returns
    -------
    tuple of StrategyFigures
        One a strategy, by id.
    """
    by_strategy: dict[str, list[RecoveryRun]] = {}
    for run in runs:
        if run.status.is_final:
            by_strategy.setdefault(run.strategy.id, []).append(run)
    return tuple(_figures(strategy_id, by_strategy[strategy_id]) for strategy_id in sorted(by_strategy))


def _figures(strategy_id: str, runs: list[RecoveryRun]) -> StrategyFigures:
    ended = {status: [run for run in runs if run.status is status] for status in RecoveryStatus}
    completed, failed = ended[RecoveryStatus.COMPLETED], ended[RecoveryStatus.FAILED]
    is_ours = runs[0].strategy.type is not RecoveryType.MANUAL
    seconds = [(run.finished_at - run.created_at).total_seconds() for run in completed if run.finished_at]
    return StrategyFigures(
        strategy_id=strategy_id,
        completed=len(completed),
        failed=len(failed),
        cancelled=len(ended[RecoveryStatus.CANCELLED]),
        success_rate=len(completed) / (len(completed) + len(failed)) if is_ours and (completed or failed) else None,
        time_to_recover_s=sum(seconds) / len(seconds) if is_ours and seconds else None,
    )
