"""The breaker's machine against a plain model, and proof that the model notices seeded mistakes."""

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from service.recovery.breakers.machine import BreakerMachine
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.breakers.states import FORCED, CircuitSignal, CircuitState, IllegalSignalError, Verdict

COUNTING = BreakerSettings(
    failure_threshold=2,
    window_calls=3,
    monitoring_period_s=10,
    reset_timeout_s=5,
    max_reset_timeout_s=12,
    half_open_probes=2,
    max_half_open_s=4,
)
RATES = BreakerSettings(
    failure_threshold=None,
    failure_rate=0.5,
    slow_call_s=1,
    slow_call_rate=0.75,
    minimum_calls=3,
    window_calls=5,
    monitoring_period_s=10,
    reset_timeout_s=5,
    reset_growth=1,
)


class Model(RuleBasedStateMachine):
    """Calls come and go in any order; what must hold is written down without looking at the machine's insides."""

    make = BreakerMachine
    chosen = COUNTING

    def __init__(self):
        super().__init__()
        self.machine = self.make(self.chosen)
        self.now = 0.0
        self.calls = []
        self.stay = 0
        self.window = []
        self.probes = 0
        self.succeeded = 0
        self.entered = 0.0
        self.open_s = self.chosen.reset_timeout_s
        self.state = CircuitState.CLOSED
        self.rejected = 0

    def enter(self, state, *, grows=False):
        """The model's own transition."""
        if grows:
            self.open_s = min(self.open_s * self.chosen.reset_growth, self.chosen.max_reset_timeout_s)
        elif state not in (CircuitState.OPEN, CircuitState.HALF_OPEN):
            self.open_s = self.chosen.reset_timeout_s
        self.state, self.entered = state, self.now
        self.stay += 1
        self.window, self.probes, self.succeeded = [], 0, 0

    def recent(self):
        """Calls that count now."""
        young = [call for call in self.window if self.now - call[0] < self.chosen.monitoring_period_s]
        return young[-self.chosen.window_calls :]

    def is_too_much(self):
        """Whether a limit is reached."""
        recent, limits = self.recent(), self.chosen
        failures, slow = sum(call[1] for call in recent), sum(call[2] for call in recent)
        if limits.failure_threshold is not None:
            return failures >= limits.failure_threshold
        is_enough = len(recent) >= limits.minimum_calls
        return is_enough and (failures / len(recent) >= limits.failure_rate or slow / len(recent) >= 0.75)

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.75, 4.0, 4.75, 5.0, 9.75, 10.0]))
    def wait(self, seconds):
        """Time passes."""
        self.now += seconds

    @rule()
    def call(self):
        """Somebody calls."""
        stayed = self.now - self.entered
        if self.state is CircuitState.OPEN and stayed >= self.open_s:
            self.enter(CircuitState.HALF_OPEN)
        longest = self.chosen.max_half_open_s or self.chosen.reset_timeout_s
        if self.state is CircuitState.HALF_OPEN and self.probes and stayed >= longest:
            self.enter(CircuitState.OPEN, grows=True)
        self.machine.advance(self.now)
        expected = self.state not in (CircuitState.OPEN, CircuitState.FORCED_OPEN, CircuitState.HALF_OPEN)
        if self.state is CircuitState.HALF_OPEN and self.probes + self.succeeded < self.chosen.half_open_probes:
            expected, self.probes = True, self.probes + 1
        self.rejected += not expected
        permit = self.machine.take()
        assert bool(permit) is expected
        if expected:
            self.calls.append((permit, self.stay))

    @rule(index=st.integers(0, 5), verdict=st.sampled_from(Verdict), is_slow=st.booleans())
    def finish(self, index, verdict, is_slow):
        """One of the running calls ends, perhaps long after its state has gone."""
        if not self.calls:
            return
        permit, stay = self.calls.pop(index % len(self.calls))
        self.machine.settle(permit, verdict, self.now, "x", is_slow=is_slow)
        if stay == self.stay:
            self.count(verdict, is_slow=is_slow)

    def count(self, verdict, *, is_slow):
        """What a verdict on a call of this stay does."""
        self.probes -= self.state is CircuitState.HALF_OPEN
        if verdict is Verdict.CANCELLED or self.state is CircuitState.DISABLED:
            return
        is_bad = verdict is Verdict.FAILURE or is_slow
        if self.state is not CircuitState.HALF_OPEN:
            self.window.append((self.now, verdict is Verdict.FAILURE, is_slow))
            if is_bad and self.state is CircuitState.CLOSED and self.is_too_much():
                self.enter(CircuitState.OPEN)
        elif is_bad:
            self.enter(CircuitState.OPEN, grows=True)
        else:
            self.succeeded += 1
            if self.succeeded == self.chosen.half_open_probes:
                self.enter(CircuitState.CLOSED)

    @rule()
    def trip(self):
        """By a finding; what a person forced stays."""
        if self.state in FORCED:
            with pytest.raises(IllegalSignalError):
                self.machine.apply(CircuitSignal.TRIP, self.now, "by hand")
            return
        self.machine.apply(CircuitSignal.TRIP, self.now, "by hand")
        self.enter(CircuitState.OPEN)

    @rule(state=st.sampled_from(sorted(FORCED)))
    def force(self, state):
        """By a person, and some calls under it."""
        self.machine.apply(FORCED[state], self.now, "by hand")
        self.enter(state)
        self.fail()
        self.fail()

    @rule()
    def half_open(self):
        """The way there, in one go: chance alone seldom takes it."""
        self.reset()
        self.trip()
        self.wait(5.0)
        self.call()

    @rule(times=st.integers(1, 4), is_slow=st.booleans())
    def fail(self, times=1, *, is_slow=False):
        """Calls that fail, or only are slow, at once."""
        for _ in range(times):
            self.call()
            self.finish(-1, Verdict.SUCCESS if is_slow else Verdict.FAILURE, is_slow)

    @rule(times=st.integers(1, 4))
    def succeed(self, times=1):
        """Calls that succeed at once."""
        for _ in range(times):
            self.call()
            self.finish(-1, Verdict.SUCCESS, is_slow=False)

    @rule()
    def probe_in_vain(self):
        """An open one is tried and fails, so that its time grows."""
        self.wait(self.open_s)
        self.fail()

    @rule()
    def reset(self):
        """By hand."""
        self.machine.apply(CircuitSignal.RESET, self.now)
        self.enter(CircuitState.CLOSED)

    @invariant()
    def agree(self):
        """State, reason, wait and figures are as the model says."""
        machine, is_free = self.machine, self.state in (CircuitState.CLOSED, CircuitState.METRICS_ONLY)
        assert machine.state is self.state
        assert bool(machine.reason) is (self.state is not CircuitState.CLOSED)
        assert machine.free_pass == (machine.generation if is_free else 0)
        assert machine.rejected_count == self.rejected
        if self.state is CircuitState.OPEN:
            assert machine.retry_after_s(self.now) == max(self.entered + self.open_s - self.now, 0)
            assert machine.shut_until_s == self.entered + self.open_s
        else:
            assert machine.shut_until_s == (math.inf if self.state is CircuitState.FORCED_OPEN else -math.inf)
        if self.state is not CircuitState.HALF_OPEN:
            recent = self.recent()
            wanted = (len(recent), sum(call[1] for call in recent), sum(call[2] for call in recent))
            assert machine.window.counts(self.now) == wanted


class LateResultsCount(BreakerMachine):
    """Mutant: takes the verdict of an earlier generation."""

    def settle(self, generation, verdict, now_s, failure="", *, is_slow=False):
        """Ignore the generation."""
        return super().settle(self.generation, verdict, now_s, failure, is_slow=is_slow)


class CancelledFails(BreakerMachine):
    """Mutant: a cancelled call is a failure."""

    def settle(self, generation, verdict, now_s, failure="", *, is_slow=False):
        """Turn one into the other."""
        verdict = Verdict.FAILURE if verdict is Verdict.CANCELLED else verdict
        return super().settle(generation, verdict, now_s, failure or "x", is_slow=is_slow)


class CancelledKeepsItsPermit(BreakerMachine):
    """Mutant: a cancelled probe is never given back."""

    def settle(self, generation, verdict, now_s, failure="", *, is_slow=False):
        """Forget the call."""
        if verdict is Verdict.CANCELLED:
            return None
        return super().settle(generation, verdict, now_s, failure, is_slow=is_slow)


class Stampede(BreakerMachine):
    """Mutant: half open admits everybody."""

    def take(self):
        """Never refuse when half open."""
        return self.generation if self.state is CircuitState.HALF_OPEN else super().take()


class KeepsLostProbes(BreakerMachine):
    """Mutant: permits that never come back are lost for ever."""

    def advance(self, now_s):
        """Only open ends by time."""
        return super().advance(now_s) if self.state is CircuitState.OPEN else None


class JudgesWhenOnlyMeasuring(BreakerMachine):
    """Mutant: METRICS_ONLY opens."""

    def _judge(self, now_s):
        """Open from there as well."""
        if self.state is CircuitState.METRICS_ONLY and self.window.counts(now_s)[1] >= 2:
            self.apply(CircuitSignal.RESET, now_s)
            return self.apply(CircuitSignal.TRIP, now_s, "x")
        return super()._judge(now_s)


class CountsWhenDisabled(BreakerMachine):
    """Mutant: DISABLED counts."""

    def settle(self, generation, verdict, now_s, failure="", *, is_slow=False):
        """Count first."""
        if self.state is CircuitState.DISABLED:
            self.window.add(now_s)
        return super().settle(generation, verdict, now_s, failure, is_slow=is_slow)


class TripsWhatIsForced(BreakerMachine):
    """Mutant: a finding overrules a person."""

    def apply(self, signal, now_s, reason=""):
        """Reset before."""
        if self.state in FORCED and signal is CircuitSignal.TRIP:
            super().apply(CircuitSignal.RESET, now_s)
        return super().apply(signal, now_s, reason)


def changed(**changes):
    """A mutant that works with other settings than it was given."""

    class Changed(BreakerMachine):
        def __init__(self, chosen):
            super().__init__(replace(chosen, **changes))

    Changed.__name__ = f"Changed{''.join(changes)}"
    return Changed


MUTANTS = [
    (LateResultsCount, COUNTING),
    (CancelledFails, COUNTING),
    (CancelledKeepsItsPermit, COUNTING),
    (Stampede, COUNTING),
    (KeepsLostProbes, COUNTING),
    (JudgesWhenOnlyMeasuring, COUNTING),
    (CountsWhenDisabled, COUNTING),
    (TripsWhatIsForced, COUNTING),
    (changed(monitoring_period_s=1e9), COUNTING),
    (changed(window_calls=4), COUNTING),
    (changed(half_open_probes=1), COUNTING),
    (changed(max_half_open_s=None), COUNTING),
    (changed(reset_growth=1.0), COUNTING),
    (changed(max_reset_timeout_s=1e9), COUNTING),
    (changed(monitoring_period_s=1e9), RATES),
    (changed(window_calls=6), RATES),
    (changed(minimum_calls=2), RATES),
    (changed(failure_rate=0.8), RATES),
    (changed(failure_rate=None), RATES),
    (changed(slow_call_s=None), RATES),
    (changed(slow_call_rate=0.6), RATES),
]


def explore(machine, chosen, examples, phases=tuple(Phase)):
    """Run the model against a machine."""
    model = type("Tried", (Model,), {"make": machine, "chosen": chosen})
    run_state_machine_as_test(
        model,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            phases=phases,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("chosen", [COUNTING, RATES], ids=["counting", "rates"])
def test_the_machine_does_what_the_model_says(chosen):
    """Over random histories with late, slow, cancelled and lost calls, both agree at every step."""
    explore(BreakerMachine, chosen, 200)


@pytest.mark.parametrize(("mutant", "chosen"), MUTANTS, ids=lambda part: getattr(part, "__name__", ""))
def test_the_model_notices_a_seeded_mistake(mutant, chosen):
    """Each mutant, a defect found in a published breaker or a setting that has no effect, is caught."""
    with pytest.raises((AssertionError, IllegalSignalError, pytest.fail.Exception)):
        explore(mutant, chosen, 3000, (Phase.generate,))


def test_a_report_from_outside_counts_like_a_call():
    """Two failed checks open it; when open they are ignored; when half open one failure opens it again."""
    machine = BreakerMachine(COUNTING)
    machine.report(Verdict.SUCCESS, 0.0)
    for second in range(2):
        machine.report(Verdict.FAILURE, float(second), "check failed")
    assert (machine.state, machine.reason) == (CircuitState.OPEN, "2 failures within 10 s, the last: check failed")
    assert machine.report(Verdict.FAILURE, 3.0) is None
    machine.advance(7.0)
    assert machine.state is CircuitState.HALF_OPEN
    machine.report(Verdict.SUCCESS, 7.0)
    machine.report(Verdict.CANCELLED, 7.0)
    assert machine.state is CircuitState.HALF_OPEN
    machine.report(Verdict.FAILURE, 7.0, "again")
    assert machine.state is CircuitState.OPEN


@pytest.mark.parametrize(("state", "counted"), [(CircuitState.METRICS_ONLY, 2), (CircuitState.DISABLED, 0)])
def test_a_report_does_not_move_what_is_forced(state, counted):
    """It is counted where calls are, and nowhere opens it."""
    machine = BreakerMachine(COUNTING)
    machine.apply(FORCED[state], 0.0, "by hand")
    for _ in range(2):
        assert machine.report(Verdict.FAILURE, 0.0, "x") is None
    assert (machine.state, machine.window.counts(0.0)[1]) == (state, counted)


def test_the_reason_says_which_limit_was_reached():
    """With figures, with the last failure, and with the kind of the window."""
    by_share = BreakerMachine(RATES)
    for verdict in (Verdict.SUCCESS, Verdict.FAILURE, Verdict.FAILURE):
        by_share.settle(1, verdict, 0.0, "no route")
    assert by_share.reason == "2 of 3 calls failed within 10 s, the last: no route"
    slow = BreakerMachine(replace(RATES, monitoring_period_s=math.inf))
    for _ in range(3):
        slow.settle(1, Verdict.SUCCESS, 0.0, is_slow=True)
    assert slow.reason == "3 of 3 calls took longer than 1 s among the last 3 calls"
    slow.advance(5.0)
    slow.settle(slow.take(), Verdict.SUCCESS, 5.0, is_slow=True)
    assert slow.reason == "a probe failed: it was slow"


@pytest.mark.parametrize("share", [0.07, 0.1, 0.29, 0.57, 0.7])
def test_a_share_is_met_exactly(share):
    """7 of 100 is 7 %, whatever 0.07 times 100 is in floating point."""
    machine = BreakerMachine(replace(RATES, failure_rate=share, minimum_calls=100, window_calls=100))
    for number in range(1, 101):
        is_failure = number > 100 - round(share * 100)
        machine.settle(1, Verdict.FAILURE if is_failure else Verdict.SUCCESS, 0.0, "x")
    assert machine.state is CircuitState.OPEN


def test_open_times_vary_by_the_jitter():
    """From the share below to the share above, drawn anew each time; growth builds on the time without jitter."""
    draws = iter([-1.0, 1.0, 0.5])
    machine = BreakerMachine(replace(COUNTING, reset_jitter=0.2), lambda: next(draws))
    machine.apply(CircuitSignal.TRIP, 0.0, "x")
    times = [machine.shut_until_s]
    for _ in range(2):
        machine.apply(CircuitSignal.RESET_TIMEOUT_PASSED, 0.0)
        machine.apply(CircuitSignal.PROBE_FAILED, 0.0, "x")
        times.append(machine.shut_until_s)
    assert times == pytest.approx([5 * 0.8, 10 * 1.2, 12 * 1.1])


def test_the_cap_never_shortens_the_first_open_time():
    """A reset timeout above the cap stays what it is."""
    machine = BreakerMachine(BreakerSettings(reset_timeout_s=900))
    machine.apply(CircuitSignal.TRIP, 0.0, "x")
    machine.apply(CircuitSignal.RESET_TIMEOUT_PASSED, 900.0)
    machine.apply(CircuitSignal.PROBE_FAILED, 900.0, "x")
    assert machine.shut_until_s == 1800
