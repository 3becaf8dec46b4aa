"""When a check runs, and how many results in a row are believed."""

import math
import random
from dataclasses import dataclass

from models.errors import ConfigurationError

LONGEST_S = 86400.0 * 7
MOST_IN_A_ROW = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPolicy:
    """The pace of one check.

    Parameters
    ----------
    interval_s
        Between two runs while nothing changes, seconds.
    retry_interval_s
        Between two runs while a change is pending, seconds.
    max_retries
        So often a bad result is looked at again before it is believed; 0 believes the first.
    successes
        So many better results in a row are believed.
    timeout_s
        Longest run, seconds.
    jitter
        Share by which an interval varies, from 0 to 0.5: checks that start together drift apart.
    stale_after_s
        A result older than this tells nothing, seconds; None: three intervals and the timeout.

    Raises
    ------
    ConfigurationError
        If a number is out of range.
    """

    interval_s: float = 30.0
    retry_interval_s: float = 5.0
    max_retries: int = 2
    successes: int = 2
    timeout_s: float = 10.0
    jitter: float = 0.1
    stale_after_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("interval_s", "retry_interval_s", "timeout_s", "stale_after_s"):
            value = getattr(self, name)
            if value is not None and not 0.01 <= value <= LONGEST_S:
                raise _wrong(name, value, "give 0.01 to 604800 seconds")
        if not 0 <= self.max_retries <= MOST_IN_A_ROW:
            raise _wrong("max_retries", self.max_retries, f"give 0 to {MOST_IN_A_ROW}")
        if not 1 <= self.successes <= MOST_IN_A_ROW:
            raise _wrong("successes", self.successes, f"give 1 to {MOST_IN_A_ROW}")
        if not 0 <= self.jitter <= 0.5 or math.isnan(self.jitter):
            raise _wrong("jitter", self.jitter, "give 0 to 0.5")
        if self.stale_after_s is not None and self.stale_after_s <= self.interval_s:
            raise _wrong("stale_after_s", self.stale_after_s, f"give more than interval_s, {self.interval_s:g}")

    @property
    def stale_s(self) -> float:
        """Age from which a result tells nothing, seconds."""
        return self.stale_after_s or 3 * max(self.interval_s, self.retry_interval_s) + self.timeout_s

    def first_delay_s(self, check_id: str, seed: int) -> float:
        """Spread the first runs over an interval.

        Parameters
        ----------
        check_id
            Whose.
        seed
            Of the service.

        Returns
        -------
        float
            Seconds; 0 without jitter.
        """
        return self.interval_s * 2 * self.jitter * _chance(check_id, seed, 0)

    def delay_s(self, check_id: str, seed: int, count: int, *, is_pending: bool) -> float:
        """Draw the time to the next run.

        Parameters
        ----------
        check_id
            Whose.
        seed
            Of the service.
        count
            Runs so far.
        is_pending
            Whether a change waits to be believed.

        Returns
        -------
        float
            Seconds, within ``jitter`` of the interval that counts.
        """
        base = self.retry_interval_s if is_pending else self.interval_s
        return base * (1 + self.jitter * (2 * _chance(check_id, seed, count) - 1))


def _chance(check_id: str, seed: int, count: int) -> float:
    return random.Random(f"{seed}:{check_id}:{count}").random()


def _wrong(name: str, value: float, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"{name} is {value:g}.", remedy=remedy)
