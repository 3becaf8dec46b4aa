"""Files of every form come back as the frame that was written, and what was mended is counted."""

import string
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import InputError
from models.frames import MetricFrame, SeriesKey
from models.sources.files import read_metrics, read_table, write_long, write_wide
from tests.models.sources.examples import HEADER, ROWS, START, assert_same, counts, sample_frame

NAMES = st.text(string.ascii_letters + " ,;\"'/:%é漢😀-_.", min_size=1, max_size=8).map(str.strip).filter(bool)
KEYS = st.builds(SeriesKey, NAMES, NAMES)


@st.composite
def frames(draw):
    """Frames whose first and last row hold every series, so that nothing of the grid is lost on the way."""
    keys = sorted(draw(st.lists(KEYS, min_size=1, max_size=4, unique=True)))
    n_rows = draw(st.integers(12, 20))
    cells = st.floats(-1e15, 1e15)
    values = np.array(draw(st.lists(cells, min_size=n_rows * len(keys), max_size=n_rows * len(keys))))
    values = values.reshape(n_rows, len(keys))
    for row in draw(st.sets(st.integers(1, n_rows - 2), max_size=3)):
        values[row] = np.nan
    step_s = draw(st.sampled_from([0.5, 1.0, 60.0, 300.0, 86400.0]))
    start = START + np.timedelta64(draw(st.integers(0, 10**9)), "us")
    return MetricFrame(start=start, step_s=step_s, keys=tuple(keys), values=values)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames())
def test_long_parquet_comes_back(frame):
    """What write_long wrote is what read_metrics gives, without a repair."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "history.parquet"
        write_long(frame, path)
        reading = read_metrics(path)
    assert_same(reading.frame, frame)
    assert reading.repairs == ()


@settings(max_examples=40)
@given(frames())
def test_long_csv_comes_back(frame):
    """The long form as CSV, written by pandas, gives the same frame, quotes and commas in names included."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "history.csv"
        frame.to_long().to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z")
        reading = read_metrics(path)
    assert_same(reading.frame, frame)
    assert reading.repairs == ()


@settings(max_examples=40)
@given(frames(), st.sampled_from([".csv", ".parquet"]))
def test_wide_comes_back(frame, ending):
    """The wide form gives the same frame in both formats, or is refused when a metric holds a slash."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"history{ending}"
        if any("/" in key.metric for key in frame.keys):
            with pytest.raises(InputError, match="header"):
                write_wide(frame, path)
            return
        write_wide(frame, path)
        reading = read_metrics(path)
    assert_same(reading.frame, frame)
    assert reading.repairs == ()


def test_long_parquet_is_canonical(tmp_path):
    """Rows are ordered by time, then series, whatever the order of the columns; names are plain strings."""
    frame = sample_frame()
    write_long(frame.select(frame.keys[::-1]), tmp_path / "a.parquet")
    write_long(frame, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert [str(field.type) for field in schema] == ["timestamp[us, tz=UTC]", "string", "string", "double"]


def test_wide_ending_is_known(tmp_path):
    """Wide form is written as CSV or Parquet only."""
    with pytest.raises(InputError, match=r"\.txt"):
        write_wide(sample_frame(), tmp_path / "a.txt")


def test_directory_is_one_reading(tmp_path):
    """Several files of one directory share a grid; the component is the file's name; other files are named."""
    (tmp_path / "carts.csv").write_text("ts,cpu\n0,1\n60,2\n")
    (tmp_path / "orders.csv").write_text("ts,cpu\n60,3\n120,4\n")
    (tmp_path / "notes.txt").write_text("hello")
    reading = read_metrics(tmp_path)
    assert reading.frame.keys == (SeriesKey("carts", "cpu"), SeriesKey("orders", "cpu"))
    assert np.array_equal(reading.frame.values, [[1, np.nan], [2, 3], [np.nan, 4]], equal_nan=True)
    assert counts(reading.repairs) == {"neither CSV nor Parquet": 1}


def test_directory_joins_parts_of_a_series(tmp_path):
    """One series in two files becomes one column; a time in both is counted."""
    frame = sample_frame()
    write_long(frame.rows(0, 11), tmp_path / "1.parquet")
    write_long(frame.rows(10, 20), tmp_path / "2.parquet")
    reading = read_metrics(tmp_path)
    assert_same(reading.frame, frame)
    assert counts(reading.repairs) == {"duplicate time of a series": int((~np.isnan(frame.values[10])).sum())}


def test_directory_without_files_is_refused(tmp_path):
    """An empty directory, or none, is an error."""
    with pytest.raises(InputError, match="no CSV or Parquet"):
        read_metrics(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_metrics(tmp_path / "absent")


@pytest.mark.parametrize(
    ("header", "component", "expected"),
    [
        ("ts,cpu", "", SeriesKey("orders", "cpu")),
        ("Timestamp,cpu", "carts", SeriesKey("carts", "cpu")),
        ("time,a/b/cpu", "carts", SeriesKey("a/b", "cpu")),
        ("date,value", "", SeriesKey("orders", "value")),
    ],
)
def test_wide_headers_name_series(tmp_path, header, component, expected):
    """A header is split at its last slash; without one the component is the option, else the file's name."""
    (tmp_path / "orders.csv").write_text(f"{header}\n0,1\n60,2\n")
    assert read_metrics(tmp_path / "orders.csv", component=component).frame.keys == (expected,)


def test_long_without_components_takes_the_name(tmp_path):
    """Long form without components belongs to the component that the caller names, else to the file's name."""
    path = tmp_path / "orders.csv"
    path.write_text("ts,metric,value\n0,cpu,1\n60,cpu,2\n")
    assert read_metrics(path).frame.components == ("orders",)
    assert read_metrics(path, component="carts").frame.components == ("carts",)


@pytest.mark.parametrize("ending", ["csv", "data", "parquet"])
def test_parquet_is_known_by_its_content(tmp_path, ending):
    """Parquet under any name is read as Parquet."""
    write_long(sample_frame(), tmp_path / "a.parquet")
    path = (tmp_path / "a.parquet").rename(tmp_path / f"b.{ending}")
    assert_same(read_metrics(path).frame, sample_frame())


@pytest.mark.parametrize(
    ("text", "values", "repairs"),
    [
        ("\ufeff" + HEADER + ROWS, [1, 2], {}),
        ((HEADER + ROWS).replace("\n", "\r\n"), [1, 2], {}),
        (HEADER + ROWS.replace("\n", "\n\n"), [1, 2], {}),
        ((HEADER + ROWS).replace(",", " , "), [1, 2], {}),
        ((HEADER + ROWS).replace("Z", "+02:00"), [1, 2], {}),
        ((HEADER + ROWS).replace("Z", ""), [1, 2], {"time without a zone": 2}),
        (HEADER + ROWS + "2024-05-01T00:02:00+00:00,a,cpu,3\n", [1, 2, 3], {}),
        (HEADER + ROWS + "2024-05-01T00:02:00Z,a,cpu,\n2024-05-01T00:03:00Z,a,cpu,n/a\n", [1, 2, None, None], {}),
        (HEADER + ROWS + "2024-05-01T00:02:00Z,a,cpu, 3.5 \n", [1, 2, 3.5], {}),
        (HEADER + ROWS + "2024-05-01T00:02:00Z,a,cpu,-inf\n", [1, 2, None], {"infinite, or beyond 1e+100": 1}),
        (HEADER + ROWS + "2024-05-01T00:02:00Z,a,cpu,1e308\n", [1, 2, None], {"infinite, or beyond 1e+100": 1}),
        (HEADER + ROWS + "2024-05-01T00:02:00Z,a,cpu,1e999\n", [1, 2, None], {"infinite, or beyond 1e+100": 1}),
        (HEADER + ROWS + "2024-05-01T00:02:00Z,a,cpu,True\n", [1, 2, 1], {"true or false instead of a number": 1}),
        (HEADER + "".join(reversed(ROWS.splitlines(keepends=True))), [1, 2], {"time before the one above it": 1}),
        (HEADER + ROWS + "2024-05-01T00:01:00Z,a,cpu,5\n", [1, 5], {"duplicate time of a series": 1}),
        (
            "ts,cpu\n" + "".join(f"{60 * i},{i}\n" for i in range(15)) + "850,18\n",
            [*range(14), 16],
            {"time off the grid": 1, "several times in one step": 1},
        ),
        (
            "ts,component,metric,value,host\n0,a,cpu,1,x\n60,a,cpu,2,y\n",
            [1, 2],
            {"a column that no form has": 2},
        ),
        ("ts,cpu\n1714521600,1\n1714521660,2\n", [1, 2], {}),
        ("ts,cpu\n1714521600000,1\n1714521660000,2\n", [1, 2], {}),
        ("ts,cpu\n1714521600000000,1\n1714521660000000,2\n", [1, 2], {}),
        ("ts,cpu\n1714521600000000000,1\n1714521660000000000,2\n", [1, 2], {}),
        ("ts,cpu\n1714521600.25,1\n1714521660.25,2\n", [1, 2], {}),
        ("date,cpu\n2024-05-01,1\n2024-05-02,2\n", [1, 2], {"time without a zone": 2}),
    ],
)
def test_what_can_be_mended_is_mended_and_counted(tmp_path, text, values, repairs):
    """A file with a known flaw gives these values and exactly these counts."""
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    reading = read_metrics(path)
    assert np.array_equal(reading.frame.values[:, 0], np.array(values, dtype=float), equal_nan=True)
    assert counts(reading.repairs) == repairs
    assert all(str(path) in str(repair) for repair in reading.repairs)


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
def test_epoch_units_mean_the_same_time(tmp_path, factor):
    """Seconds, milliseconds, microseconds and nanoseconds of one moment are that moment."""
    seconds = 1714521600
    (tmp_path / "a.csv").write_text(f"ts,cpu\n{seconds * factor},1\n{(seconds + 60) * factor},2\n")
    frame = read_metrics(tmp_path / "a.csv").frame
    assert (frame.start, frame.step_s) == (START, 60.0)


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        (pa.array([True, None]), [1, None], "true or false instead of a number"),
        (pa.array([np.inf, 2.0]), [None, 2], "infinite, or beyond 1e+100"),
        (pa.array(["1", "2"]).dictionary_encode(), [1, 2], None),
        (pa.array(["1", "2"], pa.string_view()), [1, 2], None),
        (pa.array(["1", "2"], pa.large_string()), [1, 2], None),
        (pa.array([1, 2], pa.decimal128(5, 2)), [1, 2], None),
        (pa.array([1, 2], pa.uint8()), [1, 2], None),
    ],
)
def test_parquet_types_that_mean_numbers(tmp_path, column, values, problem):
    """Booleans, decimals, small integers and spelled numbers are understood."""
    ts = pa.array([0, 60_000_000], pa.timestamp("us", "Asia/Seoul"))
    pq.write_table(pa.table({"ts": ts, "x": column}), tmp_path / "a.parquet")
    reading = read_metrics(tmp_path / "a.parquet")
    assert np.array_equal(reading.frame.values[:, 0], np.array(values, dtype=float), equal_nan=True)
    assert [repair.problem for repair in reading.repairs] == ([problem] if problem else [])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamp_units_mean_the_same_time(tmp_path, unit):
    """Timestamps of any unit, with a zone, are the same moment."""
    ts = pa.array(np.array([START, START + np.timedelta64(60, "s")]).astype(f"datetime64[{unit}]")).cast(
        pa.timestamp(unit, "UTC")
    )
    pq.write_table(pa.table({"ts": ts, "x": [1, 2]}), tmp_path / "a.parquet")
    reading = read_metrics(tmp_path / "a.parquet")
    assert (reading.frame.start, reading.frame.step_s, reading.repairs) == (START, 60.0, ())


def test_stated_step_wins(tmp_path):
    """A coarser stated step averages what falls together and counts it."""
    write_wide(sample_frame(n_components=1), tmp_path / "a.csv")
    reading = read_metrics(tmp_path / "a.csv", step_s=120.0)
    assert reading.frame.step_s == 120.0
    assert set(counts(reading.repairs)) == {"time off the grid", "several times in one step"}


def test_index_column_of_pandas_is_no_series(tmp_path):
    """The index that pandas adds to a Parquet file is named as unused."""
    table = pd.DataFrame({"ts": [0, 60], "cpu": [1.0, 2.0]}, index=[7, 9])
    table.to_parquet(tmp_path / "a.parquet")
    reading = read_metrics(tmp_path / "a.parquet")
    assert [key.metric for key in reading.frame.keys] == ["cpu"]
    assert reading.repairs[0].column == "__index_level_0__"


def test_table_follows_the_rules_of_files():
    """A pandas frame is read like a file, times of any zone included."""
    times = pd.date_range("2024-05-01T09:00", periods=2, freq="min", tz="Asia/Seoul")
    reading = read_table(pd.DataFrame({"ts": times, "cpu": [1.0, np.inf]}), component="orders")
    assert reading.frame.start == START
    assert reading.frame.keys == (SeriesKey("orders", "cpu"),)
    assert counts(reading.repairs) == {"infinite, or beyond 1e+100": 1}
    assert_same(read_table(sample_frame().to_long()).frame, sample_frame())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.DataFrame(), "single row"),
        (pd.DataFrame({"ts": [0, 60], "x": [1, "a"]}), "'x'"),
        (pd.DataFrame({"ts": [0, 60], "x": [object(), 1]}), "'x'"),
        (pd.DataFrame({"ts": [0, 60], "x": [1j, 2j]}), "'x'"),
        (pd.DataFrame([[0, 1, 2]], columns=["ts", "x", "x"]), "twice"),
        (pd.DataFrame({"ts": [pd.Timestamp("2024-05-01"), pd.NaT], "a/x": [1, 2]}), "row 1"),
    ],
)
def test_table_that_is_none_is_refused(table, said):
    """Frames of mixed or unknown types, without rows, or with a column twice are errors."""
    with pytest.raises(InputError, match=said):
        read_table(table)
