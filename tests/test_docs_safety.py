"""docs/safety.md: what it tells a user to write works, and what it says of the code is so."""

import re
from dataclasses import fields
from pathlib import Path

from service.config import load_settings
from service.guard_config import GuardConfig
from service.recovery.degradation_file import read_degradations
from service.recovery.guard_settings import GuardSettings
from service.recovery.guards import Guard
from tests.service.commands.conftest import typed

PAGE = (Path(__file__).parent.parent / "docs" / "safety.md").read_text()


def blocks(language):
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_guard_is_explained():
    """In the table, each once."""
    explained = re.findall(r"^\| ([A-Z_]+) \|", PAGE, flags=re.MULTILINE)
    assert sorted(explained) == sorted(guard.value for guard in Guard)


def test_every_setting_is_explained_with_its_default():
    """Names as in the settings; the numbers that the table states are the defaults."""
    for name in GuardConfig.model_fields:
        assert f"`{name}`" in PAGE, name
    for name, said in re.findall(r"`([a-z_]+)` ([0-9.]+)", PAGE):
        assert getattr(GuardSettings(), name) == float(said), name
    configured = set(GuardConfig.model_fields) - {"environment", "environments"} | {
        "act_on",
        "leave_alone",
        "is_dry_run",
    }
    assert configured == {field.name for field in fields(GuardSettings)}


def test_the_settings_are_read(tmp_path, monkeypatch):
    """The page's own file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faultline.toml").write_text(blocks("toml")[0])
    guard = load_settings().engine.guard.settings(is_dry_run=False)
    assert [guard.is_in_scope(name) for name in ("web-1", "web-admin", "db")] == [True, False, False]
    assert guard.zones_of("web-n") == ("north",)


def test_the_levels_are_valid():
    """The page's own file."""
    (ladder,) = read_degradations(blocks("yaml")[0], source="page")
    assert ladder.features == ("recommendations", "orders")


def test_the_commands_exist():
    """Each line of the console blocks names a command with those options."""
    for line in "".join(blocks("console")).splitlines():
        words = line.split()
        said = typed(*words[1:3], "--help")
        assert said.code == 0, line
        assert all(word in said.out for word in words if word.startswith("--")), line


def test_the_code_runs(capsys):
    """The last block prints the level."""
    exec(compile(blocks("python")[1], "docs/safety.md", "exec"), {})  # noqa: S102  # it is our own page
    assert capsys.readouterr().out == "full True\n"
