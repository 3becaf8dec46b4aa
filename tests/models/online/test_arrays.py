"""States go through flat arrays, and through a file, to the same bits."""

import io
from typing import NamedTuple

import numpy as np
import pytest

from models.online import arrays, residuals
from models.online.residuals import ResidualState
from models.online.tail import TailState, blank


class _Inner(NamedTuple):
    x: np.ndarray


class _Outer(NamedTuple):
    inner: _Inner
    y: np.ndarray


def _state() -> ResidualState:
    rng = np.random.default_rng(2)
    state = residuals.blank(rng.normal(size=3), rng.normal(size=(3, residuals.N_SPREADS)), 24, 12)
    for array in arrays.to_arrays(state).values():
        array[...] = rng.integers(-5, 5, size=array.shape)
    state.season.profile[0, 0, 0] = np.nan
    return state


def test_paths_name_the_parts_of_parts() -> None:
    """A nested tuple becomes a path with a slash, not copied."""
    outer = _Outer(_Inner(np.ones(2)), np.zeros(3))
    flat = arrays.to_arrays(outer)
    assert list(flat) == ["inner/x", "y"]
    assert flat["inner/x"] is outer.inner.x


def test_a_state_survives_a_file_to_the_same_bits() -> None:
    """Types, shapes, NaN and values of all arrays; the copy shares nothing."""
    state, file = _state(), io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays.to_arrays(state))
    file.seek(0)
    with np.load(file, allow_pickle=False) as saved:
        restored = arrays.from_arrays(ResidualState, saved)
    for name, array in arrays.to_arrays(state).items():
        again = arrays.to_arrays(restored)[name]
        assert (again.dtype, again.shape, again.tobytes()) == (array.dtype, array.shape, array.tobytes()), name
        assert again.flags.c_contiguous
        assert again.flags.writeable


def test_a_copy_shares_nothing() -> None:
    """Writing on what was taken leaves the original as it was."""
    state = blank(np.ones(2))
    copy = arrays.from_arrays(TailState, arrays.to_arrays(state))
    copy.rows[:] = 9
    assert (state.rows == 0).all()


def test_a_missing_array_is_named() -> None:
    """No state is made of half of its arrays."""
    flat = arrays.to_arrays(_state())
    del flat["spread/whole"]
    with pytest.raises(KeyError, match="whole"):
        arrays.from_arrays(ResidualState, flat)


def test_below_is_the_reverse_of_under() -> None:
    """A prefix goes on and comes off; other paths are left out, also those that only begin alike."""
    flat = {"a/b": np.ones(1), "c": np.zeros(1)}
    both = arrays.under("x", flat) | arrays.under("xy", {"a": np.ones(1)})
    assert arrays.below(both, "x") == flat
    assert list(arrays.below(both, "xy")) == ["a"]
