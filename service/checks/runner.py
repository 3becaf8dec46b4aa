"""Goes round: starts the checks that are due, listens until their time is over, keeps and tells what came of them.

Two threads of its own: one keeps the time and never waits for a check, a database or a listener; the other keeps and
tells, in order. Each run has a thread that is left behind when it hangs; a check with such a run is not started again,
so there are never more than there are checks.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, Self

from models.errors import ConfigurationError, FaultlineError, InputError, UnknownNameError
from service.checks.probes import Probe, read
from service.ports import Clock
from service.records import Record, RecordKind
from service.recovery.checkup import (
    CheckChange,
    CheckOverview,
    CheckPhase,
    CheckResult,
    CheckSet,
    Checkup,
    CheckView,
    Ticket,
    summarise,
)
from service.store.checks import KeptState
from service.store.paging import Page

MOST_UNTOLD = 10_000
"""Results that wait to be kept; if a store is away for longer, the oldest are lost and counted."""
_LONGEST_WAIT_S = 1.0
_LOOK_S, _LOOK_EACH_S = 0.05, 0.001
_OWN_SHARE = 0.9  # of the timeout: a probe that keeps its time says better what is wrong than one that is cut off

Load = Callable[[], CheckSet]
_News = tuple[CheckResult, KeptState] | tuple[str, KeptState] | CheckChange
"""A result, the order of somebody by the id of the check, or a change."""
_log = logging.getLogger(__name__)


class ResultStore(Protocol):
    """Where results are kept."""

    def save(self, results: Sequence[tuple[CheckResult, KeptState]]) -> None:
        """Keep results and what is believed after each."""

    def save_state(self, check_id: str, at: datetime, kept: KeptState) -> None:
        """Keep what is believed, without a result."""

    def states(self) -> dict[str, KeptState]:
        """Load what is believed."""

    def history(self, check_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[CheckResult]:
        """Page through the results of a check, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """How the checks are run.

    Parameters
    ----------
    max_running
        At one time, at most; those that hang do not count.
    seed
        Of the jitter.
    reload_s
        How often is looked whether the source changed, seconds; 0 never looks.
    """

    max_running: int = 8
    seed: int = 0
    reload_s: float = 0.0


class CheckRunner:
    """The health checks in force. Safe for threads; use it as a context manager.

    Parameters
    ----------
    load
        Reads the checks; called at once, where its ConfigurationError is not caught, and at each reload.
    store
        Where results are kept.
    clock
        Of the machine: durations, and the pace.
    now
        Wall time of the records, UTC: of the machine, or of a replay.
    publish
        Told of every change.
    settings
        How they are run.
    trip
        Opens the breaker of a component, for a reason; None if there are no breakers.
    version
        Tells, by a value that differs, that the source changed; None if that cannot be told.
    listeners
        Told of every result, in order.
    """

    def __init__(
        self,
        load: Load,
        *,
        store: ResultStore,
        clock: Clock,
        now: Callable[[], datetime],
        publish: Callable[[Record], None],
        settings: RunnerSettings | None = None,
        trip: Callable[[str, str], None] | None = None,
        version: Callable[[], object] | None = None,
        listeners: Sequence[Callable[[CheckResult], None]] = (),
    ) -> None:
        self._load, self._store, self._clock, self._now = load, store, clock, now
        self._publish, self._trip, self._version = publish, trip, version
        self._settings = settings or RunnerSettings()
        self._listeners = tuple(listeners)
        self._wake = threading.Condition()
        self._untold: deque[_News] = deque(maxlen=MOST_UNTOLD)
        self._seen_version: object = None
        if version is not None:
            with suppress(OSError):  # what cannot be looked at, the load says better
                self._seen_version = version()
        kept = store.states()
        self._checkup = Checkup(
            load(),
            seed=self._settings.seed,
            most_at_once=self._settings.max_running,
            now_s=clock.monotonic_s(),
            states={name: one.state for name, one in kept.items()},
            maintained={name: one.until for name, one in kept.items() if one.until is not None},
        )
        self._is_over = self._is_told = False
        self._changes_due_s = 0.0
        self._threads: list[threading.Thread] = []
        self.refused = ""
        self.lost_count = 0
        self.failing = ""

    def __enter__(self) -> Self:
        """Begin, or begin again."""
        self._is_over = self._is_told = False
        for name, work in (("keeper", self._keep_time), ("teller", self._tell_all)):
            thread = threading.Thread(target=work, name=f"faultline-checks-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; what came until now is kept. Runs that go on are left behind."""
        keeper, teller = self._threads
        with self._wake:
            self._is_over = True
            self._wake.notify_all()
        keeper.join()
        with self._wake:
            self._note_changes()
            self._is_told = True
            self._wake.notify_all()
        teller.join()
        self._threads.clear()

    @property
    def checks(self) -> CheckSet:
        """In force."""
        return self._checkup.checks

    @property
    def hung(self) -> int:
        """Runs that ran out of time and have not ended."""
        with self._wake:
            return self._checkup.hung

    @property
    def running(self) -> int:
        """Runs under way, without those that hang."""
        with self._wake:
            return self._checkup.running

    def views(self) -> tuple[CheckView, ...]:
        """Show all checks as they are now."""
        with self._wake:
            return self._checkup.views(self._clock.monotonic_s(), self._now())

    def overview(self, open_breakers: Sequence[str] = ()) -> CheckOverview:
        """Sum all checks up.

        Parameters
        ----------
        open_breakers
            Names of these; each is a warning.

        Returns
        -------
        CheckOverview
            The worst, and which it is; a refused file and lost results are warnings.
        """
        warnings = [f"the file of checks is refused: {self.refused}"] if self.refused else []
        warnings += [f"{self.lost_count} results of checks could not be kept"] if self.lost_count else []
        warnings += [f"checks cannot be kept or told: {self.failing}"] if self.failing else []
        return summarise(self.views(), open_breakers, warnings)

    def view(self, check_id: str) -> CheckView:
        """Show one check as it is now; UnknownNameError if there is none of that id."""
        views = {view.id: view for view in self.views()}
        if check_id not in views:
            raise UnknownNameError("health check", check_id, views)
        return views[check_id]

    def history(self, check_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[CheckResult]:
        """Page through the results of a check that is in force, newest first; UnknownNameError if it is not.

        Parameters
        ----------
        check_id
            Which.
        cursor
            From the page before; None for the first.
        limit
            At most so many, 1 to 500.

        Returns
        -------
        Page of CheckResult
            Those that are kept.
        """
        return self._store.history(self.view(check_id).id, cursor=cursor, limit=limit)

    def maintain(self, check_id: str, until: datetime | None) -> None:
        """Expect a check to fail for a while; UnknownNameError if there is none of that id.

        Parameters
        ----------
        check_id
            Which.
        until
            UTC; None ends it.

        Raises
        ------
        InputError
            If the time is over already.
        """
        if until is not None and until <= self._now():
            raise InputError(f"the maintenance ends at {until}, which is over", remedy="give a time to come")
        with self._wake:
            self._checkup.maintain(check_id, until)
            self._queue((check_id, self._kept(check_id)))  # in line with the results: none may undo it
            self._note_changes()

    def ask(self, check_id: str) -> None:
        """Let a check run as soon as there is room; UnknownNameError if there is none of that id."""
        with self._wake:
            self._checkup.ask(check_id, self._clock.monotonic_s())
            self._wake.notify_all()

    def reload(self) -> None:
        """Read the checks again; if they are wrong, those in force stay, and the error is raised.

        Raises
        ------
        ConfigurationError
            If they are wrong; it is shown as a warning until a reload succeeds.
        """
        try:
            checks = self._load()
        except ConfigurationError as error:
            if str(error) != self.refused:
                _log.warning("the checks are refused, those in force stay: %s", error)
            self.refused = str(error)
            raise
        with self._wake:
            self._checkup.replace(checks, self._clock.monotonic_s())
            self.refused = ""
            self._wake.notify_all()

    def _keep_time(self) -> None:
        """Start what is due and end what is over, until told to stop."""
        looked_s = self._clock.monotonic_s()
        while not self._is_over:
            now_s = self._clock.monotonic_s()
            if self._version and 0 < self._settings.reload_s <= now_s - looked_s:
                looked_s = now_s
                self._look_at_source()
            with self._wake:
                self._go_round()
                next_s = min(self._checkup.next_s(), self._changes_due_s)
                pause_s = min(next_s - self._clock.monotonic_s(), _LONGEST_WAIT_S)
                if not self._is_over:
                    self._wake.wait(max(pause_s, 0.01))

    def _go_round(self) -> None:
        tick = self._checkup.tick(self._clock.monotonic_s(), self._now())
        for result in tick.results:
            self._note(result)
        if self._changes_due_s <= self._clock.monotonic_s():
            self._note_changes()
        for ticket in tick.starts:
            name = f"faultline-check-{ticket.check.id}"
            thread = threading.Thread(target=self._run, args=(ticket,), name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no thread left; the run will be out of time
                _log.exception("the check %s could not be started", ticket.check.id)

    def _run(self, ticket: Ticket) -> None:
        probe: Probe = ticket.check.target  # type: ignore[assignment]  # the loader puts probes there, the core need not know
        reading = read(probe, _OWN_SHARE * ticket.check.policy.timeout_s, self._clock.monotonic_s)
        with self._wake:
            result = self._checkup.settle(ticket, reading, self._clock.monotonic_s(), self._now())
            if result is not None:
                self._note(result)
            self._wake.notify_all()

    def _note(self, result: CheckResult) -> None:
        self._queue((result, self._kept(result.check_id)))

    def _kept(self, check_id: str) -> KeptState:
        return KeptState(state=self._checkup.state_of(check_id), until=self._checkup.maintained_until(check_id))

    def _note_changes(self) -> None:
        """Look at all checks at once, not too often: that takes about fifteen microseconds a check."""
        self._changes_due_s = self._clock.monotonic_s() + _LOOK_S + _LOOK_EACH_S * len(self._checkup.checks)
        for change in self._checkup.changes(self._clock.monotonic_s(), self._now()):
            self._queue(change)

    def _queue(self, news: _News) -> None:
        self.lost_count += len(self._untold) == MOST_UNTOLD
        self._untold.append(news)
        self._wake.notify_all()

    def _look_at_source(self) -> None:
        try:
            found = self._version() if self._version else None
        except OSError as error:
            self.refused, self._seen_version = f"{error.filename}: {error.strerror}", None
            return
        if found != self._seen_version:
            self._seen_version = found
            with suppress(ConfigurationError):  # kept in ``refused``
                self.reload()

    def _tell_all(self) -> None:
        """Keep and tell what came, in order, until told to stop and all is told."""
        while True:
            with self._wake:
                while not self._untold and not self._is_told:
                    self._wake.wait(_LONGEST_WAIT_S)
                if not self._untold:
                    return
                news = list(self._untold)
                self._untold.clear()
            self._tell(news)

    def _tell(self, news: list[_News]) -> None:
        changes = [one for one in news if isinstance(one, CheckChange)]
        kept = [one for one in news if not isinstance(one, CheckChange)]
        results = [(subject, state) for subject, state in kept if isinstance(subject, CheckResult)]
        trouble = self._tried(lambda: self._store.save(results)) if results else ""
        self.lost_count += len(results) if trouble else 0
        latest = {_id_of(subject): state for subject, state in kept}
        for check_id in {subject for subject, _ in kept if isinstance(subject, str)}:
            saved = self._tried(partial(self._store.save_state, check_id, self._now(), latest[check_id]))
            trouble = trouble or saved
        for result, _ in results:
            for listener in self._listeners:
                trouble = self._tried(partial(listener, result)) or trouble
        for change in changes:
            trouble = self._tried(partial(self._tell_change, change)) or trouble
        self.failing = trouble

    def _tell_change(self, change: CheckChange) -> None:
        if change.is_trip and self._trip is not None:
            with suppress(FaultlineError):  # a breaker that is forced, or gone, is not for a check to open
                self._trip(change.component, f"health check {change.id}: {change.reason}")
        self._publish(to_record(change, self._now()))

    def _tried(self, work: Callable[[], object]) -> str:
        """Do it; what fails is logged and named, and does not stop the checks."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  # a store or a listener may raise anything
            what = f"{type(error).__name__}: {error}"
            if what != self.failing:
                _log.exception("results of checks could not be kept or told")
            return what
        return ""


def _id_of(subject: CheckResult | str) -> str:
    return subject if isinstance(subject, str) else subject.check_id


def to_record(change: CheckChange, at: datetime) -> Record:
    """Make the line of the ledger of a change.

    Parameters
    ----------
    change
        What is seen otherwise.
    at
        UTC.

    Returns
    -------
    Record
        About the component, so that it is an event of its incidents.
    """
    words = f"{change.previous} to {change.status}" if change.previous is not change.status else f"{change.status}"
    extra = ", it flaps" if change.is_flapping else ""
    where = f" ({change.phase.lower()})" if change.phase is not CheckPhase.SETTLED else ""
    reason = f": {change.reason}" if change.reason else ""
    return Record(
        at=at,
        kind=RecordKind.HEALTH_CHANGED,
        subject=change.component,
        message=f"check {change.id}: {words}{where}{extra}{reason}",
        data={
            "check": change.id,
            "previous": change.previous,
            "status": change.status,
            "phase": change.phase,
            "reason": change.reason,
            "is_flapping": change.is_flapping,
        },
    )
