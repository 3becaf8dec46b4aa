"""Decides: who may call, and what a verdict means. Pure of clock and lock; the breaker around it holds both."""

from dataclasses import dataclass

from service.recovery.breakers.settings import BreakerSettings
from service.recovery.breakers.states import CircuitSignal, CircuitState, Verdict, next_state
from service.recovery.breakers.window import FailureWindow


@dataclass(frozen=True, slots=True)
class Change:
    """One change of state."""

    previous: CircuitState
    state: CircuitState
    signal: CircuitSignal
    reason: str


class BreakerMachine:
    """State, counters and window of one breaker; one caller at a time, time is an argument.

    Every transition begins a new generation. A verdict carries the generation in which its call was admitted; one
    from an earlier generation is counted as late and moves nothing.

    Parameters
    ----------
    settings
        Thresholds and times.

    Attributes
    ----------
    state
        Where it stands.
    generation
        Number of the present stay in ``state``.
    entered_s
        When that stay began, monotonic seconds.
    reason
        Why it was last opened; empty when closed.
    success_count, failure_count, rejected_count, late_count
        Totals since it was made.
    last_failure
        What the latest failure said.
    """

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._window = FailureWindow(settings.failure_threshold, settings.monitoring_period_s)
        self._probes_out = 0
        self._probes_succeeded = 0
        self.state = CircuitState.CLOSED
        self.generation = 0
        self.entered_s = 0.0
        self.reason = ""
        self.success_count = 0
        self.failure_count = 0
        self.rejected_count = 0
        self.late_count = 0
        self.last_failure = ""

    def admit(self, now_s: float) -> Change | None:
        """Do what the passing of time asks for; then ``take`` a permit.

        Parameters
        ----------
        now_s
            Monotonic seconds.

        Returns
        -------
        Change or None
            The change, if time made one.
        """
        if self.state is CircuitState.CLOSED or now_s - self.entered_s < self._settings.reset_timeout_s:
            return None
        if self.state is CircuitState.OPEN:
            return self.apply(CircuitSignal.RESET_TIMEOUT_PASSED, now_s, self.reason)
        if self._probes_out:
            return self.apply(CircuitSignal.PROBES_LOST, now_s, "probes did not return in time")
        return None

    def take(self) -> bool:
        """Take a permit for one call.

        Returns
        -------
        bool
            False means refused, and counted as such.
        """
        if self.state is CircuitState.CLOSED:
            return True
        wanted = self._probes_out + self._probes_succeeded
        if self.state is CircuitState.HALF_OPEN and wanted < self._settings.half_open_probes:
            self._probes_out += 1
            return True
        self.rejected_count += 1
        return False

    def settle(self, generation: int, verdict: Verdict, now_s: float, failure: str = "") -> Change | None:
        """Take the verdict of an admitted call.

        Parameters
        ----------
        generation
            That in which the call was admitted.
        verdict
            CANCELLED gives the permit back and says nothing.
        now_s
            Monotonic seconds.
        failure
            What the failure said.

        Returns
        -------
        Change or None
            The change, if the verdict made one.
        """
        if generation != self.generation:
            self.late_count += 1
            return None
        is_probe = self.state is CircuitState.HALF_OPEN
        self._probes_out -= is_probe
        if verdict is Verdict.SUCCESS:
            self.success_count += 1
            return self._succeeded(now_s) if is_probe else None
        return self._failed(now_s, failure) if verdict is Verdict.FAILURE else None

    def report(self, verdict: Verdict, now_s: float, failure: str = "") -> Change | None:
        """Take an observation from outside a call, for example of a health check; an open breaker ignores it.

        Parameters
        ----------
        verdict
            What was observed.
        now_s
            Monotonic seconds.
        failure
            What the failure said.

        Returns
        -------
        Change or None
            The change, if the observation made one.
        """
        if self.state is CircuitState.OPEN or (self.state is CircuitState.HALF_OPEN and verdict is not Verdict.FAILURE):
            return None
        self._probes_out += self.state is CircuitState.HALF_OPEN
        return self.settle(self.generation, verdict, now_s, failure)

    def apply(self, signal: CircuitSignal, now_s: float, reason: str = "") -> Change | None:
        """Move along the table and begin a new generation.

        Parameters
        ----------
        signal
            What happened; one that is illegal in this state raises and changes nothing.
        now_s
            Monotonic seconds.
        reason
            For people.

        Returns
        -------
        Change or None
            None if the state stays the same.
        """
        previous, self.state = self.state, next_state(self.state, signal)
        self.generation += 1
        self.entered_s = now_s
        self.reason = "" if self.state is CircuitState.CLOSED else reason
        self._probes_out = self._probes_succeeded = 0
        self._window.clear()
        return None if self.state is previous else Change(previous, self.state, signal, reason)

    def recent_failures(self, now_s: float) -> int:
        """Count the failures that still count against the threshold.

        Parameters
        ----------
        now_s
            Monotonic seconds.

        Returns
        -------
        int
            At most the threshold.
        """
        return self._window.count(now_s)

    def retry_after_s(self, now_s: float) -> float:
        """How long until a refused caller may try again, seconds.

        Parameters
        ----------
        now_s
            Monotonic seconds.

        Returns
        -------
        float
            0 when closed.
        """
        if self.state is CircuitState.CLOSED:
            return 0.0
        return max(self.entered_s + self._settings.reset_timeout_s - now_s, 0.0)

    def _succeeded(self, now_s: float) -> Change | None:
        self._probes_succeeded += 1
        if self._probes_succeeded < self._settings.half_open_probes:
            return None
        return self.apply(CircuitSignal.PROBES_SUCCEEDED, now_s, "the probes succeeded")

    def _failed(self, now_s: float, failure: str) -> Change | None:
        self.failure_count += 1
        self.last_failure = failure
        if self.state is CircuitState.HALF_OPEN:
            return self.apply(CircuitSignal.PROBE_FAILED, now_s, f"a probe failed: {failure}")
        if self._window.add(now_s):
            threshold, period_s = self._settings.failure_threshold, self._settings.monitoring_period_s
            reason = f"{threshold} failures within {period_s:g} s, the last: {failure}"
            return self.apply(CircuitSignal.FAILURES_REACHED, now_s, reason)
        return None
