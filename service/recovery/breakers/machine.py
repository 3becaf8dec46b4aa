"""Decides: who may call, and what a verdict means. Pure of clock and lock; the breaker around it holds both."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from service.recovery.breakers.settings import BreakerSettings
from service.recovery.breakers.states import CircuitSignal, CircuitState, Verdict, next_state
from service.recovery.breakers.window import CallWindow

_FREE = (CircuitState.CLOSED, CircuitState.METRICS_ONLY)
_BACK_TO_OPEN = (CircuitSignal.PROBE_FAILED, CircuitSignal.PROBES_LOST)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of state."""

    previous: CircuitState
    state: CircuitState
    signal: CircuitSignal
    reason: str


def no_jitter() -> float:
    """Leave open times as they are.

    Returns
    -------
    float
        0.
    """
    return 0.0


class BreakerMachine:
    """State, counters and window of one breaker; one caller at a time, time is an argument.

    Every transition begins a new generation. A verdict carries the generation in which its call was admitted; one
    from an earlier generation is counted as late and moves nothing.

    Parameters
    ----------
    settings
        Thresholds and times.
    jitter
        Gives a number from -1 to 1 for each open time.

    Attributes
    ----------
    state
        Where it stands.
    generation
        Number of the present stay in ``state``, from 1.
    free_pass
        The generation while calls pass without asking, otherwise 0: one number to read on the way in.
    shut_until_s
        Until then every call is refused, monotonic seconds; minus infinity where calls pass or are chosen.
    window
        The calls that are judged.
    entered_s
        When that stay began, monotonic seconds.
    reason
        Why it was last opened or forced; empty when closed.
    failure_count, slow_count, rejected_count, late_count, opened_count
        Totals since it was made.
    last_failure
        What the latest failure said.
    """

    __slots__ = (
        "_jitter",
        "_probes_out",
        "_probes_succeeded",
        "_settings",
        "_unjittered_s",
        "entered_s",
        "failure_count",
        "free_pass",
        "generation",
        "last_failure",
        "late_count",
        "opened_count",
        "reason",
        "rejected_count",
        "shut_until_s",
        "slow_count",
        "state",
        "window",
    )

    def __init__(self, settings: BreakerSettings, jitter: Callable[[], float] = no_jitter) -> None:
        self._settings = settings
        self._jitter = jitter
        self._probes_out = 0
        self._probes_succeeded = 0
        self._unjittered_s = settings.reset_timeout_s
        self.window = CallWindow(settings.window_calls, settings.monitoring_period_s)
        self.state = CircuitState.CLOSED
        self.generation = self.free_pass = 1
        self.entered_s = 0.0
        self.shut_until_s = -math.inf
        self.reason = ""
        self.failure_count = 0
        self.slow_count = 0
        self.rejected_count = 0
        self.late_count = 0
        self.opened_count = 0
        self.last_failure = ""

    @property
    def success_count(self) -> int:
        """Calls that succeeded since it was made."""
        return self.window.calls - self.failure_count

    def advance(self, now_s: float) -> Change | None:
        """Do what the passing of time asks for.

        Parameters
        ----------
        now_s
            Monotonic seconds.

        Returns
        -------
        Change or None
            The change, if time made one.
        """
        if self.state is CircuitState.OPEN and now_s >= self.shut_until_s:
            return self.apply(CircuitSignal.RESET_TIMEOUT_PASSED, now_s, self.reason)
        if self.state is CircuitState.HALF_OPEN and self._probes_out and now_s >= self._probing_until_s():
            return self.apply(CircuitSignal.PROBES_LOST, now_s, "probes did not return in time")
        return None

    def take(self) -> int:
        """Take a permit for one call, after ``advance``.

        Returns
        -------
        int
            The generation to settle the call with; 0 means refused, and counted as such.
        """
        state = self.state
        if state is CircuitState.HALF_OPEN:
            if self._probes_out + self._probes_succeeded < self._settings.half_open_probes:
                self._probes_out += 1
                return self.generation
        elif state is not CircuitState.OPEN and state is not CircuitState.FORCED_OPEN:
            return self.generation
        self.rejected_count += 1
        return 0

    def settle(
        self, generation: int, verdict: Verdict, now_s: float, failure: str = "", *, is_slow: bool = False
    ) -> Change | None:
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
        is_slow
            Whether the call took longer than ``slow_call_s``.

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
        if verdict is Verdict.CANCELLED or self.state is CircuitState.DISABLED:
            return None
        is_failure = verdict is Verdict.FAILURE
        if is_failure or is_slow:
            self._count_bad(now_s, failure, is_failure=is_failure, is_slow=is_slow)
            return self._probe_failed(now_s, failure) if is_probe else self._judge(now_s)
        self.window.add(now_s)
        return self._probe_succeeded(now_s) if is_probe else None

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
        is_probing = self.state is CircuitState.HALF_OPEN
        if self.state in _FREE or (is_probing and verdict is Verdict.FAILURE):
            self._probes_out += is_probing
            return self.settle(self.generation, verdict, now_s, failure)
        return None

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
        self.free_pass = self.generation if self.state in _FREE else 0
        self.entered_s = now_s
        self.reason = "" if self.state is CircuitState.CLOSED else reason
        self._probes_out = self._probes_succeeded = 0
        self.window.clear()
        self.shut_until_s = self._choose_end(signal, now_s)
        if self.state is previous:
            return None
        self.opened_count += self.state is CircuitState.OPEN
        return Change(previous, self.state, signal, reason)

    def retry_after_s(self, now_s: float) -> float:
        """How long until a refused caller may try again, seconds.

        Parameters
        ----------
        now_s
            Monotonic seconds.

        Returns
        -------
        float
            0 where calls pass, infinity where only a person can let them pass.
        """
        until_s = self._probing_until_s() if self.state is CircuitState.HALF_OPEN else self.shut_until_s
        return max(until_s - now_s, 0.0)

    def _probing_until_s(self) -> float:
        return self.entered_s + (self._settings.max_half_open_s or self._settings.reset_timeout_s)

    def _choose_end(self, signal: CircuitSignal, now_s: float) -> float:
        """Say until when every call of the new stay is refused; open times grow from one failed probe to the next."""
        chosen = self._settings
        if self.state is CircuitState.OPEN:
            if signal in _BACK_TO_OPEN:
                longest_s = max(chosen.max_reset_timeout_s, chosen.reset_timeout_s)
                self._unjittered_s = min(self._unjittered_s * chosen.reset_growth, longest_s)
            return now_s + self._unjittered_s * (1 + chosen.reset_jitter * self._jitter())
        if self.state is not CircuitState.HALF_OPEN:
            self._unjittered_s = chosen.reset_timeout_s
        return math.inf if self.state is CircuitState.FORCED_OPEN else -math.inf

    def _count_bad(self, now_s: float, failure: str, *, is_failure: bool, is_slow: bool) -> None:
        self.window.add_bad(now_s, is_failure=is_failure, is_slow=is_slow)
        self.slow_count += is_slow
        if is_failure:
            self.failure_count += 1
            self.last_failure = failure

    def _judge(self, now_s: float) -> Change | None:
        if self.state is not CircuitState.CLOSED:
            return None
        reason = _too_much(self._settings, *self.window.counts(now_s), self.last_failure)
        return self.apply(CircuitSignal.FAILURES_REACHED, now_s, reason) if reason else None

    def _probe_failed(self, now_s: float, failure: str) -> Change | None:
        return self.apply(CircuitSignal.PROBE_FAILED, now_s, f"a probe failed: {failure or 'it was slow'}")

    def _probe_succeeded(self, now_s: float) -> Change | None:
        self._probes_succeeded += 1
        if self._probes_succeeded < self._settings.half_open_probes:
            return None
        return self.apply(CircuitSignal.PROBES_SUCCEEDED, now_s, "the probes succeeded")


def _too_much(chosen: BreakerSettings, calls: int, failures: int, slow: int, last_failure: str) -> str:
    """Say which limit is reached; empty if none is."""
    is_timed = math.isfinite(chosen.monitoring_period_s)
    within = f"within {chosen.monitoring_period_s:g} s" if is_timed else f"among the last {calls} calls"
    if chosen.failure_threshold is not None and failures >= chosen.failure_threshold:
        return f"{failures} failures {within}, the last: {last_failure}"
    if calls < chosen.minimum_calls:
        return ""
    if chosen.failure_rate is not None and failures / calls >= chosen.failure_rate:
        return f"{failures} of {calls} calls failed {within}, the last: {last_failure}"
    if chosen.slow_call_s is not None and slow / calls >= chosen.slow_call_rate:
        return f"{slow} of {calls} calls took longer than {chosen.slow_call_s:g} s {within}"
    return ""
