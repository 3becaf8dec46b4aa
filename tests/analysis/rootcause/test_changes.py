"""Deploys and configuration changes."""

from dataclasses import replace

import pandas as pd
import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import changes
from analysis.rootcause.observation import observe
from tests.analysis.builders import at, event, moved, quiet, situation_of
from tests.analysis.rootcause.helpers import NAMES, SETTINGS, told, weights


def test_a_fresh_change_is_suspicious_and_an_old_one_is_not():
    """The nearer to the onset, the heavier; after the detection nothing."""
    table = pd.DataFrame([event("db", 59), event("web", 40), event("mail", 5), event("orders", 61)])
    series = moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)
    found = weights(changes.collect(observe(situation_of(series, events=table)), SETTINGS))
    assert set(found) == {"db", "web"}
    assert found["db"] > found["web"]


def test_without_changes_there_is_a_reason():
    """No events, events of another kind, and weight 0 are all said."""
    nothing = observe(situation_of(quiet(NAMES)))
    alarmed = observe(situation_of(quiet(NAMES), events=pd.DataFrame([event("db", 59, "LOG")])))
    changed = observe(situation_of(quiet(NAMES), events=pd.DataFrame([event("db", 59)])))
    assert "no events" in changes.collect(nothing, SETTINGS).reason
    assert "No event is a change" in changes.collect(alarmed, SETTINGS).reason
    assert isinstance(changes.collect(changed, replace(SETTINGS, change_weight=0.0)), SkippedMethod)


def test_of_many_changes_the_latest_one_counts():
    """A component that is deployed all the time is not more suspicious for it."""
    many = told([event("db", minute) for minute in range(40, 60)], changes.collect)
    assert many == told([event("db", 59)], changes.collect)


@pytest.mark.parametrize("ts", [pd.NaT, None])
def test_a_change_without_a_time_is_no_suspect(ts):
    """Nobody knows that it was made at the onset."""
    table = pd.DataFrame([event("db", 59), event("web", 59)])
    table.loc[0, "ts"] = ts
    assert set(weights(changes.collect(observe(situation_of(quiet(NAMES), events=table)), SETTINGS))) == {"web"}


@pytest.mark.parametrize("detected", [-5000, 5000])
def test_a_detection_outside_the_data_accuses_no_change(detected):
    """Changes long before or after it are no suspects."""
    found = changes.collect(
        observe(situation_of(quiet(NAMES), detected=detected, events=pd.DataFrame([event("db", 9)]))), SETTINGS
    )
    assert found == ()


def test_a_window_of_nothing_leaves_changes_after_the_onset():
    """Without a window only what comes with the incident counts; nothing is divided by zero."""
    series = moved(moved(quiet(NAMES), ("db", "cpu"), 55, 3.0), ("web", "cpu"), 55, 3.0)
    table = pd.DataFrame([event("db", 50), event("web", 59)])
    found = changes.collect(observe(situation_of(series, events=table)), replace(SETTINGS, change_window_s=0.0))
    assert weights(found) == {"web": SETTINGS.change_weight}
    assert at(59) < observe(situation_of(series)).situation.detected_at
