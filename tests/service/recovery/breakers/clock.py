"""A clock that tests move by hand: both times apart, so that wall-clock jumps can be tried."""

from datetime import UTC, datetime, timedelta


class HandClock:
    """Wall and monotonic time, each moved alone."""

    def __init__(self):
        self.wall = datetime(2026, 1, 1, tzinfo=UTC)
        self.seconds = 100.0

    def now(self):
        """Wall time."""
        return self.wall

    def monotonic_s(self):
        """Monotonic seconds."""
        return self.seconds

    def advance(self, seconds):
        """Let both pass."""
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds
