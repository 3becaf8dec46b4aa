"""Labels are read as written, and refused by name where they make no sense."""

import numpy as np
import pandas as pd
import pytest

from models.errors import InputError
from models.frames import SeriesKey
from models.sources.labels import read_labels

KEYS = [SeriesKey("web", "cpu"), SeriesKey("web", "rate"), SeriesKey("db", "cpu")]
ROW = "web,cpu,2026-03-02T00:00:00Z,2026-03-02T01:00:00Z\n"


def written(tmp_path, text):
    """A CSV file."""
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_parquet_say_the_same(tmp_path) -> None:
    """Times in UTC, globs as selectors."""
    path = written(tmp_path, "component,metric,start,end\n" + ROW)
    table = pd.read_csv(path).assign(start=lambda t: pd.to_datetime(t.start), end=lambda t: pd.to_datetime(t.end))
    table.to_parquet(tmp_path / "labels.parquet")
    labels, repairs = read_labels(path)
    assert read_labels(tmp_path / "labels.parquet") == (labels, repairs)
    assert repairs == ()
    assert labels[0].start == np.datetime64("2026-03-02T00:00:00")
    assert labels[0].selector.matches(KEYS).tolist() == [True, False, False]


def test_a_metric_may_be_absent_or_empty(tmp_path) -> None:
    """Then all of the component are meant; epoch times and globs work."""
    for text in (
        "component,start,end\nw*,1772409600,1772413200\n",
        "component,metric,start,end\nw*,,1772409600,1772413200\n",
    ):
        (label,), _ = read_labels(written(tmp_path, text))
        assert label.selector.matches(KEYS).tolist() == [True, True, False]
        assert label.end - label.start == np.timedelta64(1, "h")


def test_what_was_assumed_is_told(tmp_path) -> None:
    """A time without a zone, and a column that means nothing."""
    text = "component,start,end,why\nweb,2026-03-02 00:00,2026-03-02 01:00,deploy\n"
    _, repairs = read_labels(written(tmp_path, text))
    assert [repair.action for repair in repairs] == ["taken as UTC", "taken as UTC", "not used"]
    assert "'why'" in str(repairs[-1])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "labels.csv"),
        ("component,metric,start,end\n", "no row"),
        ("component,start\nweb,2026-03-02T00:00:00Z\n", "column 'end'"),
        ("metric,start,end\n" + ROW.partition(",")[2], "column 'component'"),
        ("component,start,end\n,2026-03-02T00:00:00Z,2026-03-02T00:00:00Z\n", "row 0: the name is empty"),
        ("component,start,end\nweb,yesterday,2026-03-02T00:00:00Z\n", "'yesterday' is not a time"),
        (
            "component,start,end\nweb,2026-03-02T01:00:00Z,2026-03-02T00:00:00Z\n",
            "row 0: the end lies before the start",
        ),
        ("component,start,end\nweb,,2026-03-02T00:00:00Z\n", "column 'start'"),
        (f"component,start,end\n{'x' * 300},2026-03-02T01:00:00Z,2026-03-02T02:00:00Z\n", "row 0: component is"),
    ],
)
def test_hostile_labels_are_named(tmp_path, text, says) -> None:
    """One message with the place."""
    with pytest.raises(InputError, match=r"labels\.csv") as error:
        read_labels(written(tmp_path, text))
    assert says in str(error.value)
    assert "Remedy" in str(error.value)


def test_absent_and_foreign_files_are_named(tmp_path) -> None:
    """No file, a directory, bytes."""
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)))
    (tmp_path / "noise.parquet").write_bytes(bytes(range(256)))
    for name in ("none.csv", "", "noise.csv", "noise.parquet"):
        with pytest.raises(InputError, match="Remedy"):
            read_labels(tmp_path / name)


def test_an_empty_parquet_has_no_label(tmp_path) -> None:
    """It is said rather than taken for a history without incidents."""
    pd.DataFrame({"component": ["web"], "start": [pd.Timestamp(0, tz="UTC")], "end": [pd.Timestamp(0, tz="UTC")]}).iloc[
        :0
    ].to_parquet(tmp_path / "labels.parquet")
    with pytest.raises(InputError, match="not a single label"):
        read_labels(tmp_path / "labels.parquet")
