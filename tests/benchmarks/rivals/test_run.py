"""Running the chosen detectors on a suite."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import side_by_side
from benchmarks.rivals import RIVALS
from benchmarks.rivals.run import FIGURES, OURS, RATIO, RECALL, SPEED, measure_suite, run_rival
from models.sources.suites import read_protocol
from tests.benchmarks.rivals.made_series import SPIKE_ROW, TRAIN_ROWS, made_series


@pytest.fixture
def suites(tmp_path):
    """A directory with two suites of one series each."""
    for suite in ("small", "wide"):
        place = tmp_path / "suites" / suite
        place.mkdir(parents=True)
        series = made_series(1 if suite == "small" else 2)
        columns = {metric: series.values[:, i] for i, metric in enumerate(series.metrics)}
        pq.write_table(
            pa.table({"ts": pa.array(series.times, pa.timestamp("us", "UTC")), **columns}), place / "made.parquet"
        )
        truth = {"made": {"train_rows": TRAIN_ROWS, "events": [[SPIKE_ROW, SPIKE_ROW + 3]]}}
        (place / "truth.json").write_text(json.dumps(truth))
        (place / "protocol.json").write_text(json.dumps({"made": TRAIN_ROWS}))
        (place / "suite.json").write_text(json.dumps({"name": suite}))
    return tmp_path / "suites"


def test_a_rival_scores_the_rows_behind_the_history_only(suites, tmp_path):
    """NaN in the history, a number and an alarm at the boundary behind it; the speed is that of all points."""
    speed = run_rival(RIVALS["global-z"], suites / "small", tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "made.parquet").to_pandas()
    assert read_protocol(suites / "small") == {"made": TRAIN_ROWS}
    assert table["score"].isna().tolist() == [row < TRAIN_ROWS for row in range(len(table))]
    assert (table["alarm"] == (table["score"] >= 1.0)).all()
    assert speed > 0


def test_chosen_rivals_are_measured_on_the_same_rows(suites):
    """One row a detector, in the order asked, with all figures; without Faultline there is no ratio."""
    rows = measure_suite(suites / "small", ["rolling-z", "no-detector"], with_ours=False, tools=None)
    assert list(rows) == ["rolling z", "(alarm without end)"]
    assert set(rows["rolling z"]) == {*FIGURES, RECALL, SPEED, RATIO}
    assert rows["rolling z"][RECALL] == 1.0
    assert rows["(alarm without end)"]["normal rows under alarm"] == 1.0


def test_a_part_of_the_contest_leaves_the_page_alone(suites, monkeypatch, capsys, tmp_path):
    """A run over some suites or rivals prints, and writes only where it is told to."""
    monkeypatch.setattr(side_by_side, "PAGE", tmp_path / "whole.md")
    chosen = [str(suites), "wide", "--rival", "global-z", "--rivals-only"]
    side_by_side.main(chosen)
    assert "## wide" in capsys.readouterr().out
    assert not (tmp_path / "whole.md").exists()
    side_by_side.main([*chosen, "--page", str(tmp_path / "part.md")])
    text = (tmp_path / "part.md").read_text()
    assert "SUITES wide --rival global-z --rivals-only" in text
    assert "## small" not in text
    assert OURS not in text


def test_an_unknown_suite_is_named(suites):
    """A name that no directory has ends the run with the names that there are."""
    with pytest.raises(SystemExit, match="no such suite: tiny; there are small, wide"):
        side_by_side.main([str(suites), "tiny"])
