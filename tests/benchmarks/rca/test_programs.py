"""The programs: each measures small suites and writes its page where it is told."""

import numpy as np
import pytest

from analysis.rootcause.settings import RootCauseSettings
from benchmarks import rca_ablation, rca_robustness, rca_side_by_side, rca_speed
from benchmarks.rca.graphs import CALLS, GRAPHS
from benchmarks.rca.methods import Answer, collectors
from benchmarks.rca.run import find_suites
from benchmarks.rca.trained import learn
from tests.benchmarks.rca.made_cases import made_suites, metric_case, write_suite


@pytest.fixture
def suites(tmp_path):
    """Two suites of small cases."""
    return made_suites(tmp_path / "suites")


@pytest.fixture(autouse=True)
def pages(tmp_path, monkeypatch):
    """No test writes into the documentation."""
    for program in (rca_side_by_side, rca_ablation, rca_robustness, rca_speed):
        monkeypatch.setattr(program, "PAGE", tmp_path / "page.md")
    return tmp_path / "page.md"


def test_the_contest_is_written(suites, pages, tmp_path, capsys):
    """Every method on every suite; what has no reason yet is said on the other stream."""
    (tmp_path / "score_rca.py").write_text("from analysis.benchmark import score_suite as score\n")
    rca_side_by_side.main([str(suites), "--tools", str(tmp_path)])
    text = pages.read_text()
    assert "Hits are counted by `score_rca.py`." in text
    assert "| Faultline | **1.000** | **1.000** | **1.000** |" in text
    assert "| counting alerts | cannot run | **1.000** |" in text
    assert "| measured | memory | 1 | 1.000 |" in text
    assert str(suites) not in text
    assert capsys.readouterr().err == ""


def test_a_part_of_the_contest_leaves_the_page(suites, pages, tmp_path, capsys):
    """It is printed, and written where it is told alone; a missing reason is named."""
    rca_side_by_side.main([str(suites), "told", "--rival", "alerts", "--page", str(tmp_path / "part.md")])
    assert not pages.exists()
    assert "`analysis.benchmark`" in (tmp_path / "part.md").read_text()
    assert "## told (1 cases)" in capsys.readouterr().out


def test_missing_reasons_are_said(suites, monkeypatch, capsys):
    """Where another one is better and nobody has written why."""
    monkeypatch.setattr(rca_side_by_side, "Ours", lambda: lambda case: Answer(ranking=("web", "orders", "db")))
    rca_side_by_side.main([str(suites), "told"])
    assert "no reason yet: told, AC@1: graph traversal 1.000, ours 0.000" in capsys.readouterr().err


def test_a_ranker_is_learnt_from_the_training_split(tmp_path, capsys):
    """It ranks the test split, and other systems are ranked as without it; without a split nobody learns."""
    made = made_suites(tmp_path)
    db = {"components": ["db"], "fault": "cpu"}
    cases = [metric_case(f"case{i}", culprit=("db", "cache")[i % 2]) for i in range(12)]
    truths = {case.name: db | {"components": [("db", "cache")[i % 2]]} for i, case in enumerate(cases)}
    truths = {name: entry | {"split": ("train", "test")[i >= 10]} for i, (name, entry) in enumerate(truths.items())}
    write_suite(made / "split", cases, truths)
    rca_side_by_side.main([str(made), "measured", "split", "--rival", "alerts", "--trained"])
    out = capsys.readouterr().out
    assert out.count("| Faultline, trained | **1.000** |") == 2
    assert learn(find_suites(made, ["measured"]), tmp_path / "none") is None


def test_chance_is_what_random_orders_reach(suites):
    """Exact, as the mean over many orders shows."""
    suite = find_suites(suites, ["measured"])[0]
    names = ("cache", "db", "orders", "web")
    row = rca_side_by_side.chance(suite, dict.fromkeys(suite.cases, Answer(ranking=names)))
    random = np.random.default_rng(1)
    ranks = np.array([random.permutation(4)[0] + 1 for _ in range(4000)])
    assert row.figures["AC@1"] == 0.25
    assert row.figures["AC@5"] == 1.0
    assert row.figures["AC@3"] == pytest.approx((ranks <= 3).mean(), abs=0.03)


def test_the_ablation_is_written(suites, pages):
    """A row a collector and a graph, each beside the shipped one."""
    rca_ablation.main([str(suites)])
    text = pages.read_text()
    assert all(f"| without {name} |" in text for name in collectors())
    assert "| as shipped | 1.000 | 1.000 | 1.000 |" in text
    assert all(f"| {name} |" in text for name in GRAPHS | CALLS)
    assert "Every case was answered in every row." in text
    assert "halved and doubled\n" not in text


def test_every_setting_is_halved_and_doubled():
    """As far as it may; whole numbers stay whole, shares end at 1."""
    rows = rca_ablation.settings()
    assert rows["alert_weight doubled (2)"].method.settings.alert_weight == 2.0
    assert rows["explained_share doubled (1)"].method.settings.explained_share == 1.0
    assert rows["explained_steps halved (2)"].method.settings.explained_steps == 2
    assert all(row.method.settings != RootCauseSettings() for row in rows.values())


def test_one_row_of_the_settings(suites, pages, capsys):
    """Printed beside the shipped one; the page stays; an unknown row is named."""
    rca_ablation.main([str(suites), "--settings", "--row", "alert_weight halved (0.5)"])
    assert "## Settings halved and doubled" in capsys.readouterr().out
    assert not pages.exists()
    with pytest.raises(SystemExit, match="no such row: nothing; there are without"):
        rca_ablation.main([str(suites), "--row", "nothing"])


def test_the_robustness_is_written(suites, pages):
    """Losses with their differences, and nothing changed by another order."""
    rca_robustness.main([str(suites)])
    text = pages.read_text()
    assert "| clean, detected 0 % late | 1.000 | 1.000 | 1.000 |" in text
    assert "| no logs | 1.000 (=) | 1.000 (=) | 1.000 (=) |" in text
    assert "| columns and edges shuffled | measured | 3 | 0 | 0 | 0 | 0 |" in text
    assert "| components renamed | told | 1 | 0 |" in text


def test_one_row_of_the_robustness(suites, pages, capsys):
    """Beside the clean one; the page stays."""
    rca_robustness.main([str(suites), "measured", "--row", "no traces"])
    assert "| no traces |" in capsys.readouterr().out
    assert not pages.exists()


def test_speed_and_memory_are_measured(pages, capsys):
    """Each size in its own process, with the rank of the fault; sizes of one's own leave the page."""
    rca_speed.main(["--size", "4x3", "--size", "8x3", "--repetitions", "1"])
    out = capsys.readouterr().out
    assert [line.split(" |")[1] for line in out.splitlines() if line.startswith(("| 4", "| 8"))] == [" 12", " 24"]
    assert "Time grows with the size to the power of" in out
    assert not pages.exists()
    with pytest.raises(SystemExit, match="4y3 is no size"):
        rca_speed.main(["--size", "4y3"])


def test_the_profile_lists_functions_of_the_project(capsys):
    """The diagnosis on top."""
    rca_speed.main(["--profile", "--size", "5x3"])
    assert "pipeline.py:diagnose" in capsys.readouterr().out.splitlines()[1]


def test_a_made_case_is_the_same_each_time():
    """Values and edges; its fault is found first."""
    one, other = rca_speed.made_case(30, 6), rca_speed.made_case(30, 6)
    assert np.array_equal(one.frame.values, other.frame.values)
    assert one.edges == other.edges
    assert rca_speed.measure(30, 6, 1)["rank"] == 1
