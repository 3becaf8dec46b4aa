"""Rules become arrays: later over earlier, option by option, and nothing is ignored in silence."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from models.shaping.options import OPTIONS
from models.shaping.resolve import resolve
from tests.models.shaping.builders import keys, numbered, rule

KEYS = keys("orders/cpu", "orders/latency", "stock/cpu")


def test_without_rules_nothing_is_set() -> None:
    """NaN, 0, False and None are the sentinels."""
    nothing = resolve([], KEYS)
    numbers = [nothing.least_deviation, nothing.least_value, nothing.stuck_after_s, nothing.false_alarms_per_day]
    assert np.isnan(numbers).all()
    assert not nothing.direction.any()
    assert not nothing.excluded.any()
    assert nothing.time_zone == nothing.holidays == (None, None, None)
    assert nothing.unmatched == ()


def test_a_later_rule_overrides_only_what_it_sets() -> None:
    """Option by option, also by a less specific and by a neutral value."""
    found = resolve(
        [
            rule("orders", "cpu", direction="above", least_deviation=3, excluded=True),
            rule("*", "cpu", direction="below", excluded=False),
            rule("stock", least_deviation=7),
        ],
        KEYS,
    )
    assert found.direction.tolist() == [-1, 0, -1]
    assert found.direction.dtype == np.int8
    np.testing.assert_array_equal(found.least_deviation, [3, np.nan, 7])
    assert found.excluded.tolist() == [False, False, False]


def test_words_of_silence_are_nan_and_infinity() -> None:
    """``auto`` is as if not set, ``never`` has no end."""
    found = resolve(
        [rule(stuck_after_s=60), rule("orders", stuck_after_s="auto"), rule("stock", stuck_after_s="never")], KEYS
    )
    np.testing.assert_array_equal(found.stuck_after_s, [np.nan, np.nan, np.inf])


def test_zones_and_holidays_are_of_each_series() -> None:
    """Tuples of dates are one value, not an array to spread."""
    days = (date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3))
    found = resolve([rule(holidays="DE"), rule("*", "cpu", holidays=days, time_zone="Asia/Tokyo")], KEYS)
    assert found.holidays == (days, "DE", days)
    assert found.time_zone == ("Asia/Tokyo", None, "Asia/Tokyo")


def test_rules_that_match_nothing_are_reported() -> None:
    """By their place and selector; those that match are not."""
    found = resolve([rule("order", merge_s=1), rule(merge_s=1), rule("stock", "latency", merge_s=1)], KEYS)
    assert found.unmatched == ("rules[0] (order/*) matches no series", "rules[2] (stock/latency) matches no series")


def test_a_range_emptied_by_two_rules_is_refused() -> None:
    """Each rule is fine; together they leave a series no value, and the message names it."""
    with pytest.raises(ConfigurationError, match="least_value 5 exceeds most_value 1 for orders/latency"):
        resolve([rule("orders", least_value=5), rule("*", "latency", most_value=1)], KEYS)


def test_an_empty_bundle_has_empty_arrays() -> None:
    """No series, no error; every rule is reported."""
    found = resolve([rule(merge_s=1)], [])
    assert found.merge_s.shape == (0,)
    assert len(found.unmatched) == 1


def test_every_option_of_a_rule_is_resolved() -> None:
    """A new option cannot be forgotten here."""
    assert set(OPTIONS) <= set(resolve([], KEYS).__slots__)


@given(
    spec=st.lists(st.tuples(st.sets(st.integers(0, 4), min_size=1), st.floats(0, 9), st.booleans()), max_size=8),
)
def test_the_last_matching_rule_wins(spec: list[tuple[set[int], float, bool]]) -> None:
    """Equal to a plain loop over rules for each series."""
    rules = [
        rule(f"c[{''.join(map(str, sorted(chosen)))}]", **({"merge_s": value} if merges else {"refractory_s": value}))
        for chosen, value, merges in spec
    ]
    found = resolve(rules, numbered(5))
    for place in range(5):
        for name, wanted in (("merge_s", True), ("refractory_s", False)):
            values = [value for chosen, value, merges in spec if place in chosen and merges is wanted]
            np.testing.assert_equal(getattr(found, name)[place], values[-1] if values else np.nan)
