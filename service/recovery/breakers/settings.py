"""What one breaker is allowed to do, checked when it is written down."""

import math
from dataclasses import dataclass

from models.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """Thresholds and times of a breaker.

    Parameters
    ----------
    failure_threshold
        So many failures within ``monitoring_period_s`` open it.
    monitoring_period_s
        How long a failure counts, seconds.
    reset_timeout_s
        How long it stays open before probes are let through, seconds; also the longest wait for lost probes.
    call_timeout_s
        A call that takes longer is a failure, seconds; None sets no limit. An asynchronous call is cancelled at the
        limit; a synchronous one cannot be, it is counted when it returns.
    half_open_probes
        So many calls are let through when half open, and so many must succeed to close it.
    excluded
        Exceptions that mean that the dependency answered: they count as success.

    Raises
    ------
    ConfigurationError
        If a number is not positive.
    """

    failure_threshold: int = 5
    monitoring_period_s: float = 60.0
    reset_timeout_s: float = 30.0
    call_timeout_s: float | None = None
    half_open_probes: int = 1
    excluded: tuple[type[Exception], ...] = ()

    def __post_init__(self) -> None:
        for name in ("failure_threshold", "half_open_probes", "monitoring_period_s", "reset_timeout_s"):
            _check_positive(name, getattr(self, name))
        if self.call_timeout_s is not None:
            _check_positive("call_timeout_s", self.call_timeout_s)


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ConfigurationError(f"The breaker's {name} is {value}.", remedy="give a positive number")
