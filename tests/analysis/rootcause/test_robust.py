"""Robust figures of columns with missing values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.rootcause.robust import MOST_TAILS, RELATIVE_FLOOR, baseline_of, median, presence_of, quantiles, units_of
from tests.analysis.builders import noise

FLOORS = np.array([RELATIVE_FLOOR])


def scale_of(values, onset=60):
    """Scale of one column."""
    return float(baseline_of(np.asarray(values, dtype=float)[:, None], onset, FLOORS)[1][0])


def test_wild_points_do_not_widen_the_scale_without_limit():
    """Ten per cent of the history a thousand times too high: at most ten times the usual scale."""
    calm = noise(80)
    wild = np.where(np.arange(80) % 10 == 3, 1000 * calm, calm)
    assert scale_of(wild) <= MOST_TAILS * 2 * scale_of(calm)


def test_a_series_that_only_spikes_keeps_the_scale_of_its_spikes():
    """Where the bulk stands still at zero, its tails are all there is."""
    assert scale_of(np.where(np.arange(80) % 8 == 3, 5.0, 0.0)) > 0.5


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_constants_have_a_scale(value):
    """Nothing is divided by zero."""
    assert scale_of(np.full(80, value)) > 0


def test_without_a_history_there_is_no_centre():
    """NaN says so; the scale stays positive."""
    centre, scale = baseline_of(np.ones((5, 1)), 0, FLOORS)
    assert np.isnan(centre[0])
    assert scale[0] > 0


@given(arrays(float, (7, 2), elements=st.floats(-1e6, 1e6) | st.just(np.nan)), st.permutations(range(7)))
def test_quantiles_are_those_of_numpy_and_know_no_order(rows, order):
    """Over the present values of each column; NaN where there is none."""
    found = quantiles(rows, (0.0, 0.25, 0.5, 1.0))
    np.testing.assert_array_equal(found, quantiles(rows[list(order)], (0.0, 0.25, 0.5, 1.0)))
    for column in range(2):
        present = rows[~np.isnan(rows[:, column]), column]
        wanted = np.quantile(present, [0.0, 0.25, 0.5, 1.0]) if len(present) else np.full(4, np.nan)
        np.testing.assert_allclose(found[:, column], wanted, rtol=1e-12, atol=1e-6)


def test_figures_of_nothing():
    """No rows, or no value, are NaN or nothing."""
    empty = np.zeros((0, 2))
    assert np.isnan(median(empty)).all()
    assert presence_of(empty).tolist() == [0.0, 0.0]
    assert units_of(np.array([[np.nan, 0.0, -3.0]])).tolist() == [1.0, 1.0, 3.0]
