"""What a user waits for every day: help, a diagnosis, a step of the loop, the main job. Prints a Markdown table.

    .venv/bin/python benchmarks/everyday.py

Whole processes are timed from outside, seven times each, the median is printed; work inside a process by its clock.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FAULTLINE = Path(sys.executable).with_name("faultline")
RUNS = 7


def process_s(*arguments: str, runs: int = RUNS, cwd: str) -> float:
    """Median wall time of a command."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run([str(FAULTLINE), *arguments], check=True, capture_output=True, cwd=cwd)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def diagnoses_s(suite: Path) -> list[float]:
    """Seconds of each diagnosis in this process, reading the case not counted."""
    from analysis.benchmark import predict_suite

    predict_suite(suite)
    return [prediction["seconds"] for prediction in predict_suite(suite).values()]


def steps_s() -> list[float]:
    """Seconds of each step of the live loop around the simulated shop, an incident and its repair included."""
    from service.config import Settings
    from service.replay import Replay, ReplayPlan, history_of, learn

    plan = ReplayPlan.of("LATENCY", "orders-db", seed=7)
    system, history = history_of(plan)
    with tempfile.TemporaryDirectory() as scratch:
        replay = Replay.wired(
            plan, system, learn(history, system.now).bundle, history, Settings(data_dir=Path(scratch))
        )
        step, taken = replay.app.engine.step, []

        def timed() -> bool:
            began = time.perf_counter()
            is_fresh = step()
            taken.append(time.perf_counter() - began)
            return is_fresh

        replay.app.engine.step = timed
        replay.play()
        replay.app.store.close()
    return taken


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        suite = Path(scratch) / "out" / "incidents"
        process_s("simulate", "out", "--days", "0.1", "--incidents", "2", runs=1, cwd=scratch)
        case = str(next(path for path in sorted(suite.iterdir()) if path.is_dir()))
        inside = diagnoses_s(suite)
        steps = steps_s()
        rows = [
            ("`faultline --help`", process_s("--help", cwd=scratch), "whole process"),
            (
                "`faultline diagnose --case`, 112 series",
                process_s("diagnose", "--case", case, cwd=scratch),
                "whole process",
            ),
            ("one diagnosis, median", statistics.median(inside), f"inside, {len(inside)} cases"),
            ("one diagnosis, slowest", max(inside), f"inside, {len(inside)} cases"),
            ("one step of the loop, median", statistics.median(steps), f"inside, 112 series, {len(steps)} steps"),
            ("one step of the loop, slowest", max(steps), f"inside, 112 series, {len(steps)} steps"),
            (
                "`faultline run --no-serve`",
                process_s("run", "--no-serve", runs=3, cwd=scratch),
                "whole process, new MLflow store first",
            ),
        ]
    print("| what | seconds | how |\n| --- | --- | --- |")
    for what, seconds, how in rows:
        print(f"| {what} | {seconds:.3g} | {how} |")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
