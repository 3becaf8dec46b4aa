"""The only readers of time: the machine's clock, and one that a replay moves by hand."""

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's wall and monotonic clocks."""

    def now(self) -> datetime:
        """Wall time, UTC."""
        return datetime.now(UTC)  # noqa: TID251  # the one reader

    monotonic_s = staticmethod(time.monotonic)
    """Seconds since some fixed point; never runs backwards."""


class ReplayClock:
    """Time of a replay: it stands still until the replay moves it.

    Parameters
    ----------
    start
        UTC.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._now = start

    def now(self) -> datetime:
        """Replayed wall time, UTC."""
        return self._now

    def monotonic_s(self) -> float:
        """Seconds since the start of the replay."""
        return (self._now - self._start).total_seconds()

    def move_to(self, moment: datetime) -> None:
        """Advance to a time; an earlier one than the present is ignored, so that durations stay monotonic.

        Parameters
        ----------
        moment
            UTC.
        """
        self._now = max(self._now, moment)

    def move_by(self, seconds: float) -> None:
        """Advance by some seconds.

        Parameters
        ----------
        seconds
            Not negative.
        """
        self.move_to(self._now + timedelta(seconds=seconds))
