"""How far every series moved."""

import numpy as np
import pytest

from analysis.rootcause import level
from analysis.rootcause.observation import observe
from models.frames import SeriesKey
from tests.analysis.builders import noise, quiet, situation_of
from tests.analysis.rootcause.helpers import NAMES, SETTINGS


def test_new_and_silent_series_count():
    """A metric that appears or vanishes with the incident is evidence."""
    series = quiet(NAMES)
    rows = np.arange(80)
    series["db", "oom"] = np.where(rows >= 60, 1.0, np.nan)
    series["mail", "sent"] = np.where(rows < 60, 5.0 + 0.1 * rows, np.nan)
    found = observe(situation_of(series)).series
    points = dict(zip(found.keys, level.measure_points(found, SETTINGS), strict=True))
    assert points[SeriesKey("db", "oom")] == points[SeriesKey("mail", "sent")] == pytest.approx(np.log1p(9.0))
    assert "appeared" in level.describe(found, found.keys.index(SeriesKey("db", "oom")))[0]
    assert "silent" in level.describe(found, found.keys.index(SeriesKey("mail", "sent")))[0]


def points_of(series, **parts):
    """Points by metric of component a."""
    view = observe(situation_of(series, **parts)).series
    return {k.metric: float(p) for k, p in zip(view.keys, level.measure_points(view, SETTINGS), strict=True)}


def test_drops_count_like_rises():
    """The direction of a shift does not matter here."""
    step = np.where(np.arange(80) >= 60, 4.0, 0.0)
    found = points_of({("a", "up"): noise(80) + step, ("a", "down"): 20 - noise(80) - step})
    assert found["up"] == pytest.approx(found["down"], rel=0.05)
    assert found["up"] > 2


def test_no_series_counts_without_limit():
    """A shift of a thousand orders of magnitude is capped, so that one wild series does not decide alone."""
    huge = np.where(np.arange(80) >= 60, 1e200, 1e-100)
    assert points_of({("a", "x"): huge, ("a", "y"): noise(80)})["x"] <= np.log1p(SETTINGS.effect_cap)


def test_without_a_history_nothing_is_new():
    """A frame that starts with the incident accuses nobody."""
    assert set(points_of(quiet(NAMES), detected=-10).values()) == {0.0}
