"""Settings that cannot work are refused."""

import math

import pytest

from models.errors import ConfigurationError
from service.recovery.breakers import BreakerSettings

NAMES = ("failure_threshold", "half_open_probes", "monitoring_period_s", "reset_timeout_s", "call_timeout_s")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_number_that_is_not_positive_is_refused(name, value):
    """The error names the setting."""
    with pytest.raises(ConfigurationError, match=name):
        BreakerSettings(**{name: value})
