"""Prints the table of the fault suite: ``make chaos``. Ends with 1 if a row does not hold."""

import sys
import tempfile
import time
from functools import partial

from tests.chaos import scenarios
from tests.chaos.worker import POINTS
from tests.databases import Databases

KINDS = ("sqlite", "postgresql")
EFFECT_POINTS = [("after effect", nth) for nth in range(1, 6)]
BLIND_POINTS = [(point, nth) for point in ("after intent", "after effect") for nth in (1, 2, 3)]
HEAD = """
| fault | database | tries | effects | repeated | flagged in doubt | seen | s |
|---|---|--:|--:|--:|--:|---|--:|
""".strip()


def rows(ground):
    """Every scenario, as a call."""
    for kind in KINDS:
        yield partial(scenarios.killed, ground, kind, POINTS)
        yield partial(scenarios.killed, ground, kind, EFFECT_POINTS, probe="forgetful")
        yield partial(scenarios.blind, ground, kind, BLIND_POINTS)
        yield partial(scenarios.stopped, ground, kind)
        yield partial(scenarios.shared, ground, kind)
        for seed in (1, 2):
            yield partial(scenarios.haunted, ground, kind, seed=seed)
        yield partial(scenarios.hung, ground, kind)
        yield partial(scenarios.poisoned, ground, kind)
    yield partial(scenarios.locked, ground, 5.0)
    yield partial(scenarios.full, ground)
    yield scenarios.crashed
    yield partial(scenarios.stubborn, ground)


def main() -> int:
    """Run all, print as they come."""
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        databases = Databases(directory)
        ground = scenarios.Ground(databases)
        print(HEAD)  # noqa: T201  # the table is what it is for
        try:
            for scenario in rows(ground):
                began = time.monotonic()
                try:
                    line = _line(scenario())
                except Exception as error:  # noqa: BLE001  # one row that fails must not hide the others
                    failed += 1
                    name = getattr(scenario, "func", scenario).__name__
                    line = f"| {name} | | | | | | FAILED: {type(error).__name__}: {error}"
                print(f"{line} | {time.monotonic() - began:.1f} |", flush=True)  # noqa: T201  # as above
        finally:
            ground.close()
            databases.close()
    return min(failed, 1)


def _line(row):
    parts = (row.fault, row.database, row.tries, row.effects, row.repeated, row.flagged, row.note)
    return "| " + " | ".join(str(part) for part in parts)


if __name__ == "__main__":
    sys.exit(main())
