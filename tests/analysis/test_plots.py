"""Pictures of a diagnosis."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.pipeline import diagnose
from analysis.plots import plot_heat, plot_propagation, plot_ranking
from analysis.situation import Situation
from tests.analysis.builders import CHAIN, at, moved, quiet, situation_of

NAMES = [(c, m) for c in ("web", "orders", "db") for m in ("cpu", "latency_ms")]


@pytest.fixture
def ax():
    """An Axes without pyplot."""
    return Figure(layout="constrained").subplots()


def test_ranking_shows_each_candidate_with_signed_evidence(ax):
    """Every candidate has its row, and what speaks against it lies left of zero."""
    series = quiet(NAMES)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "latency_ms"), 60, 3.0)
    analysis = diagnose(situation_of(series))
    assert plot_ranking(analysis, ax) is ax
    assert [label.get_text() for label in ax.get_yticklabels()] == [c.component for c in analysis.possible_causes]
    assert min(patch.get_width() for patch in ax.patches) < 0
    ax.figure.draw_without_rendering()


def test_propagation_places_callers_above_callees(ax):
    """The names are there and the caller stands higher."""
    analysis = diagnose(situation_of(moved(quiet(NAMES), ("db", "latency_ms"), 60, 3.0)))
    assert plot_propagation(analysis, CHAIN, ax) is ax
    height = {text.get_text(): text.get_position()[1] for text in ax.texts if text.get_text()}
    assert height["web"] > height["orders"] > height["db"]
    ax.figure.draw_without_rendering()


def test_heat_is_darkest_where_the_incident_is(ax):
    """The odd component comes first."""
    assert plot_heat(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)), ax) is ax
    assert ax.get_yticklabels()[0].get_text() == "db"
    assert "UTC" in ax.get_xlabel()
    ax.figure.draw_without_rendering()


def test_nothing_to_draw_draws_nothing(ax):
    """Empty situations and analyses are no error."""
    nothing = Situation(detected_at=at(0))
    for figure in (
        plot_ranking(diagnose(nothing), ax),
        plot_propagation(diagnose(nothing), [], Figure().subplots()),
        plot_heat(nothing, Figure().subplots()),
        plot_heat(situation_of({("a", "m"): np.full(9, np.nan)}), Figure().subplots()),
    ):
        figure.figure.draw_without_rendering()
