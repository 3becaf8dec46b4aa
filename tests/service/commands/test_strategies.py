"""``faultline strategies`` and ``faultline boundaries``: files are listed, mistakes told, schemas given."""

import json
from importlib.resources import files

import pytest

from service.recovery import defaults
from tests.service.commands.conftest import typed
from tests.service.recovery.test_documents import BOUNDARIES, STRATEGIES


@pytest.fixture
def written(tmp_path):
    """Both files."""
    (tmp_path / "s.yaml").write_text(STRATEGIES)
    (tmp_path / "b.yaml").write_text(BOUNDARIES)
    return tmp_path


def test_valid_files_are_listed(written):
    """Each entry with what it is."""
    said = typed("strategies", "check", written / "s.yaml")
    assert (said.code, "2 strategies are valid, the default is ask" in said.out) == (0, True)
    assert "again: SEMIAUTOMATIC, priority 0, 2 steps, when category == RESOURCE" in said.out
    said = typed("boundaries", "check", written / "b.yaml", "--strategies", written / "s.yaml")
    assert (said.code, "shop: SERVICE, 2 components, 1 rules" in said.out) == (0, True)


def test_files_are_given_as_json(written):
    """For other programs."""
    said = json.loads(typed("strategies", "check", written / "s.yaml", "--json").out)
    assert [plan["id"] for plan in said["strategies"]] == ["ask", "again"]
    words = [word for name in ("web", "orders", "cart") for word in ("--component", name)]
    said = json.loads(typed("boundaries", "check", written / "b.yaml", *words, "--json").out)
    assert [one["components"] for one in said["boundaries"]] == [["orders", "cart"], ["web"]]


@pytest.mark.parametrize("command", ["strategies", "boundaries"])
def test_the_shipped_files_are_valid_by_hand_too(command):
    """A copy of them is a good beginning."""
    assert typed(command, "check", files(defaults).joinpath(f"{command}.yaml")).code == 0


@pytest.mark.parametrize(
    ("command", "content", "message"),
    [
        (
            "strategies",
            STRATEGIES.replace("worst_score", "x").encode(),
            "s.yaml: line 17, column 45: strategies.'again'",
        ),
        ("strategies", b"a: 1\nb: \xff\n", "s.yaml: line 2: the byte 0xff is no UTF-8. Remedy: save the file in UTF-8"),
        ("strategies", b"a" * 4_000_001, "s.yaml: line 1: it has over 4,000,000 bytes. Remedy: split the file"),
        ("strategies", None, "s.yaml: cannot be read: No such file or directory. Remedy: give a YAML file"),
        (
            "boundaries",
            BOUNDARIES.replace(">= HIGH", ">= 3").encode(),
            "line 13, column 42: boundaries.'shop'.rules.'cut'",
        ),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_code(tmp_path, command, content, message):
    """File, line and remedy; no trace."""
    if content is not None:
        (tmp_path / "s.yaml").write_bytes(content)
    said = typed(command, "check", tmp_path / "s.yaml")
    assert (said.code, said.out, message in said.err, "Remedy: " in said.err) == (2, "", True, True), said.err


@pytest.mark.parametrize(("command", "title"), [("strategies", "StrategyFile"), ("boundaries", "BoundaryFile")])
def test_the_schema_is_published(command, title):
    """As JSON."""
    said = json.loads(typed(command, "schema").out)
    assert (said["title"], said["additionalProperties"]) == (title, False)
