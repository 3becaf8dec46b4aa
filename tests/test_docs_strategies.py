"""docs/strategies.md: its files are read, its code and commands run, and what it says of the language is so."""

import re
import tomllib
from pathlib import Path

import pytest

from models.errors import ConfigurationError
from models.shaping.yaml_reader import DEEPEST
from service.config import EngineSettings
from service.policies import load_policies
from service.ports import ActionKind
from service.recovery.boundaries import IsolationType
from service.recovery.documents import read_strategies
from service.recovery.facts import FINDING_FACTS, VERIFICATION_FACTS
from service.recovery.mistakes import MAX_CHARACTERS
from service.recovery.strategies import _ACTIONS, RecoveryType, StepType
from service.recovery.syntax import KEYWORDS, MAX_DEPTH, MAX_LENGTH, OPERATORS
from tests.service.commands.conftest import typed

PAGE = (Path(__file__).parent.parent / "docs" / "strategies.md").read_text(encoding="utf-8")
COMPONENTS = ("web", "orders", "cart")


def blocks(language):
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The page's own files in the present directory."""
    strategies, boundaries = blocks("yaml")
    (tmp_path / "strategies.yaml").write_text(strategies)
    (tmp_path / "boundaries.yaml").write_text(boundaries)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_files_are_read_as_the_settings_name_them(written):
    """Both, against each other and the components of a system."""
    settings = EngineSettings(**tomllib.loads(blocks("toml")[0])["engine"])
    loaded = load_policies(settings.strategies, settings.boundaries, COMPONENTS)
    assert loaded.boundaries.of("web").id == "rest"
    assert loaded.strategies.of("restart-slowly").approvals == 2


def test_the_commands_run(written):
    """Each line as it is printed."""
    for line in blocks("console")[0].splitlines():
        said = typed(*line.split()[1:])
        assert (said.code, bool(said.out)) == (0, True), said.err


def test_the_code_runs(capsys):
    """The guard refuses and says why."""
    (code,) = blocks("python")
    exec(compile(code, "docs/strategies.md", "exec"), {})  # noqa: S102  # it is our own page
    assert capsys.readouterr().out == "shop boundary shop blocks it\n"


def test_the_error_is_the_real_one():
    """With line and column of the page's own file."""
    text = blocks("yaml")[0].replace("category ==", "categry ==")
    with pytest.raises(ConfigurationError) as caught:
        read_strategies(text, source="strategies.yaml")
    assert str(caught.value) == blocks("text")[0].strip()


@pytest.mark.parametrize("fact", [*FINDING_FACTS.values(), *VERIFICATION_FACTS.values()], ids=lambda fact: fact.name)
def test_every_fact_is_explained(fact):
    """Name, type, meaning and words are those of the code."""
    words = f" *{', '.join(fact.words)}*" if fact.words else ""
    assert f"| {fact.name} | {fact.type} | {fact.meaning}{words} |" in PAGE


@pytest.mark.parametrize("kind", StepType)
def test_every_step_type_tells_its_actions(kind):
    """The table and the code name the same."""
    (row,) = re.findall(rf"^\| {kind} \| (.*) \|$", PAGE, flags=re.MULTILINE)
    assert set(re.findall(r"[A-Z]+_[A-Z]+", row)) == set(_ACTIONS[kind])


@pytest.mark.parametrize("word", [*ActionKind, *RecoveryType, *IsolationType, *KEYWORDS, *OPERATORS])
def test_every_word_is_named(word):
    """Of actions, types and the language."""
    assert re.search(rf"(?<![A-Z=<>!]){re.escape(word)}(?![A-Z=])", PAGE)


def test_the_limits_are_those_of_the_code():
    """Numbers of the page."""
    assert f"{MAX_LENGTH:,} characters, nested {MAX_DEPTH}\ndeep" in PAGE
    assert f"nesting over {DEEPEST}, files over {MAX_CHARACTERS:,} characters" in PAGE
