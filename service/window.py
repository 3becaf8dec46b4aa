"""The bounded window of metrics that the loop scores and diagnoses, in memory.

Owned by the engine's thread. Readers get immutable frames: every ``extend`` makes a new one.
"""

from models.errors import InputError
from models.frames import MetricFrame


class MetricWindow:
    """The newest rows of all series.

    Parameters
    ----------
    first
        The first rows, for example the end of the training history.
    max_rows
        How many rows are kept.
    """

    def __init__(self, first: MetricFrame, max_rows: int) -> None:
        self._max_rows = max_rows
        self._frame = first.rows(first.n_rows - max_rows, first.n_rows)

    @property
    def frame(self) -> MetricFrame:
        """What is kept, oldest row first; must not be written to."""
        return self._frame

    def extend(self, fresh: MetricFrame) -> int:
        """Add rows behind the present ones and drop the oldest.

        Parameters
        ----------
        fresh
            On the same grid; series that are not in the window are refused, absent ones become NaN.

        Returns
        -------
        int
            Index in the window of the first fresh row.

        Raises
        ------
        InputError
            If the rows are not later than the window, off its grid, or of unknown series.
        """
        known = set(self._frame.keys)
        strangers = [key for key in fresh.keys if key not in known]
        if strangers:
            raise InputError(
                f"{len(strangers)} series are not in the window, the first is {strangers[0]}",
                remedy="train a bundle that knows them",
            )
        grown = self._frame.append(fresh.select(self._frame.keys))
        self._frame = grown.rows(grown.n_rows - self._max_rows, grown.n_rows)
        return max(self._frame.n_rows - fresh.n_rows, 0)
