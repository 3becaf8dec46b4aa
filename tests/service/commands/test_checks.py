"""``faultline checks``: validate, run, export."""

import json

import jsonschema
import pytest
from typer.testing import CliRunner

from models.errors import ConfigurationError, InputError
from models.frames import SeriesKey
from models.sources.files import read_metrics
from service.cli import app
from service.store.checks import CheckStore
from service.store.sql import SqlStore

GOOD = """\
version: 1
checks:
  - {id: disk, component: host, type: FILE_SYSTEM, path: /, interval_s: 0.1}
  - id: memory
    component: host
    type: MEMORY_USAGE
    thresholds:
      - {metric: available_bytes, unit: B, critical: 1}
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A good file and one whose check fails, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAULTLINE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(GOOD.replace("path: /", f"path: {tmp_path}/none"))
    (tmp_path / "wrong.yaml").write_text(GOOD.replace("unit: B", "unit: s"))
    return tmp_path


def ran(*words):
    """What a command said."""
    return CliRunner().invoke(app, ["checks", *words])


def test_a_good_file_is_told(files):
    """Each check is a line; as JSON it can be read by programs."""
    result = ran("check", "good.yaml")
    assert result.exit_code == 0
    assert "2 health checks are valid" in result.output
    listed = json.loads(ran("check", "good.yaml", "--json").output)["checks"]
    assert [entry["id"] for entry in listed] == ["disk", "memory"]


def test_a_wrong_file_is_refused(files):
    """File, line and remedy are named."""
    error = ran("check", "wrong.yaml").exception
    assert isinstance(error, ConfigurationError)
    assert "wrong.yaml: line 8" in str(error)
    assert "use one of: B, KiB" in str(error)
    assert isinstance(ran("run", "wrong.yaml").exception, ConfigurationError)
    service = CliRunner().invoke(app, ["run", "--checks", "wrong.yaml", "--json"])
    assert isinstance(service.exception, ConfigurationError)  # before anything is learnt
    assert not (files / "data").exists()


def test_the_schema_is_one(files):
    """It is a JSON Schema of the year that it says."""
    jsonschema.Draft202012Validator.check_schema(json.loads(ran("schema").output))


def test_a_look_tells_by_its_exit_code(files):
    """0 if all are well, 1 if one is not; nothing is kept."""
    well, unwell = ran("run", "good.yaml"), ran("run", "bad.yaml")
    assert (well.exit_code, unwell.exit_code) == (0, 1)
    assert "HEALTHY   memory (host)" in well.output
    assert "UNHEALTHY disk (host)" in unwell.output
    assert "No such file" in unwell.output
    assert not (files / "data").exists()


def test_results_are_kept_and_exported(files):
    """What runs for a while stays in the store over two lives, and becomes metrics that can be learnt from."""
    for _ in range(2):
        assert ran("run", "good.yaml", "--seconds", "0.6", "--json").exit_code == 0
    store = SqlStore(f"sqlite:///{files}/data/faultline.db")
    kept = CheckStore(store.database)
    assert len(kept.history("memory").items) == 2
    assert kept.states()["memory"].state.runs == 2
    store.close()
    assert ran("export", "checks.parquet", "--step-s", "1").exit_code == 0
    frame = read_metrics(files / "checks.parquet", step_s=1).frame
    assert SeriesKey("host", "disk.free_ratio") in frame.keys
    assert SeriesKey("host", "memory.status") in frame.keys


def test_an_export_of_nothing_is_an_error(files):
    """A store that is not there is not made."""
    assert isinstance(ran("export", "checks.parquet").exception, InputError)
