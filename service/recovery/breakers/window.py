"""Counts the failures that a breaker looks at."""

from collections import deque


class FailureWindow:
    """Whether so many failures fell into one period.

    It keeps only the latest ``threshold`` times: the period holds that many exactly if the oldest of them is young
    enough. Cost: O(1) a failure, nothing a success.

    Parameters
    ----------
    threshold
        So many failures fill it.
    period_s
        Length of the window, seconds.
    """

    def __init__(self, threshold: int, period_s: float) -> None:
        self._period_s = period_s
        self._times: deque[float] = deque(maxlen=threshold)

    def add(self, now_s: float) -> bool:
        """Count one failure.

        Parameters
        ----------
        now_s
            Monotonic seconds, never less than before.

        Returns
        -------
        bool
            Whether the window is full.
        """
        self._times.append(now_s)
        return len(self._times) == self._times.maxlen and now_s - self._times[0] < self._period_s

    def count(self, now_s: float) -> int:
        """Count the failures in the window, at most ``threshold``.

        Parameters
        ----------
        now_s
            Monotonic seconds.

        Returns
        -------
        int
            Failures younger than the period.
        """
        return sum(now_s - time < self._period_s for time in self._times)

    def clear(self) -> None:
        """Forget all."""
        self._times.clear()
