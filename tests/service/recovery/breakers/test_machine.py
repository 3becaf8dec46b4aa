"""The breaker's machine against a plain model, and proof that the model notices seeded mistakes."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from service.recovery.breakers.machine import BreakerMachine
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.breakers.states import CircuitSignal, CircuitState, IllegalSignalError, Verdict

SETTINGS = BreakerSettings(failure_threshold=2, monitoring_period_s=10, reset_timeout_s=5, half_open_probes=2)


class Model(RuleBasedStateMachine):
    """Calls come and go in any order; what must hold is written down without looking at the machine's insides."""

    make = BreakerMachine

    def __init__(self):
        super().__init__()
        self.machine = self.make(SETTINGS)
        self.now = 0.0
        self.calls = []
        self.stay = 0
        self.failures = []
        self.probes = 0
        self.succeeded = 0
        self.entered = 0.0
        self.state = CircuitState.CLOSED

    def enter(self, state):
        """The model's own transition."""
        self.state, self.entered = state, self.now
        self.stay += 1
        self.failures, self.probes, self.succeeded = [], 0, 0

    @rule(seconds=st.sampled_from([0.0, 4.9, 5.0, 9.9, 10.0]))
    def wait(self, seconds):
        """Time passes."""
        self.now += seconds

    @rule()
    def call(self):
        """Somebody calls."""
        if self.now - self.entered >= 5:
            if self.state is CircuitState.OPEN:
                self.enter(CircuitState.HALF_OPEN)
            elif self.state is CircuitState.HALF_OPEN and self.probes:
                self.enter(CircuitState.OPEN)
        self.machine.admit(self.now)
        expected = self.state is CircuitState.CLOSED
        if self.state is CircuitState.HALF_OPEN and self.probes + self.succeeded < 2:
            expected, self.probes = True, self.probes + 1
        assert self.machine.take() is expected
        if expected:
            self.calls.append((self.machine.generation, self.stay))

    @rule(index=st.integers(0, 5), verdict=st.sampled_from(Verdict))
    def finish(self, index, verdict):
        """One of the running calls ends, perhaps long after its state has gone."""
        if not self.calls:
            return
        generation, stay = self.calls.pop(index % len(self.calls))
        self.machine.settle(generation, verdict, self.now, "x")
        if stay != self.stay:
            return
        if self.state is CircuitState.HALF_OPEN:
            self.probes -= 1
            if verdict is Verdict.FAILURE:
                self.enter(CircuitState.OPEN)
            elif verdict is Verdict.SUCCESS:
                self.succeeded += 1
                if self.succeeded == 2:
                    self.enter(CircuitState.CLOSED)
        elif verdict is Verdict.FAILURE:
            self.failures.append(self.now)
            if sum(self.now - time < 10 for time in self.failures) >= 2:
                self.enter(CircuitState.OPEN)

    @rule()
    def trip(self):
        """By hand or by a finding."""
        self.machine.apply(CircuitSignal.TRIP, self.now, "by hand")
        self.enter(CircuitState.OPEN)

    @rule()
    def half_open(self):
        """The way there, in one go: chance alone seldom takes it."""
        self.trip()
        self.wait(5.0)
        self.call()

    @rule()
    def fail(self):
        """A call that fails at once."""
        self.call()
        self.finish(-1, Verdict.FAILURE)

    @rule()
    def reset(self):
        """By hand."""
        self.machine.apply(CircuitSignal.RESET, self.now)
        self.enter(CircuitState.CLOSED)

    @invariant()
    def agree(self):
        """State and reason are as the model says."""
        assert self.machine.state is self.state
        assert bool(self.machine.reason) is (self.state is not CircuitState.CLOSED)


class LateResultsCount(BreakerMachine):
    """Mutant: takes the verdict of an earlier generation."""

    def settle(self, generation, verdict, now_s, failure=""):
        """Ignore the generation."""
        return super().settle(self.generation, verdict, now_s, failure)


class CancelledFails(BreakerMachine):
    """Mutant: a cancelled call is a failure."""

    def settle(self, generation, verdict, now_s, failure=""):
        """Turn one into the other."""
        verdict = Verdict.FAILURE if verdict is Verdict.CANCELLED else verdict
        return super().settle(generation, verdict, now_s, failure or "x")


class Stampede(BreakerMachine):
    """Mutant: half open admits everybody."""

    def take(self):
        """Never refuse when half open."""
        return self.state is CircuitState.HALF_OPEN or super().take()


class ForgetsTheWindow(BreakerMachine):
    """Mutant: failures count for ever."""

    def __init__(self, chosen):
        super().__init__(
            BreakerSettings(failure_threshold=2, monitoring_period_s=1e9, reset_timeout_s=5, half_open_probes=2)
        )


class KeepsLostProbes(BreakerMachine):
    """Mutant: permits that never come back are lost for ever."""

    def admit(self, now_s):
        """Only open ends by time."""
        return super().admit(now_s) if self.state is CircuitState.OPEN else None


def explore(machine, examples, phases=tuple(Phase)):
    """Run the model against a machine."""
    model = type("Tried", (Model,), {"make": machine})
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


def test_the_machine_does_what_the_model_says():
    """Over random histories with late, cancelled and lost calls, both agree at every step."""
    explore(BreakerMachine, 400)


@pytest.mark.parametrize("mutant", [LateResultsCount, CancelledFails, Stampede, ForgetsTheWindow, KeepsLostProbes])
def test_the_model_notices_a_seeded_mistake(mutant):
    """Each mutant, a defect found in a published breaker, is caught."""
    with pytest.raises((AssertionError, IllegalSignalError)):
        explore(mutant, 3000, (Phase.generate,))


def test_a_report_from_outside_counts_like_a_call():
    """Two failed checks open it; when open they are ignored; when half open one failure opens it again."""
    machine = BreakerMachine(SETTINGS)
    machine.report(Verdict.SUCCESS, 0.0)
    for second in range(2):
        machine.report(Verdict.FAILURE, float(second), "check failed")
    assert (machine.state, machine.reason) == (CircuitState.OPEN, "2 failures within 10 s, the last: check failed")
    assert machine.report(Verdict.FAILURE, 3.0) is None
    machine.admit(7.0)
    assert machine.state is CircuitState.HALF_OPEN
    machine.report(Verdict.SUCCESS, 7.0)
    machine.report(Verdict.CANCELLED, 7.0)
    assert machine.state is CircuitState.HALF_OPEN
    machine.report(Verdict.FAILURE, 7.0, "again")
    assert machine.state is CircuitState.OPEN
