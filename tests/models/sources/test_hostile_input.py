"""Broken files end in an error that names file, column, row and remedy, and never in anything else."""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import FaultlineError, InputError
from models.sources.files import read_metrics, write_long, write_wide
from tests.models.sources.examples import HEADER, ROWS, sample_frame

THIRD = "2024-05-01T00:02:00Z,a,cpu,"


@pytest.mark.parametrize(
    ("content", "column", "row", "said"),
    [
        (b"", "", None, "empty"),
        (b" \n\n", "", None, "empty"),
        (b"\n" + (HEADER + ROWS).encode(), "", None, "first line is empty"),
        (HEADER.encode(), "", None, "no row"),
        (bytes(range(1, 256)), "", 0, "0x80 is not UTF-8"),
        ((HEADER + ROWS + "x\0").encode(), "", 2, "NUL"),
        ((HEADER + ROWS).encode("utf-16"), "", 0, "UTF-16"),
        ((HEADER + ROWS).replace(",a,", ",é,").encode("latin-1"), "", 0, "0xe9 is not UTF-8"),
        ((HEADER + ROWS).replace(",", ";").encode(), "", None, "semicolons"),
        ((HEADER + ROWS).replace(",", "\t").encode(), "", None, "tabs"),
        ((HEADER + ROWS + THIRD + '"1,5"\n').encode(), "value", 2, "decimal point"),
        ((HEADER + ROWS + THIRD + "1,5\n").encode(), "", 2, "5 cells, the header 4"),
        ((HEADER + ROWS + "2024-05-01T00:02:00Z,a\n").encode(), "", 2, "2 cells, the header 4"),
        ((HEADER + ROWS + THIRD + "high\n").encode(), "value", 2, "'high' is not a number"),
        ((HEADER + ROWS + "yesterday,a,cpu,1\n").encode(), "ts", 2, "'yesterday' is not a time"),
        ((HEADER + ROWS + ",a,cpu,1\n").encode(), "ts", 2, "is not a time"),
        ((HEADER + ROWS + "NaT,a,cpu,1\n").encode(), "ts", 2, "is not a time"),
        ((HEADER + ROWS + "9999-12-31T00:00:00Z,a,cpu,1\n").encode(), "ts", 2, "1970 to 2200"),
        ((HEADER + ROWS + "1677-01-01T00:00:00Z,a,cpu,1\n").encode(), "ts", 2, "1970 to 2200"),
        ((HEADER + ROWS + "2024-13-01T00:00:00Z,a,cpu,1\n").encode(), "ts", 2, "is not a time"),
        ((HEADER + ROWS + "2024-05-01T00:02:00+02:00,a,cpu,1\n").encode(), "ts", 2, "zone"),
        ((HEADER + ROWS + "2024-05-01T00:02:00,a,cpu,1\n").encode(), "ts", 2, "zone"),
        ((HEADER + ROWS + "2024-05-01T00:02:00Z,,cpu,1\n").encode(), "component", 2, "empty"),
        ((HEADER + ROWS + "2024-05-01T00:02:00Z,a,,1\n").encode(), "metric", 2, "empty"),
        ((HEADER + ROWS.splitlines()[0]).encode(), "", None, "single time"),
        (b"ts,x\n0,\n60,nan\n", "", None, "not a single value"),
        (b"ts,x\n-5,1\n60,2\n", "ts", 0, "negative"),
        (b"ts,x\n0,1\ninf,2\n", "ts", 1, "finite"),
        (b"ts,x\n1714521600,1\n1714521660000,2\n", "ts", 0, "unit"),
        (b"ts,x\n0,1\n1,2\n2,3\n999999999,4\n", "", 3, "widest hole"),
        (b"ts,x,x\n0,1,2\n", "x", None, "twice"),
        (b"ts,x,\n0,1,2\n", "", None, "column 2"),
        (b"ts\n0\n60\n", "", None, "no column of values"),
        (b"ts,/x\n0,1\n60,2\n", "/x", None, "names no component"),
        (b"ts,a/\n0,1\n60,2\n", "a/", None, "names no component"),
        (b"ts,x,broken/x\n0,1,2\n60,2,3\n", "x", None, "same series"),
        (b"ts,x,host\n0,1,h\n60,2,h\n", "host", 0, "'h' is not a number"),
        (b"time,date,x\n0,0,1\n60,60,2\n", "ts", None, "several columns"),
        (b"component,metric,value\na,b,1\n", "ts", None, "no column of times"),
        (b"ts,component,metric\n0,a,b\n", "value", None, "lacks"),
        (b"ts,component,value\n0,a,1\n", "metric", None, "lacks"),
        (b'"ts,x\n0,1\n', "", None, "header"),
        (b'ts,x\n0,"1\n60,2\n', "x", 0, "is not a number"),
    ],
)
def test_broken_csv_is_named(tmp_path, content, column, row, said):
    """A broken CSV file gives an error with the file, the column and row at fault, and a remedy."""
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_metrics(path)
    assert (caught.value.source, caught.value.column, caught.value.row) == (str(path), column, row)
    assert caught.value.remedy


STAMPS = pa.array([0, 60_000_000], pa.timestamp("us", "UTC"))


@pytest.mark.parametrize(
    ("columns", "column", "row", "said"),
    [
        ({"ts": STAMPS, "x": pa.array([[1], [2]])}, "x", None, "list"),
        ({"ts": STAMPS, "x": pa.array([{"a": 1}, {"a": 2}])}, "x", None, "struct"),
        ({"ts": STAMPS, "x": pa.array([b"1", b"2"])}, "x", None, "binary"),
        ({"ts": STAMPS, "x": pa.array(["1", "x"])}, "x", 1, "not a number"),
        ({"ts": STAMPS, "x": pa.nulls(2)}, "", None, "not a single value"),
        ({"ts": STAMPS}, "", None, "no column of values"),
        ({"ts": pa.array([0, None], pa.timestamp("us", "UTC")), "x": [1, 2]}, "ts", 1, "missing"),
        ({"ts": pa.array([-1, 60], pa.timestamp("us", "UTC")), "x": [1, 2]}, "ts", 0, "1970"),
        ({"ts": pa.array([0, 2**52], pa.timestamp("ms", "UTC")), "x": [1, 2]}, "ts", 1, "1970 to 2200"),
        ({"ts": pa.array([0, 2**63 - 1], pa.timestamp("ns", "UTC")), "x": [1, 2]}, "ts", 1, "1970 to 2200"),
        ({"ts": pa.array([True, False]), "x": [1, 2]}, "ts", None, "bool"),
        ({"ts": pa.array([0.0, float("nan")]), "x": [1, 2]}, "ts", 1, "finite"),
        ({"ts": pa.array([2**64 - 1, 2**64 - 2], pa.uint64()), "x": [1, 2]}, "ts", 0, "1970 to 2200"),
        ({"ts": STAMPS, "component": ["a", None], "metric": ["m", "m"], "value": [1, 2]}, "component", 1, "empty"),
        ({"ts": STAMPS, "component": [1, 2], "metric": ["m", "m"], "value": [1, 2]}, "component", None, "int64"),
        ({"ts": STAMPS[:0], "x": pa.array([], pa.float64())}, "", None, "not a single value"),
        ({}, "ts", None, "no column of times"),
    ],
)
def test_broken_parquet_is_named(tmp_path, columns, column, row, said):
    """A Parquet file with columns of the wrong kind gives an error with the column and row at fault."""
    path = tmp_path / "broken.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(InputError, match=said) as caught:
        read_metrics(path)
    assert (caught.value.source, caught.value.column, caught.value.row) == (str(path), column, row)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_truncated_parquet_is_named(tmp_path, share):
    """A Parquet file that was cut off anywhere is an error that says so."""
    path = tmp_path / "cut.parquet"
    write_long(sample_frame(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="Parquet") as caught:
        read_metrics(path)
    assert caught.value.source == str(path)


def test_parquet_with_text_that_is_not_utf8_is_named(tmp_path):
    """Names that are not UTF-8 are found while reading, not when somebody prints them."""
    path = tmp_path / "a.parquet"
    names = pa.array([b"\xff\xfe", b"a"]).view(pa.string())
    pq.write_table(pa.table({"ts": STAMPS, "component": names, "metric": ["m", "m"], "value": [1, 2]}), path)
    with pytest.raises(InputError, match="UTF"):
        read_metrics(path)


def test_one_broken_file_of_a_directory_is_named(tmp_path):
    """In a directory the error names the one file that is broken."""
    write_wide(sample_frame(), tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("ts,x\n0,high\n")
    with pytest.raises(InputError, match="'high'") as caught:
        read_metrics(tmp_path)
    assert caught.value.source == str(tmp_path / "b.csv")


@pytest.mark.parametrize("step_s", [0.0, -1.0, float("nan"), float("inf")])
def test_step_that_is_none_is_refused(tmp_path, step_s):
    """A stated step has to be a positive number of seconds."""
    write_wide(sample_frame(), tmp_path / "a.csv")
    with pytest.raises(InputError, match="step"):
        read_metrics(tmp_path / "a.csv", step_s=step_s)


def _read(content, ending):
    """Read bytes as a file; only errors of this project may come out."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"a{ending}"
        path.write_bytes(content)
        try:
            reading = read_metrics(path, max_cells=100_000)
        except FaultlineError:
            return
    assert not np.isinf(reading.frame.values).any()


@settings(max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([".csv", ".parquet", ""]), st.sampled_from([b"", b"PAR1", b"ts,x\n"]))
def test_random_bytes_give_only_our_errors(content, ending, prefix):
    """Whatever the bytes and the name, the outcome is a reading or a FaultlineError."""
    _read(prefix + content, ending)


@settings(max_examples=200)
@given(
    st.lists(
        st.lists(
            st.sampled_from(
                ["0", "60", "1e9", "-1", "inf", "nan", "", '"', "2024-05-01", "T", "Z", "a", "ts", "/", " "]
            ),
            min_size=1,
            max_size=4,
        ).map(",".join),
        max_size=6,
    ),
    st.sampled_from(["ts,x\n", HEADER, "ts,x,a/y\n", ""]),
)
def test_random_cells_give_only_our_errors(lines, header):
    """Cells that look nearly right, in any arrangement, give a reading or a FaultlineError."""
    _read((header + "\n".join(lines)).encode(), ".csv")


@settings(max_examples=150)
@given(st.data())
def test_damaged_parquet_gives_only_our_errors(data):
    """A good Parquet file with any bytes changed gives a reading or a FaultlineError."""
    content = bytearray(_GOOD_PARQUET)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    _read(bytes(content), ".parquet")


def _good_parquet():
    """The bytes of a small Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"ts": STAMPS, "a/x": [1.0, 2.0], "a/y": ["1", "2"]}), sink)
    return sink.getvalue().to_pybytes()


_GOOD_PARQUET = _good_parquet()
