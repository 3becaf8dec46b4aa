"""Settings that cannot work are refused."""

import math

import pytest

from models.errors import ConfigurationError
from service.recovery.breakers import BreakerSettings

POSITIVE = (
    "failure_threshold",
    "half_open_probes",
    "minimum_calls",
    "window_calls",
    "reset_timeout_s",
    "max_reset_timeout_s",
    "call_timeout_s",
    "slow_call_s",
    "max_half_open_s",
)


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_a_number_that_is_not_positive_is_refused(name, value):
    """The error names the setting."""
    with pytest.raises(ConfigurationError, match=f"{name} is {value}"):
        BreakerSettings(**{name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("monitoring_period_s", (0, -1, math.nan)),
        ("failure_rate", (0, 1.01, -0.5, math.nan)),
        ("slow_call_rate", (0, 1.01, math.nan, math.inf)),
        ("reset_growth", (0.9, math.inf, math.nan)),
        ("reset_jitter", (-0.1, 1, math.nan)),
        ("reset_timeout_s", (math.inf,)),
        ("call_timeout_s", (math.inf,)),
    ],
)
def test_a_number_out_of_its_range_is_refused(name, values):
    """Shares are shares, growth does not shrink, times end."""
    for value in values:
        with pytest.raises(ConfigurationError, match=name):
            BreakerSettings(**{name: value})


def test_a_breaker_that_could_never_open_is_refused():
    """No limit at all, or a limit that the window cannot hold."""
    with pytest.raises(ConfigurationError, match="Nothing can open"):
        BreakerSettings(failure_threshold=None)
    with pytest.raises(ConfigurationError, match=r"failure_threshold is 6.*at most window_calls, which is 5"):
        BreakerSettings(failure_threshold=6, window_calls=5)
    for limit in ({"failure_rate": 0.5}, {"slow_call_s": 1.0}):
        with pytest.raises(ConfigurationError, match="minimum_calls is 20"):
            BreakerSettings(window_calls=5, **limit)


def test_what_can_work_is_taken():
    """Both ends of each range, rates alone, a window by count alone."""
    BreakerSettings(failure_threshold=None, failure_rate=1, monitoring_period_s=math.inf, reset_growth=1)
    BreakerSettings(failure_threshold=None, slow_call_s=0.5, slow_call_rate=0.01, reset_jitter=0)
    BreakerSettings(window_calls=5)
