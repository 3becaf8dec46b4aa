"""Detection on labelled series: causal, row by row of the file, nothing dropped in silence."""

import json

import numpy as np
import pandas as pd
import pytest

from models.detection_benchmark import SeriesInput, detect_series, detect_suite, read_series
from models.errors import CaseError, InputError

START = np.datetime64("2026-03-02T00:00:00", "us")
STEP = np.timedelta64(300, "s").astype("timedelta64[us]")
DAY = 288


def series_of(n_days=5, metrics=("value",), seed=1):
    """Daily waves with noise; a spike of six rows four days in, on the first metric."""
    rng = np.random.default_rng(seed)
    n = n_days * DAY
    wave = np.sin(2 * np.pi * np.arange(n) / DAY)[:, None]
    values = 10 + 3 * wave + rng.normal(0, 0.3, (n, len(metrics)))
    values[4 * DAY + 50 : 4 * DAY + 56, 0] += 20
    return SeriesInput(name="web", times=START + np.arange(n) * STEP, values=values, metrics=tuple(metrics))


def rows_of(series, keep):
    """Some rows of a series, in the given order."""
    return SeriesInput(name=series.name, times=series.times[keep], values=series.values[keep], metrics=series.metrics)


def write(place, series, train_rows):
    """A suite of one more series."""
    frame = pd.DataFrame(series.values, columns=list(series.metrics))
    frame.insert(0, "ts", pd.DatetimeIndex(series.times).tz_localize("UTC"))
    frame.to_parquet(place / f"{series.name}.parquet")
    path = place / "protocol.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | {series.name: train_rows}))


@pytest.mark.parametrize("metrics", [("value",), ("a", "b", "c")])
def test_a_spike_is_found_and_the_history_is_not_scored(metrics):
    """The spike alarms, its neighbourhood does not; rows of the history have neither score nor alarm."""
    found = detect_series(series_of(metrics=metrics), 4 * DAY)
    spike = slice(4 * DAY + 50, 4 * DAY + 56)
    assert found.alarm[spike].any()
    assert found.score[spike].max() > 1.5
    assert np.isnan(found.score[: 4 * DAY]).all()
    assert not found.alarm[: 4 * DAY + 50].any()
    assert np.isfinite(found.score[4 * DAY :]).all()


def test_later_rows_change_nothing():
    """Scores and alarms of a prefix stay, bit by bit, when rows are appended: gaps, repeats and late rows included."""
    whole = series_of(metrics=("a", "b"))
    rng = np.random.default_rng(5)
    keep = np.flatnonzero(rng.random(whole.n_rows) > 0.05)
    keep = np.sort(np.concatenate([keep, keep[-200::7]]))
    keep[-30] = keep[-60]
    whole = rows_of(whole, keep)
    whole.values[-40:, 1] += rng.normal(0, 4, 40)
    whole.values[-20:-5] = np.nan
    complete = detect_series(whole, 3 * DAY)
    assert (np.diff(whole.times) <= np.timedelta64(0)).any()
    assert complete.alarm.any()
    for n in (*range(whole.n_rows - 70, whole.n_rows, 6), 3 * DAY + 1):
        part = detect_series(rows_of(whole, np.arange(n)), 3 * DAY)
        np.testing.assert_array_equal(part.score, complete.score[:n])
        np.testing.assert_array_equal(part.alarm, complete.alarm[:n])


def test_rows_in_one_step_are_scored_each_with_its_own_value():
    """Of two rows in one step the strange one alone scores high, whichever comes first."""
    whole = series_of()
    quiet = 4 * DAY + 150
    for shift, strange in ((1, quiet + 1), (0, quiet)):
        twice = rows_of(whole, np.insert(np.arange(whole.n_rows), quiet, quiet))
        twice.values[quiet + shift] += 30
        found = detect_series(twice, 4 * DAY)
        assert found.score[strange] > 1.5
        assert found.score[quiet + 1 - shift] < 1


def test_every_row_is_judged_also_late_and_crowded_ones():
    """A time that runs back counts as the latest before it; rows before such rows keep their scores."""
    whole = series_of()
    n = whole.n_rows
    found = detect_series(rows_of(whole, np.concatenate([np.arange(n), [n - 3], np.full(9, n - 1)])), 4 * DAY)
    assert np.isfinite(found.score[4 * DAY :]).all()
    np.testing.assert_array_equal(found.score[:n], detect_series(whole, 4 * DAY).score)


def test_an_alarm_is_told_once():
    """Two hours of an incident are one alarm, in its first row; the score of the others is below the boundary."""
    whole = series_of()
    first = 4 * DAY + 150
    whole.values[first : first + 24] += 15
    alarm = detect_series(whole, 4 * DAY).alarm
    assert np.flatnonzero(alarm[4 * DAY + 100 :]).tolist() == [50]


def test_a_file_of_several_metrics_is_told_as_a_component():
    """An incident in all of its metrics alarms while it gets worse, and no more after that."""
    whole = series_of(metrics=("a", "b", "c"))
    first = 4 * DAY + 150
    whole.values[first : first + 24] += [15, -15, 15]
    alarm = detect_series(whole, 4 * DAY).alarm
    told = np.flatnonzero(alarm[4 * DAY + 100 :])
    assert 1 <= len(told) <= 4
    assert set(told) <= set(range(50, 60))


def test_a_suite_leaves_one_row_an_input_row_and_a_report(tmp_path):
    """Every series of the protocol has a file of its own length; a series too short is reported with the reason."""
    write(tmp_path, series_of(), 4 * DAY)
    short = series_of()
    write(tmp_path, SeriesInput(name="short", times=short.times, values=short.values, metrics=("v",)), 50)
    half = series_of(metrics=("a", "b"))
    half.values[:, 1] = np.nan
    write(tmp_path, SeriesInput(name="half", times=half.times, values=half.values, metrics=("a", "b")), 4 * DAY)
    seen = []
    report = detect_suite(tmp_path, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert list(report["skipped"]) == ["short"]
    assert "120 are needed" in report["skipped"]["short"]
    assert report["partly_scored"] == {"half": {"metrics skipped": {"b": "all values are missing"}}}
    assert report["points"] == 4 * 5 * DAY
    assert min(report[name] for name in ("seconds", "cpu_seconds", "points_per_cpu_second", "peak_memory_mb")) > 0
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    for name in ("web", "short", "half"):
        written = pd.read_parquet(tmp_path / "out" / f"{name}.parquet")
        assert (list(written.columns), len(written)) == (["score", "alarm"], 5 * DAY)
        assert written["alarm"].dtype == bool
    assert written["score"].notna().sum() == DAY


def test_the_truth_is_not_read(tmp_path):
    """A suite with a damaged truth is scored like one with none."""
    write(tmp_path, series_of(), 4 * DAY)
    (tmp_path / "truth.json").write_text("{")
    assert detect_suite(tmp_path, tmp_path / "out")["skipped"] == {}


def test_series_without_a_sense_are_skipped_with_the_reason():
    """No rows, one time, no history: errors, not scores."""
    whole = series_of()
    for keep, train_rows in (([], 0), ([], 10), ([3], 1), (np.zeros(400, int), 300), (np.arange(900), 0)):
        with pytest.raises(InputError):
            detect_series(rows_of(whole, np.asarray(keep, int)), train_rows)


def test_a_history_without_a_rest_is_all_unscored():
    """More rows of history than there are: nothing is left to score."""
    found = detect_series(series_of(), 10 * DAY)
    assert np.isnan(found.score).all()
    assert not found.alarm.any()


def test_files_that_are_no_series_are_refused(tmp_path):
    """A path for a name, no file, no times, text for numbers, a missing time, a protocol that is absent."""
    good = pd.date_range("2026-01-01", periods=3, freq="h", tz="UTC").as_unit("us")
    pd.DataFrame({"value": [1.0]}).to_parquet(tmp_path / "timeless.parquet")
    pd.DataFrame({"ts": good, "value": ["a", "b", "c"]}).to_parquet(tmp_path / "text.parquet")
    pd.DataFrame({"ts": good}).to_parquet(tmp_path / "empty.parquet")
    pd.DataFrame({"ts": [1, 2], "value": [1.0, 2.0]}).to_parquet(tmp_path / "epoch.parquet")
    pd.DataFrame({"ts": [good[0], pd.NaT], "value": [1.0, 2.0]}).to_parquet(tmp_path / "hole.parquet")
    for name in ("../timeless", "absent", "timeless", "text", "empty", "epoch", "hole"):
        with pytest.raises(InputError, match=r"timeless|absent|text|empty|epoch|hole"):
            read_series(tmp_path, name)
    with pytest.raises(CaseError, match=r"protocol\.json"):
        detect_suite(tmp_path, tmp_path / "out")


def test_infinite_and_integer_values_are_read(tmp_path):
    """Infinities are missing values; whole numbers are numbers."""
    times = pd.date_range("2026-01-01", periods=3, freq="h", tz="UTC").as_unit("ns")
    pd.DataFrame({"ts": times, "a": [1.0, np.inf, -np.inf], "b": [1, 2, 3]}).to_parquet(tmp_path / "x.parquet")
    read = read_series(tmp_path, "x")
    np.testing.assert_array_equal(read.values, [[1, 1], [np.nan, 2], [np.nan, 3]])
    assert read.times.dtype == "datetime64[us]"
