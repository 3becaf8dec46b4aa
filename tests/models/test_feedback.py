"""Operators' verdicts move boundaries: of the right series, by little, within bounds, and back."""

from dataclasses import replace

import numpy as np
import pytest

from models.anomalies import Anomaly
from models.bundle import Bundle
from models.calibration import LEAST_FACTOR, MOST_FACTOR
from models.errors import UnknownNameError
from models.evidence import detect
from models.feedback import Move, Verdict, adjust_thresholds, moves, reset_thresholds
from models.frames import MetricFrame, SeriesKey
from models.scoring import FLAGS
from tests.models.histories import DAY, changed, shop, trained

KEY = SeriesKey("store", "memory")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Trained on seven days of the shop."""
    return trained(shop()).bundle


@pytest.fixture(scope="module")
def weak(bundle: Bundle) -> tuple[MetricFrame, Anomaly]:
    """A day with one weak anomaly on the store's memory."""
    day = shop().rows(7 * DAY, 8 * DAY)
    for size in np.arange(5.0, 30.0, 0.5):
        frame = changed(day, (KEY.component, KEY.metric), slice(200, 203), size)
        found = [anomaly for anomaly in detect(bundle, frame) if anomaly.key == KEY]
        if found:
            return frame, found[0]
    raise AssertionError


def factor_of(bundle: Bundle, name: str) -> np.ndarray:
    """The factors of one detector."""
    return next(member.calibration.factor for member in bundle.members if member.detector.name == name)


def verdict(*detectors: str, is_confirmed: bool = False, for_group: bool = False, key: SeriesKey = KEY) -> Verdict:
    """A verdict on the store's memory."""
    return Verdict(key=key, detectors=detectors, is_confirmed=is_confirmed, for_group=for_group)


def test_a_rejected_anomaly_is_not_raised_again(bundle: Bundle, weak: tuple[MetricFrame, Anomaly]) -> None:
    """A weak alarm is gone after at most five rejections; the other series keep their boundaries."""
    frame, anomaly = weak
    told = adjust_thresholds(bundle, [Verdict.on(anomaly, is_confirmed=False)] * 5)
    assert [found for found in detect(told, frame) if found.key == KEY] == []
    assert told.model_version != bundle.model_version
    column = bundle.keys.index(SeriesKey("shop", "rate"))
    series = [member for member in told.members if member.detector.scope == "series"]
    assert all(member.calibration.factor[column] == 1 for member in series)


def test_a_confirmed_one_makes_more_watchful(bundle: Bundle, weak: tuple[MetricFrame, Anomaly]) -> None:
    """The same rows score higher."""
    frame, anomaly = weak
    told = adjust_thresholds(bundle, [Verdict.on(anomaly, is_confirmed=True)])
    assert max(found.score for found in detect(told, frame) if found.key == KEY) > anomaly.score


def test_confirmation_undoes_rejection_and_reset_undoes_all(bundle: Bundle) -> None:
    """The model version is that of the training again."""
    both = [verdict("spike", "shift"), verdict("spike", "shift", is_confirmed=True)]
    assert adjust_thresholds(bundle, both).model_version == bundle.model_version
    told = adjust_thresholds(bundle, both[:1] * 30)
    assert told.model_version != bundle.model_version
    assert reset_thresholds(told).model_version == bundle.model_version


@pytest.mark.parametrize("bound", [LEAST_FACTOR, MOST_FACTOR])
def test_a_thousand_verdicts_stay_within_the_bounds(bundle: Bundle, bound: float) -> None:
    """Half of the learnt distance at least, four times at most; the moves say that it is the end."""
    word = verdict("spike", is_confirmed=bound < 1)
    told = adjust_thresholds(bundle, [word] * 1000)
    assert factor_of(told, "spike")[bundle.keys.index(KEY)] == bound
    (move,) = moves(bundle, told, word)
    assert (move.factor_after, move.is_bounded) == (bound, True)


def test_a_verdict_for_the_group_moves_all_series_of_the_component(bundle: Bundle) -> None:
    """And no other; without that it is one series."""
    for for_group, wanted in ((True, [key.component == "store" for key in bundle.keys]),
                              (False, [key == KEY for key in bundle.keys])):  # fmt: skip
        told = adjust_thresholds(bundle, [verdict("spike", for_group=for_group)])
        assert (factor_of(told, "spike") > 1).tolist() == wanted
        assert (factor_of(told, "shift") == 1).all()


def test_a_detector_of_components_has_one_boundary_a_component(bundle: Bundle) -> None:
    """It is moved by a verdict on any of its series; components stand in the order of their names."""
    told = adjust_thresholds(bundle, [verdict("component_residual")])
    assert (factor_of(told, "component_residual") > 1).tolist() == [False, True]
    (move,) = moves(bundle, told, verdict("component_residual"))
    assert (move.detector, move.of) == ("component_residual", "store")


def test_reset_of_some_leaves_the_others(bundle: Bundle) -> None:
    """Only the boundaries that were named are those of the training again."""
    other = verdict("spike", key=SeriesKey("shop", "rate"))
    told = adjust_thresholds(bundle, [verdict("spike", "shift"), other])
    back = reset_thresholds(told, [verdict("spike", "shift", is_confirmed=True)])
    assert back.model_version == adjust_thresholds(bundle, [other]).model_version
    assert (factor_of(told, "spike") > 1).sum() == 2


def test_moves_say_by_how_much(bundle: Bundle) -> None:
    """Sixteen per cent more distance from the threshold; the boundary is that which judges."""
    word = verdict("shift", "spike")
    told = adjust_thresholds(bundle, [word])
    found = moves(bundle, told, word)
    assert [(move.detector, move.of, move.factor_before) for move in found] == [
        ("spike", "store/memory", 1.0),
        ("shift", "store/memory", 1.0),
    ]
    assert all(move.factor_after == pytest.approx(np.exp(0.15)) and move.after > move.before for move in found)
    assert moves(bundle, bundle, word)[0] == replace(found[0], after=found[0].before, factor_after=1.0)
    assert not any(isinstance(move, Move) and move.is_bounded for move in found)


def test_verdicts_on_anomalies_leave_the_rules_alone(weak: tuple[MetricFrame, Anomaly]) -> None:
    """Silence and data range have no boundary that feedback could move."""
    _, anomaly = weak
    told = Verdict.on(replace(anomaly, detector=FLAGS[0], supporting_detectors=("spike",)), is_confirmed=True)
    assert told.detectors == ("spike",)


@pytest.mark.parametrize("wrong", [verdict("spike", key=SeriesKey("shop", "nothing")), verdict("crystal_ball")])
def test_a_verdict_on_nothing_is_refused(bundle: Bundle, wrong: Verdict) -> None:
    """An unknown series or detector is named, whatever is asked for."""
    for act in (adjust_thresholds, reset_thresholds, lambda bundle, words: moves(bundle, bundle, *words)):
        with pytest.raises(UnknownNameError, match=r"nothing|crystal_ball"):
            act(bundle, [wrong])
