"""service.window: the bounded window of metrics."""

import numpy as np
import pytest

from models.errors import InputError
from models.frames import MetricFrame, SeriesKey
from service.window import MetricWindow

KEYS = (SeriesKey("a", "cpu"), SeriesKey("b", "cpu"))
START = np.datetime64("2026-01-01T00:00:00", "us")


def _frame(first, last, keys=KEYS):
    values = np.arange(first, last, dtype=float)[:, None] * np.ones(len(keys))
    return MetricFrame(start=START + np.timedelta64(first * 60, "s"), step_s=60.0, keys=keys, values=values)


def test_keeps_the_newest_rows():
    """The window never holds more than it may, and drops the oldest rows."""
    window = MetricWindow(_frame(0, 10), 5)
    assert window.frame.values[:, 0].tolist() == [5, 6, 7, 8, 9]
    assert window.extend(_frame(10, 12)).n_rows == 2
    assert window.frame.values[:, 0].tolist() == [7, 8, 9, 10, 11]


def test_gap_is_missing_not_closed():
    """Rows that never came are NaN, and count as added."""
    window = MetricWindow(_frame(0, 3), 10)
    assert window.extend(_frame(5, 6)).n_rows == 3
    assert np.isnan(window.frame.values[3:5]).all()
    assert window.frame.n_rows == 6


def test_more_fresh_rows_than_the_window_holds():
    """After a long outage the window holds the newest rows only, with their own times."""
    window = MetricWindow(_frame(0, 3), 4)
    assert window.extend(_frame(3, 20)).n_rows == 17
    assert window.frame.values[:, 0].tolist() == [16, 17, 18, 19]
    assert window.frame.start == _frame(16, 17).start


def test_strangers_are_refused_and_absent_series_are_missing():
    """An unknown series is an error that names it; a known one that did not come is NaN."""
    window = MetricWindow(_frame(0, 3), 10)
    with pytest.raises(InputError, match="c/cpu"):
        window.extend(_frame(3, 4, keys=(SeriesKey("c", "cpu"),)))
    window.extend(_frame(3, 4, keys=KEYS[:1]))
    assert np.isnan(window.frame.values[3, 1])


def test_old_rows_are_refused():
    """Rows that overlap the window are an error, and nothing changes."""
    window = MetricWindow(_frame(0, 5), 10)
    with pytest.raises(InputError):
        window.extend(_frame(3, 6))
    assert window.frame.n_rows == 5
