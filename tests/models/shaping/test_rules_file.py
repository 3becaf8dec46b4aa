"""A file of rules is checked whole on load; what is wrong is named with file, line, place and remedy."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from models.shaping import rules_file
from models.shaping.options import OPTIONS
from models.shaping.rules import Selector
from models.shaping.rules_file import (
    LARGEST_FILE,
    ShapingRules,
    load_rules,
    parse_rules,
    rules_from_document,
    rules_schema,
)
from models.shaping.windows import FixedWindow, WeeklyWindow
from tests.models.shaping.builders import rule

EXAMPLE = rules_file.__doc__.split("::\n", 1)[1]

EVERYTHING = """
version: 1
rules:
  - component: "*"
    direction: above
    least_deviation: 2
    least_relative_deviation: 0.1
    least_value: 0
    most_value: 100
  - component: orders
    metric: "c?u"
    false_alarms_per_day: 0.5
    missing_after_s: 300
    stuck_after_s: never
    refractory_s: 60
    merge_s: 120
    excluded: false
    time_zone: Europe/Oslo
    holidays: NO
  - {metric: latency, holidays: [2026-12-24, 2026-12-25], missing_after_s: auto, most_value: .inf}
excluded_windows:
  - {component: stock, start: 2026-03-01T23:00:00+01:00, end: 2026-03-02T02:00:00Z}
  - {weekdays: [sun, sat], start: 22:00, end: 24:00, time_zone: Europe/Oslo}
"""


def _load(text: str) -> ShapingRules:
    return parse_rules(text.encode(), "rules.yaml")


def test_every_option_is_read() -> None:
    """All options and both kinds of windows, in their order."""
    found = _load(EVERYTHING)
    assert found.rules == (
        rule(direction="above", least_deviation=2, least_relative_deviation=0.1, least_value=0, most_value=100),
        rule(
            "orders",
            "c?u",
            false_alarms_per_day=0.5,
            missing_after_s=300,
            stuck_after_s="never",
            refractory_s=60,
            merge_s=120,
            excluded=False,
            time_zone="Europe/Oslo",
            holidays="NO",
        ),
        rule(
            metric="latency",
            holidays=(date(2026, 12, 24), date(2026, 12, 25)),
            missing_after_s="auto",
            most_value=float("inf"),
        ),
    )
    assert found.windows == (
        FixedWindow(
            selector=Selector(component="stock"),
            start=datetime(2026, 3, 1, 22, tzinfo=UTC),
            end=datetime(2026, 3, 2, 2, tzinfo=UTC),
        ),
        WeeklyWindow(
            selector=Selector(),
            weekdays=frozenset({"sat", "sun"}),
            start_s=79_200,
            end_s=86_400,
            time_zone="Europe/Oslo",
        ),
    )
    assert {name for each in found.rules for name in each.options} == set(OPTIONS)


def test_the_example_of_the_documentation_is_valid() -> None:
    """Whoever copies it gets what it says."""
    found = _load("\n".join(line[4:] for line in EXAMPLE.splitlines()))
    assert (len(found.rules), len(found.windows)) == (2, 2)


@pytest.mark.parametrize("text", [EVERYTHING, "version: 1", "version: 1\nrules: []"], ids=["all", "bare", "empty list"])
def test_documents_bring_the_rules_back(text: str) -> None:
    """Through JSON and through YAML, so that a bundle can keep them."""
    found = _load(text)
    assert rules_from_document(json.loads(json.dumps(found.to_document())), "bundle") == found
    assert _load(yaml.safe_dump(found.to_document())) == found


RULE = "version: 1\nrules:\n- component: a\n"
WINDOW = "version: 1\nexcluded_windows:\n- component: a\n"

WRONG = {
    "empty": ("", "the file is None, not a mapping"),
    "list": ("- 1", "line 1: the file is .*not a mapping"),
    "no version": ("rules: []", "version is None.*version: 1"),
    "newer version": ("version: 2", "line 1: version is 2"),
    "true version": ("version: true", "version is True"),
    "unknown top": ("version: 1\nrule: []", "line 2: rule is an unknown key.*nearest is 'rules'"),
    "null rules": ("version: 1\nrules:", "rules has no value"),
    "rules map": ("version: 1\nrules: {a: 1}", "rules is .*not a list"),
    "rule text": ("version: 1\nrules: [a]", r"rules\[0\] is 'a', not a mapping"),
    "unknown key": (RULE + "  least_devation: 3", r"line 4: rules\[0\]\.least_devation is an .*'least_deviation'"),
    "far key": (RULE + "  zzzz: 3", r"rules\[0\]\.zzzz is an unknown key.*use one of: component, "),
    "odd key": (RULE + "  ? 'a\n\n b'\n  : 3", r"rules\[0\]\.'a\\nb' is an unknown"),
    "second rule": (RULE + "  merge_s: 1\n- component: b\n  merge_s: x", r"line 6: rules\[1\]\.merge_s is 'x'"),
    "no value": (RULE + "  merge_s:", r"line 4: rules\[0\]\.merge_s has no value"),
    "negative": (RULE + "  refractory_s: -1", r"rules\[0\]\.refractory_s is -1.*at least 0"),
    "off": (RULE + "  stuck_after_s: off", r"stuck_after_s is 'off'.*'never'"),
    "zone": (RULE + "  time_zone: Europe/Berln", r"rules\[0\]\.time_zone is .*nearest is 'Europe/Berlin'"),
    "range": (RULE + "  least_value: 2\n  most_value: 1", r"line 3: rules\[0\]: least_value 2 exceeds most_value 1"),
    "nothing set": (RULE, r"rules\[0\]: The rule for a/\* sets nothing"),
    "no selector": ("version: 1\nrules:\n- merge_s: 1", r"line 3: rules\[0\] selects nothing"),
    "empty selector": ("version: 1\nrules:\n- {component: '', merge_s: 1}", r"rules\[0\]\.component is '', not"),
    "number as selector": ("version: 1\nrules:\n- {metric: 5, merge_s: 1}", r"rules\[0\]\.metric is 5.*quotes"),
    "many rules": (
        "version: 1\nrules: [" + "{component: a, merge_s: 1}," * 1001 + "]",
        "has 1001 entries.*at most 1000",
    ),
    "no start": (WINDOW + "  end: 2026-01-01T00:00:00Z", r"excluded_windows\[0\] has no start"),
    "no end": (WINDOW + "  start: 2026-01-01T00:00:00Z", r"excluded_windows\[0\] has no end"),
    "no zone": (WINDOW + "  start: 2026-01-01\n  end: 2026-01-02", "start is .* without a time zone"),
    "no time": (WINDOW + "  start: soon\n  end: 2026-01-02", r"excluded_windows\[0\]\.start is 'soon', not a time"),
    "time list": (WINDOW + "  start: [1]\n  end: 2026-01-02", r"excluded_windows\[0\]\.start is \[1.0\], not a time"),
    "end first": (
        WINDOW + "  start: 2026-01-02T00:00:00Z\n  end: 2026-01-01T00:00:00Z",
        r"line 3: excluded_windows\[0\]: The window ends",
    ),
    "zone of a span": (
        WINDOW + "  start: 2026-01-01T00:00:00Z\n  end: 2026-01-02T00:00:00Z\n  time_zone: UTC",
        "time_zone is for weekly windows",
    ),
    "early year": (WINDOW + "  start: 0001-01-01T00:00:00+14:00\n  end: 2026-01-01T00:00:00Z", "outside the calendar"),
    "days text": (WINDOW + "  weekdays: sat\n  start: 01:00\n  end: 02:00", "weekdays is 'sat', not a list"),
    "days numbers": (WINDOW + "  weekdays: [1]\n  start: 01:00\n  end: 02:00", "weekdays is .*not a list of days"),
    "day": (WINDOW + "  weekdays: [sa]\n  start: 01:00\n  end: 02:00", "weekdays lists 'sa'.*nearest is 'sat'"),
    "no days": (WINDOW + "  weekdays: []\n  start: 01:00\n  end: 02:00", "weekdays is empty"),
    "over midnight": (WINDOW + "  weekdays: [sat]\n  start: 22:00\n  end: 02:00", "22:00 to 02:00.*split a window"),
    "clock": (WINDOW + "  weekdays: [sat]\n  start: 1:00\n  end: 02:00", r"start is '1:00', not a time of day"),
    "25 hours": (WINDOW + "  weekdays: [sat]\n  start: 01:00\n  end: 25:00", r"end is '25:00', not a time of day"),
    "after 24": (WINDOW + "  weekdays: [sat]\n  start: 01:00\n  end: 24:01", "at most 24:00"),
    "weekly zone": (
        WINDOW + "  weekdays: [sat]\n  start: 01:00\n  end: 02:00\n  time_zone: Mars",
        r"excluded_windows\[0\]\.time_zone is 'Mars', not a known",
    ),
    "window selector": (
        "version: 1\nexcluded_windows: [{metric: '', start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z}]",
        r"excluded_windows\[0\]\.metric is '', not a selector",
    ),
    "window key": (WINDOW + "  begin: 3", r"excluded_windows\[0\]\.begin is an unknown key"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_with_its_place(name: str) -> None:
    """File, line, list index, key and remedy, in one short line."""
    text, problem = WRONG[name]
    with pytest.raises(ConfigurationError, match=problem) as refused:
        _load(text)
    assert str(refused.value).startswith("rules.yaml: ")
    assert str(refused.value).count("Remedy:") == 1
    assert len(str(refused.value)) < 500
    assert refused.value.remedy


def test_plain_documents_are_named_without_lines() -> None:
    """Rules from a request have no lines, and keys of any type are refused."""
    with pytest.raises(ConfigurationError, match=r"request: rules\[0\]\.direction is 'up'"):
        rules_from_document({"version": 1, "rules": [{"component": "a", "direction": "up"}]}, "request")
    with pytest.raises(ConfigurationError, match=r"request: '3' is an unknown key"):
        rules_from_document({"version": 1, 3: []}, "request")


@pytest.mark.parametrize("data", [b"\xff\xfev\x00", b"version: 1 # \xe4", "version: 1".encode("utf-16")])
def test_other_encodings_are_refused(data: bytes) -> None:
    """With the byte, instead of guessing."""
    with pytest.raises(ConfigurationError, match=r"rules.yaml is not UTF-8: byte \d+ is 0x"):
        parse_rules(data, "rules.yaml")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    """As some editors write it."""
    assert parse_rules(b"\xef\xbb\xbfversion: 1", "rules.yaml") == ShapingRules()


def test_files_are_read_from_disk(tmp_path: Path) -> None:
    """The path stands in front of what is wrong."""
    path = tmp_path / "rules.yaml"
    path.write_text(EVERYTHING, encoding="utf-8")
    assert load_rules(path) == _load(EVERYTHING)
    path.write_text("version: 2", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"rules\.yaml: line 1: version is 2"):
        load_rules(path)


def test_huge_files_are_not_read(tmp_path: Path) -> None:
    """One byte above the limit is refused before anything is parsed; the limit itself is not."""
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"version: 1\n" + b"#" * (LARGEST_FILE - 11))
    assert load_rules(path) == ShapingRules()
    path.write_bytes(b"version: 1\n" + b"#" * (LARGEST_FILE - 10))
    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        load_rules(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Absent, a directory, and a pipe that would block."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path / "absent.yaml", tmp_path, pipe):
        with pytest.raises(ConfigurationError, match="is no file"):
            load_rules(path)


def test_an_unreadable_file_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason of the system, without a trace of it as another error."""
    path = tmp_path / "rules.yaml"
    path.write_text("version: 1", encoding="utf-8")

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigurationError, match="cannot be read: Permission denied"):
        load_rules(path)


def test_the_schema_is_a_schema_and_accepts_what_is_accepted() -> None:
    """The full example, as JSON has it."""
    schema = rules_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    document = _load(EVERYTHING).to_document()
    jsonschema.validate(document, schema)
    assert set(schema["properties"]["rules"]["items"]["properties"]) == {"component", "metric", *OPTIONS}
    json.dumps(schema, allow_nan=False)


SEMANTIC = {
    "range",
    "zone",
    "no zone",
    "no time",
    "end first",
    "early year",
    "over midnight",
    "after 24",
    "weekly zone",
    "nothing set",
}
"""What a schema cannot say, or says by formats that validators may ignore."""


@pytest.mark.parametrize("name", [name for name in WRONG if name not in SEMANTIC])
def test_the_schema_refuses_what_is_refused(name: str) -> None:
    """An editor finds most mistakes before the file is loaded."""
    content = rules_file.yaml_reader.read_yaml(WRONG[name][0], "f").content
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, rules_schema())


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["component", "metric", "start", "end", "weekdays", "rules", "version", *OPTIONS]), inner
        ),
    ),
    max_leaves=8,
)


@given(document=_JSON, rules=st.lists(_JSON, max_size=2), windows=_JSON)
def test_any_document_is_read_or_refused(document: Any, rules: Any, windows: Any) -> None:
    """Hostile structure gives a ConfigurationError and nothing else."""
    for candidate in (document, {"version": 1, "rules": rules}, {"version": 1, "excluded_windows": [windows]}):
        try:
            found = rules_from_document(candidate, "f")
        except ConfigurationError as error:
            assert str(error).startswith("f: ")  # noqa: PT017 - either outcome is right
        else:
            assert isinstance(found, ShapingRules)
