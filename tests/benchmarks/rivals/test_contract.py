"""What every rival must keep to, to be set beside Faultline."""

import numpy as np
import pytest

from benchmarks.rivals import RIVALS
from benchmarks.rivals.contract import LAGS, filled, lag_vectors
from models.detection_benchmark import SeriesInput
from tests.benchmarks.rivals.made_series import SPIKE_ROW, TRAIN_ROWS, first_rows, made_series

ALL = pytest.mark.parametrize("key", RIVALS)


@ALL
@pytest.mark.parametrize("n_metrics", [1, 3])
def test_later_rows_change_no_score(key, n_metrics):
    """Causal: what comes after a row does not change its score."""
    series = made_series(n_metrics)
    whole = RIVALS[key].score(series, TRAIN_ROWS)
    part = RIVALS[key].score(first_rows(series, SPIKE_ROW + 1), TRAIN_ROWS)
    assert len(whole) == series.n_rows
    np.testing.assert_allclose(whole[TRAIN_ROWS : SPIKE_ROW + 1], part[TRAIN_ROWS:], rtol=1e-9)


@ALL
@pytest.mark.parametrize("n_metrics", [1, 3])
def test_a_plain_spike_stands_out(key, n_metrics):
    """A spike of thirty standard deviations is among the strangest tenth of the rows."""
    scores = np.nan_to_num(RIVALS[key].score(made_series(n_metrics), TRAIN_ROWS)[TRAIN_ROWS:])
    spike = scores[SPIKE_ROW - TRAIN_ROWS : SPIKE_ROW - TRAIN_ROWS + 3].max()
    assert spike >= np.quantile(scores, 0.9)


@pytest.mark.parametrize("key", sorted(RIVALS.keys() - {"half-space-trees"}))
def test_a_plain_spike_passes_the_own_boundary(key):
    """Each alarms on it; half-space trees need not: they tell no mass below a tenth of the window from none."""
    scores = RIVALS[key].score(made_series(), TRAIN_ROWS)
    assert scores[SPIKE_ROW : SPIKE_ROW + 3].max() >= 1.0


@ALL
def test_missing_values_and_a_constant_metric_are_borne(key):
    """Gaps, a metric that never moves and a short history give scores that are finite or missing."""
    series = made_series(3)
    series.values[100:140], series.values[1_000:1_010, 1] = np.nan, np.nan
    series.values[:, 2] = 4.0
    for train_rows in (TRAIN_ROWS, 120):
        scores = RIVALS[key].score(series, train_rows)[train_rows:]
        assert scores.shape == (series.n_rows - train_rows,)
        assert not np.isinf(scores).any()


@ALL
def test_what_the_page_says(key):
    """Each has a name of its own and tells its boundary."""
    rival = RIVALS[key]
    assert sum(other.name == rival.name for other in RIVALS.values()) == 1
    assert "Own boundary" in rival.about or not rival.contends


def test_missing_values_are_filled_from_the_past():
    """A missing value is the one before it, and 0 where there is none."""
    values = np.array([[np.nan], [2.0], [np.nan], [4.0]])
    times = np.datetime64("2026-03-02T00:00:00", "us") + np.arange(4) * np.timedelta64(60, "s")
    series = SeriesInput(name="gaps", times=times, values=values, metrics=("m",))
    assert filled(series)[:, 0].tolist() == [0.0, 2.0, 2.0, 4.0]


def test_lag_vectors_hold_the_last_values():
    """Of one metric the last values, newest first; of several the row itself."""
    one, three = made_series(1), made_series(3)
    np.testing.assert_array_equal(lag_vectors(one)[500], one.values[500 : 500 - LAGS : -1, 0])
    np.testing.assert_array_equal(lag_vectors(three), three.values)
