"""``faultline backtest`` as a user types it."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.service.commands.conftest import typed

DAY = 144


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Eight days of two series at ten minutes, with a spike on the last but one; and its label."""
    n, root = 8 * DAY, tmp_path_factory.mktemp("backtest")
    rng = np.random.default_rng(4)
    times = pd.date_range("2026-03-02", periods=n, freq="10min", tz="UTC")
    table = pd.DataFrame({"ts": times, "rate": rng.normal(10, 1, n), "cpu": 0.5 + rng.normal(0, 0.02, n)})
    table.loc[6 * DAY + 20 : 6 * DAY + 25, "rate"] += 40
    table.to_csv(root / "web.csv", index=False)
    label = {"component": ["web"], "start": [times[6 * DAY + 20]], "end": [times[6 * DAY + 26]]}
    pd.DataFrame(label).to_csv(root / "labels.csv", index=False)
    return root


def test_it_explains_itself() -> None:
    """Help is an answer, not an error."""
    said = typed("backtest", "--help")
    assert (said.code, said.err) == (0, "")
    assert "--budget" in said.out


def test_text_report_and_json_agree(history, tmp_path) -> None:
    """What is printed is in report.json, with plots beside it."""
    words = ("backtest", history / "web.csv", "--labels", history / "labels.csv", "--budget", 0.05, "--budget", 0.5)
    said = typed(*words, "--inject", "--out", tmp_path / "deep" / "out")
    assert said.code == 0, said.err
    report = json.loads((tmp_path / "deep" / "out" / "report.json").read_text(encoding="utf-8"))
    assert sorted(path.name for path in (tmp_path / "deep" / "out").iterdir()) == [
        "budget.png",
        "most_abnormal.png",
        "noisiest.png",
        "report.json",
    ]
    assert "budget 0.05 false alarms per series and day" in said.out
    assert "labels: 1 of 1 events found" in said.out
    assert "injected SPIKE" in said.out
    assert "strength of trend" in said.out
    again = json.loads(typed(*words, "--inject", "--json").out)
    assert again == report
    assert [each["budget"] for each in again["budgets"]] == [0.05, 0.5]


def test_plots_can_be_left_out(history, tmp_path) -> None:
    """Then there is the report alone."""
    said = typed("backtest", history / "web.csv", "--train-days", 5, "--out", tmp_path / "out", "--no-plot")
    assert (said.code, [path.name for path in (tmp_path / "out").iterdir()]) == (0, ["report.json"])
    assert "learnt 5 days" in said.out


def test_rules_are_used(history, tmp_path) -> None:
    """The judges of single series are silent when all are excluded."""
    rules = tmp_path / "rules.yaml"
    rules.write_text('version: 1\nrules:\n  - {component: "*", excluded: true}\n', encoding="utf-8")
    report = json.loads(typed("backtest", history / "web.csv", "--rules", rules, "--json").out)
    assert report["budgets"][0]["alerts"] == 0


def test_wrong_input_is_one_message(history, tmp_path) -> None:
    """Exit code 2, the offender and a remedy, no traceback, and nothing written."""
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("ts,rate\n")
    (tmp_path / "short.csv").write_text("ts,rate\n2026-03-02T00:00:00Z,1\n2026-03-02T00:01:00Z,2\n")
    (tmp_path / "nan.csv").write_text("ts,rate\n2026-03-02T00:00:00Z,\n2026-03-02T00:01:00Z,\n")
    (tmp_path / "nobody.csv").write_text("component,start,end\nnobody,2026-03-08T00:00:00Z,2026-03-08T01:00:00Z\n")
    (tmp_path / "rules.yaml").write_text("version: 7\n")
    web = history / "web.csv"
    for words, names in (
        ((tmp_path / "none.csv",), "none.csv"),
        ((tmp_path / "empty.csv",), "empty.csv"),
        ((tmp_path / "header.csv",), "header.csv"),
        ((tmp_path / "short.csv",), "learn"),
        ((tmp_path / "nan.csv",), "not a single value"),
        ((web, "--train-share", 0.5, "--train-days", 3), "--train-share"),
        ((web, "--train-share", 1.5), "train_share is 1.5"),
        ((web, "--train-days", 100), "--train-days"),
        ((web, "--budget", 0), "budget is 0.0"),
        ((web, "--budget", 0.1, "--budget", 0.1), "budgets are"),
        ((web, "--plot"), "--out"),
        ((web, "--labels", tmp_path / "nobody.csv"), "nobody/*"),
        ((web, "--labels", tmp_path / "none.csv"), "none.csv"),
        ((web, "--rules", tmp_path / "rules.yaml"), "rules.yaml"),
        ((web, "--out", tmp_path / "empty.csv"), "empty.csv"),
        ((web, "--budget", "many"), "--budget"),
    ):
        said = typed("backtest", *words)
        assert (said.code, said.out) == (2, ""), words
        assert names in said.err, said.err
        assert "Traceback" not in said.err
