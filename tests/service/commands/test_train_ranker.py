"""``faultline train-ranker``, and the commands that use what it wrote."""

import json
import shutil

import pytest

from analysis.ranking.files import load_ranker, ranker_version
from models.sources.cases import Case, write_case
from models.tracking import RANKER
from tests.analysis.ranking.history import incident
from tests.service.commands.conftest import typed

N = 30


def write_suite(directory, prefix="", n=N):
    """Resolved incidents as a suite; the last five are its test split."""
    truth = {}
    for number in range(n):
        situation, cause = incident(number, prefix=prefix)
        name = f"i{number:02d}"
        parts = {"target": None, "frame": None, "traces": None, "logs": None}
        made = Case(
            name=name, detected_at=situation.detected_at, edges=situation.edges, events=situation.events, **parts
        )
        write_case(made, directory / name)
        truth[name] = {"components": [cause], "fault": "cpu", "split": "train" if number < n - 5 else "test"}
    (directory / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """One system."""
    return write_suite(tmp_path_factory.mktemp("suites") / "shop")


@pytest.fixture
def store(workplace, shared, monkeypatch):
    """An MLflow store of its own; making one takes seconds."""
    shutil.copy(shared.root / "mlflow.db", workplace / "mlflow.db")
    uri = f"sqlite:///{workplace / 'mlflow.db'}"
    monkeypatch.setenv("FAULTLINE_TRACKING_URI", uri)
    return uri


def test_trained_tracked_and_used(suite, store, workplace):
    """Plan, table and verdict are told; the run is in MLflow; benchmark and diagnosis use the directory."""
    said = typed("train-ranker", suite, "--split", "train", "--out", workplace / "r")
    assert said.code == 0, said.err
    version = ranker_version(load_ranker(workplace / "r"))
    for words in (
        "plan: 25 resolved incidents of shop",
        "without   AC@1",
        "learnt    AC@1",
        "  used: It gains",
        version,
    ):
        assert words in said.out
    assert "in other systems: NOT used" in said.out

    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=store, registry_uri=store)
    run = client.get_run(client.get_model_version_by_alias(RANKER, "champion").run_id)
    assert run.data.tags["model_version"] == version
    assert (run.data.params["data.split"], run.data.params["data.incidents"]) == ("train", "25")
    assert run.data.metrics["home.shop.is_used"] == 1
    assert {item.path for item in client.list_artifacts(run.info.run_id)} == {"ranker", "environment.json"}

    words = ("bench", "rca", suite, "--ranker", workplace / "r", "--split", "test", "--out", workplace / "p.json")
    assert typed(*words).code == 0
    predictions = json.loads((workplace / "p.json").read_text(encoding="utf-8"))
    assert sorted(predictions) == [f"i{number}" for number in range(25, 30)]
    assert predictions["i27"]["ranking"][0] == incident(27)[1]
    told = typed("diagnose", "--case", suite / "i27", "--ranker", workplace / "r", "--json")
    assert json.loads(told.out)["most_likely_cause"]["component"] == incident(27)[1]


def test_a_ranker_that_does_not_help_takes_no_alias(suite, store, workplace):
    """It is kept and tracked, and the verdict is in the JSON."""
    small = write_suite(workplace / "small", n=15)
    said = typed("train-ranker", small, "--out", workplace / "r", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["homes"]["small"]["is_used"] is False
    assert "20 are needed" in told["homes"]["small"]["reason"]
    assert (told["abroad"], told["left_out"]) == (None, [])

    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=store, registry_uri=store)
    assert not client.get_registered_model(RANKER).aliases


def test_two_suites_are_two_systems(suite, store, workplace):
    """The plan says that each is left out once; the table has a second part."""
    other = write_suite(workplace / "bank", prefix="b-")
    said = typed("train-ranker", suite, other, "--out", workplace / "r")
    assert said.code == 0, said.err
    assert "each of 2 systems left out once" in said.out
    assert "in other systems (60 incidents" in said.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("train-ranker", "nowhere", "--out", "r"), "nowhere"),
        (("train-ranker", "{suite}", "--split", "dev", "--out", "r"), "use one of: test, train"),
        (("bench", "rca", "{suite}", "--out", "p.json", "--ranker", "nowhere"), "train-ranker"),
        (("diagnose", "--case", "{suite}/i00", "--ranker", "nowhere"), "train-ranker"),
    ],
)
def test_wrong_places_are_told(suite, words, why):
    """Exit code 2, and what to do."""
    said = typed(*(word.replace("{suite}", str(suite)) for word in words))
    assert said.code == 2
    assert why in said.err
    assert "Remedy: " in said.err
