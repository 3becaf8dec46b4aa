"""docs/detection.md: what it tells a user to write and to type works, and what it says of the code is so."""

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models import calibration
from models.frames import MetricFrame, SeriesKey
from models.online import alerts, component, season, tail
from models.registry import DETECTORS, ENSEMBLE
from models.segments import SegmentRules
from models.shaping import silence
from models.shaping.options import OPTIONS
from models.shaping.resolve import resolve
from models.shaping.rules_file import parse_rules
from models.shaping.windows import resolve_windows
from models.training import TrainingSettings, train

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
FAULTLINE = str(Path(sys.executable).with_name("faultline"))
STEP_S, DAYS = 600, 14
KEYS = (
    SeriesKey("payments", "latency_p95"),
    SeriesKey("payments", "error_rate"),
    SeriesKey("batch-1", "rows"),
    SeriesKey("shop-1", "orders"),
    SeriesKey("canary", "cpu"),
)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def _metrics(days: float, seed: int, *, jump: float = 0.0) -> pd.DataFrame:
    """Ten-minute rows with a day and noise, as a file in the wide form; the first series may jump at noon."""
    n = int(days * 86_400 / STEP_S)
    times = pd.date_range("2026-03-02", periods=n, freq=f"{STEP_S}s", tz="UTC")
    noise = np.random.default_rng(seed).normal(size=(n, len(KEYS)))
    wave = np.sin(2 * np.pi * np.arange(n) * STEP_S / 86_400)[:, None]
    values = np.array([0.2, 0.05, 1000.0, 50.0, 0.4]) * (1 + 0.3 * wave + 0.02 * noise)
    values[n // 2 :, 0] += jump
    return pd.DataFrame(values, columns=[str(key) for key in KEYS]).assign(ts=times.strftime("%Y-%m-%dT%H:%M:%SZ"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the page speaks of, in the directory where a user stands."""
    monkeypatch.chdir(tmp_path)
    _metrics(DAYS, 1).to_csv("history.csv", index=False)
    fresh = _metrics(1, 2, jump=0.4)
    fresh["ts"] = (pd.to_datetime(fresh["ts"]) + pd.Timedelta(days=DAYS)).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    fresh.to_csv("fresh.csv", index=False)
    Path("rules.yaml").write_text(_blocks("yaml")[0], encoding="utf-8")
    labels = "component,start,end\npayments,2026-03-14T12:00:00Z,2026-03-14T13:00:00Z\n"
    Path("incidents.csv").write_text(labels, encoding="utf-8")
    return tmp_path


def test_the_example_of_rules_is_valid_and_complete() -> None:
    """Its one file loads, each entry selects a series of such a system, and every option is in it."""
    (text,) = _blocks("yaml")
    found = parse_rules(text.encode(), "docs/detection.md")
    assert resolve(found.rules, KEYS).unmatched == ()
    assert resolve_windows(found.windows, KEYS).unmatched == ()
    assert {name for rule in found.rules for name in rule.options} == set(OPTIONS)


def test_every_python_block_works(desk: Path) -> None:
    """The blocks run in their order in one session: train, judge, save, restart, take a verdict."""
    names: dict[str, Any] = {}
    for block in _blocks("python"):
        exec(compile(block, "docs/detection.md", "exec"), names)  # noqa: S102  # it is our own page
    assert names["trained"].report.unmatched == ()
    assert {path.name for path in desk.iterdir()} >= {"bundle", "own.npz"}
    assert names["anomaly"].key == KEYS[0]
    assert names["calmer"].model_version != names["bundle"].model_version
    assert names["reset_thresholds"](names["calmer"]).model_version == names["bundle"].model_version


def test_every_command_works(desk: Path) -> None:
    """The console lines succeed in the order in which they stand, beside the files that the page speaks of."""
    lines = [line for block in _blocks("console") for line in block.splitlines()]
    assert len(lines) >= 10
    for line in lines:
        done = subprocess.run(
            [FAULTLINE, *shlex.split(line)[1:]], cwd=desk, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (desk / "memory.npz").is_file()


def test_the_table_of_detectors_is_that_of_the_registry() -> None:
    """Every registered detector has a row with its type, those that ship first."""
    rows = re.findall(r"^\| `(\w+)` \| ([A-Z_]+) \|", PAGE, flags=re.MULTILINE)
    assert [name for name, _ in rows[: len(ENSEMBLE)]] == list(ENSEMBLE)
    assert dict(rows) == {name: kind.type for name, kind in DETECTORS.items()}  # type: ignore[attr-defined]  # a class variable


@pytest.mark.parametrize(
    "said",
    [
        f"For {SegmentRules().refractory_rows} rows another alert",
        f"needs {SegmentRules().escalation} times its score",
        f"{alerts.FATIGUE:.0%}".replace("%", " %") + " harder",
        f"Rows from {SegmentRules().leave} up, with at most {SegmentRules().merge_rows} others",
        f"the medians of the last {season.HOURS} hours",
        f"the median of each slot over {season.DAYS} days",
        f"then every {tail.REFIT_S / 3600:.0f} hours",
        f"weights fall to 1/e in {tail.FADE_DAYS:.0f} days",
        f"then follows {component.LEVEL_ROWS} rows",
        f"fewer than {TrainingSettings().least_values} values",
        f"a budget of {TrainingSettings().false_alarms_per_day} means",
        f"by {np.expm1(calibration.FEEDBACK_STEP):.0%}".replace("%", " %"),
        f"missed {silence.MOST_MISSING_SHARE:.0%}".replace("%", " %"),
    ],
)
def test_figures_of_the_code_are_those_of_the_page(said: str) -> None:
    """A constant that changes has to change the page."""
    assert said in TEXT


def test_the_state_of_a_series_is_as_small_as_said() -> None:
    """Below 20 KB a series at a step of one minute, with the shipped detectors."""
    values = np.random.default_rng(1).normal(size=(1440, 4))
    keys = tuple(SeriesKey("a", str(place)) for place in range(4))
    frame = MetricFrame(start=np.datetime64("2026-03-02", "us"), step_s=60.0, keys=keys, values=values)
    memory = train(frame, TrainingSettings(), created=datetime(2026, 3, 3, tzinfo=UTC)).bundle.memory
    assert "below 20 KB a series" in TEXT
    assert sum(array.nbytes for array in memory.to_arrays().values()) / len(keys) < 20_000
