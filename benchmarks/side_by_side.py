"""The shipped detection beside what people use otherwise, on the same rows, fitted on the same history, scored alike.

    .venv/bin/python benchmarks/side_by_side.py SUITES --tools TOOLS

SUITES holds directories in the labelled series format. TOOLS is a directory with ``score_nab.py`` (the scoring rules
of the Numenta benchmark); without it the NAB columns are left out. Writes a table a suite to docs/benchmarks.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from models.detection_benchmark import SeriesInput, detect_suite, read_series, write_scores  # noqa: E402
from models.evaluation import evaluate_suite  # noqa: E402
from models.sources.suites import read_protocol, read_suite  # noqa: E402
from models.training import TrainingSettings  # noqa: E402

OURS = "Faultline, as shipped"
NO_DETECTOR = "(alarm without end)"
ROLLING_ROWS, LAGS = 120, 10
FIGURES = (
    "AUC-PR",
    "event F1, best per series",
    "event F1, one threshold",
    "delay-7 F1",
    "event F1, own boundary",
    "false alarms per series and day",
    "normal rows under alarm",
)
UNDER_ALARM = FIGURES[-1]
LOW_IS_GOOD = FIGURES[-2:]
PROFILES = ("standard", "low FP", "low FN")
PREAMBLE = """# Detection, side by side

Every detector learns the first rows of each series (as the suite says, without labels) and scores the rest, row by row,
from that row and earlier ones. No point adjustment: an event counts once if any of its rows alarms, a false alarm is a
run of alarmed rows outside the events. The best of each column is bold. The recordings are not part of this repository.

```
{command}
```

- **Faultline, as shipped**: `faultline bench detect`, default training, one configuration for every series of every
  suite. Own boundary: the default budget of {budget:g} false alarms per series and day; an anomaly is told
  once, from the row at which a live loop would report it.
- **global z**: distance to the mean of the history in standard deviations. Own boundary: 3.
- **rolling z**: the same against the {rolling} rows before. Own boundary: 3.
- **hour-of-day quantiles**: distance to the middle between the 1 % and 99 % quantiles of the hour in the history. Own
  boundary: these quantiles.
- **isolation forest, raw lags**: scikit-learn's defaults, on the last {lags} values, with several metrics on the row of
  all of them. Own boundary: scikit-learn's.
- **{idle}**: no detector but the worth of one alarm that never ends, so of chance; not in the contest.

With several metrics the score of a row is the highest over them (Faultline: over metrics and detectors). The F1
columns but "own boundary" choose a threshold on the labels, for every detector alike; event F1 at the own
boundary, false alarms and normal rows under alarm use no label. A detector that hardly ever stops alarming has few runs
of alarmed rows and finds every event. The last row shows how much that is worth in each event F1, often more than any
detector reaches; so event F1 is to be read beside AUC-PR, delay-7 F1 and the normal rows under alarm.

Not measured here yet: a Netdata-like consensus, river's half-space trees, PyOD's ECOD, spectral residual.
"""


def global_z(series: SeriesInput, n: int) -> np.ndarray:
    """Distance to the mean of the history."""
    history = pd.DataFrame(series.values[:n])
    sd = history.std().to_numpy()
    z = np.abs(series.values - history.mean().to_numpy()) / np.where(sd > 0, sd, 1.0)
    return z.max(axis=1) / 3.0


def rolling_z(series: SeriesInput, n: int) -> np.ndarray:  # noqa: ARG001  # it has no history but the window
    """Distance to the mean of the rows just before."""
    before = pd.DataFrame(series.values).shift(1).rolling(ROLLING_ROWS, min_periods=ROLLING_ROWS // 4)
    sd = before.std().to_numpy()
    z = np.abs(series.values - before.mean().to_numpy()) / np.where(sd > 1e-9, sd, 1.0)
    return np.nan_to_num(z).max(axis=1) / 3.0


def hourly_quantiles(series: SeriesInput, n: int) -> np.ndarray:
    """Distance to the middle of the band of the hour of the day, in half bands."""
    hour = pd.DatetimeIndex(series.times).hour.to_numpy()
    history = pd.DataFrame(series.values[:n])
    whole = history.quantile([0.01, 0.99])
    bands = [history.groupby(hour[:n]).quantile(q).reindex(range(24)).fillna(whole.loc[q]) for q in (0.01, 0.99)]
    low, high = (band.to_numpy()[hour] for band in bands)
    sd = history.std().to_numpy()
    half = np.where(high > low, (high - low) / 2, np.where(sd > 0, sd, 1.0))
    return np.nan_to_num(np.abs(series.values - (low + high) / 2) / half).max(axis=1)


def forest_on_lags(series: SeriesInput, n: int) -> np.ndarray:
    """An isolation forest with scikit-learn's defaults."""
    from sklearn.ensemble import IsolationForest

    values = pd.DataFrame(series.values).ffill().fillna(0.0)
    n_lags = LAGS if values.shape[1] == 1 else 1
    lags = pd.concat([values.shift(lag) for lag in range(n_lags)], axis=1).bfill().to_numpy()
    return -IsolationForest(random_state=7).fit(lags[:n]).score_samples(lags) / 0.5


RIVALS: dict[str, Callable[[SeriesInput, int], np.ndarray]] = {
    "global z": global_z,
    "rolling z": rolling_z,
    "hour-of-day quantiles": hourly_quantiles,
    "isolation forest, raw lags": forest_on_lags,
    NO_DETECTOR: lambda series, _: np.ones(series.n_rows),
}


def run_rival(rival: Callable[[SeriesInput, int], np.ndarray], suite: Path, out: Path) -> None:
    """Score a suite with one of the others; the alarm is its boundary."""
    out.mkdir(parents=True)
    for name, train_rows in read_protocol(suite).items():
        score = np.nan_to_num(rival(read_series(suite, name), train_rows))
        score[:train_rows] = np.nan
        write_scores(out, name, score, score >= 1.0)


def figures(suite: Path, out: Path, tools: Path | None) -> dict[str, float]:
    """The columns of one row of the table."""
    scored = evaluate_suite(suite, out)
    row = {title: scored[title] for title in FIGURES}
    if tools is None or read_suite(suite).name != "nab":
        return row
    command = [sys.executable, str(tools / "score_nab.py"), str(suite), str(out), "--json"]
    nab = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    row |= {f"NAB {profile}": nab[profile]["NAB"] for profile in PROFILES}
    return row | {"NAB standard, cross-validated": nab["standard"]["cross-validated"]}


def table(name: str, rows: dict[str, dict[str, float]]) -> str:
    """Markdown of one suite, and where the shipped detection is not the best."""
    titles = list(next(iter(rows.values())))
    contest = {who: row for who, row in rows.items() if who != NO_DETECTOR}
    best = {t: (min if t in LOW_IS_GOOD else max)(row[t] for row in contest.values()) for t in titles}

    def figure(title: str, value: float) -> str:
        return f"{value:.1f}" if title.startswith("NAB") else f"{value:.{4 if title == UNDER_ALARM else 3}f}"

    def shown(title: str, value: float) -> str:
        text = figure(title, value)
        return f"**{text}**" if text == figure(title, best[title]) else text

    lines = [f"## {name}", "", "| " + " | ".join(["detector", *titles]) + " |", "| --- " * (len(titles) + 1) + "|"]
    for who, row in rows.items():
        shows = shown if who in contest else figure
        lines.append(f"| {who} | " + " | ".join(shows(t, row[t]) for t in titles) + " |")
    lost = []
    for title in titles:
        who, row = next((who, row) for who, row in contest.items() if row[title] == best[title])
        if figure(title, rows[OURS][title]) != figure(title, best[title]):
            idle = f", under alarm in {row[UNDER_ALARM]:.0%} of the normal rows" if row[UNDER_ALARM] > 0.5 else ""
            lost.append(f"{title} ({who}{idle})")
    lines += ["", "Not the best in: " + "; ".join(lost) + "." if lost else "The best in every column."]
    return "\n".join(lines)


def compare(suite: Path, scratch: Path, tools: Path | None) -> str:
    """All detectors on one suite."""
    rows: dict[str, dict[str, Any]] = {}
    detect_suite(suite, scratch / "ours")
    rows[OURS] = figures(suite, scratch / "ours", tools)
    for who, rival in RIVALS.items():
        run_rival(rival, suite, scratch / who)
        rows[who] = figures(suite, scratch / who, tools)
    return table(suite.name, rows)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", type=Path)
    parser.add_argument("--tools", type=Path)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    chosen = parser.parse_args()
    command = ".venv/bin/python benchmarks/side_by_side.py SUITES" + (" --tools TOOLS" if chosen.tools else "")
    parts = [
        PREAMBLE.format(
            idle=NO_DETECTOR,
            command=command,
            rolling=ROLLING_ROWS,
            lags=LAGS,
            budget=TrainingSettings().false_alarms_per_series_day,
        )
    ]
    for suite in sorted(path.parent for path in chosen.suites.glob("*/protocol.json")):
        with tempfile.TemporaryDirectory() as scratch:
            parts.append(compare(suite, Path(scratch), chosen.tools) + "\n")
        print(parts[-1], flush=True)
    chosen.page.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
