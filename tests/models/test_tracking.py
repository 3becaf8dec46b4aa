"""Trainings in MLflow: everything of a run is there, the champion loads, and the terminal stays quiet."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle import Bundle
from models.errors import TrackingError
from models.tracking import CHAMPION, MODEL, TrackedRun, load_champion, local_uri, log_training
from models.training import TrainingResult
from tests.models.histories import changed, shop, trained


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrackedRun, TrainingResult]:
    """A store with one run; creating the database is what costs, so tests copy it."""
    directory = tmp_path_factory.mktemp("mlflow")
    result = trained(shop())
    return directory, log_training(result, local_uri(directory), shop()), result


@pytest.fixture
def store(template, tmp_path: Path) -> str:
    """A copy of the store's database, to be written to; its first run's artifacts stay where they are."""
    shutil.copy(template[0] / "mlflow.db", tmp_path / "mlflow.db")
    return local_uri(tmp_path)


def _client(uri: str):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def test_a_run_holds_all_that_reproduces_it(template) -> None:
    """Parameters, fingerprint, figures, picture, report, environment and bundle, in a finished run."""
    directory, tracked, result = template
    client = _client(local_uri(directory))
    run = client.get_run(tracked.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["data.fingerprint"] == result.bundle.history.fingerprint
    assert run.data.params["false_alarms_per_day"] == "0.1"
    assert run.data.params["rules.leave"] == "0.7"
    assert run.data.metrics["series"] == 6
    assert "alarms_per_series_day.spike" in run.data.metrics
    assert run.data.tags["model_version"] == result.bundle.model_version
    names = {item.path for item in client.list_artifacts(tracked.run_id)}
    assert names == {"bundle", "environment.json", "most_abnormal_series.png", "report.json"}


def test_the_champion_is_the_bundle_that_was_trained(template) -> None:
    """It comes back through the registry with the same version."""
    directory, tracked, result = template
    assert load_champion(local_uri(directory)).model_version == result.bundle.model_version
    assert _client(local_uri(directory)).get_model_version_by_alias(MODEL, CHAMPION).run_id == tracked.run_id


def test_a_new_training_takes_the_alias_and_a_challenger_does_not(store: str) -> None:
    """One model with versions; who is in use is said by the alias alone."""
    other = trained(changed(shop(), ("shop", "rate"), slice(5, 6), 1.0))
    challenger = log_training(other, store, shop(), alias="challenger")
    assert load_champion(store).model_version != other.bundle.model_version
    assert load_champion(store, alias="challenger").model_version == other.bundle.model_version
    champion = log_training(other, store, shop())
    assert (challenger.version, champion.version) == ("2", "3")
    assert load_champion(store).model_version == other.bundle.model_version


def test_without_a_store_the_error_says_to_train_and_makes_no_database(tmp_path: Path) -> None:
    """Asking for a champion does not create anything."""
    with pytest.raises(TrackingError, match="train first"):
        load_champion(local_uri(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_an_unknown_alias_is_a_tracking_error(store: str) -> None:
    """MLflow's words come in our error."""
    with pytest.raises(TrackingError, match="nobody"):
        load_champion(store, alias="nobody")


def test_a_changed_artifact_is_noticed(template, store: str) -> None:
    """The registry's bundle is checked like any other."""
    from models.errors import BundleError

    _, tracked, _ = template
    other = log_training(trained(shop()), store, shop())
    path = Path(other.bundle_uri.removeprefix("file://")) / "arrays.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BundleError, match="SHA-256"):
        load_champion(store)
    assert Bundle.load(Path(tracked.bundle_uri.removeprefix("file://"))).keys


def test_a_first_training_prints_nothing_and_sends_nothing(tmp_path: Path) -> None:
    """In a fresh process: no output, no thread left, no telemetry client, nothing in the home directory."""
    program = (
        "import threading; from pathlib import Path; from tests.models.histories import shop, trained\n"
        "from models.tracking import local_uri, log_training, load_champion\n"
        f"uri = local_uri(Path({str(tmp_path / 'store')!r}))\n"
        "log_training(trained(shop()), uri, shop()); load_champion(uri)\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "assert get_telemetry_client() is None\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []
