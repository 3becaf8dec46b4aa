"""Success rate and time to recover are those of the runs."""

from service.recovery.figures import StrategyFigures, figures_of
from service.recovery.runs import RecoveryStatus, RunPhase
from service.recovery.strategies import RecoveryType
from tests.service.recovery.plans import later, restart, run_of, strategy


def ended(status, seconds, **more):
    """A finished run."""
    plan = strategy(restart(), **more)
    return run_of(plan, phase=RunPhase.ENDED, ending=status, finished_at=later(seconds))


def test_finished_runs_are_summed_up():
    """Cancelled and unfinished runs say nothing about success; times are those of completed runs."""
    runs = [
        ended(RecoveryStatus.COMPLETED, 10),
        ended(RecoveryStatus.COMPLETED, 30),
        ended(RecoveryStatus.FAILED, 900),
        ended(RecoveryStatus.CANCELLED, 5),
        run_of(strategy(restart())),
    ]
    assert figures_of(runs) == (
        StrategyFigures(
            strategy_id="plan", completed=2, failed=1, cancelled=1, success_rate=2 / 3, time_to_recover_s=20.0
        ),
    )


def test_handing_a_plan_over_is_no_success():
    """A manual strategy has no rate; neither has one that was only cancelled."""
    manual = ended(RecoveryStatus.COMPLETED, 0, type=RecoveryType.MANUAL, id="ask")
    figures = figures_of([ended(RecoveryStatus.CANCELLED, 5), manual])
    assert [(f.strategy_id, f.success_rate, f.time_to_recover_s) for f in figures] == [
        ("ask", None, None),
        ("plan", None, None),
    ]
    assert figures_of([]) == ()
