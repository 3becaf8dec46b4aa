"""Carries recovery runs out, durably: the intent is stored before an action, its outcome after.

The journal keeps nothing in memory but which runs it holds: each tick begins with what the store holds, so a restart
is nothing special. A run that the store shows waiting for an outcome was interrupted; its action is noted as doubted
and probed, never blindly repeated. Any number of instances may work on one store: ``service.custody`` says who may
work on which run.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import RLock

from service.custody import Custody, Holder
from service.hand import Hand
from service.journal_store import JournalStore
from service.ports import Actuator
from service.records import Record
from service.recovery.facts import Facts
from service.recovery.isolations import Isolation
from service.recovery.lifecycle import advance
from service.recovery.runs import RecoveryRun, RecoveryStatus
from service.recovery.single_steps import release_strategy
from service.recovery.strategies import RecoveryStrategy
from service.requests import Request, RequestKind
from service.run_course import FactsOf, RunCourse
from service.run_history import RunHistory

_RELEASE_PAUSE = timedelta(minutes=5)
_ADMITTED_AT_ONCE = 100
_PATIENCE_S = 1.0

Publish = Callable[[Record], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """How runs are carried out.

    Parameters
    ----------
    max_running
        So many runs act or verify at one time, over all instances; the others wait. At most one on each component.
    action_timeout_s
        An action that takes longer is in doubt, seconds.
    lease_s
        The runs of an instance that gave no sign of life for so long are taken over, seconds.
    instance
        Name of this one. The next life of the same name goes on with its runs at once, so no two with one name may
        live at the same time. Empty: one that nobody else has.
    """

    max_running: int = 4
    action_timeout_s: float = 180.0
    lease_s: float = 30.0
    instance: str = "local"


class RecoveryJournal(RunHistory):
    """Starts, advances and remembers recovery runs.

    Every record is published at least once: one whose publication was interrupted is published again.

    Parameters
    ----------
    store
        Where runs are kept.
    actuator
        The hand that acts.
    publish
        Takes every record; an error of it leaves the record for the next time.
    settings
        How runs are carried out.
    """

    def __init__(
        self, store: JournalStore, actuator: Actuator, publish: Publish, settings: JournalSettings | None = None
    ) -> None:
        super().__init__(store)
        chosen, life = settings or JournalSettings(), uuid.uuid4().hex
        holder = Holder(instance=chosen.instance or life, life=life, lease_s=chosen.lease_s)
        self._journal = store
        self._instance = holder.instance
        self._custody = Custody(store, holder, chosen.max_running)
        self._course = RunCourse(store, self._custody, Hand(actuator, chosen.action_timeout_s, self._custody.beat_s))
        self._publish = publish
        self._lock = RLock()

    def start(
        self, strategy: RecoveryStrategy, incident_id: str, component: str, facts: Facts, now: datetime
    ) -> RecoveryRun:
        """Ask for a run; it begins with a later tick.

        Parameters
        ----------
        strategy
            Kept as it is now.
        incident_id
            The incident it belongs to; empty if none.
        component
            On whom.
        facts
            Of the finding.
        now
            UTC.

        Returns
        -------
        RecoveryRun
            The unfinished one of the same strategy, incident and component, if there is one.
        """
        return self._journal.ask(
            RecoveryRun(
                id=self._new_id(strategy.id, incident_id, component, now),
                strategy=strategy,
                incident_id=incident_id,
                component=component,
                facts=dict(facts),
                created_at=now,
                updated_at=now,
            )
        )

    def tick(self, now: datetime, facts_of: FactsOf) -> tuple[RecoveryRun, ...]:
        """Take every run as far as it goes without waiting.

        Parameters
        ----------
        now
            UTC.
        facts_of
            Gives the verification facts of a run that waits for its success criteria. If it fails for a run, nothing
            is known of that run; the error is raised when all the others had their turn.

        Returns
        -------
        tuple of RecoveryRun
            Those that changed, as they are now.
        """
        facts = _Facts(facts_of)
        with self._lock:
            before = self._settled(now)
            self._release_due(now)
            after = [(run, self._course.carry_on(held, now, facts)) for run, held in before]
            for _ in range(_ADMITTED_AT_ONCE):
                run = self._custody.next(now)
                if run is None:
                    break
                self._course.look_for_requests([run])
                after.append((run, self._course.carry_on(run, now, facts)))
            self._tell()
        facts.complain()
        return tuple(run for old, run in after if run is not old)

    def resume(self, now: datetime) -> tuple[RecoveryRun, ...]:
        """Clear up after an interruption: tell what was not told, settle actions in doubt. Every tick does it.

        Parameters
        ----------
        now
            UTC.

        Returns
        -------
        tuple of RecoveryRun
            Those whose action was in doubt.
        """
        with self._lock:
            return tuple(after for before, after in self._settled(now) if after is not before)

    def approve(self, run_id: str, who: str, now: datetime) -> RecoveryRun:
        """Agree to a run that waits for it; UnknownNameError or IllegalRunSignalError if there is nothing to agree to.

        Parameters
        ----------
        run_id
            Which.
        who
            One person counts once.
        now
            UTC.

        Returns
        -------
        RecoveryRun
            It goes on with the next tick when enough people agree. If another instance holds it, that one counts the
            approval with its next tick.
        """
        return self._ask(Request(run_id=run_id, kind=RequestKind.APPROVE, who=who, at=now), now)

    def cancel(self, run_id: str, now: datetime, reason: str = "cancelled by hand") -> RecoveryRun:
        """Call a run off; UnknownNameError or IllegalRunSignalError if there is nothing to call off.

        Parameters
        ----------
        run_id
            Which.
        now
            UTC.
        reason
            For people.

        Returns
        -------
        RecoveryRun
            What it did is taken back with the next ticks. If it is being worked on just now, it ends after that.
        """
        return self._ask(Request(run_id=run_id, kind=RequestKind.CANCEL, who="", reason=reason, at=now), now)

    def _ask(self, request: Request, now: datetime) -> RecoveryRun:
        """Keep a request; answer it at once if nobody works on the run."""
        run = self._journal.run(request.run_id)
        advance(run, request.signal, now)  # refuses what makes no sense
        self._journal.request(request)
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return run
        try:
            held = self._custody.claim(run.id)
            if held is None:
                return self._journal.run(run.id)
            run = self._course.answer(held, now)
            self._tell()
            return run
        finally:
            self._lock.release()

    def _settled(self, now: datetime) -> list[tuple[RecoveryRun, RecoveryRun]]:
        """The runs under way, as they were and as they are when nothing is in doubt any more."""
        self._tell()
        held = self._custody.under_way(now)
        self._course.look_for_requests(held)
        return [(run, self._course.settle(run, now)) for run in held]

    def _release_due(self, now: datetime) -> None:
        for isolation in self._journal.isolations().due(now):
            strategy = release_strategy(isolation)
            if not self._failed_lately(isolation, strategy, now):
                self.start(strategy, isolation.incident_id, isolation.component, {}, now)

    def _failed_lately(self, isolation: Isolation, strategy: RecoveryStrategy, now: datetime) -> bool:
        runs = self.runs(component=isolation.component, status=RecoveryStatus.FAILED, limit=20)
        latest = next((run for run in runs if run.strategy.id == strategy.id), None)
        return latest is not None and now - latest.updated_at < _RELEASE_PAUSE

    def _tell(self) -> None:
        while waiting := self._journal.untold(self._instance):
            told: list[int] = []
            try:
                for number, record in waiting:
                    self._publish(record)
                    told.append(number)
            finally:
                self._journal.told(told)

    def _new_id(self, strategy_id: str, incident_id: str, component: str, now: datetime) -> str:
        latest = next((run.id for run in self.runs(component=component, limit=1)), "")
        name = repr((strategy_id, incident_id, component, latest))
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return f"run-{now:%Y%m%d%H%M%S}-{digest[:10]}"


class _Facts:
    """Verification facts of runs; one that cannot be told is told as unknown, and complained of at the end."""

    def __init__(self, facts_of: FactsOf) -> None:
        self._facts_of = facts_of
        self._errors: list[Exception] = []

    def __call__(self, run: RecoveryRun) -> Facts:
        try:
            return self._facts_of(run)
        except Exception as error:  # noqa: BLE001  # one run must not stop the others; it is raised at the end
            self._errors.append(error)
            return {}

    def complain(self) -> None:
        """Raise what went wrong."""
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise ExceptionGroup("the facts of several recovery runs cannot be told", self._errors)
