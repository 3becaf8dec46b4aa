"""What people and programs ask about safety: the switch, the guards, the levels, how well each strategy works."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from models.errors import FaultlineError
from service.degradations import DegradationKeeper, DegradationStatus
from service.records import RecordKind
from service.recovery.figures import StrategyFigures, figures_of
from service.recovery.guard_settings import GuardSettings
from service.recovery.guards import Stop
from service.safety import ActionSwitch, RunList, recent_actions
from service.store.sql import SqlStore

LATEST = 1000
"""Strategies are judged by so many of the latest runs."""


class NotAllowedError(FaultlineError):
    """Somebody asked who may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionsStatus:
    """Whether and how far the service acts by itself.

    Parameters
    ----------
    is_acting
        False in a dry run.
    stopped
        The stop in force; None if there is none.
    recent
        So many actions count for the limit of the fleet at this moment.
    guard
        The numbers of the guards, by name, JSON-ready.
    """

    is_acting: bool
    stopped: Stop | None
    recent: int
    guard: dict[str, Any]


class SafetyDesk:
    """Answers from any thread, and never waits for the loop.

    Parameters
    ----------
    switch
        That stops all actions.
    degradations
        The levels.
    runs
        Who knows the recovery runs.
    store
        With the ledger.
    guard
        In force.
    now
        The engine's time.
    approvers
        Who may approve; empty lets anybody.
    """

    def __init__(
        self,
        *,
        switch: ActionSwitch,
        degradations: DegradationKeeper,
        runs: RunList,
        store: SqlStore,
        guard: GuardSettings,
        now: Callable[[], datetime],
        approvers: Collection[str] = (),
    ) -> None:
        self._switch = switch
        self._degradations = degradations
        self._runs = runs
        self._store = store
        self._guard = guard
        self._now = now
        self._approvers = frozenset(approvers)
        self._judged: tuple[int, tuple[StrategyFigures, ...]] | None = None

    def actions(self) -> ActionsStatus:
        """Say whether and how far the service acts by itself."""
        shown = {field.name: getattr(self._guard, field.name) for field in fields(self._guard)}
        return ActionsStatus(
            is_acting=not self._guard.is_dry_run,
            stopped=self._switch.stopped,
            recent=len(recent_actions(self._runs, self._now(), self._guard.rate_window_s, LATEST)),
            guard=shown,
        )

    @property
    def stopped(self) -> Stop | None:
        """The stop in force; None if actions are not stopped."""
        return self._switch.stopped

    def stop_actions(self, by: str, reason: str) -> None:
        """Stop all actions; nothing changes if they are."""
        self._switch.stop(by, reason, self._now())

    def resume_actions(self, by: str, reason: str) -> None:
        """Let actions go on; nothing changes if they do."""
        self._switch.resume(by, reason, self._now())

    def degradations(self) -> tuple[DegradationStatus, ...]:
        """Where every component with levels stands."""
        return self._degradations.statuses

    def degradation(self, component: str) -> DegradationStatus:
        """Where one component stands; UnknownNameError if it has no levels."""
        return self._degradations.status(component)

    def figures(self) -> tuple[StrategyFigures, ...]:
        """How well each strategy works, by the latest runs; summed up anew only after a run has finished."""
        newest = self._store.records(kind=RecordKind.RECOVERY_FINISHED, newest_first=True, limit=1)
        seq = newest[0].seq if newest else 0
        if self._judged is None or self._judged[0] != seq:
            self._judged = (seq, figures_of(self._runs.runs(limit=LATEST)))
        return self._judged[1]

    def check_approver(self, who: str) -> None:
        """Refuse somebody who may not approve.

        Parameters
        ----------
        who
            As they name themselves.

        Raises
        ------
        NotAllowedError
            If there is a list of those who may, and they are not on it.
        """
        if self._approvers and who not in self._approvers:
            listed = ", ".join(sorted(self._approvers))
            raise NotAllowedError(f"{who!r} may not approve a recovery.", remedy=f"ask one of: {listed}.")
