"""The reader gives what a person means by the text, with lines, and refuses what only an attacker needs."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from models.shaping import yaml_reader
from models.shaping.yaml_reader import place, read_yaml

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(autouse=True, params=LOADERS, ids=lambda loader: loader.__name__)
def _each_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every claim holds with and without the C library."""
    monkeypatch.setattr(yaml_reader, "_LOADER", request.param)


SCALARS = [
    ("3", 3.0),
    ("010", 10.0),
    ("1_0", "1_0"),
    ("0x10", "0x10"),
    ("-2.5e-3", -0.0025),
    ("1e3", 1000.0),
    (".5", 0.5),
    (".inf", math.inf),
    ("-.inf", -math.inf),
    (".nan", ".nan"),
    ("true", True),
    ("no", "no"),
    ("NO", "NO"),
    ("off", "off"),
    ("null", None),
    ("~", None),
    ("", None),
    ("22:00", "22:00"),
    ("2026-12-24", "2026-12-24"),
    ("2026-12-24T00:00:00Z", "2026-12-24T00:00:00Z"),
    ("'3'", "3"),
    ('"null"', "null"),
    ("'*'", "*"),
    ("9" * 6000, math.inf),
    ("=", "="),
    ("<<", "<<"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[str(place) for place in range(len(SCALARS))])
def test_scalars_mean_what_they_look_like(text: str, value: object) -> None:
    """Norway stays a country, ten o'clock a time, and a quoted number a text."""
    content = read_yaml(f"a: {text}", "f").content
    assert content == {"a": value}
    assert type(content["a"]) is type(value)


def test_lines_are_those_of_the_values() -> None:
    """Of maps, lists and scalars, in flow and block style."""
    document = read_yaml("a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n", "f")
    assert document.content == {"a": 1.0, "b": ["x", {"c": 2.0, "d": 3.0}]}
    assert [document.lines[path] for path in ((), ("a",), ("b", 0), ("b", 1), ("b", 1, "d"))] == [1, 1, 3, 4, 5]


def test_an_empty_text_is_nothing() -> None:
    """No document, or only comments."""
    assert read_yaml("", "f").content is None
    assert read_yaml("# nothing\n", "f").content is None


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

HOSTILE = {
    "alias bomb": (BOMB, "line 1: anchors"),
    "alias": ("a: *b", "anchors|undefined"),
    "star": ("a: *", "not YAML|anchors"),
    "merge key": ("a: {<<: {b: 1}, <<: {b: 2}}", "a.'<<' is there already"),
    "python object": ("!!python/object/apply:os.system ['true']", "the tag"),
    "python name": ("a: !!python/name:os.system", "the tag"),
    "harmless tag": ("a: !!int 3", "the tag"),
    "own tag": ("a: !x 3", "the tag"),
    "bad timestamp": ("a: !!timestamp x", "the tag"),
    "set": ("!!set {a, b}", "the tag"),
    "key twice": ("a: 1\nb: 2\na: 3", r"line 3: a is there already, from line 1"),
    "key twice inside": ("a:\n- {b: 1, b: 1}", r"line 2: a\[0\]\.b is there already"),
    "key twice in quotes": ("a: 1\n'a': 1", "line 2: a is there already"),
    "list as key": ("? [a, b]\n: c", "a key that is no text"),
    "map as key": ("{{a: b}: c}", "a key that is no text"),
    "deep": ("[" * 50_000, "nested deeper"),
    "deep maps": ("{a: " * 50_000, "nested deeper"),
    "deep blocks": ("- " * 50_000 + "a", "nested deeper"),
    "two documents": ("a: 1\n---\na: 2", "line 2: a second document"),
    "unclosed": ("a: [1, 2", "not YAML"),
    "unclosed quote": ("a: 'x", "not YAML"),
    "colons": ("a: b: c", "line 1: not YAML"),
    "tab": ("a:\n\t- b", "line 2: not YAML"),
    "control": ("a: \x07", "not YAML"),
    "zero": ("a: \0", "not YAML"),
    "bad escape": ('a: "\\q"', "not YAML"),
    "directive": ("%YAML 9.9\n---\na: 1", "not YAML"),
    "unknown handle": ("a: !h!x 1", "not YAML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_with_file_and_remedy(name: str) -> None:
    """One short line that names the file; no other error, no expansion."""
    text, problem = HOSTILE[name]
    with pytest.raises(ConfigurationError, match=problem) as refused:
        read_yaml(text, "rules.yaml")
    assert str(refused.value).startswith("rules.yaml: ")
    assert len(str(refused.value)) < 400
    assert "\n" not in str(refused.value)
    assert refused.value.remedy


@given(text=st.text("ab:-[]{},*&!|>'\"#%?@ \n\t01.~", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a document or a ConfigurationError."""
    try:
        document = read_yaml(text, "f")
    except ConfigurationError:
        return
    assert () in document.lines or document.content is None


_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False).map(float), st.text("a:#-*& 'é", max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("ab:- ", max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(value=_VALUES)
def test_what_yaml_writes_is_read_as_it_was(value: Any) -> None:
    """Plain values survive, with floats as numbers."""
    try:
        found = read_yaml(yaml.safe_dump(value), "f").content
    except ConfigurationError as error:
        assert "nested deeper" in str(error)  # noqa: PT017 - the only other outcome
        return
    assert found == value


def test_places_are_written_as_people_write_them() -> None:
    """Odd keys stand in quotes and stay short."""
    assert place(("rules", 2, "direction")) == "rules[2].direction"
    assert place(("a b", "c")) == "'a b'.c"
    assert len(place(("x" * 1000, "y\n" * 1000))) < 200
    assert place(()) == ""
