"""Counts the calls that a breaker looks at."""

from collections import deque


class CallWindow:
    """The last calls: how many they are, and how many of them failed or were slow.

    A call counts as long as it is among the last ``size`` and younger than ``period_s``. Calls are numbered from 1.
    Only bad calls keep their number, so a good call costs one addition and one append, and nothing is gone through
    until a bad one asks for a judgement. Cost: O(1) a call, amortised; memory O(``size``).

    Parameters
    ----------
    size
        So many calls at most.
    period_s
        How long a call counts, seconds.

    Attributes
    ----------
    calls
        Number of the latest call; ``clear`` does not begin anew.
    """

    __slots__ = ("_failed", "_period_s", "_slow", "_times", "calls")

    def __init__(self, size: int, period_s: float) -> None:
        self._period_s = period_s
        self._times: deque[float] = deque(maxlen=size)
        self._failed: deque[int] = deque()
        self._slow: deque[int] = deque()
        self.calls = 0

    def add(self, now_s: float) -> None:
        """Count one call that was good.

        Parameters
        ----------
        now_s
            Monotonic seconds, never less than before.
        """
        self.calls += 1
        self._times.append(now_s)

    def add_bad(self, now_s: float, *, is_failure: bool, is_slow: bool) -> None:
        """Count one call that failed, was slow, or both.

        Parameters
        ----------
        now_s
            Monotonic seconds, never less than before.
        is_failure
            Whether it failed.
        is_slow
            Whether it took too long.
        """
        self.add(now_s)
        if is_failure:
            self._failed.append(self.calls)
        if is_slow:
            self._slow.append(self.calls)
        self._forget(now_s)

    def counts(self, now_s: float) -> tuple[int, int, int]:
        """Count what is in the window.

        Parameters
        ----------
        now_s
            Monotonic seconds.

        Returns
        -------
        tuple of int
            Calls, failures among them, slow ones among them.
        """
        self._forget(now_s)
        return len(self._times), len(self._failed), len(self._slow)

    def clear(self) -> None:
        """Empty the window."""
        self._times.clear()
        self._failed.clear()
        self._slow.clear()

    def _forget(self, now_s: float) -> None:
        times, period_s = self._times, self._period_s
        while times and now_s - times[0] >= period_s:
            times.popleft()
        oldest = self.calls - len(times) + 1
        for numbers in (self._failed, self._slow):
            while numbers and numbers[0] < oldest:
                numbers.popleft()
