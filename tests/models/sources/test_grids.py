"""Points land on the nearest row; what collides or moves is counted; what is too large is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InputError
from models.frames import SeriesKey
from models.sources.grids import Points, lay_out, merge_points
from tests.models.sources.examples import counts

T0 = 1_714_521_600_000_000
MINUTE = 60_000_000


def make(codes, offsets_s, values, *, source="a.csv", keys=None):
    """Points at seconds after T0."""
    codes = np.array(codes, dtype=np.int32)
    return Points(
        source=source,
        keys=keys or tuple(SeriesKey("c", f"m{i}") for i in range(codes.max(initial=-1) + 1)),
        codes=codes,
        times_us=T0 + np.rint(np.array(offsets_s, dtype=float) * 1e6).astype(np.int64),
        values=np.array(values, dtype=float),
    )


def column(frame, place=0):
    """One column as a list, None for missing."""
    return [None if np.isnan(value) else float(value) for value in frame.values[:, place]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.floats(-1e9, 1e9)), min_size=1, max_size=60))
def test_grid_equals_a_dictionary(points):
    """On exact times the grid equals the obvious oracle: a dictionary where later entries replace earlier ones."""
    points = [(3, 0, 0.0), *points]
    frame, repairs = lay_out(make(*zip(*((c, 60 * r, v) for c, r, v in points), strict=True)), step_s=60.0)
    cells = {(row, code): value for code, row, value in points}
    first = min(row for row, _ in cells)
    expected = np.full(frame.values.shape, np.nan)
    for (row, code), value in cells.items():
        expected[row - first, code] = value
    assert np.array_equal(frame.values, expected, equal_nan=True)
    assert counts(repairs).get("duplicate time of a series", 0) == len(points) - len(cells)


@given(st.integers(0, 2**31), st.floats(-40, 40))
def test_jitter_moves_no_value_to_another_row(seed, offset_s):
    """Two series, one offset by any constant, both jittering by a few seconds, keep one value a row."""
    rng = np.random.default_rng(seed)
    base = np.arange(50) * 60.0
    times = np.concatenate([base, base + offset_s]) + rng.uniform(-3, 3, 100)
    frame, repairs = lay_out(make([0] * 50 + [1] * 50, times, np.tile(np.arange(50.0), 2)), step_s=60.0)
    assert frame.n_rows in (50, 51)
    for place in (0, 1):
        assert [value for value in column(frame, place) if value is not None] == list(range(50))
    assert "several times in one step" not in counts(repairs)


def test_rows_lie_where_most_times_lie():
    """A first time that is late does not shift the grid: the rows lie where most of the times do."""
    frame, repairs = lay_out(make([0] * 5, [2, 60, 120, 180, 240], range(5)), step_s=60.0)
    assert frame.start == np.datetime64(T0, "us")
    assert column(frame) == [0, 1, 2, 3, 4]
    assert counts(repairs) == {"time off the grid": 1}


def test_values_of_one_step_are_averaged():
    """Different times inside one row give their mean, counted with the first row concerned."""
    frame, repairs = lay_out(make([0] * 6, [0, 60, 120, 121, 122, 180], [0, 1, 2, 4, 6, 3]), step_s=60.0)
    assert column(frame) == [0, 1, 4, 3]
    assert counts(repairs) == {"time off the grid": 2, "several times in one step": 2}
    assert repairs[1].first_row == 2


def test_last_value_of_one_time_stays():
    """Of two values for one time the last in the file stays; a missing one replaces nothing."""
    frame, repairs = lay_out(make([0] * 4, [0, 60, 60, 60], [1, 2, 3, np.nan]), step_s=60.0)
    assert column(frame) == [1, 3]
    assert counts(repairs) == {"duplicate time of a series": 1}


def test_missing_values_stretch_the_grid():
    """NaN at the edges keeps its rows, so that no row of a file is lost."""
    frame, repairs = lay_out(make([0] * 3, [0, 60, 120], [np.nan, 1, np.nan]), step_s=60.0)
    assert column(frame) == [None, 1, None]
    assert repairs == ()


def test_large_grid_is_refused_with_its_hole():
    """A stray time is named by row when the grid would grow too large."""
    with pytest.raises(InputError, match="widest hole") as caught:
        lay_out(make([0] * 3, [0, 60, 60e6], [1, 2, 3]), step_s=60.0, max_cells=1000)
    assert (caught.value.source, caught.value.row) == ("a.csv", 2)


def test_large_grid_without_a_hole_is_refused():
    """A grid that is large by itself names its size only."""
    with pytest.raises(InputError, match="exceed 10 cells") as caught:
        lay_out(make([0] * 20, np.arange(20) * 60, np.ones(20)), step_s=60.0, max_cells=10)
    assert caught.value.row is None


def test_nothing_is_no_grid():
    """No point at all is an error."""
    with pytest.raises(InputError, match="not a single value"):
        lay_out(make([], [], []), step_s=60.0)


def test_merging_joins_equal_series():
    """The same series in two files becomes one, keys sorted, values kept."""
    keys = SeriesKey("b", "x"), SeriesKey("a", "x")
    merged = merge_points([make([0, 1], [0, 0], [1, 2], keys=keys), make([0], [60], [3], keys=keys[:1])], source="dir")
    frame, _ = lay_out(merged, step_s=60.0)
    assert frame.keys == (SeriesKey("a", "x"), SeriesKey("b", "x"))
    assert (column(frame, 0), column(frame, 1)) == ([2, None], [1, 3])
