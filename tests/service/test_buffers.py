"""service.buffers: the newest rows, safe for readers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.buffers import RowBuffer


@given(st.integers(1, 7), st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_equals_the_tail_of_everything_added(max_rows, sizes):
    """Whatever the sizes of the parts, the buffer holds the last rows of their concatenation."""
    everything = np.arange(sum(sizes), dtype=float)[:, None]
    parts = np.split(everything, np.cumsum(sizes)[:-1])
    buffer = RowBuffer(parts[0], max_rows)
    for part in parts[1:]:
        buffer.extend(part)
    assert buffer.view.tolist() == everything[-max_rows:].tolist()


@given(st.integers(1, 5), st.integers(1, 40))
def test_a_view_never_changes(max_rows, steps):
    """Rows that come later leave every view as it was handed out."""
    buffer = RowBuffer(np.zeros((1, 1)), max_rows)
    handed_out = []
    for step in range(steps):
        handed_out.append((buffer.view, buffer.view.copy()))
        buffer.extend(np.full((1, 1), float(step)))
    assert all(np.array_equal(view, copy) for view, copy in handed_out)
