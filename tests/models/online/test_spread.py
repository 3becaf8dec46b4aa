"""Spreads are 1.8 times the geometric mean by hour of the day and in all, learnt in bounded steps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.online import spread
from models.online.spread import SpreadState

FLOOR = 0.03
HOURS = st.lists(
    st.tuples(st.integers(0, 23), st.lists(st.floats(-100, 100), min_size=0, max_size=4)), min_size=1, max_size=90
)


def _one(prior: float) -> SpreadState:
    return SpreadState(*(part[0] for part in spread.blank(np.full((1, 1), prior))))


def _take(state: SpreadState, hour: int, residuals: list[float]) -> None:
    """An hour of the day with its residuals; the kernel closes it when the next one opens."""
    spread.open_hour(state, hour)
    for residual in residuals:
        spread.note(state, 0, residual, FLOOR)
        state.counts[1] += 1
    spread.close_hour(state, hour)


class _Oracle:
    """The same in dictionaries and plain floats."""

    def __init__(self, prior: float) -> None:
        self.prior, self.whole, self.hours = prior, 0.0, 0
        self.hourly: dict[int, float] = {}
        self.days = dict.fromkeys(range(24), 0)

    def usual(self, hour: int) -> float:
        if self.hours == 0:
            return 1.8 * math.exp(self.prior)
        whole = math.exp(self.whole)
        near = [math.exp(self.hourly[h]) for h in ((hour + d) % 24 for d in (-1, 0, 1)) if self.days[h]]
        local = sum(near) / len(near) if near else whole
        if self.hours < 48:
            whole = max(whole, math.exp(self.prior))
            local = max(local, whole)
        return 1.8 * (whole + local) / 2

    def take(self, hour: int, residuals: list[float]) -> None:
        if not residuals:
            return
        now = float(np.mean([math.log(max(abs(each), 0.25 * FLOOR)) for each in residuals]))
        seen = self.days[hour]
        step = now - self.hourly.get(hour, 0.0)
        step = float(np.clip(step, -1.5, 1.5)) if seen >= 3 else step
        self.hourly[hour] = self.hourly.get(hour, 0.0) + step / min(seen + 1, 8)
        step = now - self.whole
        step = float(np.clip(step, -1.5, 1.5)) if self.hours >= 24 else step
        self.whole += step / min(self.hours + 1, 192)
        self.days[hour], self.hours = seen + 1, self.hours + 1


@settings(deadline=None)  # the first call compiles
@given(HOURS, st.floats(-5, 3))
def test_spreads_equal_those_of_a_slow_oracle(hours: list[tuple[int, list[float]]], prior: float) -> None:
    """Any order of hours, empty ones among them."""
    state, oracle = _one(prior), _Oracle(prior)
    for hour, residuals in hours:
        _take(state, hour, residuals)
        oracle.take(hour, residuals)
        for asked in (hour, (hour + 1) % 24, 12):
            assert spread.usual(state, 0, asked) == pytest.approx(oracle.usual(asked), rel=1e-5)


def test_it_is_about_a_standard_deviation_of_gaussian_residuals() -> None:
    """0.95 of it, as the docstring says, once two weeks were seen."""
    rng, state = np.random.default_rng(3), _one(-3.0)
    for hour in range(24 * 20):
        _take(state, hour % 24, rng.normal(size=12).tolist())
    usual = [spread.usual(state, 0, hour) for hour in range(24)]
    assert np.mean(usual) == pytest.approx(0.95, abs=0.03)


def test_an_hour_of_the_day_has_a_spread_of_its_own() -> None:
    """Four wild hours a day are wider than the others by much, and the others hardly wider for it."""
    rng, state = np.random.default_rng(4), _one(-3.0)
    for hour in range(24 * 20):
        _take(state, hour % 24, (rng.normal(size=12) * (10 if hour % 24 < 4 else 1)).tolist())
    assert spread.usual(state, 0, 1) > 4 * spread.usual(state, 0, 14)
    assert spread.usual(state, 0, 14) < 1.5


def test_one_incident_hardly_moves_a_known_spread() -> None:
    """Two hours a million times as wide change a spread that was learnt for ten days by less than a third."""
    rng, state = np.random.default_rng(5), _one(-3.0)
    for hour in range(240):
        _take(state, hour % 24, rng.normal(size=12).tolist())
    before = [spread.usual(state, 0, hour) for hour in range(24)]
    for hour in range(2):
        _take(state, hour, (rng.normal(size=12) * 1e6).tolist())
    after = [spread.usual(state, 0, hour) for hour in range(24)]
    assert np.max(np.divide(after, before)) < 1.3


def test_residuals_of_zero_are_finite() -> None:
    """A constant series has the smallest spread that there is, a quarter of the floor."""
    state = _one(-3.0)
    for hour in range(24 * 4):
        _take(state, hour % 24, [0.0] * 12)
    assert spread.usual(state, 0, 0) == pytest.approx(1.8 * 0.25 * FLOOR)
