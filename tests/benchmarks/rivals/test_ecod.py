"""ECOD with the tails of the history."""

import numpy as np
import pytest
from pyod.models.ecod import ECOD

from benchmarks.rivals.ecod import tail_scores


@pytest.mark.parametrize("n_features", [1, 4])
def test_it_is_what_pyod_says_of_one_row_at_a_time(n_features):
    """Each score is PyOD's for that row alone; ties and rows outside the history included."""
    rng = np.random.default_rng(5)
    history = np.round(rng.exponential(size=(400, n_features)), 1)
    rows = np.vstack([history[:10], rng.normal(2.0, 3.0, (20, n_features)), np.full((1, n_features), 50.0)])
    fitted = ECOD().fit(history)
    asked = [float(fitted.decision_function(row[None])[0]) for row in rows]
    np.testing.assert_allclose(tail_scores(history, rows), asked, rtol=1e-9)


def test_pyod_itself_is_not_causal():
    """PyOD's own score of a row changes with the rows beside it: why it is not used as it is."""
    rng = np.random.default_rng(5)
    history, rows = rng.normal(size=(200, 2)), rng.normal(size=(50, 2))
    fitted = ECOD().fit(history)
    assert not np.allclose(fitted.decision_function(rows)[0], fitted.decision_function(rows[:1])[0])
