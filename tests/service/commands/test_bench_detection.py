"""``faultline bench detect`` and ``score-detect`` as a user types them."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.service.commands.conftest import typed


@pytest.fixture
def suite(tmp_path):
    """Two series of five days, one of them too short to learn; a spike on the last day."""
    n, day = 720, 144
    times = pd.date_range("2026-03-02", periods=n, freq="10min", tz="UTC").as_unit("us")
    value = np.random.default_rng(4).normal(10, 1, n)
    value[4 * day + 20 : 4 * day + 26] += 40
    for name in ("web", "short"):
        pd.DataFrame({"ts": times, "value": value}).to_parquet(tmp_path / f"{name}.parquet")
    event = [[4 * day + 20, 4 * day + 26]]
    history = {"web": 4 * day, "short": 20}
    truth = {name: {"train_rows": rows, "events": event} for name, rows in history.items()}
    (tmp_path / "protocol.json").write_text(json.dumps(history))
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return tmp_path


@pytest.mark.parametrize("command", ["detect", "score-detect"])
def test_the_commands_explain_themselves(command):
    """Help is an answer, not an error."""
    said = typed("bench", command, "--help")
    assert (said.code, said.err) == (0, "")
    assert "Usage: " in said.out


def test_a_suite_is_scored_and_compared(suite):
    """Scores and a report, then figures; text and JSON agree, and the series that was not scored is named."""
    out = suite / "deep" / "scores"
    report = json.loads(typed("bench", "detect", suite, "--out", out, "--json").out)
    assert report == json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert list(report["skipped"]) == ["short"]
    said = typed("bench", "detect", suite, "--out", out)
    assert (said.code, "not scored: short" in said.out, "2 series written" in said.out) == (0, True, True)
    figures = json.loads(typed("bench", "score-detect", suite, out, "--json").out)
    assert (figures["events"], figures["recall, own boundary"]) == (2, 0.5)
    told = typed("bench", "score-detect", suite, out)
    assert told.code == 0
    assert f"{figures['AUC-PR']:.3f}" in told.out


def test_wrong_places_are_named(suite):
    """No suite, no scores, a file where the scores should go, a damaged truth: one line, no traceback."""
    (suite / "file").write_text("x")
    (suite / "truth.json").write_text("{")
    for words, names in (
        (("detect", suite / "none", "--out", suite / "out"), "protocol.json"),
        (("detect", suite), "--out"),
        (("detect", suite, "--out", suite / "file"), "file"),
        (("score-detect", suite, suite / "none"), "truth.json"),
        (("score-detect", suite / "none", suite), "truth.json"),
    ):
        said = typed("bench", *words)
        assert said.code != 0
        assert names in said.err
        assert "Traceback" not in said.err
