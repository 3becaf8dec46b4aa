"""Operators' verdicts move boundaries: of the right series, by little, and back."""

import pytest

from models.bundle import Bundle
from models.errors import UnknownNameError
from models.feedback import Verdict, adjust_thresholds, reset_thresholds
from models.frames import SeriesKey
from models.scoring import detect
from tests.models.histories import DAY, changed, shop, trained


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Trained on seven days of the shop."""
    return trained(shop()).bundle


def _weak_anomaly(bundle: Bundle):
    frame = changed(shop().rows(7 * DAY - 40, 9 * DAY), ("store", "memory"), slice(200, 203), 7.0)
    return frame, detect(bundle, frame)


def test_a_rejected_anomaly_is_not_raised_again(bundle: Bundle) -> None:
    """A weak alarm is gone after at most five rejections; the other series keep their boundaries."""
    frame, (weak,) = _weak_anomaly(bundle)
    told = adjust_thresholds(bundle, [Verdict.on(weak, is_confirmed=False)] * 5)
    assert detect(told, frame) == ()
    assert told.model_version != bundle.model_version
    column = bundle.keys.index(SeriesKey("shop", "rate"))
    assert all(member.calibration.factor[column] == 1 for member in told.members)


def test_confirmation_undoes_rejection_and_reset_undoes_all(bundle: Bundle) -> None:
    """The model version is that of the training again."""
    _, (weak,) = _weak_anomaly(bundle)
    both = [Verdict.on(weak, is_confirmed=False), Verdict.on(weak, is_confirmed=True)]
    assert adjust_thresholds(bundle, both).model_version == bundle.model_version
    told = adjust_thresholds(bundle, both[:1] * 30)
    assert reset_thresholds(told).model_version == bundle.model_version


def test_a_verdict_on_the_component_moves_all_its_series(bundle: Bundle) -> None:
    """The isolation forest has one boundary a component."""
    verdict = Verdict(key=SeriesKey("shop", "rate"), detectors=("isolation_forest",), is_confirmed=False)
    told = adjust_thresholds(bundle, [verdict])
    factor = next(m.calibration.factor for m in told.members if m.detector.name == "isolation_forest")
    assert [key.component == "shop" for key in told.keys] == (factor > 1).tolist()


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(key=SeriesKey("shop", "nothing"), detectors=("sudden_change",), is_confirmed=True),
        Verdict(key=SeriesKey("shop", "rate"), detectors=("crystal_ball",), is_confirmed=True),
    ],
)
def test_a_verdict_on_nothing_is_refused(bundle: Bundle, verdict: Verdict) -> None:
    """An unknown series or detector is named."""
    with pytest.raises(UnknownNameError, match=r"nothing|crystal_ball"):
        adjust_thresholds(bundle, [verdict])
