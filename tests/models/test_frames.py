"""The frame: its rules, its algebra, and the way to long form and back."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.errors import InputError
from models.frames import MetricFrame, SeriesKey, frame_from_series, step_timedelta, to_datetime, to_datetime64

START = np.datetime64("2024-05-01T00:00:00", "us")
CPU = SeriesKey("orders", "cpu")
LATENCY = SeriesKey("orders", "latency")
VALUES = st.floats(-1e12, 1e12) | st.just(float("nan"))


def make(values, *, keys=None, step_s=60.0, start=START):
    """A frame with numbered series."""
    values = np.asarray(values, dtype=np.float64)
    keys = keys or tuple(SeriesKey("c", f"m{i:03d}") for i in range(values.shape[1]))
    return MetricFrame(start=start, step_s=step_s, keys=keys, values=values)


@st.composite
def frames(draw, *, min_rows=0):
    """Frames of up to 12 rows and 4 series."""
    shape = draw(st.tuples(st.integers(min_rows, 12), st.integers(1, 4)))
    step_s = draw(st.sampled_from([0.1, 1.0, 15.0, 60.0, 300.0, 86400.0]))
    return make(draw(arrays.arrays(np.float64, shape, elements=VALUES)), step_s=step_s)


def is_same(one, other):
    """Whether two frames say the same."""
    return (one.start, one.step_s, one.keys) == (other.start, other.step_s, other.keys) and np.array_equal(
        one.values, other.values, equal_nan=True
    )


def test_key_reads_as_component_and_metric():
    """A key is shown as component/metric and orders by component first."""
    assert str(CPU) == "orders/cpu"
    assert min([SeriesKey("b", "a"), SeriesKey("a", "b")]).component == "a"


def test_times_cross_zones():
    """A moment in another zone becomes the same moment in UTC, and comes back aware."""
    seoul = datetime(2024, 5, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert to_datetime64(seoul) == START
    assert to_datetime(START) == seoul
    assert to_datetime(START).tzinfo is UTC


@pytest.mark.parametrize("moment", [datetime(2024, 5, 1), np.datetime64("NaT", "us")])  # noqa: DTZ001  # the missing zone is the point
def test_time_without_meaning_is_refused(moment):
    """A time without a zone, or none at all, is an error."""
    with pytest.raises(InputError):
        to_datetime64(moment)


@pytest.mark.parametrize("moment", [np.datetime64("NaT", "us"), np.datetime64("12000-01-01")])
def test_time_outside_the_calendar_is_refused(moment):
    """NaT and years that datetime lacks are errors, not crashes."""
    with pytest.raises(InputError, match="calendar"):
        to_datetime(moment)


@pytest.mark.parametrize("step_s", [0, -1.0, float("nan"), float("inf"), 1e-9, 1e300])
def test_step_that_is_none_is_refused(step_s):
    """Steps that are not a number of seconds, or below a microsecond, are errors."""
    with pytest.raises(InputError, match="step"):
        step_timedelta(step_s)
    with pytest.raises(InputError, match="step"):
        make([[1.0]], step_s=step_s)


@pytest.mark.parametrize(
    ("values", "keys", "said"),
    [
        (np.zeros(3), (CPU,), "shape"),
        (np.zeros((3, 2)), (CPU,), "shape"),
        (np.zeros((3, 2)), (CPU, CPU), "orders/cpu occurs twice"),
        (np.array([[1.0, 2.0], [3.0, np.inf]]), (CPU, LATENCY), "'orders/latency', row 1"),
        (np.array([["a"]]), (CPU,), "type"),
    ],
)
def test_values_that_break_the_rules_are_refused(values, keys, said):
    """Shape, repeated keys, infinities and text are errors that name the offender."""
    with pytest.raises(InputError, match=said):
        MetricFrame(start=START, step_s=60.0, keys=keys, values=values)


def test_frame_needs_a_start():
    """A frame without a start is an error."""
    with pytest.raises(InputError, match="start"):
        make([[1.0]], start=np.datetime64("NaT", "us"))


def test_whole_numbers_become_floats():
    """Integers are taken as float64, so that NaN has a place."""
    frame = MetricFrame(start=START, step_s=1.0, keys=(CPU,), values=np.array([[1], [2]]))
    assert frame.values.dtype == np.float64


def test_rows_and_times_of_a_frame():
    """Rows are one step apart and the end is one step after the last."""
    frame = make(np.zeros((3, 2)))
    assert (frame.n_rows, frame.n_series, frame.components) == (3, 2, ("c",))
    assert frame.times.tolist() == [datetime(2024, 5, 1, 0, minute) for minute in range(3)]  # noqa: DTZ001  # numpy gives naive ones
    assert to_datetime(frame.end) == datetime(2024, 5, 1, 0, 3, tzinfo=UTC)


@given(frames(), st.integers(-400, 400))
def test_row_at_is_the_first_row_not_before(frame, offset):
    """row_at gives the number of rows that lie before the moment."""
    moment = frame.start + offset * frame.step // 20
    assert frame.row_at(moment) == int((frame.times < moment).sum())


@given(frames(min_rows=1), st.lists(st.integers(-40, 300), min_size=1, max_size=5))
def test_nearest_row_is_nearest(frame, offsets):
    """No row lies nearer to a time than the nearest one."""
    times = frame.start + np.array(offsets) * frame.step // 10
    rows = frame.nearest_rows(times)
    distance = np.abs(frame.times[None, :] - times[:, None])
    assert (distance[np.arange(len(times)), rows] == distance.min(axis=1)).all()


def test_nearest_row_needs_rows():
    """A frame without rows has no nearest one."""
    with pytest.raises(InputError, match="no rows"):
        make(np.zeros((0, 1))).nearest_rows(np.array([START]))


@given(frames(), st.integers(-3, 15), st.integers(-3, 15))
def test_rows_never_reach_outside(frame, first, last):
    """Any two bounds give the rows between them that exist, at their own times."""
    part = frame.rows(first, last)
    lower, upper = min(max(first, 0), frame.n_rows), min(max(last, 0), frame.n_rows)
    assert part.n_rows == max(upper - lower, 0)
    assert (part.times == frame.times[lower : lower + part.n_rows]).all()


@given(frames(), st.integers(0, 12))
def test_append_undoes_rows(frame, cut):
    """Cutting a frame anywhere and joining the halves gives it back."""
    assert is_same(frame.rows(0, cut).append(frame.rows(cut, frame.n_rows)), frame)


@given(frames(min_rows=2), st.data())
def test_append_fills_a_gap_with_nothing(frame, data):
    """Rows left out between two parts come back as NaN, and nothing else changes."""
    first = data.draw(st.integers(1, frame.n_rows - 1))
    second = data.draw(st.integers(first, frame.n_rows - 1))
    joined = frame.rows(0, first).append(frame.rows(second, frame.n_rows))
    expected = frame.values.copy()
    expected[first:second] = np.nan
    assert is_same(joined, make(expected, keys=frame.keys, step_s=frame.step_s))


@given(frames(), st.integers(-2, 14), st.integers(-2, 14), st.integers(-2, 14))
def test_between_is_additive(frame, a, b, c):
    """What lies between a and c is what lies between a and b, then b and c."""
    a, b, c = sorted((a, b, c))
    at = [frame.start + k * frame.step for k in (a, b, c)]
    whole = frame.between(at[0], at[2])
    parts = [frame.between(at[0], at[1]), frame.between(at[1], at[2])]
    assert np.array_equal(whole.values, np.concatenate([p.values for p in parts]), equal_nan=True)
    assert set(whole.times) == {t for t in frame.times if at[0] <= t < at[2]}


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (make([[1.0]], start=START), "starts at"),
        (make([[1.0]], start=START + np.timedelta64(90, "s")), "starts at"),
        (make([[1.0]], step_s=30.0, start=START + np.timedelta64(60, "s")), "differ"),
        (make([[1.0]], keys=(CPU,), start=START + np.timedelta64(60, "s")), "differ"),
        (make([[1.0]], start=START + np.timedelta64(60 * 10**9, "s")), "gap"),
    ],
)
def test_append_refuses_what_does_not_fit(later, said):
    """Overlap, another phase, step or key, and a gap beyond memory are errors."""
    with pytest.raises(InputError, match=said):
        make([[1.0]]).append(later)


def test_select_and_where_pick_columns():
    """Selecting keeps the asked order with NaN for strangers; where keeps the frame's order."""
    frame = make([[1.0, 2.0]], keys=(CPU, LATENCY))
    other = SeriesKey("carts", "cpu")
    assert np.array_equal(frame.select([LATENCY, other, CPU]).values, [[2.0, np.nan, 1.0]], equal_nan=True)
    assert frame.select([]).n_series == 0
    assert frame.where(lambda key: key.metric == "latency").keys == (LATENCY,)
    assert frame.where(lambda _: False).values.shape == (1, 0)


def test_series_is_found_by_key():
    """One column is given as a view; a stranger is an error that names it."""
    frame = make([[1.0, 2.0]], keys=(CPU, LATENCY))
    assert frame.series(LATENCY).tolist() == [2.0]
    with pytest.raises(InputError, match="carts/cpu"):
        frame.series(SeriesKey("carts", "cpu"))


@given(frames(min_rows=1))
def test_long_form_holds_every_value_once(frame):
    """Long form and back gives the same cells."""
    table = frame.to_long()
    assert len(table) == int((~np.isnan(frame.values)).sum())
    assert table["ts"].is_monotonic_increasing
    if table.empty:
        return
    columns = [
        (SeriesKey(*names), part["ts"].dt.tz_convert(None).to_numpy(), part["value"].to_numpy())
        for names, part in table.groupby(["component", "metric"], sort=False)
    ]
    back = frame_from_series(columns, step_s=frame.step_s).select(frame.keys)
    cut = frame.between(back.start, back.end)
    assert is_same(back, cut)


def test_long_form_of_nothing_keeps_its_types():
    """A frame without values has a long form without rows, but with the right columns."""
    table = make(np.full((2, 1), np.nan)).to_long()
    assert list(table.columns) == ["ts", "component", "metric", "value"]
    assert table["component"].dtype == pd.Series(["a"], dtype="str").dtype


def test_series_share_a_grid_by_nearest_row():
    """Jittered times go to the nearest row; half a step goes to the later one, always."""
    seconds = np.array([0, 61, 119, 210, 270], dtype="timedelta64[s]")
    frame = frame_from_series([(CPU, START + seconds, np.arange(5.0))], step_s=60.0)
    assert np.array_equal(frame.series(CPU), [0, 1, 2, np.nan, 3, 4], equal_nan=True)


@pytest.mark.parametrize(
    ("times", "values", "said"),
    [
        ([], [], "not a single value"),
        (["2024-05-01"], [1.0, 2.0], "1 times for 2 values"),
        (["2024-05-02", "2024-05-01"], [1.0, 2.0], "rise"),
        (["2024-05-01", "NaT"], [1.0, 2.0], "missing"),
        (["2024-05-01", "2190-05-01"], [1.0, 2.0], "exceed"),
    ],
)
def test_series_that_make_no_grid_are_refused(times, values, said):
    """Nothing, uneven lengths, falling or missing times, and endless spans are errors."""
    with pytest.raises(InputError, match=said):
        frame_from_series([(CPU, np.array(times, dtype="datetime64[us]"), np.array(values))], step_s=1.0)
