"""What the journal needs of a store, besides leases: runs, requests to them, what is in force, and the outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.custody import LeaseStore
from service.records import Record
from service.recovery.isolations import Isolations
from service.recovery.runs import RecoveryRun, RecoveryStatus
from service.requests import Request


class RunStore(Protocol):
    """Where runs are looked up; each method is one transaction."""

    def ask(self, run: RecoveryRun) -> RecoveryRun:
        """Add a run; the unfinished one of the same strategy, incident and component, if there is one."""

    def run(self, run_id: str) -> RecoveryRun:
        """Load one run; UnknownNameError if there is none."""

    def runs(
        self,
        *,
        status: RecoveryStatus | None = None,
        component: str | None = None,
        incident_id: str | None = None,
        limit: int = 100,
    ) -> tuple[RecoveryRun, ...]:
        """Load the latest runs, newest first."""

    def busy(self) -> tuple[tuple[str, str], ...]:
        """List component and strategy id of the unfinished runs."""

    def isolations(self) -> Isolations:
        """Load what is in force."""


class Requests(Protocol):
    """Where requests to runs wait for their answer."""

    def request(self, request: Request) -> None:
        """Keep a request."""

    def requests(self, run_ids: Sequence[str]) -> tuple[Request, ...]:
        """Load the requests that wait, oldest first."""

    def answered(self, number: int, at: datetime) -> None:
        """Note that a request was answered without a change of its run."""


class Outbox(Protocol):
    """Where records wait until they are told."""

    def untold(self, instance: str) -> tuple[tuple[int, Record], ...]:
        """Load the oldest records that this instance is to tell, with their numbers."""

    def told(self, numbers: Sequence[int]) -> None:
        """Take records out of the outbox."""


class JournalStore(RunStore, LeaseStore, Requests, Outbox, Protocol):
    """All of it."""
