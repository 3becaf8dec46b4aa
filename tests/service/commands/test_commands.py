"""What the commands do: results for people and for programs."""

import json
import shutil

import pytest

from models.bundle import Bundle
from models.sources.files import read_metrics
from models.tracking import load_champion
from service.store.sql import SqlStore
from tests.service.commands.conftest import typed

COMMANDS = (
    (), ("run",), ("simulate",), ("train",), ("train-ranker",), ("detect",), ("diagnose",), ("bench",),
    ("bench", "rca"), ("bench", "score-rca"), ("bench", "detect"), ("bench", "score-detect"), ("strategies",),
    ("strategies", "check"), ("topology",), ("topology", "discover"), ("patterns",),
)  # fmt: skip
GOOD = """
default: ask
strategies:
  - id: ask
    name: Ask
    type: MANUAL
    condition: severity >= HIGH
    steps:
      - {id: repair, type: RESTART, action: RESTART_COMPONENT, description: by hand}
"""


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(words, flag):
    """Help is an answer, not an error, and describes the command."""
    said = typed(*words, flag)
    assert (said.code, said.err) == (0, "")
    assert "Usage: " in said.out
    assert "--help" in said.out


def test_training_is_tracked_and_reported(shared):
    """One JSON document names the run and the bundle; the champion of the store is that bundle."""
    told = json.loads((shared.root / "train.json").read_text(encoding="utf-8"))
    assert told["tracking"] == shared.tracking
    assert told["run_id"]
    assert Bundle.load(shared.bundle).model_version == told["model_version"]
    assert load_champion(shared.tracking).model_version == told["model_version"]


def test_detection_with_the_champion_and_with_a_bundle(shared, monkeypatch):
    """A case is judged alike by the champion and by the directory; the JSON is one document with the evidence."""
    monkeypatch.setenv("FAULTLINE_TRACKING_URI", shared.tracking)
    by_champion = typed("detect", shared.case, "--json")
    by_bundle = typed("detect", shared.case, "--bundle", shared.bundle, "--json")
    assert by_champion.code == by_bundle.code == 0, by_champion.err
    assert json.loads(by_champion.out) == json.loads(by_bundle.out)
    found = json.loads(by_bundle.out)["anomalies"]
    assert found
    assert {"key", "type", "severity", "confidence", "start", "expected", "score"} <= set(found[0])


def test_detection_for_people(shared):
    """The text names each anomaly's series; a calm history has few."""
    found = json.loads(typed("detect", shared.case, "--bundle", shared.bundle, "--json").out)["anomalies"]
    said = typed("detect", shared.case, "--bundle", shared.bundle)
    assert said.code == 0
    assert all(anomaly["key"]["component"] in said.out for anomaly in found)


def test_a_csv_is_as_good_as_parquet(shared, workplace):
    """The same metrics as wide CSV give the same anomalies; a series that nobody knows is noted."""
    frame = read_metrics(shared.case / "metrics.parquet").frame
    table = frame.to_long().pivot(index="ts", columns=["component", "metric"], values="value")
    table.columns = ["/".join(name) for name in table.columns]
    table["stranger/cpu"] = 1.0
    table.to_csv(workplace / "metrics.csv")
    by_csv = json.loads(typed("detect", workplace / "metrics.csv", "--bundle", shared.bundle, "--json").out)
    by_case = json.loads(typed("detect", shared.case, "--bundle", shared.bundle, "--json").out)
    assert len(by_csv["anomalies"]) == len(by_case["anomalies"])
    assert any("stranger" in note for note in by_csv["notes"])


def test_a_case_is_diagnosed(shared):
    """Text and JSON name the same first cause; the JSON holds ranking, evidence and confidence."""
    said, told = typed("diagnose", "--case", shared.case), typed("diagnose", "--case", shared.case, "--json")
    assert said.code == told.code == 0, told.err
    analysis = json.loads(told.out)
    assert analysis["case"] == shared.case.name
    assert 0 <= analysis["confidence"] <= 1
    assert len(set(analysis["ranking"])) == len(analysis["ranking"]) > 5
    assert analysis["ranking"][0] in said.out
    assert analysis["possible_causes"][0]["evidence"]


def test_a_suite_is_ranked_and_scored(shared, workplace):
    """Predictions for every case, then accuracies; text and JSON agree on the number of cases."""
    predictions = workplace / "deep" / "predictions.json"
    ranked = typed("bench", "rca", shared.suite, "--out", predictions)
    assert (ranked.code, "3 cases" in ranked.out) == (0, True), ranked.err
    assert len(json.loads(predictions.read_text(encoding="utf-8"))) == 3
    told = json.loads(typed("bench", "score-rca", shared.suite, predictions, "--json").out)
    assert told["component"]["n"] == 3
    assert told["component"]["AC@5"] == 1.0
    said = typed("bench", "score-rca", shared.suite, predictions)
    assert (said.code, "n=   3" in said.out) == (0, True)


def test_missing_rankings_are_told(shared, workplace):
    """Predictions for one case of three are scored with two misses, and the text says so; complete ones do not."""
    typed("bench", "rca", shared.suite, "--out", workplace / "p.json")
    assert "missing" not in typed("bench", "score-rca", shared.suite, workplace / "p.json").out
    made = json.loads((workplace / "p.json").read_text(encoding="utf-8"))
    (workplace / "p.json").write_text(json.dumps({shared.case.name: made[shared.case.name]}), encoding="utf-8")
    assert "missing 2 (counted as misses)" in typed("bench", "score-rca", shared.suite, workplace / "p.json").out
    told = json.loads(typed("bench", "score-rca", shared.suite, workplace / "p.json", "--json").out)
    assert (told["missing"], told["component"]["n"]) == (2, 3)


def test_strategies_are_checked(workplace):
    """A good file is counted."""
    (workplace / "mine.yaml").write_text(GOOD, encoding="utf-8")
    said = typed("strategies", "check", workplace / "mine.yaml")
    assert (said.code, "1 strategies are valid" in said.out) == (0, True), said.err


def test_the_main_job_in_one_command(shared, workplace, monkeypatch):
    """From history to a verified repair as one JSON document: the injected component first, resolved, store closed."""
    closed = []
    monkeypatch.setattr(SqlStore, "close", lambda store: closed.append(store.database.close()))
    shutil.copy(shared.root / "mlflow.db", workplace / "mlflow.db")  # making one takes seconds
    monkeypatch.setenv("FAULTLINE_TRACKING_URI", f"sqlite:///{workplace / 'mlflow.db'}")
    said = typed("run", "--no-serve", "--json", "--days", 2, "--fault", "errors", "--component", "payment")
    assert said.code == 0, said.err
    assert len(closed) == 1
    story = json.loads(said.out)
    assert story["injected"]["component"] == "payment"
    assert (story["is_cause_first"], story["incident"]["status"]) == (True, "RESOLVED")
    assert story["resolved_after_s"] > story["detected_after_s"] > 0
    assert {"DECISION_MADE", "RECOVERY_FINISHED"} <= {record["kind"] for record in story["records"]}
