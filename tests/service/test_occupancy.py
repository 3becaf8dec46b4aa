"""One process at a time in a directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import ConfigurationError
from service.occupancy import LOCK, occupied

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
from service.occupancy import occupied

with occupied(Path("run")):
    print("in", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path, monkeypatch):
    """Another process in the directory ``run``."""
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "in\n"
        yield process
        process.kill()


def test_a_second_process_is_refused(owner):
    """The error names the directory, the process that is in it and the remedy; the owner's lock is left alone."""
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=rf"run is in use .* {owner.pid}\. Remedy: .*FAULTLINE_DATA_DIR"):
            occupied(Path("run")).__enter__()
    assert Path("run", LOCK).read_text(encoding="ascii") == f"{owner.pid}\n"


def test_the_lock_of_a_dead_process_is_taken_over(owner):
    """A process that was killed keeps nobody out, although its number stands in the file."""
    owner.kill()
    owner.wait()
    with occupied(Path("run")) as directory:
        assert (directory / LOCK).read_text(encoding="ascii") == f"{os.getpid()}\n"


def test_leaving_lets_the_next_one_in(tmp_path):
    """After the block, and after an error in it, the directory is free; within one process it is one at a time too."""
    with pytest.raises(KeyError), occupied(tmp_path / "deep" / "run"):
        raise KeyError
    with occupied(tmp_path / "deep" / "run") as directory, pytest.raises(ConfigurationError), occupied(directory):
        pytest.fail("two are in")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe nonsense", b"9" * 5000])
def test_a_strange_lock_file_is_overwritten(tmp_path, content):
    """Whatever stands in the file, the lock decides; nothing of it remains."""
    (tmp_path / LOCK).write_bytes(content)
    with occupied(tmp_path):
        assert (tmp_path / LOCK).read_text(encoding="ascii") == f"{os.getpid()}\n"


def test_a_file_in_the_place_is_named(tmp_path):
    """A directory that cannot be made is the system's error with its path."""
    (tmp_path / "run").touch()
    with pytest.raises(FileExistsError, match="run"):
        occupied(tmp_path / "run").__enter__()
