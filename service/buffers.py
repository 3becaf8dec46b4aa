"""A buffer of the newest rows whose views never change under a reader."""

import numpy as np
from numpy.typing import NDArray


class RowBuffer:
    """The newest rows of an array, at amortised constant cost for each row added.

    A view handed out stays as it is: rows are only written behind all views, and a full buffer is copied, not moved.

    Parameters
    ----------
    first
        Shape (n_rows, n_columns), float64; the first rows.
    max_rows
        How many rows are kept.
    """

    def __init__(self, first: NDArray[np.float64], max_rows: int) -> None:
        self._max_rows = max_rows
        self._data = np.empty((2 * max_rows, first.shape[1]))
        self._end = 0
        self.extend(first)

    @property
    def view(self) -> NDArray[np.float64]:
        """What is kept, oldest row first; must not be written to."""
        return self._data[max(self._end - self._max_rows, 0) : self._end]

    def extend(self, rows: NDArray[np.float64]) -> None:
        """Add rows and forget the oldest.

        Parameters
        ----------
        rows
            Shape (n_rows, n_columns); of more than the buffer keeps, the last ones count.
        """
        rows = rows[-self._max_rows :]
        if self._end + len(rows) > len(self._data):
            kept = self.view
            self._data = np.empty_like(self._data)
            self._data[: len(kept)] = kept
            self._end = len(kept)
        self._data[self._end : self._end + len(rows)] = rows
        self._end += len(rows)
