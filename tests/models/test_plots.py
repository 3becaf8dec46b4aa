"""Plots take an Axes and give it back, with units and UTC on it."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from models.evidence import find_anomalies
from models.frames import SeriesKey
from models.plots import most_abnormal, plot_series, save_plot
from models.scoring import score_frame
from tests.models.histories import DAY, changed, shop, trained


@pytest.fixture(scope="module")
def judged():
    """Scores and anomalies of a day with one incident."""
    frame = changed(shop().rows(7 * DAY - 40, 8 * DAY), ("store", "memory"), slice(200, 212), 30.0)
    bundle = trained(shop()).bundle
    scores = score_frame(bundle, frame)
    return scores, find_anomalies(bundle, scores)


def test_a_series_is_drawn_with_band_expectation_and_anomaly(judged) -> None:
    """The legend names all four, the axes carry unit and UTC, the value axis is not flattened by the band."""
    scores, anomalies = judged
    ax = Figure().add_subplot()
    assert plot_series(ax, scores, SeriesKey("store", "memory"), anomalies) is ax
    _, labels = ax.get_legend_handles_labels()
    assert set(labels) == {"band at the alarm boundary", "expected", "value", "anomaly"}
    assert "UTC" in ax.get_xlabel()
    assert ax.get_ylabel() == "memory"
    assert ax.get_ylim()[1] < 120


def test_an_all_missing_series_can_be_drawn(judged) -> None:
    """Nothing to show is an empty picture, not an error."""
    scores, _ = judged
    scores.frame.values[:, 4] = np.nan
    scores.expected[:, 4] = np.nan
    plot_series(Figure().add_subplot(), scores, scores.frame.keys[4])


def test_the_most_abnormal_series_is_the_one_with_the_incident(judged) -> None:
    """It is the one that the training's picture shows."""
    scores, _ = judged
    assert most_abnormal(scores) == SeriesKey("store", "memory")


def test_a_plot_is_written_as_png(judged, tmp_path: Path) -> None:
    """The file begins as a PNG does."""
    scores, anomalies = judged
    path = save_plot(tmp_path / "a.png", lambda ax: plot_series(ax, scores, most_abnormal(scores), anomalies))
    assert path.read_bytes()[:4] == b"\x89PNG"
