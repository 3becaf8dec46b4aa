"""What ``faultline train`` may be told, and what it reports."""

import json
import shutil

import pandas as pd
import pytest

from models.bundle import Bundle
from tests.service.commands.conftest import typed
from tests.service.commands.small import LEARNT, small_frame, write

RULES = """
version: 1
rules:
  - {component: "web", direction: above}
  - {component: "nobody", direction: above}
excluded_windows:
  - {component: "nobody", start: 2026-03-10T22:00:00Z, end: 2026-03-11T02:00:00Z}
"""


@pytest.fixture
def history(workplace, shared, monkeypatch):
    """Seven days, with a store of its own."""
    shutil.copy(shared.root / "mlflow.db", workplace / "mlflow.db")  # making one takes seconds
    monkeypatch.setenv("FAULTLINE_TRACKING_URI", f"sqlite:///{workplace / 'mlflow.db'}")
    return write(small_frame().rows(0, LEARNT), workplace / "history.parquet")


def test_all_that_was_asked_for_is_in_the_bundle(history, workplace):
    """Rules, calendar, budget, calibration and detectors; the report says what matched nothing and who cannot alarm."""
    (workplace / "rules.yaml").write_text(RULES, encoding="utf-8")
    words = ["train", history, "--out", workplace / "b", "--rules", workplace / "rules.yaml", "--time-zone"]
    words += ["Europe/Berlin", "--holidays", "DE-BY", "--false-alarms", 0.5, "--budget-per", "fleet"]
    words += ["--calibration", "conformal", "--detector", "spike", "--detector", "seasonal_baseline"]
    said = typed(*words)
    assert said.code == 0, said.err
    bundle = Bundle.load(workplace / "b")
    assert bundle.detectors == ("spike", "seasonal_baseline")
    assert (bundle.settings["budget_per"], bundle.settings["calibration"]) == ("fleet", "conformal")
    assert bundle.settings["false_alarms_per_day"] == 0.5
    calendar = bundle.residuals.calendars[0]
    assert (calendar.time_zone, calendar.holidays) == ("Europe/Berlin", "DE-BY")
    assert len(bundle.shaping.rules) == 2
    assert "unmatched: rules[1] (nobody/*) matches no series" in said.out
    assert "unmatched: excluded_windows[0] (nobody/*) matches no series" in said.out
    assert "3 of 3 series cannot alarm yet" in said.out
    assert "0.5 false alarms of the whole fleet a day" in said.out
    assert "the day of 0 series repeats" in said.out
    assert bundle.model_version in said.out


def test_a_budget_that_conformal_calibration_cannot_keep_is_refused(history):
    """The message says what can be kept."""
    words = ("--calibration", "conformal", "--budget-per", "fleet", "--false-alarms", 0.05)
    said = typed("train", history, *words)
    assert (said.code, "Remedy" in said.err, "tail" in said.err) == (2, True, True)


def test_the_defaults_are_the_shipped_ensemble(history, workplace):
    """Text and JSON tell the same; the same history gives the same model version."""
    said = typed("train", history, "--out", workplace / "b")
    told = json.loads(typed("train", history, "--json").out)
    assert said.code == 0, said.err
    assert told["model_version"] == Bundle.load(workplace / "b").model_version
    assert told["model_version"] in said.out
    assert (told["n_series"], told["cannot_alarm"], told["unmatched"], told["by_day"]) == (3, 0, [], 0)
    assert "cannot alarm" not in said.out
    assert "0.1 false alarms per series and day" in said.out
    assert list(told["alarms_per_series_day"]) == list(Bundle.load(workplace / "b").detectors)


def test_series_that_were_not_learnt_are_named(history, workplace):
    """The first five with the reason, and how many more."""
    table = small_frame().rows(0, LEARNT).to_long()
    few = table[table["metric"] == "cpu"].head(8)
    strangers = [few.assign(component=f"young-{number}") for number in range(7)]
    pd.concat([table, *strangers]).to_parquet(workplace / "more.parquet")
    said = typed("train", workplace / "more.parquet")
    assert said.code == 0, said.err
    assert said.out.count("8 values, 120 are needed") == 5
    assert "not learnt: 2 more series" in said.out


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--time-zone", "Mars/Base"), "Mars/Base"),
        (("--holidays", "XX"), "XX"),
        (("--budget-per", "planet"), "--budget-per"),
        (("--calibration", "feeling"), "--calibration"),
        (("--detector", "oracle"), "oracle"),
        (("--detector", "spike", "--detector", "spike"), "each once"),
        (("--rules", "gone.yaml"), "gone.yaml"),
        (("--false-alarms", "0"), "--false-alarms"),
    ],
)
def test_wrong_wishes_are_named_before_the_file_is_read(workplace, words, names):
    """The history does not even exist."""
    said = typed("train", "gone.csv", *words)
    assert (said.code, said.out) == (2, "")
    assert names in said.err
    assert "gone.csv" not in said.err
    assert "Traceback" not in said.err
