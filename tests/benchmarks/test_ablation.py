"""The ablation: its changes fit the sources, a changed copy is what is measured, and the page tells the effect."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import ablation
from benchmarks.ablation import ROOT, main
from benchmarks.ablation_page import found, overview, page, table
from benchmarks.ablation_parts import KEPT, SHIPPED, Change, Part, all_parts, copy_models
from models.registry import DETECTORS, ENSEMBLE
from models.segments import SegmentRules
from models.training import TrainingSettings

TRAIN_ROWS, EVENT = 600, [700, 710]
FIGURES = {
    "AUC-PR": 0.5,
    "event F1, one threshold": 0.4,
    "event F1, own boundary": 0.3,
    "delay-7 F1": 0.6,
    "false alarms per series and day": 0.1,
}


@pytest.fixture
def suites(tmp_path):
    """A directory with a suite of one short series."""
    place = tmp_path / "suites" / "small"
    place.mkdir(parents=True)
    values = 50.0 + np.random.default_rng(5).normal(size=800)
    values[EVENT[0] : EVENT[1]] += 30.0
    times = np.datetime64("2026-03-02T00:00:00", "us") + np.arange(800) * np.timedelta64(300, "s")
    pq.write_table(pa.table({"ts": pa.array(times, pa.timestamp("us", "UTC")), "m": values}), place / "made.parquet")
    (place / "truth.json").write_text(json.dumps({"made": {"train_rows": TRAIN_ROWS, "events": [EVENT]}}))
    (place / "protocol.json").write_text(json.dumps({"made": TRAIN_ROWS}))
    (place / "suite.json").write_text(json.dumps({"name": "small"}))
    return tmp_path / "suites"


def test_every_detector_has_its_rows():
    """Each of the ensemble is removed and stands alone, each optional one is added."""
    parts = all_parts()
    assert next(iter(parts)) == SHIPPED
    for name in ENSEMBLE:
        assert set(parts[f"without {name}"].settings["detectors"]) == set(ENSEMBLE) - {name}
        assert parts[f"{name} alone"].settings["detectors"] == (name,)
    for name in set(DETECTORS) - set(ENSEMBLE):
        assert parts[f"with {name}"].settings["detectors"] == (*ENSEMBLE, name)


def test_every_setting_is_taken_by_the_training():
    """No row asks for what TrainingSettings or SegmentRules do not know."""
    for part in all_parts().values():
        given = dict(part.settings)
        rules = SegmentRules(**given.pop("rules", {}))
        TrainingSettings(**given, rules=rules)


def test_every_change_fits_the_sources(tmp_path):
    """Each constant, function and line that a row exchanges is there, and the changed module is still Python."""
    copy_models(ROOT, tmp_path)
    for part in all_parts().values():
        for change in part.changes:
            path = tmp_path / "models" / change.module
            before = path.read_text()
            change.apply(tmp_path / "models")
            after = path.read_text()
            assert after != before
            compile(after, str(path), "exec")
            path.write_text(before)


@pytest.mark.parametrize(
    "change",
    [
        Change(module="m.py", appended="NEW = 1\n"),
        Change(module="m.py", appended="def new():\n    pass\n"),
        Change(module="m.py", removed="gone\n"),
        Change(module="m.py", removed="ONE = 1\n"),
    ],
)
def test_a_change_that_no_longer_fits_is_refused(tmp_path, change):
    """A name that was renamed, or a line that is gone or there twice, ends the run rather than to measure nothing."""
    (tmp_path / "m.py").write_text("ONE = 1\nONE = 1\n")
    with pytest.raises(ValueError, match=r"m\.py"):
        change.apply(tmp_path)


def test_a_later_definition_replaces_the_first(tmp_path):
    """The shipped one may be kept under one name to be called by the new one."""
    (tmp_path / "m.py").write_text("A, B = 1, 2\n\n\ndef f():\n    return A\n")
    Change(module="m.py", appended=f"A = 7\n{KEPT} = f\n\n\ndef f():\n    return -{KEPT}()\n").apply(tmp_path)
    scope = {}
    exec((tmp_path / "m.py").read_text(), scope)  # noqa: S102  # what the test has written
    assert scope["f"]() == -7


def test_another_package_than_the_copy_is_not_measured(suites, tmp_path):
    """In a process that has imported the detection already, a row is refused."""
    copy_models(ROOT, tmp_path)
    with pytest.raises(RuntimeError, match="measures"):
        ablation.measure({}, [suites / "small"], None, tmp_path)


def test_a_row_is_measured_on_its_copy(suites, tmp_path, capsys, monkeypatch):
    """A detection that may not begin an alert finds nothing, the shipped one the event; a part leaves the page."""
    interpreted = Change(module="compiled.py", appended="def compiled(function):\n    return function\n")
    copy_models(ROOT, tmp_path / "interpreted", (interpreted,))
    monkeypatch.setattr(ablation, "ROOT", tmp_path / "interpreted")
    mute = Change(module="scoring.py", appended="def _alerts(*given):\n    return np.zeros(given[3].shape).T\n")
    parts = {SHIPPED: Part(name=SHIPPED), "mute": Part(name="mute", changes=(mute,))}
    monkeypatch.setattr(ablation, "all_parts", lambda: parts)
    monkeypatch.setattr(ablation, "PAGE", tmp_path / "whole.md")
    main([str(suites), "--row", "mute", "--page", str(tmp_path / "part.md")])
    shipped, muted = capsys.readouterr().out.strip().splitlines()[-2:]
    assert shipped.startswith("| as shipped | 0.")
    assert "| mute | 0." in muted
    assert "| 0.000 (-1.000) |" in muted
    assert "Not measured" not in (tmp_path / "part.md").read_text()
    assert not (tmp_path / "whole.md").exists()


def test_what_is_unknown_is_named(suites):
    """A suite or a row that is not there ends the run with those that are."""
    with pytest.raises(SystemExit, match="no such suite: tiny; there are small"):
        main([str(suites), "tiny"])
    with pytest.raises(SystemExit, match="no such row: nothing; there are as shipped"):
        main([str(suites), "--row", "nothing"])


def test_a_difference_stands_in_parentheses():
    """Signed, in the digits of the figure; nothing but a sign of equality where both print alike."""
    rows = {
        SHIPPED: FIGURES | {"NAB standard": 60.0},
        "x": FIGURES | {"AUC-PR": 0.45, "delay-7 F1": 0.6001, "NAB standard": 61.26},
    }
    text = table("nab", rows).splitlines()
    assert text[-2].startswith("| as shipped | 0.500 | 0.400")
    assert "| 0.450 (-0.050) |" in text[-1]
    assert "| 0.600 (=) |" in text[-1]
    assert text[-1].endswith("| 61.3 (+1.3) |")


def test_the_overview_counts_worse_and_better():
    """More false alarms are worse, a small difference is none, the means go over the suites."""
    worse = FIGURES | {"AUC-PR": 0.4, "false alarms per series and day": 0.2, "delay-7 F1": 0.604}
    rows = {SHIPPED: {"a": FIGURES, "b": FIGURES}, "x": {"a": worse, "b": FIGURES | {"delay-7 F1": 0.7}}}
    assert overview(rows).splitlines()[-1] == "| x | -0.050 | +0.000 | +0.000 | +0.052 | +0.050 | 2 | 1 |"
    assert "Not measured yet: y." in page(rows, command="c", missing=["y"])


def test_what_was_found_follows_from_the_counts():
    """A part whose removal costs, one whose removal pays, and one that does nothing; one alone is not judged."""
    rows = {
        SHIPPED: {"a": FIGURES},
        "costs": {"a": FIGURES | {"AUC-PR": 0.6}},
        "pays": {"a": FIGURES | {"AUC-PR": 0.4}},
        "idle": {"a": FIGURES},
        "spike alone": {"a": FIGURES | {"AUC-PR": 0.1}},
    }
    text = found(rows)
    assert "- More figures get worse than better by: pays (1 worse, 0 better)." in text
    assert "- More figures get better than worse by: costs (0 worse, 1 better)." in text
    assert "- No figure moves by: idle." in text
    assert "alone" not in text


def test_a_row_that_fails_ends_the_run(suites, tmp_path, monkeypatch):
    """With its name and what it said; the rows behind it are not begun."""
    (tmp_path / "broken" / "models").mkdir(parents=True)
    (tmp_path / "broken" / "models" / "__init__.py").write_text("raise ValueError('no such thing')\n")
    monkeypatch.setattr(ablation, "ROOT", tmp_path / "broken")
    with pytest.raises(SystemExit, match=r"(?s)as shipped: .*no such thing"):
        main([str(suites), "small", "--row", "without spike"])
