"""Who may work on a run: one instance at a time, by a lease with a fence.

An instance takes a run, and with it a fence: a number that rises with every change of hands. Each write of the run
checks the fence in its own transaction, so an instance that was stopped for longer than its lease, and whose run was
taken over meanwhile, can change nothing any more. The lease itself runs by the clock of the database, which all
instances share. An instance that dies leaves its runs to whoever looks first after the lease is over.
"""

from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Protocol

from models.errors import FaultlineError
from service.ports import Action
from service.records import Record
from service.recovery.runs import Drop, Hold, RecoveryRun


class FencedError(FaultlineError):
    """Another instance holds the run now; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One life of one instance.

    Parameters
    ----------
    instance
        Its name; a later life of the same name goes on with its runs at once. No two may live at the same time.
    life
        Different in every life.
    lease_s
        How long nobody else may take its runs after its latest sign of life, seconds.
    """

    instance: str
    life: str
    lease_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A run in the hands of one life of an instance.

    Parameters
    ----------
    run
        As it stands.
    fence
        What every write of it must show.
    """

    run: RecoveryRun
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changes together with a run, in one transaction.

    Parameters
    ----------
    marks
        What is in force from now on, or no more.
    records
        To be told; they wait in the outbox.
    intent
        An action that is about to be done.
    settled
        Key and outcome of an action that was awaited.
    doubted
        Key of an action that was interrupted, before anybody looks whether it is done.
    request
        Number of the request that this answers.
    """

    marks: tuple[Hold | Drop, ...] = ()
    records: tuple[Record, ...] = ()
    intent: Action | None = None
    settled: tuple[str, str] | None = None
    doubted: str = ""
    request: int | None = None


class LeaseStore(Protocol):
    """Where leases and fences are kept; each method is one transaction."""

    def take(self, holder: Holder, now: datetime, *, inherits: bool) -> tuple[Held, ...]:
        """Renew what is held, take over what nobody holds any more; give all runs under way that are held."""

    def admit(self, holder: Holder, max_running: int, now: datetime) -> Held | None:
        """Take the next queued run that has room."""

    def claim(self, holder: Holder, run_id: str) -> Held | None:
        """Take one unfinished run; None if another instance holds it, or it is over."""

    def renew(self, holder: Holder, run_id: str, fence: int) -> None:
        """Give a sign of life for all runs that are held; FencedError if this one no longer is."""

    def save(self, run: RecoveryRun, change: Change, holder: Holder, fence: int) -> bool:
        """Keep a run and what changed with it, and renew its lease; whether requests wait. FencedError as above."""


class Custody:
    """The runs that one life of an instance holds.

    Parameters
    ----------
    store
        Where leases and fences are kept.
    holder
        Who holds.
    max_running
        So many runs act or verify at one time, over all instances.
    """

    def __init__(self, store: LeaseStore, holder: Holder, max_running: int) -> None:
        self._store = store
        self._holder = holder
        self._max_running = max_running
        self._fences: dict[str, int] = {}
        self._sure_until: dict[str, float] = {}
        self._inherits = True

    @property
    def beat_s(self) -> float:
        """How often a sign of life is due, seconds."""
        return self._holder.lease_s / 3

    def under_way(self, now: datetime) -> tuple[RecoveryRun, ...]:
        """Give the runs that this instance is to carry on, those of dead instances included.

        Parameters
        ----------
        now
            UTC, for records.

        Returns
        -------
        tuple of RecoveryRun
            In the order in which they were asked for.
        """
        held = self._store.take(self._holder, now, inherits=self._inherits)
        self._inherits = False  # only at birth: a stopped life must not take back what its successor took
        self._fences.clear()
        self._sure_until.clear()
        return tuple(self._keep(each) for each in held)

    def next(self, now: datetime) -> RecoveryRun | None:
        """Take the next queued run.

        Parameters
        ----------
        now
            UTC, for records.

        Returns
        -------
        RecoveryRun or None
            None if there is none, or no room.
        """
        held = self._store.admit(self._holder, self._max_running, now)
        return None if held is None else self._keep(held)

    def claim(self, run_id: str) -> RecoveryRun | None:
        """Take one run.

        Parameters
        ----------
        run_id
            Of any.

        Returns
        -------
        RecoveryRun or None
            None if another instance holds it, or it is over.
        """
        held = self._store.claim(self._holder, run_id)
        return None if held is None else self._keep(held)

    def save(self, run: RecoveryRun, change: Change) -> bool:
        """Keep a run and what changed with it.

        Parameters
        ----------
        run
            Held.
        change
            All in one transaction.

        Returns
        -------
        bool
            Whether requests wait for it.
        """
        since = monotonic()
        has_requests = self._store.save(run, change, self._holder, self._fences.get(run.id, 0))
        self._sure_until[run.id] = since + self._holder.lease_s
        return has_requests

    def assure(self, run_id: str) -> None:
        """Make sure, right before an action, that the run was not taken over while this process stood still.

        Parameters
        ----------
        run_id
            Held.
        """
        if monotonic() >= self._sure_until.get(run_id, 0.0):
            self.beat(run_id)

    def beat(self, run_id: str) -> None:
        """Give a sign of life.

        Parameters
        ----------
        run_id
            Of the run that is worked on.
        """
        since = monotonic()
        self._store.renew(self._holder, run_id, self._fences.get(run_id, 0))
        self._sure_until[run_id] = since + self._holder.lease_s

    def _keep(self, held: Held) -> RecoveryRun:
        self._fences[held.run.id] = held.fence
        return held.run
