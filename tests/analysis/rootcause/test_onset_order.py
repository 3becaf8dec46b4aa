"""Who started first."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import metrics, onset_order
from analysis.rootcause.observation import observe
from tests.analysis.builders import moved, quiet, situation_of
from tests.analysis.rootcause.helpers import NAMES, SETTINGS, weights


def test_onset_order_rewards_the_first():
    """Who left the band first gets the whole weight, who left last nothing."""
    series = moved(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0), ("web", "cpu"), 66, 3.0)
    observation = observe(situation_of(series))
    found = weights(onset_order.collect(observation, metrics.collect(observation, SETTINGS), SETTINGS))
    assert found == {"db": SETTINGS.onset_weight}


def order_of(series, settings=SETTINGS, **parts):
    """What the order of the onsets says."""
    observation = observe(situation_of(series, **parts))
    return onset_order.collect(observation, metrics.collect(observation, settings), settings)


@pytest.mark.parametrize(
    "series",
    [
        quiet(NAMES),
        moved(quiet(NAMES), ("db", "cpu"), 60, 3.0),
        moved(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0), ("web", "cpu"), 60, 3.0),
    ],
    ids=["nobody", "one", "together"],
)
def test_without_an_order_there_is_a_reason(series):
    """Nobody, one component, or all in one row tell no order."""
    assert isinstance(order_of(series), SkippedMethod)


def test_one_early_odd_row_is_no_start():
    """A single spike right at the onset does not make a component the first."""
    series = moved(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0), ("web", "cpu"), 66, 3.0)
    spiked = series["web", "cpu"].copy()
    spiked[60] *= 5
    assert weights(order_of(series | {("web", "cpu"): spiked})) == {"db": SETTINGS.onset_weight}


def test_it_can_be_switched_off_and_needs_metrics():
    """Weight 0 and an empty frame are reasons."""
    assert isinstance(order_of(quiet(NAMES), replace(SETTINGS, onset_weight=0.0)), SkippedMethod)
    assert isinstance(order_of({("a", "x"): np.full(80, np.nan)}), SkippedMethod)
    assert isinstance(order_of({("a", "x"): [1.0]}, detected=0), SkippedMethod)
