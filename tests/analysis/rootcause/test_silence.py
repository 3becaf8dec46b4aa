"""Components that stopped, told from components that are relieved."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.findings import SkippedMethod
from analysis.pipeline import diagnose
from analysis.rootcause import silence
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from models.errors import ConfigurationError
from tests.analysis.builders import moved, quiet, situation_of

NAMES = [(c, m) for c in ("web", "orders", "db", "mail") for m in ("cpu", "memory", "requests", "latency_ms")]
SETTINGS = RootCauseSettings()


def found_in(situation, settings=SETTINGS):
    """The shares by component."""
    evidence = silence.collect(observe(situation), settings)
    assert not isinstance(evidence, SkippedMethod)
    return {item.component: item.numbers["collapsed_share"] for item in evidence}


def ended(series, name, first):
    """End one series at a row."""
    return {**series, name: np.where(np.arange(80) >= first, np.nan, series[name])}


def test_a_component_whose_metrics_collapse_has_gone_silent():
    """Processor and requests fall to nothing, memory ends: all three count, nobody else is named."""
    series = moved(moved(quiet(NAMES), ("db", "cpu"), 60, 0.01), ("db", "requests"), 60, 0.0)
    assert found_in(situation_of(ended(series, ("db", "memory"), 60))) == {"db": 1.0}


def test_less_work_is_no_silence():
    """Requests alone fall to nothing, and all resources by a third: that is a component without callers."""
    series = moved(quiet(NAMES), ("db", "requests"), 60, 0.0)
    for metric in ("cpu", "memory"):
        series = moved(series, ("db", metric), 60, 0.67)
    assert found_in(situation_of(series)) == {}


def test_the_silent_one_comes_before_its_callers():
    """Callers whose latency rises are named behind the one that died."""
    series = quiet(NAMES)
    for metric in ("cpu", "memory", "requests"):
        series = moved(series, ("db", metric), 60, 0.0)
    for caller in ("web", "orders"):
        series = moved(series, (caller, "latency_ms"), 60, 3.0)
    assert diagnose(situation_of(series)).ranking[0] == "db"


def test_an_ended_recording_accuses_nobody():
    """Where most components end at once, the measuring did."""
    series = quiet(NAMES)
    for component in ("web", "orders", "db"):
        for metric in ("cpu", "memory", "requests"):
            series = ended(series, (component, metric), 60)
    skipped = silence.collect(observe(situation_of(series)), SETTINGS)
    assert isinstance(skipped, SkippedMethod)
    assert "measuring" in skipped.reason


def test_switched_off_or_without_metrics_it_says_so():
    """No weight, no frame: a reason."""
    situation = situation_of(quiet(NAMES))
    off = silence.collect(observe(situation), RootCauseSettings(silence_weight=0))
    bare = silence.collect(observe(replace(situation, frame=None)), SETTINGS)
    assert isinstance(off, SkippedMethod)
    assert isinstance(bare, SkippedMethod)


def test_a_negative_weight_is_refused():
    """As every weight."""
    with pytest.raises(ConfigurationError, match="silence_weight"):
        RootCauseSettings(silence_weight=-1)
