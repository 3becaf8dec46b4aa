"""Symptoms that dependencies explain."""

from dataclasses import replace

import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import metrics, position
from analysis.rootcause.observation import observe
from models.frames import SeriesKey
from tests.analysis.builders import moved, quiet, situation_of
from tests.analysis.rootcause.helpers import NAMES, SETTINGS, weights


def test_position_takes_the_symptom_from_the_callers():
    """Callers of an odd callee lose theirs, the callee keeps its own."""
    series = quiet(NAMES)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "latency_ms"), 60, 3.0)
    observation = observe(situation_of(series))
    found = metrics.collect(observation, SETTINGS)
    taken = weights(position.collect(observation, found, SETTINGS))
    assert set(taken) == {"web", "orders"}
    assert taken["orders"] < -0.5 * found.symptom["orders"]


def test_position_leaves_saturation_alone():
    """A cpu hog is not excused by odd callees."""
    series = moved(moved(quiet(NAMES), ("orders", "cpu"), 60, 3.0), ("db", "latency_ms"), 60, 3.0)
    observation = observe(situation_of(series))
    taken = weights(position.collect(observation, metrics.collect(observation, SETTINGS), SETTINGS))
    assert taken.get("orders", 0.0) > -1


def test_position_needs_a_graph():
    """Without calls it says so."""
    observation = observe(situation_of(quiet(NAMES), edges=None))
    skipped = position.collect(observation, metrics.collect(observation, SETTINGS), SETTINGS)
    assert isinstance(skipped, SkippedMethod)


def slow(names, edges, target=None, resources=()):
    """Components whose latency rises by their factor, and some that show their processor; what position takes."""
    series = quiet([(name, "latency_ms") for name in names] + [(name, "cpu") for name in resources])
    for name, factor in names.items():
        series = moved(series, (name, "latency_ms"), 60, factor)
    observation = observe(situation_of(series, edges=edges, target=target))
    found = position.collect(observation, metrics.collect(observation, SETTINGS), SETTINGS)
    return {item.component: item for item in found}


TWINS = (("web", "db"), ("web", "10.0.0.7"), ("db", "disk"))


def test_another_name_of_something_that_the_caller_calls_is_explained():
    """A leaf without resources is explained by a sibling that is as odd and has calls of its own."""
    taken = slow({"web": 3.0, "db": 3.0, "10.0.0.7": 3.0, "disk": 1.0}, TWINS)
    assert taken["10.0.0.7"].weight < -1
    assert "explained by db, which its caller calls as well." in taken["10.0.0.7"].statement
    assert "db" not in taken


def test_a_sibling_explains_less_than_a_callee():
    """Nobody knows that the two are the same, so part of the symptom stays with the leaf."""
    taken = slow({"web": 3.0, "db": 9.0, "10.0.0.7": 3.0, "disk": 1.0}, TWINS)
    assert taken["10.0.0.7"].numbers["explained_share"] == pytest.approx(position.SIBLING_SHARE)


def test_a_leaf_with_resources_is_nobodys_other_name():
    """Whoever is measured from the inside stands for itself."""
    assert "10.0.0.7" not in slow({"web": 3.0, "db": 3.0, "10.0.0.7": 3.0}, TWINS, resources=["10.0.0.7"])


def test_a_sibling_that_calls_the_leaf_explains_nothing():
    """The leaf is then the explanation, not the sibling."""
    edges = (*TWINS, ("disk", "10.0.0.7"))
    taken = slow({"web": 3.0, "db": 3.0, "10.0.0.7": 3.0, "disk": 1.0}, edges)
    assert "10.0.0.7" not in taken
    assert "db" in taken


def test_a_quiet_sibling_explains_nothing():
    """What does not move is no explanation."""
    assert "10.0.0.7" not in slow({"web": 3.0, "db": 1.0, "10.0.0.7": 3.0, "disk": 1.0}, TWINS)


def test_a_leaf_is_not_its_own_sibling():
    """Two leaves below one caller explain nothing of each other: neither has calls of its own."""
    assert not set(slow({"web": 3.0, "p": 3.0, "q": 3.0}, (("web", "p"), ("web", "q")))) & {"p", "q"}


@pytest.mark.parametrize(
    "edges",
    [
        (("web", "db"), ("db", "web")),
        (("web", "web"), ("db", "db"), ("web", "db")),
        (("web", "orders"), ("orders", "db"), ("db", "web")),
    ],
)
def test_cycles_end_and_never_take_more_than_the_share(edges):
    """However the calls run, a part of every symptom is left."""
    series = quiet(NAMES)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "latency_ms"), 60, 3.0)
    observation = observe(situation_of(series, edges=edges))
    found = metrics.collect(observation, SETTINGS)
    for name, weight in weights(position.collect(observation, found, SETTINGS)).items():
        assert -SETTINGS.explained_share * found.symptom[name] - 1e-9 <= weight < 0


def test_further_down_explains_less():
    """Each further call of distance takes a part of the explanation."""
    near = slow({"web": 3.0, "db": 3.0}, (("web", "db"),), SeriesKey("web", "latency_ms"))["web"].weight
    far = slow({"web": 3.0, "db": 3.0}, (("web", "x"), ("x", "db")), SeriesKey("web", "latency_ms"))["web"].weight
    assert near < far < 0


def test_it_can_be_switched_off():
    """Share 0 is said to be off."""
    settings = replace(SETTINGS, explained_share=0.0)
    observation = observe(situation_of(quiet(NAMES)))
    skipped = position.collect(observation, metrics.collect(observation, settings), settings)
    assert isinstance(skipped, SkippedMethod)
    assert "off" in skipped.reason


@pytest.mark.parametrize(("below", "share"), [(0.0, 0.0), (2.25, 0.25), (4.5, 1.0), (99.0, 1.0)])
def test_a_callee_explains_the_square_of_its_ratio(below, share):
    """As odd as the caller and half a point more explains all."""
    observation = observe(situation_of(quiet(NAMES)))
    found = replace(metrics.collect(observation, SETTINGS), strength={"orders": 4.0, "db": below})
    told = position.explain("orders", observation, found, SETTINGS)
    assert told[0] == pytest.approx(share)
    assert told[1:] == (("db", 1) if share else ("", 0))


def test_the_strongest_sibling_explains_the_square_of_its_ratio():
    """Of two siblings with calls of their own the one that moved more is named, with its part."""
    edges = (("web", "leaf"), ("web", "calm"), ("web", "odd"), ("calm", "x"), ("odd", "y"))
    names = ("web", "leaf", "calm", "odd", "x", "y")
    observation = observe(situation_of(quiet([(name, "latency_ms") for name in names]), edges=edges))
    strength = {"leaf": 3.5, "odd": 2.0, "calm": 1.0}
    found = replace(metrics.collect(observation, SETTINGS), strength=strength, symptom={"leaf": 10.0})
    (item,) = position.collect(observation, found, SETTINGS)
    assert item.numbers["explained_share"] == pytest.approx(position.SIBLING_SHARE * 0.25)
    assert "explained by odd, which its caller calls as well" in item.statement
