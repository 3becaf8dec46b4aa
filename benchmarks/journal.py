"""What a durable step costs, whether a long queue stays small, and how long a start takes with many finished runs.

Run ``.venv/bin/python benchmarks/journal.py``; options change the sizes. It prints a Markdown table. Each cell is a
fresh process. The cost of a run is shared by its steps: admission, intent and outcome of each action, verification and
end; the actions themselves take no time. PostgreSQL is one that the benchmark starts and ends.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the plans and the database of the tests

import psutil  # noqa: E402

from service.engine import Ledger  # noqa: E402
from service.journal import JournalSettings, RecoveryJournal  # noqa: E402
from service.ports import ActionKind, ActionOutcome  # noqa: E402
from service.recovery.runs import RecoveryStatus, RunPhase  # noqa: E402
from service.store import run_codec  # noqa: E402
from service.store.recovery import RecoveryStore  # noqa: E402
from service.store.recovery_tables import RunRow  # noqa: E402
from service.store.sql import SqlStore  # noqa: E402
from tests.databases import PostgresServer  # noqa: E402
from tests.service.recovery.plans import GOOD, NOW, backup, isolate, restart, run_of, strategy, verify  # noqa: E402

COMPONENTS = tuple(f"component-{number:02d}" for number in range(50))
STEPS = (isolate(), backup(), restart())
PLAN = strategy(*STEPS, verify())


class Idle:
    """An actuator that does nothing, at once."""

    kinds = frozenset(ActionKind)
    components = frozenset(COMPONENTS)

    def refusal(self, kind: ActionKind, component: str) -> str:
        """It takes everything."""
        del kind, component
        return ""

    def perform(self, action: object) -> ActionOutcome:
        """Nothing to do."""
        del action
        return ActionOutcome(is_changed=True, detail="done")

    def probe(self, action: object) -> None:
        """Nobody asks."""


def opened(url: str, *, is_told: bool = True) -> tuple[SqlStore, RecoveryJournal]:
    """A journal on a store."""
    store = SqlStore(url)
    publish = Ledger(store) if is_told else lambda _record: None
    return store, RecoveryJournal(RecoveryStore(store.database), Idle(), publish, JournalSettings(max_running=8))


def steps(url: str, n_runs: int, *, is_told: bool) -> dict[str, float]:
    """Milliseconds a step, by the clock and of the processor."""
    store, journal = opened(url, is_told=is_told)
    ask(journal, 20, "warm-up")
    drain(journal, 20)
    ask(journal, n_runs, "measured")
    began, used = time.perf_counter(), time.process_time()
    drain(journal, n_runs)
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - used
    store.close()
    n_steps = n_runs * len(PLAN.steps)
    return {"ms": took_s / n_steps * 1e3, "cpu_ms": cpu_s / n_steps * 1e3}


def ask(journal: RecoveryJournal, n_runs: int, name: str) -> None:
    """Fill the queue."""
    for number in range(n_runs):
        journal.start(PLAN, f"{name}-{number}", COMPONENTS[number % len(COMPONENTS)], {"confidence": 0.9}, NOW)


def drain(journal: RecoveryJournal, n_runs: int) -> None:
    """Tick until the queue is empty; each tick takes a part of it."""
    ended = second = 0
    while ended < n_runs:
        second += 1
        changed = journal.tick(NOW + timedelta(seconds=second), lambda _: GOOD)
        ended += sum(run.status is RecoveryStatus.COMPLETED for run in changed)
        if not changed:
            raise SystemExit("the queue does not move")


def queue(url: str, n_runs: int) -> dict[str, float]:
    """Seconds to complete a long queue, and by how much the process grew."""
    store, journal = opened(url)
    process = psutil.Process()
    ask(journal, 50, "warm-up")
    drain(journal, 50)
    ask(journal, n_runs, "queued")
    before = process.memory_info().rss
    began = time.perf_counter()
    drain(journal, n_runs)
    took_s = time.perf_counter() - began
    grown = process.memory_info().rss - before
    store.close()
    return {"s": took_s, "grown_mb": grown / 1e6}


def start(url: str, n_runs: int) -> dict[str, float]:
    """Seconds from a closed store with many finished runs to a journal that has ticked and can decide."""
    SqlStore(url).close()
    fill(url, n_runs)
    began = time.perf_counter()
    store, journal = opened(url)
    journal.tick(NOW, lambda _: GOOD)
    journal.state(NOW, COMPONENTS[0])
    took_s = time.perf_counter() - began
    found = len(journal.runs(limit=1))
    store.close()
    return {"s": took_s, "found": found}


def fill(url: str, n_runs: int) -> None:
    """Put finished runs into a store, past the journal."""
    store = SqlStore(url)
    ended = run_of(PLAN, phase=RunPhase.ENDED, ending=RecoveryStatus.COMPLETED, finished_at=NOW)
    for first in range(0, n_runs, 5000):
        rows = []
        for number in range(first, min(first + 5000, n_runs)):
            run = replace(ended, id=f"run-{number}", component=COMPONENTS[number % len(COMPONENTS)])
            body = run_codec.dumps(run) if number % 5000 == 0 else rows[0]["body"].replace("run-0", run.id)
            rows.append(
                {
                    "id": run.id,
                    "status": run.status.value,
                    "component": run.component,
                    "incident_id": f"incident-{number}",
                    "strategy_id": PLAN.id,
                    "created_at": NOW,
                    "updated_at": NOW,
                    "body": body,
                }
            )
        with store.database.write_connection() as connection:
            connection.execute(RunRow.__table__.insert(), rows)
    store.close()


def fresh(what: str, url: str, n_runs: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--one", what, url, str(n_runs)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


ONE = {
    "steps": lambda url, n: steps(url, n, is_told=True),
    "steps-untold": lambda url, n: steps(url, n, is_told=False),
    "queue": queue,
    "start": start,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="runs whose steps are timed")
    parser.add_argument("--queued", type=int, default=10_000, help="runs in the queue")
    parser.add_argument("--finished", type=int, default=100_000, help="runs that are over at the start")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        what, url, n_runs = given.one
        print(json.dumps(ONE[what](url, int(n_runs))))
        return
    print("| what | SQLite | PostgreSQL |\n|---|--:|--:|", flush=True)
    server = PostgresServer(is_hasty=False)
    try:
        with tempfile.TemporaryDirectory() as directory:
            for label, what, n_runs, form in (
                ("a step with its records in the ledger, ms (CPU)", "steps", given.runs, "{ms:.2f} ({cpu_ms:.2f})"),
                ("a step without the ledger, ms (CPU)", "steps-untold", given.runs, "{ms:.2f} ({cpu_ms:.2f})"),
                (f"{given.queued:,} queued runs completed", "queue", given.queued, "{s:.0f} s, +{grown_mb:.0f} MB"),
                (f"start with {given.finished:,} finished runs, s", "start", given.finished, "{s:.2f}"),
            ):
                places = [f"sqlite:///{directory}/{what}.db", server.fresh(is_empty=True)][
                    : 1 if what == "queue" else 2
                ]
                cells = [form.format(**fresh(what, url, n_runs)) for url in places] + [""]
                print(f"| {label} | {cells[0]} | {cells[1]} |", flush=True)
    finally:
        server.close()


if __name__ == "__main__":
    main()
