"""Strategies are checked values; the choice among them gives reasons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError, UnknownNameError
from service.ports import ActionKind
from service.recovery.conditions import Condition
from service.recovery.facts import FINDING_FACTS
from service.recovery.strategies import RecoveryStep, RetryPolicy, StepType, Strategies
from tests.service.recovery.plans import isolate, restart, strategy, verify


def plan(name, condition, priority=0):
    """A strategy that applies sometimes."""
    return strategy(restart(), id=name, condition=Condition.of(condition, FINDING_FACTS), priority=priority)


ALL = Strategies(
    (
        plan("any", "true"),
        plan("deploy", "category == DEPLOY", 10),
        plan("grave", "severity >= HIGH", 20),
        plan("sure", "confidence > 0.9", 20),
    ),
    "any",
)


@pytest.mark.parametrize(
    ("facts", "more", "chosen"),
    [
        ({"category": "DEPLOY", "severity": "LOW"}, {}, "deploy"),
        ({"category": "DEPLOY", "severity": "HIGH"}, {}, "grave"),
        ({"confidence": 1.0, "severity": "HIGH"}, {}, "grave"),
        ({"category": "DEPLOY", "severity": "HIGH"}, {"preferred_id": "deploy"}, "deploy"),
        ({"severity": "HIGH"}, {"preferred_id": "deploy"}, "grave"),
        ({"category": "DEPLOY", "severity": "HIGH"}, {"tried": ["grave"]}, "deploy"),
        ({"category": "DEPLOY"}, {"tried": ["deploy", "any"]}, "any"),
        ({}, {}, "any"),
    ],
)
def test_the_highest_that_applies_is_chosen(facts, more, chosen):
    """Priority, then declaration; a preferred one first; what was tried is passed over; else the default."""
    assert ALL.select(facts, **more).strategy.id == chosen


def test_a_selection_says_why():
    """The facts that made it hold, and why the others did not."""
    selection = ALL.select({"category": "DEPLOY"})
    assert selection.reason == "category == DEPLOY holds: category = DEPLOY"
    assert selection.passed_over[0] == "grave: severity >= HIGH does not hold: severity = missing"


def test_unknown_and_double_strategies_are_refused():
    """Ids are unique, and the default must exist."""
    with pytest.raises(UnknownNameError, match="strategy 'none'"):
        Strategies((plan("a", "true"),), "none")
    with pytest.raises(ConfigurationError, match="two strategies 'a'"):
        Strategies((plan("a", "true"), plan("a", "true")), "a")
    with pytest.raises(UnknownNameError, match="strategy 'x'"):
        ALL.select({}, preferred_id="x")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RecoveryStep(id="s", type=StepType.RESTART), "needs an action"),
        (lambda: RecoveryStep(id="s", type=StepType.RESTART, action=ActionKind.SCALE_UP), "cannot do SCALE_UP"),
        (lambda: verify(action=ActionKind.RESTART_COMPONENT), "cannot do RESTART_COMPONENT"),
        (lambda: verify(success=None), "success criteria"),
        (lambda: verify(timeout_s=0), "timeout_s is 0"),
        (lambda: verify(timeout_s=float("inf")), "timeout_s is inf"),
        (lambda: isolate(release_after_s=-1), "release_after_s is -1"),
        (lambda: restart(release_after_s=5), "RESTART_COMPONENT cannot be taken back"),
        (lambda: restart(rollback=ActionKind.SCALE_DOWN), "does not take RESTART_COMPONENT back. Remedy: leave"),
        (lambda: isolate(rollback=ActionKind.SCALE_DOWN), "does not take ISOLATE_COMPONENT back. Remedy: use RELEASE"),
        (lambda: strategy(verify(), verify()), "step 'verify' twice"),
        (lambda: strategy(verify(), steps=()), "no steps"),
        (lambda: strategy(verify(), approvals=0), "asks for 0 approvals"),
        (lambda: RetryPolicy(attempts=0), "attempts is 0"),
        (lambda: RetryPolicy(factor=0.5), "factor is 0.5"),
        (lambda: RetryPolicy(jitter=float("nan")), "jitter is nan"),
        (lambda: RetryPolicy(backoff_s=-1), "backoff_s is -1"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(make, message):
    """Validated when it is made."""
    with pytest.raises(ConfigurationError, match=message):
        make()


@given(st.integers(1, 20), st.text(max_size=20))
def test_the_wait_grows_to_its_cap_and_is_the_same_for_the_same_key(attempt, key):
    """Exponential, at most the cap, shortened by at most the jitter, without a random number."""
    policy = RetryPolicy(attempts=20, backoff_s=2, factor=3, max_backoff_s=100, jitter=0.25)
    wait_s, full_s = policy.wait_s(attempt, key), min(2 * 3 ** (attempt - 1), 100)
    assert 0.75 * full_s <= wait_s <= full_s
    assert wait_s == policy.wait_s(attempt, key)


def test_different_runs_wait_different_times():
    """The jitter spreads them."""
    waits = {RetryPolicy(attempts=2, jitter=0.5).wait_s(1, f"run-{i}") for i in range(50)}
    assert len(waits) == 50
