"""Every detector on one suite: the same rows, the same history, scored alike, timed alike."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.rivals import RIVALS
from benchmarks.rivals.contract import Rival
from models.detection_benchmark import SeriesInput, detect_series, detect_suite, read_series, write_scores
from models.evaluation import evaluate_suite
from models.sources.suites import read_protocol, read_suite

OURS = "Faultline, as shipped"
FIGURES = (
    "AUC-PR",
    "event F1, best per series",
    "event F1, one threshold",
    "delay-7 F1",
    "event F1, own boundary",
    "false alarms per series and day",
    "normal rows under alarm",
)
RECALL = "recall, own boundary"
SPEED, RATIO = "points per CPU second", "speed, times Faultline"
PROFILES = ("standard", "low FP", "low FN")
TELL_EVERY_S = 10.0

Row = dict[str, float]


def measure_suite(suite: Path, rivals: Sequence[str], *, with_ours: bool, tools: Path | None) -> dict[str, Row]:
    """All chosen detectors on one suite.

    Parameters
    ----------
    suite
        Directory in the labelled series format.
    rivals
        Keys of ``RIVALS``.
    with_ours
        Whether the shipped detection runs as well.
    tools
        Directory with ``score_nab.py``; None leaves the NAB columns out.

    Returns
    -------
    dict of str to dict
        Figures by detector, the shipped one first; the speed covers reading, fit, score and writing of all rows.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

    rows: dict[str, Row] = {}
    with threadpool_limits(1), tempfile.TemporaryDirectory() as scratch:
        if with_ours:
            warm_up(lambda series, train_rows: detect_series(series, train_rows).score)
            report = detect_suite(suite, Path(scratch) / "ours", progress=_teller(suite.name, OURS))
            rows[OURS] = figures(suite, Path(scratch) / "ours", tools) | {SPEED: report["points_per_cpu_second"]}
        for key in rivals:
            speed = run_rival(RIVALS[key], suite, Path(scratch) / key)
            rows[RIVALS[key].name] = figures(suite, Path(scratch) / key, tools) | {SPEED: speed}
    base = rows[OURS][SPEED] if with_ours else float("nan")
    return {who: row | {RATIO: row[SPEED] / base} for who, row in rows.items()}


def run_rival(rival: Rival, suite: Path, out: Path) -> float:
    """Score a suite with one of the others; the alarm is its boundary.

    Parameters
    ----------
    rival
        Which one.
    suite
        Directory in the labelled series format.
    out
        Directory for ``<series>.parquet``; created.

    Returns
    -------
    float
        Points of the suite per CPU second, without imports and compilation.
    """
    out.mkdir(parents=True)
    warm_up(rival.score)
    tell = _teller(suite.name, rival.name)
    protocol = read_protocol(suite)
    began, points = process_time(), 0
    for done, (name, train_rows) in enumerate(protocol.items(), start=1):
        series = read_series(suite, name)
        points += series.values.size
        score = np.nan_to_num(rival.score(series, train_rows))
        score[:train_rows] = np.nan
        write_scores(out, name, score, score >= 1.0)
        tell(done, len(protocol))
    return points / max(process_time() - began, 1e-9)


def warm_up(score: Callable[[SeriesInput, int], Any]) -> None:
    """Import and compile what a detector needs, so that it is not timed.

    Parameters
    ----------
    score
        Of series with one and with two metrics.
    """
    times = np.datetime64("2026-03-02T00:00:00", "us") + np.arange(900) * np.timedelta64(300, "s")
    for n_metrics in (1, 2):
        values = np.random.default_rng(3).normal(10.0, 1.0, (len(times), n_metrics))
        metrics = tuple(f"metric-{i}" for i in range(n_metrics))
        score(SeriesInput(name="warm-up", times=times, values=values, metrics=metrics), 600)


def figures(suite: Path, out: Path, tools: Path | None) -> Row:
    """What the scores in a directory are worth.

    Parameters
    ----------
    suite
        Directory in the labelled series format.
    out
        Directory with the scores.
    tools
        Directory with ``score_nab.py``, or None.

    Returns
    -------
    dict of str to float
        ``FIGURES``, the recall, and for the Numenta suite its score.
    """
    scored = evaluate_suite(suite, out)
    row = {title: float(scored[title]) for title in (*FIGURES, RECALL)}
    if tools is None or read_suite(suite).name != "nab":
        return row
    command = [sys.executable, str(tools / "score_nab.py"), str(suite), str(out), "--json"]
    nab = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    row |= {f"NAB {profile}": nab[profile]["NAB"] for profile in PROFILES}
    return row | {"NAB standard, cross-validated": nab["standard"]["cross-validated"]}


def _teller(suite: str, who: str) -> Callable[[int, int], None]:
    """Progress on stderr: every ten seconds, and when a detector is through."""
    began = told = perf_counter()

    def tell(done: int, of: int) -> None:
        nonlocal told
        if done == of or perf_counter() - told > TELL_EVERY_S:
            told = perf_counter()
            print(f"{suite}: {who}: {done} of {of} series, {told - began:.0f} s", file=sys.stderr, flush=True)

    return tell
