"""A limit of time for one action, whatever it waits for."""

import time
from collections.abc import Callable

from service.clock import SystemClock

_PAUSE_S = 0.02
_EXCHANGE_S = 0.5


class Deadline:
    """So many seconds from now, by a clock that never runs backwards.

    Parameters
    ----------
    seconds
        Not negative.
    """

    def __init__(self, seconds: float) -> None:
        self._clock = SystemClock()
        self._seconds = seconds
        self._end = self._clock.monotonic_s() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left; never negative."""
        return max(self._end - self._clock.monotonic_s(), 0.0)

    @property
    def exchange_s(self) -> float:
        """Seconds for one question that is still to be asked: one that is cut off at once would tell nothing."""
        return max(self.left_s, _EXCHANGE_S)

    @property
    def seconds(self) -> float:
        """The whole time, seconds."""
        return self._seconds

    def pause(self, seconds: float) -> bool:
        """Sleep, but not beyond the end.

        Parameters
        ----------
        seconds
            Wanted.

        Returns
        -------
        bool
            Whether there is time left.
        """
        time.sleep(min(seconds, self.left_s))
        return self.left_s > 0

    def wait_for(self, condition: Callable[[], bool], every_s: float = _PAUSE_S) -> bool:
        """Look again and again until something holds.

        Parameters
        ----------
        condition
            Asked at least once.
        every_s
            Pause in between, seconds; it doubles up to ten times that.

        Returns
        -------
        bool
            Whether it held in time.
        """
        pause_s = every_s
        while not condition():
            if not self.pause(pause_s):
                return False
            pause_s = min(pause_s * 2, every_s * 10)
        return True
