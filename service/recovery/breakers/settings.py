"""What one breaker is allowed to do, checked when it is written down."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When a breaker opens, how long it stays open, and how it finds out that the dependency is back.

    Calls are judged in one window: a call counts as long as it is among the last ``window_calls`` and younger than
    ``monitoring_period_s``. The breaker opens after a bad call, as soon as one of the three limits is reached.

    Parameters
    ----------
    failure_threshold
        So many failures in the window open it; None judges by rates alone.
    failure_rate
        This share of failures in the window opens it, in (0, 1]; None does not look at the share.
    slow_call_s
        A call that takes longer is slow, seconds; None knows no slow calls. A slow probe counts as failed.
    slow_call_rate
        This share of slow calls in the window opens it, in (0, 1]. By default only a dependency that is slow
        throughout is cut off.
    minimum_calls
        The shares mean nothing below so many calls in the window.
    window_calls
        So many calls at most are looked at; some 8 bytes each, and 32 while they are young.
    monitoring_period_s
        How long a call counts, seconds; infinity leaves the window to ``window_calls`` alone.
    reset_timeout_s
        How long it stays open before probes are let through, seconds.
    reset_growth
        Each time the probes fail, it stays open so many times longer; 1 does not grow.
    max_reset_timeout_s
        It never stays open longer, jitter apart, seconds; without effect below ``reset_timeout_s``.
    reset_jitter
        The open time varies by this share either way, in [0, 1), so that many callers do not probe at once.
    call_timeout_s
        A call that takes longer is a failure, seconds; None sets no limit. An asynchronous call is cancelled at the
        limit; a synchronous one cannot be, it is counted when it returns.
    half_open_probes
        So many calls are let through when half open, and so many must succeed to close it.
    max_half_open_s
        Probes that do not return within this time open it again, seconds; None waits ``reset_timeout_s``.
    excluded
        Exceptions that mean that the dependency answered: they count as success.
    failed_result
        Tells which results are failures, though nothing was raised; None takes every result as success.

    Raises
    ------
    ConfigurationError
        If a number is out of its range, or nothing could ever open it.
    """

    failure_threshold: int | None = 5
    failure_rate: float | None = None
    slow_call_s: float | None = None
    slow_call_rate: float = 1.0
    minimum_calls: int = 20
    window_calls: int = 100
    monitoring_period_s: float = 60.0
    reset_timeout_s: float = 30.0
    reset_growth: float = 2.0
    max_reset_timeout_s: float = 300.0
    reset_jitter: float = 0.1
    call_timeout_s: float | None = None
    half_open_probes: int = 1
    max_half_open_s: float | None = None
    excluded: tuple[type[Exception], ...] = ()
    failed_result: Callable[[Any], bool] | None = None

    def __post_init__(self) -> None:
        for name in ("minimum_calls", "window_calls", "half_open_probes"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "give at least 1")
        for name in ("reset_timeout_s", "max_reset_timeout_s"):
            _check_positive(name, getattr(self, name))
        for name in ("slow_call_s", "call_timeout_s", "max_half_open_s", "failure_threshold"):
            if getattr(self, name) is not None:
                _check_positive(name, getattr(self, name))
        for name in ("failure_rate", "slow_call_rate"):
            rate = getattr(self, name)
            _check(name, rate, rate is None or 0 < rate <= 1, "give a share above 0 and up to 1")
        period_s, growth, jitter = self.monitoring_period_s, self.reset_growth, self.reset_jitter
        _check("monitoring_period_s", period_s, period_s > 0, "give a positive number")
        _check("reset_growth", growth, 1 <= growth < math.inf, "give a finite number that is not below 1")
        _check("reset_jitter", jitter, 0 <= jitter < 1, "give a share from 0 to below 1")
        self._check_reachable()

    def _check_reachable(self) -> None:
        """Refuse limits that no window can reach: such a breaker would never open."""
        for name in ("failure_threshold", "minimum_calls"):
            limit = getattr(self, name)
            is_reached = limit is None or limit <= self.window_calls or not self._uses(name)
            _check(name, limit, is_reached, f"give at most window_calls, which is {self.window_calls}")
        if self.failure_threshold is None and not self._uses("minimum_calls"):
            raise ConfigurationError(
                "Nothing can open the breaker.", remedy="give failure_threshold, failure_rate or slow_call_s"
            )

    def _uses(self, name: str) -> bool:
        return name != "minimum_calls" or self.failure_rate is not None or self.slow_call_s is not None


def _check_positive(name: str, value: float) -> None:
    _check(name, value, math.isfinite(value) and value > 0, "give a positive number")


def _check(name: str, value: float | None, is_fine: bool, remedy: str) -> None:  # noqa: FBT001  # private, named at its uses
    if not is_fine:
        raise ConfigurationError(f"The breaker's {name} is {value}.", remedy=remedy)
