"""docs/topology.md: what it tells a user to write and to type works, and what it says of the code is so."""

import re
from pathlib import Path

import pytest

from analysis.topology import ConflictKind, EdgeSource, TopologyHistory
from models.sources.topology_file import read_topology_file
from tests.service.commands.conftest import typed

PAGE = (Path(__file__).parent.parent / "docs" / "topology.md").read_text()


def blocks(language):
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The page's own topology.json in the present directory."""
    (tmp_path / "topology.json").write_text(blocks("json")[0])
    monkeypatch.chdir(tmp_path)
    return tmp_path / "topology.json"


def test_the_file_is_read(written):
    """The example holds a call that ended, an alias and attributes."""
    history = TopologyHistory().with_file(read_topology_file(written))
    assert history.canonical("order-service") == "orders"
    assert history.attributes_at(None) == {"orders": {"host": ("h1", "h2"), "zone": ("north",)}}
    assert [len(edge.facts) for edge in history.known()] == [1, 1]


def test_the_code_runs(written, capsys):
    """The lines of Python print what the file says."""
    (code,) = blocks("python")
    exec(compile(code, "docs/topology.md", "exec"), {})  # noqa: S102  # it is our own page
    assert "('web',)" in capsys.readouterr().out
    assert written.exists()


def test_the_options_exist():
    """Every option that the page types is one of the command."""
    options = set(re.findall(r"--[a-z-]+", "".join(blocks("console"))))
    said = typed("topology", "--help").out
    assert {option for option in options if option not in said} == set()


@pytest.mark.parametrize("word", [*EdgeSource, *ConflictKind])
def test_every_source_and_conflict_is_explained(word):
    """The tables name each."""
    assert re.search(rf"^\|[^|]*\b{word}\b", PAGE, flags=re.MULTILINE)
