"""Options accept what they should, refuse the rest with a remedy, and say the same in their schema."""

import sys
from datetime import date, datetime

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from models.shaping.options import OPTIONS, Number, nearest, shown

GOOD = [
    ("direction", "above", "above"),
    ("least_deviation", 0, 0.0),
    ("least_deviation", np.float64(2.5), 2.5),
    ("least_relative_deviation", 0.2, 0.2),
    ("least_value", -float("inf"), -float("inf")),
    ("most_value", -3, -3.0),
    ("most_value", float("inf"), float("inf")),
    ("false_alarms_per_day", 0.1, 0.1),
    ("missing_after_s", "auto", "auto"),
    ("stuck_after_s", "never", "never"),
    ("stuck_after_s", np.int64(60), 60.0),
    ("refractory_s", 0, 0.0),
    ("merge_s", 30, 30.0),
    ("excluded", True, True),
    ("time_zone", "Europe/Berlin", "Europe/Berlin"),
    ("holidays", "DE", "DE"),
    ("holidays", "NO", "NO"),
    ("holidays", "DE-BY", "DE-BY"),
    ("holidays", "DE-Augsburg", "DE-Augsburg"),
    ("holidays", ["2026-12-25", "2026-01-01", "2026-12-25"], (date(2026, 1, 1), date(2026, 12, 25))),
    ("holidays", (date(2026, 1, 1),), (date(2026, 1, 1),)),
    ("holidays", [], ()),
]

BAD = [
    ("direction", "up", "above"),
    ("direction", ["above"], "above"),
    ("least_deviation", -1, "at least 0"),
    ("least_deviation", float("nan"), "finite"),
    ("least_deviation", float("inf"), "finite"),
    ("least_deviation", True, "number"),
    ("least_deviation", "3", "number"),
    ("least_deviation", 10**400, "number"),
    ("least_value", float("inf"), "number"),
    ("least_value", float("nan"), "number"),
    ("most_value", -float("inf"), "number"),
    ("false_alarms_per_day", 0, "above 0"),
    ("false_alarms_per_day", 1e9, "at most 86400"),
    ("missing_after_s", 0, "never"),
    ("missing_after_s", "off", "never"),
    ("stuck_after_s", False, "never"),
    ("stuck_after_s", -5, "never"),
    ("refractory_s", -5, "at least 0"),
    ("excluded", "yes", "true or false"),
    ("excluded", 1, "true or false"),
    ("time_zone", "Europe/Berln", "'Europe/Berlin'"),
    ("time_zone", "../../etc/passwd", "IANA"),
    ("time_zone", "Europe", "IANA|nearest"),
    ("time_zone", "localtime", "IANA|nearest"),
    ("time_zone", "", "IANA"),
    ("time_zone", "a\0b", "IANA"),
    ("time_zone", "x" * 100_000, "IANA"),
    ("time_zone", 3, "IANA"),
    ("holidays", "XX", "list the dates"),
    ("holidays", "de", "list the dates"),
    ("holidays", "DE-XX", "use one of"),
    ("holidays", "DE-BX", "BE|BW|BY|BB"),
    ("holidays", 2026, "country"),
    ("holidays", {"DE": 1}, "country"),
    ("holidays", ["2026-02-30"], "YYYY-MM-DD"),
    ("holidays", ["20260201"], "YYYY-MM-DD"),
    ("holidays", [datetime(2026, 1, 1)], "YYYY-MM-DD"),  # noqa: DTZ001 - it is the wrong value that is meant
    ("holidays", [None], "YYYY-MM-DD"),
    ("holidays", ["2026-01-01"] * 10_001, "at most"),
]


@pytest.mark.parametrize(("name", "value", "kept"), GOOD)
def test_good_values_are_brought_to_one_form(name: str, value: object, kept: object) -> None:
    """Numbers become floats, dates a sorted tuple; words stay."""
    checked = OPTIONS[name].check(name, value)
    assert checked == kept
    assert type(checked) is type(kept)


@pytest.mark.parametrize(("name", "value", "remedy"), BAD, ids=[f"{case[0]}-{place}" for place, case in enumerate(BAD)])
def test_bad_values_are_refused_with_a_remedy(name: str, value: object, remedy: str) -> None:
    """The message names the option, stays short whatever the input, and the remedy fits."""
    with pytest.raises(ConfigurationError, match=remedy) as refused:
        OPTIONS[name].check(name, value)
    assert str(refused.value).startswith(name)
    assert len(str(refused.value)) < 400
    assert refused.value.remedy


def test_a_country_needs_the_package_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package a country is refused, not ignored; dates still work."""
    from models.shaping import options  # the cache of the module under test

    monkeypatch.setitem(sys.modules, "holidays", None)
    options._countries.cache_clear()
    with pytest.raises(ConfigurationError, match="install it, or list the dates"):
        OPTIONS["holidays"].check("holidays", "DE")
    assert OPTIONS["holidays"].check("holidays", ["2026-01-01"]) == (date(2026, 1, 1),)
    options._countries.cache_clear()


@pytest.mark.parametrize(("name", "value", "kept"), [case for case in GOOD if isinstance(case[1], str | int | list)])
def test_schemas_accept_what_the_check_accepts(name: str, value: object, kept: object) -> None:
    """Every good value of a plain type passes the JSON Schema."""
    jsonschema.validate(value, OPTIONS[name].schema())


@given(value=st.one_of(st.integers(), st.floats(), st.text(max_size=20), st.booleans(), st.none(), st.binary()))
def test_numbers_are_finite_floats_or_refused(value: object) -> None:
    """Nothing but a finite, not negative float comes out of a magnitude."""
    kind = Number(least=0.0)
    try:
        checked = kind.check("x", value)
    except ConfigurationError:
        return
    assert isinstance(checked, float)
    assert 0.0 <= checked < float("inf")


def test_words_far_from_all_get_the_whole_list() -> None:
    """The remedy is the nearest word, or all of them."""
    assert nearest("merges", ("merge_s", "excluded")) == "the nearest is 'merge_s'"
    assert nearest("qqqq", ("merge_s", "excluded")) == "use one of: excluded, merge_s"


def test_hostile_values_are_shown_short_and_on_one_line() -> None:
    """Long or many-lined input cannot flood a message."""
    assert len(shown("x\n" * 10_000)) < 80
    assert "\n" not in shown("a\nb")
    assert len(shown([["x" * 1000] * 1000] * 1000)) < 150
    assert shown(10**5000) == "a huge integer"
