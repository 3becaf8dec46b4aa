"""``faultline rules`` as a user types it."""

import json

import jsonschema
import pytest
import yaml

from tests.service.commands.conftest import typed
from tests.service.commands.small import small_bundle

GOOD = """
version: 1
rules:
  - {component: "web", metric: "*", direction: above, least_deviation: 2}
  - {component: "nobody-*", stuck_after_s: never, most_value: .inf}
excluded_windows:
  - {component: "db", start: 2026-03-10T22:00:00Z, end: 2026-03-11T02:00:00Z}
  - {metric: "disk*", weekdays: [sat], start: "01:00", end: "03:00", time_zone: Europe/Berlin}
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A small bundle."""
    return small_bundle(tmp_path_factory.mktemp("rules") / "bundle")


@pytest.fixture
def file(workplace):
    """A good file of rules."""
    (workplace / "rules.yaml").write_text(GOOD, encoding="utf-8")
    return workplace / "rules.yaml"


@pytest.mark.parametrize("words", [("rules",), ("rules", "check"), ("rules", "schema")])
def test_the_commands_explain_themselves(words):
    """Help is an answer, not an error."""
    said = typed(*words, "--help")
    assert (said.code, said.err, "Usage: " in said.out) == (0, "", True)


def test_a_good_file_is_counted_and_shown(file):
    """Without a bundle nothing is said of series."""
    said = typed("rules", "check", file)
    assert (said.code, said.err) == (0, "")
    assert "2 rules and 2 excluded windows are valid" in said.out
    assert "rules[0] (web/*) direction above, least_deviation 2.0" in said.out
    assert "series" not in said.out
    assert {
        entry["series"] is None for entry in json.loads(typed("rules", "check", file, "--json").out)["entries"]
    } == {True}


def test_with_a_bundle_the_series_of_each_rule_are_told(file, bundle):
    """Also those that match nothing, which is no error; text and JSON agree."""
    said = typed("rules", "check", file, "--bundle", bundle)
    assert said.code == 0
    assert "rules[0] (web/*) direction above, least_deviation 2.0: 2 series: web/rate, web/cpu" in said.out
    assert said.out.count("matches none of the 3 series") == 2
    told = json.loads(typed("rules", "check", file, "--bundle", bundle, "--json").out)
    found = {entry["place"]: entry["series"] for entry in told["entries"]}
    assert found == {
        "rules[0]": ["web/rate", "web/cpu"],
        "rules[1]": [],
        "excluded_windows[0]": ["db/memory"],
        "excluded_windows[1]": [],
    }
    assert told["model_version"] in said.out
    assert told["entries"][1]["says"]["most_value"] == "Infinity"


def test_the_champion_can_be_asked(file, shared, monkeypatch):
    """It has other series."""
    monkeypatch.setenv("FAULTLINE_TRACKING_URI", shared.tracking)
    said = typed("rules", "check", file, "--champion")
    assert (said.code, "matches none of the 112 series" in said.out) == (0, True), said.err


def test_the_schema_takes_the_good_file(file):
    """It is a JSON Schema that editors can use."""
    schema = json.loads(typed("rules", "schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    document = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506  # all as text; our own file
    document["version"] = 1
    document["rules"][0]["least_deviation"] = 2
    document["rules"][1]["most_value"] = 5
    jsonschema.Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("", "version"),
        ("version: 2", "version"),
        ("a: [", "not YAML"),
        ("version: 1\nrules:\n  - {component: web, directoin: above}", "direction"),
        ("version: 1\nrules:\n  - {component: web, least_value: 3}\n  - {metric: rate, most_value: 2}", "web/rate"),
    ],
)
def test_a_wrong_file_is_named(workplace, bundle, content, names):
    """Exit code 2, the place and a remedy; two rules that contradict each other on a series as well."""
    (workplace / "mine.yaml").write_text(content, encoding="utf-8")
    said = typed("rules", "check", workplace / "mine.yaml", "--bundle", bundle)
    assert (said.code, said.out) == (2, "")
    assert names in said.err
    assert "Remedy" in said.err
    assert "Traceback" not in said.err


def test_wrong_places_are_named(file, bundle, workplace):
    """No file, no bundle, and two bundles at once."""
    for words, names in (
        (("gone.yaml",), "gone.yaml"),
        ((file, "--bundle", workplace / "gone"), "gone"),
        ((file, "--bundle", bundle, "--champion"), "--champion"),
    ):
        said = typed("rules", "check", *words)
        assert (said.code, said.out, names in said.err) == (2, "", True), said.err
