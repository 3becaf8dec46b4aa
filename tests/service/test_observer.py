"""The judged window: what the live loop sees is what a batch over the same rows says."""

from datetime import timedelta

import numpy as np
import pytest

import service.observer
from models.errors import InputError
from models.evidence import find_anomalies
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.scoring import score_frame
from service.observer import Observer
from tests.models.histories import DAY, changed, frame_of, shop, trained

FRAME = changed(shop(), ("store", "cpu"), slice(7 * DAY + 100, 7 * DAY + 112), 0.5)
BUNDLE = trained(FRAME, days=6).bundle
KNOWN = 6 * DAY


def an_observer(window_rows=2 * DAY):
    """Knows the history, has seen nothing fresh."""
    return Observer(BUNDLE, FRAME.rows(0, KNOWN), window_rows)


def fed(observer, sizes, frame=FRAME):
    """Give the rows behind the history in chunks of these sizes, over and over."""
    first, turn = KNOWN, 0
    while first < frame.n_rows:
        last = min(first + sizes[turn % len(sizes)], frame.n_rows)
        observer.observe(frame.rows(first, last))
        first, turn = last, turn + 1
    return observer


def arrays_of(scores):
    """Everything that a judgement says, by name."""
    return {name: getattr(scores, name) for name in service.observer.ARRAYS} | dict(scores.by_detector)


def assert_as_batch(observer, frame):
    """The window says of its fresh rows what a batch behind the history says of them, bit for bit."""
    seen, batch = observer.scores, score_frame(BUNDLE, frame.rows(KNOWN, frame.n_rows))
    kept = min(seen.frame.n_rows, batch.frame.n_rows)
    assert seen.frame.end == frame.end
    np.testing.assert_array_equal(seen.frame.values[-kept:], batch.frame.values[-kept:])
    for name, rows in arrays_of(seen).items():
        np.testing.assert_array_equal(rows[-kept:], arrays_of(batch)[name][-kept:], err_msg=name)


@pytest.mark.parametrize("sizes", [[1], [7], [1, 40, 3], [3 * DAY]], ids=str)
def test_live_is_batch(sizes):
    """The scores of the window equal those of a batch over all rows, whatever the chunks."""
    observer = fed(an_observer(), sizes)
    assert observer.frame.n_rows == 2 * DAY
    assert_as_batch(observer, FRAME)


def test_more_fresh_rows_than_the_window_holds():
    """Rows that arrive at once and overflow the window are judged with their context all the same."""
    observer = an_observer(window_rows=DAY // 2)
    observer.observe(FRAME.rows(KNOWN, FRAME.n_rows))
    assert observer.frame.n_rows == DAY // 2
    assert_as_batch(observer, FRAME)


def test_a_gap_is_missing_rows():
    """Rows that never came are missing: unknown, not judged, and they shift nothing."""
    holed = FRAME.values.copy()
    holed[KNOWN + 30 : KNOWN + 45] = np.nan
    whole = MetricFrame(start=FRAME.start, step_s=FRAME.step_s, keys=FRAME.keys, values=holed)
    observer = an_observer(3 * DAY)
    observer.observe(FRAME.rows(KNOWN, KNOWN + 30))
    observer.observe(FRAME.rows(KNOWN + 45, FRAME.n_rows))
    assert_as_batch(observer, whole)
    rows = slice(KNOWN + 30 - FRAME.n_rows, KNOWN + 45 - FRAME.n_rows)
    assert np.isnan(observer.scores.by_detector["spike"][rows]).all()


def test_a_series_that_stays_away_is_unknown():
    """Fresh rows without a series give it neither values nor scores; the others are judged."""
    observer = an_observer()
    observer.observe(FRAME.rows(KNOWN, KNOWN + 5).select([key for key in FRAME.keys if key.component == "shop"]))
    cpu, latency = FRAME.keys.index(SeriesKey("store", "cpu")), FRAME.keys.index(SeriesKey("shop", "latency"))
    assert np.isnan(observer.frame.values[-5:, cpu]).all()
    assert np.isnan(observer.scores.score[-5:, cpu]).all()
    assert not np.isnan(observer.scores.score[-5:, latency]).any()


def test_anomalies_are_those_of_a_batch():
    """The anomalies of the window equal those that a batch finds in the same rows."""
    observer = fed(an_observer(3 * DAY), [1, 5, 2])
    since = to_datetime(FRAME.times[7 * DAY])
    found = observer.anomalies(since)
    assert any(a.key == SeriesKey("store", "cpu") for a in found)
    fresh = score_frame(BUNDLE, FRAME.rows(KNOWN, FRAME.n_rows))
    assert list(map(repr, found)) == list(map(repr, find_anomalies(BUNDLE, fresh, since=since)))
    assert observer.anomalies(to_datetime(FRAME.end) + timedelta(days=1)) == ()


def test_what_was_handed_out_never_changes():
    """A reader's frame and scores stay as they were while thousands of rows come in."""
    observer = an_observer(window_rows=DAY)
    scores = observer.scores
    copies = {name: rows.copy() for name, rows in arrays_of(scores).items()}
    values = scores.frame.values.copy()
    fed(observer, [50])
    np.testing.assert_array_equal(scores.frame.values, values)
    for name, rows in arrays_of(scores).items():
        np.testing.assert_array_equal(rows, copies[name], err_msg=name)


HOSTILE = {
    "rows that are known already": FRAME.rows(KNOWN - 3, KNOWN + 2),
    "another step": frame_of({("shop", "latency"): np.ones(3)}, step_s=60.0, start=FRAME.times[KNOWN]),
    "off the grid": frame_of({("shop", "latency"): np.ones(3)}, start=FRAME.times[KNOWN] + np.timedelta64(7, "s")),
    "an unknown series": frame_of({("shop", "nonsense"): np.ones(3)}, start=FRAME.times[KNOWN]),
}


@pytest.mark.parametrize("fresh", HOSTILE.values(), ids=HOSTILE)
def test_rows_that_do_not_fit_are_refused(fresh):
    """Refused rows change nothing: the next good ones are judged as if they had never come."""
    observer = an_observer()
    with pytest.raises(InputError):
        observer.observe(fresh)
    assert observer.frame.end == FRAME.times[KNOWN]
    assert_as_batch(fed(observer, [100]), FRAME)


def test_a_failing_detector_leaves_the_window_in_step(monkeypatch):
    """Rows that could not be scored are missing later, and scores never belong to other rows than the metrics."""
    observer = an_observer()

    def fails(*_):
        raise FloatingPointError("no")

    with monkeypatch.context() as patch:
        patch.setattr(service.observer.Scorer, "advance", fails)
        with pytest.raises(FloatingPointError):
            observer.observe(FRAME.rows(KNOWN, KNOWN + 4))
    observer.observe(FRAME.rows(KNOWN + 4, KNOWN + 10))
    assert len(observer.scores.score) == observer.frame.n_rows
    np.testing.assert_array_equal(observer.frame.values[-6:], FRAME.values[KNOWN + 4 : KNOWN + 10])
    assert np.isnan(observer.frame.values[-10:-6]).all()


@pytest.mark.parametrize("value", [1e308, -1e308])
def test_absurd_values_are_judged(value):
    """The largest numbers neither break the loop nor pass unnoticed."""
    observer = an_observer()
    observer.observe(changed(FRAME, ("shop", "latency"), slice(KNOWN + 20, KNOWN + 23), value).rows(KNOWN, KNOWN + 30))
    assert SeriesKey("shop", "latency") in {a.key for a in observer.anomalies(to_datetime(FRAME.times[KNOWN]))}
