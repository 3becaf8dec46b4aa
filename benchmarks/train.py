"""How long training takes and how much memory it needs: each row of the table is a fresh process, MLflow included.

Run ``.venv/bin/python benchmarks/train.py``; options change the sizes. It prints a Markdown table.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SIZES = ((100, 7), (500, 7), (500, 14))
METRICS = ("requests_per_s", "error_rate", "latency_p50_s", "latency_p99_s", "cpu", "memory", "connections")


def history(n_series: int, days: int, step_s: float) -> "MetricFrame":  # noqa: F821  # imported where it is measured
    """Synthetic series: daily waves, autocorrelated noise, heavy tails, counters, nightly jobs, gaps."""
    from models.frames import MetricFrame, SeriesKey

    rng = np.random.default_rng(5)
    n_rows = int(days * 86_400 / step_s)
    second = np.arange(n_rows) * step_s % 86_400
    wave = np.sin(2 * np.pi * second[:, None] / 86_400 + rng.uniform(0, 6.28, n_series))
    values = rng.normal(size=(n_rows, n_series))
    values[1:] += 0.6 * values[:-1]
    values += 20 + wave * rng.uniform(0, 4, n_series)
    values[:, 1::7] = np.maximum(0, np.floor(values[:, 1::7] - 20))
    values[:, 3::7] = np.exp(0.2 * values[:, 3::7])
    values[np.ix_((second >= 7_200) & (second < 8_400), np.arange(4, n_series, 14))] += 30
    values[rng.random(values.shape) < 0.01] = np.nan
    keys = tuple(SeriesKey(f"service-{i // 7:03d}", METRICS[i % 7]) for i in range(n_series))
    return MetricFrame(start=np.datetime64("2026-03-02T00:00:00"), step_s=step_s, keys=keys, values=values)


def measure(n_series: int, days: int, step_s: float) -> dict[str, float]:
    """Train once in this process; the clock starts before the imports and stops after MLflow has the bundle."""
    began = time.perf_counter()
    from models.tracking import load_champion, local_uri, log_training
    from models.training import TrainingSettings, train

    frame = history(n_series, days, step_s)
    ready = time.perf_counter()
    result = train(frame, TrainingSettings(), created=datetime(2026, 3, 30, tzinfo=UTC))
    trained = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        uri = local_uri(Path(directory))
        log_training(result, uri, frame)
        tracked = time.perf_counter()
        size = sum(path.stat().st_size for path in Path(directory).rglob("bundle/*"))
        if load_champion(uri).model_version != result.bundle.model_version:
            raise SystemExit("the registered bundle is not the trained one")
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "generate_s": ready - began,
        "train_s": trained - ready,
        "track_s": tracked - trained,
        "wall_s": tracked - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_gib": usage.ru_maxrss / 2**20,
        "bundle_mib": size / 2**20,
    }


def main() -> None:
    """Measure every size in a process of its own and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--series", type=int)
    options.add_argument("--days", type=int, default=7)
    options.add_argument("--step-s", type=float, default=60.0)
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.inside:
        print(json.dumps(measure(given.series, given.days, given.step_s)))
        return
    print("| series | days | step | train s | MLflow s | all, wall s | all, CPU s | peak memory GiB | bundle MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for n_series, days in [(given.series, given.days)] if given.series else SIZES:
        size = ["--series", str(n_series), "--days", str(days), "--step-s", str(given.step_s)]
        done = subprocess.run(
            [sys.executable, __file__, "--inside", *size], check=True, capture_output=True, text=True, cwd=ROOT
        )
        seen = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {n_series} | {days} | {given.step_s:g} s | {seen['train_s']:.1f} | {seen['track_s']:.1f} "
            f"| {seen['wall_s']:.1f} | {seen['cpu_s']:.1f} | {seen['rss_gib']:.2f} | {seen['bundle_mib']:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
