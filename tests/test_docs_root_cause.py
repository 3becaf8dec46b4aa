"""docs/root-cause.md: its table of evidence is the code's."""

import ast
import re
from pathlib import Path

import pytest

from analysis.rootcause.settings import RootCauseSettings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "root-cause.md").read_text()


def names_in_code():
    """Every name that a collector of the code gives its evidence."""
    trees = (ast.parse(path.read_text()) for path in (ROOT / "analysis" / "rootcause").glob("*.py"))
    made = (node for tree in trees for node in tree.body if isinstance(node, ast.Assign))
    return {
        ast.literal_eval(node.value)
        for node in made
        if isinstance(node.targets[0], ast.Name) and node.targets[0].id in {"NAME", "UNFELT"}
    }


def test_the_table_names_every_collector():
    """No collector is missing, none is made up."""
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)) == names_in_code()


def test_the_limit_of_abstention_is_that_of_the_settings():
    """The page states the default."""
    assert f"Below {RootCauseSettings().least_confidence:g} no\n   cause is named" in PAGE


@pytest.mark.parametrize("link", re.findall(r"\]\(([\w./-]+)\)", PAGE))
def test_links_lead_somewhere(link):
    """Pages that it points to exist."""
    assert (ROOT / "docs" / link).exists()
