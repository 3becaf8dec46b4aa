"""Selectors are anchored globs; a rule that makes no sense cannot be built."""

import fnmatch
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from models.frames import SeriesKey
from models.shaping.rules import Selector, SeriesRule
from tests.models.shaping.builders import keys, rule

CASES = [
    ("orders", "cpu", "orders/cpu", True),
    ("order", "cpu", "orders/cpu", False),
    ("rders", "cpu", "orders/cpu", False),
    ("orders*", "*", "orders-1/cpu", True),
    ("Orders", "*", "orders/cpu", False),
    ("order?", "c?u", "orders/cpu", True),
    ("orders-[12]", "*", "orders-3/cpu", False),
    ("orders-[!12]", "*", "orders-3/cpu", True),
    ("*", "disk/*/used", "db/disk/sda/used", True),
    ("*", "*", "a\nb/c", True),
    ("a", "*", "a\n/c", False),
    ("[*]", "*", "*/c", True),
    ("[*]", "*", "x/c", False),
    ("[", "*", "[/c", True),
    ("[z-a]", "*", "b/c", False),
    ("ä*", "*", "äpfel/c", True),
]


@pytest.mark.parametrize(("component", "metric", "name", "expected"), CASES)
def test_globs_match_whole_names(component: str, metric: str, name: str, *, expected: bool) -> None:
    """As fnmatchcase, anchored, case counts, a star crosses slashes and newlines."""
    assert Selector(component=component, metric=metric).matches(keys(name)).tolist() == [expected]


@given(glob=st.text("ab*?[]!-^&|~\\", min_size=1, max_size=12), names=st.lists(st.text("ab[]!-^", max_size=6)))
def test_any_glob_equals_fnmatch(glob: str, names: list[str]) -> None:
    """Any text is a glob: no error, no warning, the same answer as fnmatchcase."""
    found = Selector(component=glob).matches([SeriesKey(name, "m") for name in names])
    assert found.tolist() == [fnmatch.fnmatchcase(name, glob) for name in names]


def test_no_series_is_no_match() -> None:
    """An empty bundle gives an empty answer of booleans."""
    assert Selector().matches([]).dtype == bool


@pytest.mark.parametrize("glob", ["", "x" * 257, None, 3, b"x"])
def test_selectors_are_texts(glob: object) -> None:
    """Empty, endless and other things are refused, for both halves."""
    with pytest.raises(ConfigurationError, match=r"component is .* not a selector"):
        Selector(component=glob)
    with pytest.raises(ConfigurationError, match=r"metric is .* not a selector"):
        Selector(metric=glob)


def test_a_rule_holds_only_what_was_set() -> None:
    """Neutral values count as set, None does not; the options come in the order of the fields."""
    made = rule(excluded=False, least_deviation=0, holidays=[], direction="both")
    assert dict(made.options) == {"direction": "both", "least_deviation": 0.0, "excluded": False, "holidays": ()}


def test_values_are_kept_in_one_form() -> None:
    """Two spellings of one rule are equal and hash alike."""
    one = rule(holidays=["2026-01-02", "2026-01-01"], merge_s=3)
    other = rule(holidays=(date(2026, 1, 1), date(2026, 1, 2)), merge_s=3.0)
    assert one == other
    assert hash(one) == hash(other)


def test_a_rule_that_sets_nothing_is_refused() -> None:
    """It can only be a mistake."""
    with pytest.raises(ConfigurationError, match=r"rule for a/\* sets nothing"):
        rule("a")


def test_an_empty_range_is_refused() -> None:
    """No value is at least 3 and at most 1; one value is a range."""
    with pytest.raises(ConfigurationError, match="least_value 3 exceeds most_value 1"):
        rule(least_value=3, most_value=1)
    assert rule(least_value=3, most_value=3).most_value == 3


def test_a_wrong_option_is_refused_by_the_rule_itself() -> None:
    """Rules built in Python are checked as those of a file."""
    with pytest.raises(ConfigurationError, match="refractory_s is -1"):
        SeriesRule(selector=Selector(), refractory_s=-1.0)
