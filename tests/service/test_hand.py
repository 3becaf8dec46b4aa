"""Whatever an actuator does, an outcome comes of it in time."""

import threading
from types import SimpleNamespace

import pytest

from service.hand import Hand
from service.ports import Action, ActionKind, ActionOutcome, InDoubtError, PermanentError, TransientError
from service.recovery.runs import Acted, ActionFailed

ACTION = Action(key="run:step:1", kind=ActionKind.SCALE_UP, component="orders")


def quiet():
    """A sign of life that nobody needs."""


def hand_of(perform, probe=lambda _action: None, refusal=lambda _kind, _component: "", timeout_s=5.0):
    """A hand on an actuator made of functions."""
    return Hand(SimpleNamespace(perform=perform, probe=probe, refusal=refusal), timeout_s, 0.01)


def raising(error):
    """A function that raises."""

    def fail(*_arguments):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "is_transient", "is_in_doubt"),
    [
        (TransientError("busy", retry_after_s=3.0), True, False),
        (PermanentError("no"), False, False),
        (InDoubtError("silent"), False, True),
        (TimeoutError("of its own"), False, True),
        (ZeroDivisionError("bug"), False, True),
    ],
)
def test_errors_become_outcomes(error, is_transient, is_in_doubt):
    """A refusal is none of our doing; a bug or a silence leaves the action in doubt."""
    outcome = hand_of(raising(error)).perform(ACTION, quiet)
    assert (outcome.is_transient, outcome.is_in_doubt) == (is_transient, is_in_doubt)
    assert str(error) in outcome.detail


@pytest.mark.parametrize("garbage", [None, True, "done", {"is_changed": True}])
def test_a_wrong_answer_is_a_doubt(garbage):
    """An actuator that gives back something else did who knows what."""
    outcome = hand_of(lambda _action: garbage).perform(ACTION, quiet)
    assert (outcome.is_in_doubt, type(garbage).__name__ in outcome.detail) == (True, True)


def test_a_refusal_touches_nothing():
    """What is refused is not asked for, also if the refusal itself breaks."""
    for refusal in (lambda _kind, _component: "not allowed", raising(OSError("away"))):
        outcome = hand_of(raising(AssertionError("asked")), refusal=refusal).perform(ACTION, quiet)
        assert isinstance(outcome, ActionFailed)
        assert not outcome.is_in_doubt


def test_long_details_are_cut():
    """A talkative actuator does not fill the store."""
    outcome = hand_of(lambda _action: ActionOutcome(is_changed=True, detail="x" * 10_000)).perform(ACTION, quiet)
    assert len(outcome.detail) < 2100


@pytest.mark.parametrize(("probe", "is_done"), [(True, True), (False, False), (None, False), ("yes", False)])
def test_a_call_that_hangs_is_given_up(probe, is_done):
    """It is done if the probe sees it, else in doubt: it may still be at work. Signs of life are given meanwhile."""
    end, beats = threading.Event(), []
    hand = hand_of(lambda _action: end.wait(10), lambda _action: probe, timeout_s=0.05)
    outcome = hand.perform(ACTION, lambda: beats.append(1))
    end.set()
    assert isinstance(outcome, Acted) is is_done
    assert is_done or outcome.is_in_doubt
    assert len(beats) >= 2


def test_hanging_calls_are_bounded():
    """While many calls hang, nothing new is begun; when they are over, it goes on."""
    end = threading.Event()
    hand = hand_of(lambda _action: end.wait(10), lambda _action: True, timeout_s=0.001)
    for _ in range(16):
        hand.perform(ACTION, quiet)
    refused = hand.perform(ACTION, quiet)
    assert (refused.is_transient, "still hang" in refused.detail) == (True, True)
    end.set()
    for call in hand._hung:
        call.result(5)
    assert "still hang" not in hand.perform(ACTION, quiet).detail


def test_what_a_sign_of_life_raises_ends_the_wait():
    """A worker that lost its run does not wait for the outcome."""
    end = threading.Event()
    with pytest.raises(LookupError):
        hand_of(lambda _action: end.wait(10)).perform(ACTION, raising(LookupError("lost")))
    end.set()


@pytest.mark.parametrize(("probe", "performed"), [(True, 0), (False, 1), (None, 0), (1, 0), ("no", 0)])
def test_only_what_surely_is_not_done_is_repeated(probe, performed):
    """A doubt is settled by the probe; an answer that is neither yes nor no is none."""
    done = []

    def perform(_action):
        done.append(1)
        return ActionOutcome(is_changed=True, detail="done")

    outcome = hand_of(perform, lambda _action: probe).settle(ACTION, quiet)
    assert len(done) == performed
    assert isinstance(outcome, Acted) is (probe is True or probe is False)


@pytest.mark.parametrize("probe", [raising(OSError("away")), lambda _action: threading.Event().wait(0.3)])
def test_a_probe_that_fails_or_hangs_tells_nothing(probe):
    """The action stays in doubt."""
    outcome = hand_of(raising(AssertionError("repeated")), probe, timeout_s=0.05).settle(ACTION, quiet)
    assert outcome.is_in_doubt
