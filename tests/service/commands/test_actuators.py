"""``faultline actuators check``."""

import json

import pytest
from typer.testing import CliRunner

from models.errors import ConfigurationError
from service.cli import app

FILE = """
[actuators.units]
type = "command"
allow = ["RESTART_COMPONENT"]
components.web = { unit = "web.service" }
components.db = { unit = "db.service" }
[actuators.units.commands.RESTART_COMPONENT]
run = ["/bin/echo", "{unit}"]
dry_run = ["/usr/bin/test", "{unit}", "=", "web.service"]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faultline.toml").write_text(FILE)


def test_each_pair_is_rehearsed():
    """One line a pair; a peer that could not is exit code 2."""
    result = CliRunner().invoke(app, ["actuators", "check"])
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert lines[0].startswith("NOT db RESTART_COMPONENT: units: the dry run of RESTART_COMPONENT ended with 1")
    assert lines[1].startswith("ok  web RESTART_COMPONENT: units would call /bin/echo web.service")


def test_it_speaks_json_and_asks_nobody_if_told_so():
    """Everything is possible by the settings alone."""
    result = CliRunner().invoke(app, ["actuators", "check", "--offline", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output)["actions"] == [
        {
            "component": name,
            "action": "RESTART_COMPONENT",
            "actuator": "units",
            "is_possible": True,
            "detail": "units",
        }
        for name in ("db", "web")
    ]


def test_without_actuators_it_says_so(tmp_path):
    """Not a success: nothing was checked."""
    (tmp_path / "faultline.toml").write_text("")
    result = CliRunner().invoke(app, ["actuators", "check"])
    assert isinstance(result.exception, ConfigurationError)
