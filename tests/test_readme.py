"""README.md: what it tells a new user to type works, and what it shows is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FAULTLINE = str(Path(sys.executable).with_name("faultline"))


def _blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def _commands():
    lines = [line.split("  #")[0].strip() for block in _blocks("console") for line in block.splitlines()]
    return [line for line in lines if line.startswith("faultline ")]


@pytest.fixture(scope="module")
def after_the_commands(tmp_path_factory):
    """A directory in which every ``faultline`` line of the README was typed, in order."""
    directory = tmp_path_factory.mktemp("readme")
    for name in ("strategies.yaml", "boundaries.yaml"):
        shipped = (ROOT / "service" / "recovery" / "defaults" / name).read_text(encoding="utf-8")
        (directory / f"my-{name}").write_text(shipped, encoding="utf-8")
    check = f"{{id: disk, component: orders, type: FILE_SYSTEM, path: '{directory}'}}"
    (directory / "my-checks.yaml").write_text(f"version: 1\nchecks:\n  - {check}\n", encoding="utf-8")
    for line in _commands():
        words = shlex.split(line.replace("SUITE", "out/incidents").replace("--days 7", "--days 1"))
        done = subprocess.run(
            [FAULTLINE, *words[1:]], cwd=directory, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return directory


def test_every_command_works(after_the_commands):
    """The console lines of the README succeed in the order in which they stand."""
    assert len(_commands()) >= 7
    assert (after_the_commands / "predictions.json").is_file()


def test_every_python_block_works(after_the_commands):
    """The Python blocks of the README run, in the directory that the console lines made."""
    blocks = _blocks("python")
    assert len(blocks) >= 2
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            cwd=after_the_commands,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"


def test_every_route_exists():
    """The HTTP paths of the README are in the OpenAPI document."""
    from service.api.app import create_app
    from tests.service.api.fakes import FakeBackend

    paths = set(create_app(FakeBackend()).openapi()["paths"])
    named = set(re.findall(r"127\.0\.0\.1:8321(/api/\S+)", README))
    assert len(named) >= 6
    assert {path.replace("INCIDENT", "{incident_id}") for path in named} <= paths


def test_every_picture_and_file_exists():
    """Pictures, files and packages that the README names are in the repository."""
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    files = re.findall(r"`((?:service|models|docs|notebooks|benchmarks)/[\w/.]+)`", README)
    missing = [name for name in [*pictures, *files] if not list(ROOT.glob(f"{name.rstrip('/')}*"))]
    assert pictures
    assert not missing


def test_no_table_is_left_out():
    """Every measured table that the README announces stands in it."""
    assert "<!--" not in README
