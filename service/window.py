"""The bounded window of metrics that the loop scores and diagnoses, in memory.

Owned by the engine's thread. Readers get frames that no later row changes.
"""

import numpy as np

from models.errors import InputError
from models.frames import MetricFrame
from service.buffers import RowBuffer


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
        self._buffer = RowBuffer(first.values, max_rows)
        self._keys, self._step_s, self._end = first.keys, first.step_s, first.end

    @property
    def frame(self) -> MetricFrame:
        """What is kept, oldest row first; must not be written to."""
        values = self._buffer.view
        start = self._end - len(values) * np.timedelta64(round(self._step_s * 1e6), "us")
        return MetricFrame(start=start, step_s=self._step_s, keys=self._keys, values=values)

    def laid(self, fresh: MetricFrame) -> MetricFrame:
        """Lay rows on the window's grid, behind the present ones; the window stays as it is.

        Parameters
        ----------
        fresh
            On the same grid; series that are not in the window are refused, absent ones become NaN.

        Returns
        -------
        MetricFrame
            What is to be added, in the window's series: the fresh rows, behind NaN rows for a gap.

        Raises
        ------
        InputError
            If the rows are not later than the window, off its grid, or of unknown series.
        """
        known = set(self._keys)
        strangers = [key for key in fresh.keys if key not in known]
        if strangers:
            raise InputError(
                f"{len(strangers)} series are not in the window, the first is {strangers[0]}",
                remedy="train a bundle that knows them",
            )
        nothing = MetricFrame(
            start=self._end, step_s=self._step_s, keys=self._keys, values=np.empty((0, len(self._keys)))
        )
        return nothing.append(fresh.select(self._keys))

    def extend(self, fresh: MetricFrame) -> MetricFrame:
        """Add rows behind the present ones and forget the oldest; errors as for ``laid``.

        Parameters
        ----------
        fresh
            As for ``laid``, or what it gave.

        Returns
        -------
        MetricFrame
            What was added, in the window's series.
        """
        added = self.laid(fresh)
        self._buffer.extend(added.values)
        self._end = added.end
        return added
