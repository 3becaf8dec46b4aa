"""Levels are entered and left one by one, after their time, and what would flap is refused."""

import threading
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ConfigurationError, UnknownNameError
from service.recovery import CircuitBreaker, CircuitState, Degradation
from service.recovery.conditions import Condition
from service.recovery.degradation import FULL, Ladder, Level, LevelState, change_of
from service.recovery.facts import DEGRADATION_FACTS
from tests.service.recovery.breakers.clock import HandClock
from tests.service.recovery.plans import NOW


def level(name="lean", gives_up=("ads",), enter="worst_score >= 1", leave="worst_score < 0.7", **more):
    """One step down, at once both ways."""
    values = {"enter_hold_s": 0.0, "leave_hold_s": 0.0} | more
    conditions = {k: Condition.of(v, DEGRADATION_FACTS) for k, v in (("enter", enter), ("leave", leave))}
    return Level(name=name, gives_up=tuple(gives_up), **conditions, **values)


LEAN, PLAIN, READ_ONLY = (
    level(),
    level("plain", ("search", "reviews"), "worst_score >= 2", "worst_score < 1.5"),
    level("read-only", ("orders",), "worst_score >= 3", "worst_score < 2.5"),
)
LADDER = Ladder(component="shop", levels=(LEAN, PLAIN, READ_ONLY))


def lived(ladder, observations, state=None):
    """States after each (seconds since the last, score)."""
    state, now, states = state or LevelState(), NOW, []
    for seconds, score in observations:
        now += timedelta(seconds=seconds)
        state = state.after(ladder, {"worst_score": score}, now)
        states.append(state)
    return states


def levels(ladder, observations):
    """Only the levels."""
    return [state.level for state in lived(ladder, observations)]


def test_levels_are_taken_one_by_one():
    """However bad it is, each observation is one step; the way back as well."""
    assert levels(LADDER, [(1, 9), (1, 9), (1, 9), (1, 9), (1, 0), (1, 0), (1, 0), (1, 0)]) == [
        1, 2, 3, 3, 2, 1, 0, 0,
    ]  # fmt: skip


def test_between_the_thresholds_nothing_moves():
    """Hysteresis: what is not bad enough to enter and not good enough to leave stays."""
    assert levels(LADDER, [(1, 0.9), (1, 1.0), (1, 0.9), (1, 0.7), (1, 0.69)]) == [0, 1, 1, 1, 0]


def test_a_condition_must_hold_without_a_break():
    """Sixty seconds both ways; a good moment in between begins anew."""
    ladder = Ladder(component="shop", levels=(level(enter_hold_s=60, leave_hold_s=120),))
    assert levels(ladder, [(0, 2), (30, 2), (29, 2), (1, 2)]) == [0, 0, 0, 1]
    assert levels(ladder, [(0, 2), (50, 2), (5, 0.8), (5, 2), (59, 2), (1, 2)]) == [0, 0, 0, 0, 0, 1]
    down = lived(ladder, [(0, 2), (60, 2)])[-1]
    assert [s.level for s in lived(ladder, [(0, 0), (119, 0), (1, 0)], replace(down, observed_at=NOW))] == [1, 1, 0]


def test_what_is_unknown_moves_nothing():
    """Without data nothing is entered and nothing left, and no time is counted."""
    ladder = Ladder(component="shop", levels=(level(enter_hold_s=60),))
    assert levels(ladder, [(0, 2), (59, None), (1, 2), (59, 2), (1, 2)]) == [0, 0, 0, 0, 1]
    assert levels(LADDER, [(1, 9), (1, None), (1, float("nan"))]) == [1, 1, 1]


@pytest.mark.parametrize("jump_s", [86400, -86400, 601])
def test_a_clock_that_jumps_counts_for_nothing(jump_s):
    """Neither does an hour in which nobody looked."""
    ladder = Ladder(component="shop", levels=(level(enter_hold_s=60),))
    assert levels(ladder, [(0, 2), (30, 2), (jump_s, 2), (29, 2), (1, 2)]) == [0, 0, 0, 0, 1]


def test_a_step_says_why():
    """The condition, the facts, and everything that is given up."""
    before, after = LevelState(level=1), LevelState(level=1).after(LADDER, {"worst_score": 2.25}, NOW)
    change = change_of(LADDER, before, after)
    assert (change.before, change.after, change.name, change.gives_up) == (1, 2, "plain", ("ads", "search", "reviews"))
    assert change.reason == "worst_score >= 2 holds: worst_score = 2.25"
    assert change_of(LADDER, after, after) is None


def test_a_ladder_that_became_shorter_is_climbed_from_its_end():
    """A file that was changed does not leave a component at a level that is not there."""
    assert LevelState(level=3).after(Ladder(component="shop", levels=(LEAN,)), {"worst_score": 0.9}, NOW).level == 1


@given(
    st.lists(st.tuples(st.integers(-100, 1000), st.one_of(st.none(), st.floats(allow_nan=True))), max_size=60),
    st.integers(0, 90),
    st.integers(0, 90),
)
@settings(max_examples=200, deadline=None)
def test_never_two_steps_at_once(observations, enter_hold_s, leave_hold_s):
    """Whatever is seen whenever: levels differ by at most one, and no step comes before its time."""
    held = {"enter_hold_s": enter_hold_s, "leave_hold_s": leave_hold_s}
    ladder = Ladder(component="shop", levels=tuple(replace(each, **held) for each in LADDER.levels))
    states = [LevelState(), *lived(ladder, observations)]
    passed = [seconds for seconds, _ in observations]
    for i, (before, after) in enumerate(pairwise(states)):
        assert abs(after.level - before.level) <= 1
        assert 0 <= after.level <= 3
        if after.level != before.level:
            needed = enter_hold_s if after.level > before.level else leave_hold_s
            assert sum(max(s, 0) for s in passed[: i + 1]) >= needed


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"enter": "worst_score >= 1", "leave": "worst_score < 2"}, "entered and left at once.*worst_score = 1"),
        ({"enter": "worst_score >= 1", "leave": "worst_score < 1"}, "no gap"),
        ({"enter": "worst_score >= 1", "leave": "breaker_open"}, "at once"),
        ({"enter": "worst_score > 1 and worst_score < 1"}, "can never hold"),
        ({"leave": "worst_score < 0 and worst_score > 5"}, "can never hold"),
        ({"enter": "breaker_open", "leave": "not breaker_open"}, "no gap"),
        ({"enter": "health >= DEGRADED", "leave": "health <= DEGRADED", "enter_hold_s": 5}, "at once"),
        ({"name": ""}, "is called"),
        ({"name": FULL}, "is called"),
        ({"gives_up": ()}, "gives up"),
        ({"gives_up": ("ads", "ads")}, "gives up"),
        ({"enter_hold_s": -1}, "enter_hold_s"),
        ({"leave_hold_s": float("inf")}, "leave_hold_s"),
        (
            {"enter": " or ".join(f"(worst_score > {n} and open_breakers > {n} and unhealthy_dependencies > {n})"
                                  for n in range(20)), "leave": "worst_score < -1"},
            "too much",
        ),
    ],
)  # fmt: skip
def test_a_level_that_makes_no_sense_is_refused(wrong, message):
    """With what is wrong about it."""
    with pytest.raises(ConfigurationError, match=message):
        level(**wrong)


@pytest.mark.parametrize(
    "right",
    [
        {"enter": "breaker_open", "leave": "not breaker_open", "enter_hold_s": 5, "leave_hold_s": 5},
        {"enter": "health == UNHEALTHY", "leave": "health == HEALTHY"},
        {"enter": "worst_score >= 2 or breaker_open", "leave": "worst_score < 1 and not breaker_open"},
        {"enter": "open_breakers >= 2", "leave": "open_breakers == 0"},
    ],
)
def test_conditions_that_exclude_each_other_are_accepted(right):
    """Flags need a time to hold, numbers a gap."""
    assert level(**right).name == "lean"


@pytest.mark.parametrize("wrong", [(), (LEAN, LEAN), (LEAN, replace(PLAIN, gives_up=("ads",)))])
def test_a_ladder_names_each_level_and_feature_once(wrong):
    """And has at least one."""
    with pytest.raises(ConfigurationError):
        Ladder(component="shop", levels=wrong)


class TestInProcess:
    """The object beside the circuit breaker."""

    def test_it_follows_a_breaker(self):
        """Open for five seconds: plain pages; closed for ten: everything again."""
        clock = HandClock()
        breaker = CircuitBreaker("recommender", clock=clock)
        held = {"enter_hold_s": 5, "leave_hold_s": 10}
        told = []
        shop = Degradation(
            Ladder(component="shop", levels=(level(enter="breaker_open", leave="not breaker_open", **held),)),
            clock,
            [told.append],
        )

        def look(seconds):
            for _ in range(seconds):
                clock.advance(1)
                shop.observe({"breaker_open": breaker.state is CircuitState.OPEN})

        look(5)
        assert (shop.level, shop.name, shop.allows("ads")) == (0, FULL, True)
        breaker.trip("down")
        look(6)
        assert (shop.level, shop.name, shop.allows("ads")) == (1, "lean", False)
        breaker.reset("up")
        look(11)
        assert (shop.level, [change.after for change in told]) == (0, [1, 0])

    def test_a_misspelt_feature_is_named(self):
        """It would be offered for ever."""
        with pytest.raises(UnknownNameError, match="'adds'"):
            Degradation(LADDER, HandClock()).allows("adds")

    def test_it_adopts_what_the_service_tells(self):
        """Step by step, so that a listener sees each."""
        told = []
        shop = Degradation(LADDER, HandClock(), [told.append])
        shop.adopt(3)
        shop.adopt(3)
        shop.adopt(1)
        assert [change.after for change in told] == [1, 2, 3, 2, 1]
        assert (shop.allows("search"), shop.allows("ads")) == (True, False)
        with pytest.raises(ConfigurationError, match="no level 4"):
            shop.adopt(4)

    def test_a_listener_that_fails_is_counted(self):
        """The application's call does not fail, and the others are told."""
        told = []
        shop = Degradation(LADDER, HandClock(), [lambda _: 1 / 0, told.append])
        shop.observe({"worst_score": 1.0})
        assert (shop.listener_errors, len(told)) == (1, 1)

    def test_threads_take_one_step_each_at_most(self):
        """Eight observations at once from full function: eight steps at most, here the ladder's end, in order."""
        told = []
        shop = Degradation(LADDER, HandClock(), [told.append])
        threads = [threading.Thread(target=shop.observe, args=({"worst_score": 9.0},)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (shop.level, sorted(change.after for change in told)) == (3, [1, 2, 3])
