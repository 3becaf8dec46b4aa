"""Suites list their cases, describe themselves, and keep their truth apart."""

import json

import pytest

from models.errors import CaseError
from models.sources.suites import Suite, Truth, iter_suite, read_protocol, read_suite, read_truth


def test_cases_are_listed_in_order(tmp_path):
    """Directories with an incident.json are cases, sorted; anything else is not."""
    for name in ("b", "a", "c"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        (tmp_path / name / "incident.json").write_text("{}")
    assert [path.name for path in iter_suite(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize("name", ["", "absent"])
def test_suite_without_cases_is_refused(tmp_path, name):
    """A directory without a case, or none, is an error that names it."""
    with pytest.raises(CaseError, match=str(tmp_path)):
        iter_suite(tmp_path / name)


def test_suite_describes_itself(tmp_path):
    """What suite.json leaves out has a plain default."""
    (tmp_path / "suite.json").write_text('{"name": "s", "licence": "MIT", "step_s": 60, "cases": 3}')
    assert read_suite(tmp_path) == Suite(name="s", licence="MIT", step_s=60.0)
    (tmp_path / "suite.json").write_text("{}")
    assert read_suite(tmp_path) == Suite(name=tmp_path.name)


def test_protocol_gives_rows(tmp_path):
    """The protocol names the rows that may be learnt from; anything but a count is an error."""
    (tmp_path / "protocol.json").write_text('{"a": 10, "b": 0}')
    assert read_protocol(tmp_path) == {"a": 10, "b": 0}
    for wrong in ("-1", "true", '"ten"', "1.5"):
        (tmp_path / "protocol.json").write_text(f'{{"a": {wrong}}}')
        with pytest.raises(CaseError, match="'a'"):
            read_protocol(tmp_path)


def test_truth_is_read_for_scoring(tmp_path):
    """Truth holds components, metrics, fault and split, of which only components are needed."""
    full = {"components": ["x"], "metrics": [["x", "cpu"]], "fault": "hog", "split": "test"}
    (tmp_path / "truth.json").write_text(json.dumps({"1": full, "2": {"components": ["y"], "fault": None}}))
    assert read_truth(tmp_path) == {
        "1": Truth(components=("x",), metrics=(("x", "cpu"),), fault="hog", split="test"),
        "2": Truth(components=("y",)),
    }


@pytest.mark.parametrize("content", ["", "[]", '{"1": {}}', '{"1": 3}', '{"1": {"components": 3}}', "{", "\ud800"])
def test_broken_truth_is_refused(tmp_path, content):
    """A truth that is no JSON object, or names no component, is an error."""
    (tmp_path / "truth.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(CaseError, match="truth"):
        read_truth(tmp_path)
