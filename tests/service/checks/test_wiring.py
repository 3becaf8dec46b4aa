"""The health checks of the service: wired by the settings, tripping real breakers, kept in its store."""

import pytest

from models.errors import ConfigurationError
from service.bootstrap import simulated
from service.check_config import CheckConfig
from service.checks.assemble import context_of, runner_of
from service.clock import SystemClock
from service.config import Settings, load_settings
from service.records import RecordKind
from service.recovery.breakers import CircuitState
from service.store.sql import SqlStore
from tests.service.checks.peers import until
from tests.trained_system import a_bundle, a_history, a_system

FILE = """\
version: 1
checks:
  - id: files
    component: payment
    type: FILE_SYSTEM
    path: {path}
    interval_s: 0.05
    retry_interval_s: 0.02
    max_retries: 1
    successes: 1
    jitter: 0
    trips_breaker: true
"""


@pytest.fixture
def file(tmp_path):
    """A file of one check, on a directory that is there."""
    file = tmp_path / "checks.yaml"
    (tmp_path / "data").mkdir()
    file.write_text(FILE.format(path=tmp_path / "data"))
    return file


def wired(file, **config):
    """The service around a simulated system."""
    settings = Settings(store_url="sqlite://", checks=CheckConfig(file=file, **config))
    return simulated(a_system(), a_bundle(), a_history(), settings)


def test_a_failing_check_opens_the_breaker_of_its_component(file):
    """When the directory goes away the breaker opens, the ledger says why, and a return is told too."""
    app = wired(file)
    try:
        with app.checks:
            until(lambda: app.checks.overview().status == "HEALTHY")
            (file.parent / "data").rename(file.parent / "gone")
            until(lambda: _breaker(app).state is CircuitState.OPEN)
            assert _breaker(app).reason.startswith("health check files: ")
            until(lambda: _health(app) == "UNHEALTHY")
            (file.parent / "gone").rename(file.parent / "data")
            until(lambda: app.checks.overview().status == "HEALTHY")
        assert app.desk.status().is_ready
        told = [r for r in app.store.records(kind=RecordKind.HEALTH_CHANGED) if r.data.get("check") == "files"]
        assert [(r.subject, r.data["status"]) for r in told] == [("payment", "UNHEALTHY"), ("payment", "HEALTHY")]
        assert all(r.at == app.desk.now() for r in told)  # in the time of the replay
    finally:
        app.store.close()


def test_a_file_that_changes_is_read_again(file):
    """A mistake leaves the checks in force; mending it brings the new ones."""
    app = wired(file, reload_s=0.05)
    good = file.read_text()
    try:
        with app.checks:
            until(lambda: app.checks.view("files").runs > 0)
            file.write_text(good.replace("jitter: 0", "jitter: much"))
            until(lambda: "line 11" in app.checks.refused)
            runs = app.checks.view("files").runs
            until(lambda: app.checks.view("files").runs > runs)
            file.unlink()
            until(lambda: "No such file" in app.checks.refused)
            file.write_text(good.replace("id: files", "id: renamed"))
            until(lambda: "renamed" in app.checks.checks)
            assert app.checks.refused == ""
    finally:
        app.store.close()


@pytest.mark.parametrize(
    ("old", "new", "named"), [("component: payment", "component: nobody", "no breaker"), ("version: 1", "", "version")]
)
def test_a_wrong_file_is_refused_at_the_start(file, old, new, named):
    """The service does not begin without the checks that it was told to run."""
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ConfigurationError, match=named):
        wired(file)


def test_a_missing_file_is_refused_at_the_start(tmp_path):
    """With its name and a remedy."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml cannot be read"):
        wired(tmp_path / "nowhere.yaml")


def test_without_a_file_there_are_no_checks():
    """Nothing runs, and that is said."""
    app = simulated(a_system(), a_bundle(), a_history(), Settings(store_url="sqlite://"))
    with app.checks:
        assert (app.checks.views(), app.checks.overview().reason) == ((), "there is no check")
        app.checks.reload()
    app.store.close()


def test_functions_of_an_application_are_checks(tmp_path):
    """What is registered in code can be named in the file."""
    file = tmp_path / "checks.yaml"
    file.write_text(
        "version: 1\nchecks:\n  - {id: lag, component: a, type: CUSTOM, function: lag, metrics: {lag: s}, jitter: 0,\n"
        "     thresholds: [{metric: lag, unit: min, warning: 1}]}\n"
    )
    config = CheckConfig(file=file)
    context = context_of(config, functions={"lag": lambda: {"lag": 90.0}})
    store = SqlStore("sqlite://")
    options = {"database": store.database, "now": SystemClock().now, "publish": store.append}
    with runner_of(config, context, **options) as runner:
        until(lambda: runner.view("lag").status == "DEGRADED")
        assert runner.view("lag").reason == "lag is 90 s, the warning threshold is 60 s"
    store.close()


def test_settings_name_what_checks_may_use(tmp_path, monkeypatch):
    """Commands by whole paths, databases without showing their passwords; by environment too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAULTLINE_CHECKS__COMMANDS", '{"queue": ["/bin/true", "-x"]}')
    monkeypatch.setenv("FAULTLINE_CHECKS__DATABASES", '{"orders": "postgresql://u:s3cret@db/orders"}')
    settings = load_settings()
    assert "s3cret" not in repr(settings)
    context = context_of(settings.checks)
    assert context.commands["queue"] == ("/bin/true", "-x")
    assert "s3cret" in context.databases["orders"]
    monkeypatch.setenv("FAULTLINE_CHECKS__COMMANDS", '{"queue": ["true"]}')
    with pytest.raises(ConfigurationError, match="whole path"):
        load_settings()


def _health(app):
    return next(one.health for one in app.desk.component_states() if one.component == "payment")


def _breaker(app):
    return next(one for one in app.desk.breakers() if one.name == "payment")
