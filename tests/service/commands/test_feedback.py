"""``faultline feedback`` as a user types it."""

import json

import pytest

from models.bundle import Bundle
from models.feedback import reset_thresholds
from models.frames import SeriesKey
from models.training import TrainingSettings, train
from tests.models.histories import CREATED, frame_of
from tests.service.commands.conftest import typed
from tests.service.commands.small import small_bundle, small_frame


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A small bundle."""
    return small_bundle(tmp_path_factory.mktemp("feedback") / "bundle")


def given(bundle, out, verdict, *words, series="web/rate"):
    """Type a verdict."""
    return typed("feedback", "--bundle", bundle, "--series", series, "--verdict", verdict, "--out", out, *words)


def test_it_explains_itself():
    """Help is an answer, not an error."""
    said = typed("feedback", "--help")
    assert (said.code, said.err, "--for-group" in said.out) == (0, "", True)


def test_a_rejection_is_told_boundary_by_boundary(bundle, workplace):
    """Each detector of the series by 16 %; the new bundle is beside the old one, which stays."""
    said = given(bundle, workplace / "new", "rejected")
    assert said.code == 0, said.err
    assert said.out.count("on web/rate: boundary") == 2
    assert said.out.count("+16%") == 2
    old, new = Bundle.load(bundle), Bundle.load(workplace / "new")
    assert f"({old.model_version} -> {new.model_version})" in said.out
    assert reset_thresholds(new).model_version == old.model_version


def test_verdicts_come_back(bundle, workplace):
    """By the opposite, and by reset of the same series; in the bundle's own directory too."""
    version = Bundle.load(bundle).model_version
    given(bundle, workplace / "b", "rejected", "--for-group")
    given(workplace / "b", workplace / "b", "confirmed", "--for-group")
    assert Bundle.load(workplace / "b").model_version == version
    given(workplace / "b", workplace / "b", "confirmed")
    told = json.loads(given(workplace / "b", workplace / "b", "reset", "--json").out)
    assert told["model_version"] == version
    assert {round(move["factor_before"], 2) for move in told["moves"]} == {0.86}
    assert {move["factor_after"] for move in told["moves"]} == {1.0}


def test_for_the_group_and_for_one_detector(bundle, workplace):
    """All series of the component and the component itself; or one boundary alone."""
    told = json.loads(given(bundle, workplace / "b", "rejected", "--for-group", "--json").out)
    assert {move["of"] for move in told["moves"]} == {"web/rate", "web/cpu", "web"}
    told = json.loads(given(bundle, workplace / "b", "rejected", "--detector", "shift", "--json").out)
    assert [(move["detector"], move["of"]) for move in told["moves"]] == [("shift", "web/rate")]


def test_the_bound_is_told(bundle, workplace):
    """After some verdicts nothing moves any more, and it says so."""
    given(bundle, workplace / "b", "confirmed", "--detector", "spike")
    for _ in range(4):
        said = given(workplace / "b", workplace / "b", "confirmed", "--detector", "spike")
    assert "its bound" in said.out
    assert "not moved: at its bound" in given(workplace / "b", workplace / "b", "confirmed", "--detector", "spike").out


def test_wrong_words_are_named(bundle, workplace):
    """Unknown series, detectors, verdicts and places; nothing is written."""
    for words, names in (
        ((bundle, workplace / "b", "rejected", "--detector", "oracle"), "oracle"),
        ((bundle, workplace / "b", "perhaps"), "--verdict"),
        ((workplace / "gone", workplace / "b", "rejected"), "gone"),
    ):
        said = given(*words)
        assert (said.code, said.out, names in said.err) == (2, "", True), said.err
    said = given(bundle, workplace / "b", "rejected", series="web/nothing")
    assert (said.code, "web/nothing" in said.err, "web/rate" in said.err) == (2, True, True)
    assert not (workplace / "b").exists()


def test_names_with_slashes(workplace):
    """A component may hold one; two series of the same written name are refused."""
    values = small_frame().values[:, 0]
    keys = {("a/b", "c"): values, ("a", "b/c"): values, ("a/b", "d"): values}
    train(frame_of(keys, step_s=600.0), TrainingSettings(), created=CREATED).bundle.save(workplace / "odd")
    said = given(workplace / "odd", workplace / "b", "rejected", series="a/b/d")
    assert said.code == 0, said.err
    said = given(workplace / "odd", workplace / "b", "rejected", series="a/b/c")
    assert (said.code, "2 series" in said.err, "'a/b'" in said.err) == (2, True, True)


def test_a_bundle_without_judges_of_single_series(workplace):
    """A verdict on a series has nothing to move there; it asks for the group."""
    wanted = TrainingSettings(detectors=("component_residual",))
    train(small_frame(), wanted, created=CREATED).bundle.save(workplace / "whole")
    said = given(workplace / "whole", workplace / "b", "rejected")
    assert (said.code, "--for-group" in said.err) == (2, True)
    said = given(workplace / "whole", workplace / "b", "rejected", "--for-group")
    assert (said.code, "component_residual on web" in said.out) == (0, True)
    assert SeriesKey("web", "rate") in Bundle.load(workplace / "b").keys
