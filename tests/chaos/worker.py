"""One life of an instance: it carries recovery runs out with an actuator that notes every effect in a file, and dies or
stands still where it is told.
"""

import json
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.custody import FencedError
from service.engine import Ledger
from service.journal import JournalSettings, RecoveryJournal
from service.ports import ActionKind, ActionOutcome
from service.recovery.runs import RecoveryStatus, RunPhase
from service.recovery.strategies import RecoveryType
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from tests.service.recovery.plans import BAD, GOOD, backup, isolate, later, restart, strategy, verify

COMPONENTS = ("orders", "cart", "db", "mail", "search", "users")
EFFECTS = (
    ActionKind.ISOLATE_COMPONENT,
    ActionKind.ENABLE_BACKUP,
    ActionKind.RESTART_COMPONENT,
    ActionKind.DISABLE_BACKUP,
    ActionKind.RELEASE_COMPONENT,
)
"""Of the plan below, whose verification never holds: three steps, and two of them taken back."""
PLAN = strategy(
    isolate(),
    backup(),
    restart(),
    verify(timeout_s=50.0),
    type=RecoveryType.SEMIAUTOMATIC,
    approval_timeout_s=1e6,
)
POINTS = (
    *((point, n) for point in ("before intent", "after intent", "after effect", "after outcome") for n in range(1, 6)),
    ("before waiting", 1),
    ("after waiting", 1),
    ("after request", 1),
    ("after approval", 1),
)
"""Where a life can end: around each of the five actions, and around the wait for an approval."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """What one process is to do.

    ``signal`` is sent to itself at the n-th passing of ``point``. ``probe`` is ``file`` (looks at the effects),
    ``blind`` (cannot tell) or ``forgetful`` (never remembers, so every interrupted action is repeated). With ``runs``
    it carries out a queue of short runs instead of the plan.
    """

    url: str
    effects: str
    instance: str = "a"
    lease_s: float = 30.0
    point: str = ""
    nth: int = 1
    signal: int = signal.SIGKILL
    probe: str = "file"
    runs: list[tuple[str, str]] = field(default_factory=list)
    pause_s: float = 0.0
    patience_s: float = 20.0
    report: str = ""


class Fate:
    """Counts how often each point is passed; strikes at one of them."""

    def __init__(self, life: Life):
        self._life = life
        self._seen: dict[str, int] = {}

    def passes(self, point: str) -> None:
        """Pass one point."""
        self._seen[point] = self._seen.get(point, 0) + 1
        if (point, self._seen[point]) == (self._life.point, self._life.nth):
            os.kill(os.getpid(), self._life.signal)


class FatedStore(RecoveryStore):
    """The store, with fate around its writes."""

    def __init__(self, database: Any, fate: Fate):
        super().__init__(database)
        self._fate = fate
        self.fenced = 0

    def save(self, run, change, holder, fence):
        """Write, and pass the points around it."""
        kinds = [
            name
            for name, is_it in (
                ("intent", change.intent is not None),
                ("outcome", change.settled is not None),
                ("waiting", run.phase is RunPhase.APPROVAL and change.request is None),
                ("approval", change.request is not None),
            )
            if is_it
        ]
        for kind in kinds:
            self._fate.passes(f"before {kind}")
        try:
            has_requests = super().save(run, change, holder, fence)
        except FencedError:
            self.fenced += 1
            raise
        for kind in kinds:
            self._fate.passes(f"after {kind}")
        return has_requests

    def request(self, request):
        """Write, and pass the point after it."""
        super().request(request)
        self._fate.passes("after request")

    def renew(self, holder, run_id, fence):
        """Count where another one holds the run."""
        try:
            super().renew(holder, run_id, fence)
        except FencedError:
            self.fenced += 1
            raise


class RecordingActuator:
    """Appends every effect to a file that all lives share."""

    kinds = frozenset(ActionKind)
    components = frozenset(COMPONENTS)

    def __init__(self, life: Life, fate: Fate):
        self._life = life
        self._fate = fate

    def refusal(self, kind, component):
        """It takes everything."""
        return ""

    def perform(self, action):
        """Leave a mark that survives the process."""
        self._fate.passes("before effect")
        note(self._life.effects, self._life.instance, "begin", action)
        time.sleep(self._life.pause_s)
        note(self._life.effects, self._life.instance, "end", action)
        self._fate.passes("after effect")
        return ActionOutcome(is_changed=True, detail="done")

    def probe(self, action):
        """Look at the marks, or do not."""
        if self._life.probe == "blind":
            return None
        return self._life.probe == "file" and action.key in done(self._life.effects)


def note(path: str, instance: str, what: str, action: Any) -> None:
    """Append one line, whole or not at all."""
    line = json.dumps([what, action.key, action.kind.value, action.component, instance, time.monotonic()]) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line.encode())
    os.close(handle)


def marks(path: str) -> list[list[Any]]:
    """All lines of the effects."""
    file = Path(path)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def done(path: str) -> list[str]:
    """Keys of the effects, in order, repetitions included."""
    return [mark[1] for mark in marks(path) if mark[0] == "end"]


def live(life: Life) -> None:
    """Work until everything is finished, or patience ends; write what was seen to ``report``."""
    store = SqlStore(life.url)
    fate = Fate(life)
    runs = FatedStore(store.database, fate)
    settings = JournalSettings(instance=life.instance, lease_s=life.lease_s, max_running=3)
    journal = RecoveryJournal(runs, RecordingActuator(life, fate), Ledger(store), settings)
    end = time.monotonic() + life.patience_s
    errors = work(life, journal, runs, end)
    store.close()
    if life.report:
        Path(life.report).write_text(json.dumps({"fenced": runs.fenced, "errors": errors}))


def work(life: Life, journal: RecoveryJournal, store: RecoveryStore, end: float) -> list[str]:
    """Ask for the runs and take them to their end."""
    errors: list[str] = []
    asked = life.runs or [("orders", "incident")]
    is_plan = not life.runs
    for component, incident in asked:
        if not any(run.incident_id == incident for run in journal.runs(component=component)):
            journal.start(PLAN if is_plan else QUICK, incident, component, {}, later(0))
    second = 0
    while time.monotonic() < end:
        second += 30
        try:
            journal.tick(later(second), lambda _: BAD if is_plan else GOOD)
            for run in journal.runs(status=RecoveryStatus.WAITING_APPROVAL):
                journal.approve(run.id, "ann", later(second))
            if not store.busy():
                break
        except Exception as error:  # noqa: BLE001  # the loop of the service goes on in the same way
            what = f"{type(error).__name__}: {error}"[:200]
            errors += [what] if what not in errors else []
            time.sleep(0.05)
        if second > 300:
            time.sleep(0.02)
    return errors


QUICK = strategy(restart(), verify(), id="quick")
