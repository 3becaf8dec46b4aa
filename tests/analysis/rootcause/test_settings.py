"""The one configuration."""

from dataclasses import fields, replace

import pytest

from models.errors import ConfigurationError
from tests.analysis.rootcause.helpers import SETTINGS


@pytest.mark.parametrize("field", ["effect_cap", "second_share", "change_window_s", "least_confidence"])
def test_settings_out_of_range_are_refused(field):
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match=field):
        replace(SETTINGS, **{field: -1})
    if field in {"second_share", "least_confidence"}:
        with pytest.raises(ConfigurationError, match=field):
            replace(SETTINGS, **{field: 2})


@pytest.mark.parametrize("field", [field.name for field in fields(SETTINGS)])
def test_no_setting_may_be_nan(field):
    """What is not a number is refused, whichever setting it is."""
    with pytest.raises(ConfigurationError, match=field):
        replace(SETTINGS, **{field: float("nan")})
