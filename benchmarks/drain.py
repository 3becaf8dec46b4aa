"""Restarts behind HAProxy under load, with and without draining first, and counts the requests that fail.

    .venv/bin/python benchmarks/drain.py --requests 5000

Two small HTTP servers run under a real supervisor and behind a real HAProxy, all on loopback. Eight clients ask without
a pause. Meanwhile the recovery journal restarts the two servers in turn, by a strategy that isolates, restarts and
releases, or by one that only restarts. HAProxy is set up to retry and to redispatch, so what fails is what was under
way. Prints a Markdown table; exit code 1 if a request failed with draining, or none without.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.real_peers import HAPROXY_REMEDY, Load, balanced, find_haproxy  # noqa: E402
from service.bootstrap import real_actuators  # noqa: E402
from service.clock import SystemClock  # noqa: E402
from service.config import Settings  # noqa: E402
from service.journal import RecoveryJournal  # noqa: E402
from service.recovery.documents import read_strategies  # noqa: E402
from service.recovery.runs import RecoveryRun  # noqa: E402
from service.store.recovery import RecoveryStore  # noqa: E402
from service.store.sql import SqlStore  # noqa: E402

STRATEGIES = """
default: restart-drained
strategies:
  - id: restart-drained
    name: Restart without losing a request
    type: AUTOMATIC
    condition: "true"
    steps:
      - {id: drain, type: ISOLATION, action: ISOLATE_COMPONENT, rollback: RELEASE_COMPONENT}
      - {id: restart, type: RESTART, action: RESTART_COMPONENT}
      - {id: release, type: RESTORE, action: RELEASE_COMPONENT}
      - {id: verify, type: VERIFY, success: rows_observed >= 20 and worst_score < 1, timeout_s: 30}
  - id: restart-at-once
    name: Restart at once
    type: AUTOMATIC
    condition: "true"
    steps:
      - {id: restart, type: RESTART, action: RESTART_COMPONENT}
      - {id: verify, type: VERIFY, success: rows_observed >= 20, timeout_s: 30}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What one measurement gave."""

    requests: int
    failed: int
    outcomes: dict[str, int]
    runs: tuple[RecoveryRun, ...]
    seconds: float


COMPONENTS = {"web-1": ["web-1"], "web-2": ["web-2"]}


def settings_of(peers, components):
    """Supervisor restarts the programs of the components, HAProxy isolates and releases servers of the same names."""
    return Settings(
        actuators={
            "processes": {
                "type": "supervisor",
                "url": peers.supervisor_url,
                "allow": ["RESTART_COMPONENT"],
                "components": {name: {"programs": programs} for name, programs in components.items()},
            },
            "balancer": {
                "type": "haproxy",
                "url": peers.haproxy_url,
                "allow": ["ISOLATE_COMPONENT", "RELEASE_COMPONENT"],
                "components": {name: {"servers": [f"web/{name}"]} for name in components},
            },
        },
    )


class Restarts:
    """A journal over the real peers; the facts that verify a run come from the load."""

    def __init__(self, peers, load, components=COMPONENTS, store_url="sqlite://"):
        settings = settings_of(peers, components)
        self._store = SqlStore(store_url)
        self._load, self._clock = load, SystemClock()
        self._strategies = read_strategies(STRATEGIES, source="drain.py")
        self._journal = RecoveryJournal(RecoveryStore(self._store.database), real_actuators(settings), lambda _: None)
        self._seen = {}

    def restart(self, component, strategy_id):
        """Carry one run out, to its end."""
        run = self._journal.start(self._strategies.of(strategy_id), "", component, {}, self._clock.now())
        end = time.monotonic() + 60
        while not run.status.is_final and time.monotonic() < end:
            self._journal.tick(self._clock.now(), self._facts)
            run = self._journal.run(run.id)
            time.sleep(0.02)
        return run

    def _facts(self, run):
        """Requests since the last action, and whether one of them failed."""
        known = self._seen.get(run.id)
        if known is None or known[0] != run.acted_at:
            known = self._seen[run.id] = (run.acted_at, self._load.total, self._load.failed)
        return {
            "rows_observed": float(self._load.total - known[1]),
            "worst_score": 5.0 if self._load.failed > known[2] else 0.0,
        }

    def close(self):
        """Close the store."""
        self._store.close()


def measure(peers, requests, *, is_drained, at_least=1):
    """Restart in turn until so many requests were asked and so many runs are over."""
    strategy_id = "restart-drained" if is_drained else "restart-at-once"
    runs = []
    with Load(peers.port, at_most=requests * 10) as load:
        begin = time.monotonic()
        restarts = Restarts(peers, load)
        try:
            while load.total < requests or len(runs) < at_least:
                runs.append(restarts.restart(f"web-{len(runs) % 2 + 1}", strategy_id))
        finally:
            restarts.close()
        seconds = time.monotonic() - begin
    return Drained(
        requests=load.total, failed=load.failed, outcomes=dict(load.outcomes), runs=tuple(runs), seconds=seconds
    )


def main():
    """Both ways, one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=5000, help="at least so many, each way")
    arguments = parser.parse_args()
    if find_haproxy() is None:
        sys.exit(HAPROXY_REMEDY)
    print("| restart | requests | restarts, completed | failed requests | outcomes | seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    measured = {}
    for words, is_drained in (("drained first", True), ("at once", False)):
        with balanced() as peers:
            measured[words] = got = measure(peers, arguments.requests, is_drained=is_drained)
        completed = sum(run.status == "COMPLETED" for run in got.runs)
        outcomes = ", ".join(f"{name}: {count}" for name, count in sorted(got.outcomes.items()))
        counts = f"{got.requests} | {len(got.runs)}, {completed} | {got.failed}"
        print(f"| {words} | {counts} | {outcomes} | {got.seconds:.0f} |")
    sys.exit(0 if not measured["drained first"].failed and measured["at once"].failed else 1)


if __name__ == "__main__":
    main()
