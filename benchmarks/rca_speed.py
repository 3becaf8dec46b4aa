"""How long a diagnosis takes and what memory it needs, by the size of the system; metrics and a call graph only.

    .venv/bin/python benchmarks/rca_speed.py

Each size is a process of its own: a made case with 60 rows, three calls a component, one component whose metrics all
rise, and its callers up to three steps away, whose latency and errors rise. CPU time of one thread after a first run
that is not counted. Writes docs/rca-speed.md; --profile prints where the time of the largest size goes instead.
"""

import argparse
import cProfile
import json
import pstats
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.pipeline import diagnose  # noqa: E402
from analysis.situation import Situation  # noqa: E402
from models.frames import MetricFrame, SeriesKey  # noqa: E402

PAGE = ROOT / "docs" / "rca-speed.md"
SEED, ROWS, INCIDENT_ROWS, STEP_S, CALLS = 7, 60, 15, 60.0, 3
START = datetime(2026, 3, 2, tzinfo=UTC)
FELT_STEPS = 3
"""Callers so far up feel the fault."""
SIZES = ((50, 20), (50, 10), (200, 10), (500, 10), (2_000, 10))
"""Components and metrics of each; the exponent is fitted over those with as many metrics as the last."""
NAMES = ("cpu_usage", "latency_p99", "error_rate", "request_rate", "memory_usage", "queue_depth")
PREAMBLE = """# How fast a root cause is found

A made system, metrics and call graph only: {rows} rows of {step:g} s, {calls} calls a component. CPU time of one
thread without reading files, of {repetitions} runs after a first one; memory is what Python's allocators hold at the
peak of one diagnosis, and the largest resident size of the whole process with its libraries.

```
{command}
```
"""


def made_case(components: int, metrics: int) -> Situation:
    """A system with one fault.

    Parameters
    ----------
    components
        How many, at least 2.
    metrics
        Of each.

    Returns
    -------
    Situation
        The first component is the fault's; the same for the same sizes.
    """
    random = np.random.default_rng([SEED, components, metrics])
    names = [f"service-{i:04d}" for i in range(components)]
    edges = {(int(caller), i) for i in range(components - 1) for caller in random.integers(i + 1, components, CALLS)}
    felt = {0}
    for _ in range(FELT_STEPS):
        felt |= {caller for caller, callee in edges if callee in felt}
    kinds = [f"{NAMES[j % len(NAMES)]}_{j}" for j in range(metrics)]
    values = 50.0 + random.normal(size=(ROWS, components, metrics))
    values[-INCIDENT_ROWS:, 0] += 40.0
    for caller in felt - {0}:
        values[-INCIDENT_ROWS:, caller, 1 : min(3, metrics)] += 20.0
    frame = MetricFrame(
        start=np.datetime64(START.replace(tzinfo=None), "us"),
        step_s=STEP_S,
        keys=tuple(SeriesKey(name, kind) for name in names for kind in kinds),
        values=values.reshape(ROWS, components * metrics),
    )
    detected = START + timedelta(seconds=STEP_S * (ROWS - INCIDENT_ROWS))
    return Situation(detected_at=detected, frame=frame, edges=tuple((names[a], names[b]) for a, b in sorted(edges)))


def measure(components: int, metrics: int, repetitions: int) -> dict[str, float]:
    """Time and memory of one size in this process.

    Parameters
    ----------
    components
        How many.
    metrics
        Of each.
    repetitions
        Timed runs.

    Returns
    -------
    dict of str to float
        components, series, edges, median_s, max_s, traced_mb, resident_mb, rank of the fault.
    """
    import resource
    import tracemalloc

    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

    situation = made_case(components, metrics)
    seconds = []
    with threadpool_limits(1):
        ranking = diagnose(situation).ranking
        for _ in range(repetitions):
            began = process_time()
            diagnose(situation)
            seconds.append(process_time() - began)
        resident_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tracemalloc.start()
        diagnose(situation)
        traced = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return {
        "components": components,
        "series": components * metrics,
        "edges": len(situation.edges or ()),
        "median_s": statistics.median(seconds),
        "max_s": max(seconds),
        "traced_mb": traced / 2**20,
        "resident_mb": resident_kb / 2**10,
        "rank": ranking.index("service-0000") + 1,
    }


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """How time grows: 1 is in proportion to the size.

    Parameters
    ----------
    sizes
        At least two different ones.
    seconds
        Of each.

    Returns
    -------
    float
        Slope of the least-squares line of the logarithms.
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def page(rows: Sequence[dict[str, float]], *, command: str, repetitions: int) -> str:
    """The whole page.

    Parameters
    ----------
    rows
        As ``measure`` gives them.
    command
        That gave them.
    repetitions
        Timed runs of each.

    Returns
    -------
    str
        Markdown.
    """
    head = ["components", "series", "calls", "median ms", "max ms", "peak MB", "process MB", "rank of the fault"]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for row in rows:
        cells = [f"{row[name]:,.0f}" for name in ("components", "series", "edges")]
        cells += [f"{1e3 * row[name]:,.1f}" for name in ("median_s", "max_s")]
        cells += [f"{row['traced_mb']:,.1f}", f"{row['resident_mb']:,.0f}", f"{row['rank']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    alike = [row for row in rows if row["series"] / row["components"] == rows[-1]["series"] / rows[-1]["components"]]
    text = PREAMBLE.format(rows=ROWS, step=STEP_S, calls=CALLS, repetitions=repetitions, command=command)
    growth = ""
    if len(alike) > 1:
        slope = exponent([row["components"] for row in alike], [row["median_s"] for row in alike])
        last = exponent([row["components"] for row in alike[-2:]], [row["median_s"] for row in alike[-2:]])
        growth = f"\nTime grows with the size to the power of {slope:.2f}; between the two largest, {last:.2f}.\n"
    return text + "\n" + "\n".join(lines) + "\n" + growth


def profile(components: int, metrics: int, most: int = 40) -> str:
    """Where the time goes.

    Parameters
    ----------
    components
        How many.
    metrics
        Of each.
    most
        Functions to list.

    Returns
    -------
    str
        Cumulative and own seconds of the project's functions, most first.
    """
    situation = made_case(components, metrics)
    diagnose(situation)
    watch = cProfile.Profile()
    watch.runcall(diagnose, situation)
    stats = pstats.Stats(watch).get_stats_profile().func_profiles
    ours = [
        (f.cumtime, f.tottime, f.ncalls, f"{f.file_name}:{name}") for name, f in stats.items() if _is_ours(f.file_name)
    ]
    lines = [
        f"{total:9.3f} {own:9.3f} {calls:>10} {Path(where).name}" for total, own, calls, where in sorted(ours)[::-1]
    ]
    return "\n".join(["    total       own      calls function", *lines[:most]])


def _is_ours(name: str) -> bool:
    """Whether a file belongs to the project."""
    return name.startswith((str(ROOT / "analysis"), str(ROOT / "models")))


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    options.add_argument("--repetitions", type=int, default=5)
    options.add_argument(
        "--size", action="append", help="COMPONENTSxMETRICS instead of the usual ones; may be repeated"
    )
    options.add_argument("--page", type=Path, help="where to write; docs/rca-speed.md for the usual sizes")
    options.add_argument("--profile", action="store_true", help="print where the time of the last size goes")
    options.add_argument("--only", help=argparse.SUPPRESS)
    given = options.parse_args(arguments)
    if given.only:
        print(json.dumps(measure(*_size(given.only), given.repetitions)))
        return
    sizes = [_size(text) for text in given.size or []] or list(SIZES)
    if given.profile:
        print(profile(*sizes[-1]))
        return
    rows = [_in_process(size, given.repetitions) for size in sizes]
    command = ".venv/bin/python benchmarks/rca_speed.py" + "".join(f" --size {text}" for text in given.size or [])
    text = page(rows, command=command, repetitions=given.repetitions)
    print(text)
    place = given.page or (None if given.size else PAGE)
    if place is not None:
        place.write_text(text, encoding="utf-8")


def _in_process(size: tuple[int, int], repetitions: int) -> dict[str, float]:
    """One size in a process of its own, so that its peak of memory is its own."""
    command = [sys.executable, __file__, "--only", "x".join(map(str, size)), "--repetitions", str(repetitions)]
    row: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return row


def _size(text: str) -> tuple[int, int]:
    """Read COMPONENTSxMETRICS."""
    components, _, metrics = text.partition("x")
    if not (components.isdigit() and metrics.isdigit()) or int(components) < 2 or not int(metrics):
        raise SystemExit(f"{text} is no size; give one like 50x20")
    return int(components), int(metrics)


if __name__ == "__main__":
    main()
