"""The breaker that applications use: a lock and a clock around the machine; the lock is never held during a call."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import Random
from threading import Lock
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from models.errors import ConfigurationError
from service.clock import SystemClock
from service.recovery.breakers.bulletin import Bulletin, Listener
from service.recovery.breakers.decorators import decorated
from service.recovery.breakers.events import BreakerEvent, BreakerOpenError, BreakerSnapshot
from service.recovery.breakers.machine import BreakerMachine, Change
from service.recovery.breakers.permits import Permit, call_took_too_long
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.breakers.states import FORCED, CircuitSignal, CircuitState, Verdict

if TYPE_CHECKING:
    from service.ports import Clock  # with the types of metrics come pandas and half a second

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class CircuitBreaker:
    """Refuses calls to a dependency that keeps failing, and lets a few probes find out when it is back.

    Calls run outside the lock, so callers never wait for each other. Durations come from the monotonic clock.
    Listeners are told of changes in order, after the lock is released; one that raises is counted and disturbs nobody.

    Parameters
    ----------
    name
        For people, errors and records.
    settings
        Thresholds and times; the defaults if not given.
    clock
        The machine's clocks if not given.
    listeners
        Called with every change of state.
    rng
        Varies the open times; seeded by the machine if not given, so that processes do not probe in step.

    Examples
    --------
    >>> breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=2))
    >>> breaker.call(len, "abc")
    3
    >>> @breaker
    ... def fetch() -> str:
    ...     raise ConnectionError("no route")
    >>> for _ in range(3):
    ...     try:
    ...         fetch()
    ...     except Exception as error:
    ...         print(type(error).__name__)
    ConnectionError
    ConnectionError
    BreakerOpenError
    """

    __slots__ = (
        "__weakref__",
        "_bulletin",
        "_clock",
        "_failed_result",
        "_lock",
        "_long_s",
        "_machine",
        "_monotonic_s",
        "name",
        "settings",
    )

    def __init__(
        self,
        name: str,
        settings: BreakerSettings | None = None,
        *,
        clock: "Clock | None" = None,
        listeners: Sequence[Listener] = (),
        rng: Random | None = None,
    ) -> None:
        self.name = name
        self.settings = settings or BreakerSettings()
        self._clock = clock or SystemClock()
        self._monotonic_s = self._clock.monotonic_s
        chance = rng or Random()
        self._machine = BreakerMachine(self.settings, lambda: chance.uniform(-1.0, 1.0))
        self._bulletin = Bulletin(listeners)
        self._lock = Lock()
        self._long_s = self._longest_good_s()
        self._failed_result = self.settings.failed_result

    @property
    def state(self) -> CircuitState:
        """Where it stands; an open breaker stays open until somebody calls or ``refresh``es."""
        return self._machine.state

    @property
    def events(self) -> tuple[BreakerEvent, ...]:
        """The latest changes of state, oldest first; a bounded number."""
        with self._lock:
            return tuple(self._bulletin.latest)

    def call(
        self, function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call a function, unless the breaker refuses with BreakerOpenError.

        Parameters
        ----------
        function
            Its exceptions pass through unchanged.
        *args
            Handed to it.
        **kwargs
            Handed to it.

        Returns
        -------
        object
            What it returns; ConfigurationError if that is a coroutine, which ``call_async`` is for.

        Raises
        ------
        BaseException
            Whatever the function raises, unchanged.
        """
        generation = self._machine.free_pass or self._admit()
        started_s = self._monotonic_s()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self._settle(generation, started_s, error)
            raise
        if type(result) is CoroutineType:
            self._refuse_coroutine(generation, started_s, result)
        self._succeed(generation, started_s, result)
        return result

    async def call_async(
        self, function: Callable[Arguments, Awaitable[Result]], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Await a function, unless the breaker refuses with BreakerOpenError.

        Parameters
        ----------
        function
            Its exceptions pass through unchanged.
        *args
            Handed to it.
        **kwargs
            Handed to it.

        Returns
        -------
        object
            What it returns; CallTimeoutError if it takes longer than ``call_timeout_s``.

        Raises
        ------
        BaseException
            Whatever the function raises, unchanged.
        """
        generation = self._machine.free_pass or self._admit()
        started_s = self._monotonic_s()
        try:
            if self.settings.call_timeout_s is None:
                result = await function(*args, **kwargs)
            else:
                result = await self._within_limit(function(*args, **kwargs))
        except BaseException as error:
            self._settle(generation, started_s, error)
            raise
        self._succeed(generation, started_s, result)
        return result

    def __call__(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Decorate a function or a coroutine function.

        Parameters
        ----------
        function
            To protect.

        Returns
        -------
        Callable
            Of the same signature; ConfigurationError if it is a generator function.
        """
        return decorated(self, function)

    def guard(self) -> Permit:
        """Make a context manager for one call, for ``with`` and ``async with``.

        Returns
        -------
        Permit
            Good for one use.
        """
        return Permit(self)

    def trip(self, reason: str) -> None:
        """Open it; if it is open, begin the open time anew. IllegalSignalError if a person has forced it.

        Parameters
        ----------
        reason
            For people.
        """
        self._apply(CircuitSignal.TRIP, reason)

    def reset(self, reason: str = "reset by hand") -> None:
        """Close it and forget the counted failures; the way out of a forced state.

        Parameters
        ----------
        reason
            For people.
        """
        self._apply(CircuitSignal.RESET, reason)

    def force(self, state: CircuitState, reason: str) -> None:
        """Put it into a state that only ``reset`` or another ``force`` ends.

        Parameters
        ----------
        state
            FORCED_OPEN refuses all calls, DISABLED lets all pass uncounted, METRICS_ONLY counts and never opens.
        reason
            For people.

        Raises
        ------
        ConfigurationError
            If it is another state.
        """
        if state not in FORCED:
            raise ConfigurationError(
                f"The breaker {self.name!r} cannot be forced to {state}.",
                remedy=f"give one of {', '.join(FORCED)}, or use trip or reset",
            )
        self._apply(FORCED[state], reason)

    def report(self, verdict: Verdict, failure: str = "") -> None:
        """Take an observation from outside a call, for example of a health check.

        Parameters
        ----------
        verdict
            What was observed.
        failure
            What the failure said.
        """
        now_s = self._monotonic_s()
        with self._lock:
            self._note(self._machine.report(verdict, now_s, failure))
        self._bulletin.deliver()

    def refresh(self) -> CircuitState:
        """Do what the passing of time asks for: open becomes half open.

        Returns
        -------
        CircuitState
            Where it stands now.
        """
        now_s = self._monotonic_s()
        with self._lock:
            self._note(self._machine.advance(now_s))
            state = self._machine.state
        self._bulletin.deliver()
        return state

    def snapshot(self) -> BreakerSnapshot:
        """Take all figures at one moment.

        Returns
        -------
        BreakerSnapshot
            Consistent in itself.
        """
        now, now_s = self._clock.now(), self._monotonic_s()
        with self._lock:
            machine = self._machine
            is_open = machine.state is CircuitState.OPEN
            calls, failures, slow = machine.window.counts(now_s)
            return BreakerSnapshot(
                name=self.name,
                state=machine.state,
                failure_count=machine.failure_count,
                success_count=machine.success_count,
                rejected_count=machine.rejected_count,
                late_count=machine.late_count,
                slow_count=machine.slow_count,
                opened_count=machine.opened_count,
                recent_calls=calls,
                recent_failures=failures,
                recent_slow=slow,
                last_failure=machine.last_failure,
                opened_at=now - timedelta(seconds=now_s - machine.entered_s) if is_open else None,
                reason=machine.reason,
                retry_after_s=machine.retry_after_s(now_s),
                listener_error_count=self._bulletin.error_count,
                lost_event_count=self._bulletin.lost_count,
            )

    def _admit(self) -> int:
        """Ask the machine for a permit: the way in where ``free_pass`` is 0."""
        now_s = self._monotonic_s()
        machine = self._machine
        with self._lock:
            wait_s = machine.shut_until_s - now_s
            if wait_s > 0.0:  # the short way to a refusal
                machine.rejected_count += 1
                raise BreakerOpenError(self.name, machine.reason, wait_s)
            change = machine.advance(now_s)
            if change is not None:
                self._note(change)
            generation = machine.take()
            refusal = None if generation else self._refusal(now_s)
        if self._bulletin.waiting:
            self._bulletin.deliver()
        if refusal is not None:
            raise refusal
        return generation

    def _refusal(self, now_s: float) -> BreakerOpenError:
        return BreakerOpenError(self.name, self._machine.reason, self._machine.retry_after_s(now_s))

    def _enter(self) -> tuple[int, float]:
        return self._machine.free_pass or self._admit(), self._monotonic_s()

    def _succeed(self, generation: int, started_s: float, result: object) -> None:
        """Settle a call that raised nothing; the short way first."""
        now_s = self._monotonic_s()
        is_failure = self._failed_result
        said = "" if is_failure is None else self._said(is_failure, generation, started_s, result)
        if not said and now_s - started_s <= self._long_s:
            machine = self._machine
            with self._lock:
                if generation == machine.free_pass:
                    machine.window.add(now_s)
                    return
        self._settle(generation, started_s, None, said)

    def _said(self, is_failure: Callable[[Any], bool], generation: int, started_s: float, result: object) -> str:
        """Say why a result is a failure; empty if it is none."""
        try:
            is_bad = is_failure(result)
        except BaseException as error:
            self._settle(generation, started_s, error)
            raise
        return f"a result of type {type(result).__name__}" if is_bad else ""

    def _refuse_coroutine(self, generation: int, started_s: float, result: Any) -> None:
        """Raise for a call that has not even begun: without this it would count as a success."""
        result.close()
        self._settle(generation, started_s, GeneratorExit())
        raise ConfigurationError(
            f"A function behind the breaker {self.name!r} returned a coroutine.",
            remedy="await call_async, or decorate the coroutine function itself",
        )

    def _settle(self, generation: int, started_s: float, error: BaseException | None, said: str = "") -> None:
        now_s = self._monotonic_s()
        duration_s, slow_s = now_s - started_s, self.settings.slow_call_s
        verdict, failure = self._verdict(error, duration_s, said)
        with self._lock:
            change = self._machine.settle(
                generation, verdict, now_s, failure, is_slow=slow_s is not None and duration_s > slow_s
            )
            if change is not None:
                self._note(change)
        if self._bulletin.waiting:
            self._bulletin.deliver()

    def _verdict(self, error: BaseException | None, duration_s: float, said: str) -> tuple[Verdict, str]:
        limit_s = self.settings.call_timeout_s
        if error is not None and not isinstance(error, Exception):
            return Verdict.CANCELLED, ""
        if said:
            return Verdict.FAILURE, said
        if error is None and limit_s is not None and duration_s > limit_s:
            return Verdict.FAILURE, f"the call took {duration_s:.3g} s, longer than {limit_s:g} s"
        if error is None or isinstance(error, self.settings.excluded):
            return Verdict.SUCCESS, ""
        return Verdict.FAILURE, _told(error)

    async def _within_limit(self, awaitable: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(self.settings.call_timeout_s) as limit:
                return await awaitable
        except TimeoutError as expired:
            if limit.expired():
                raise call_took_too_long(self) from expired
            raise

    def _longest_good_s(self) -> float:
        """A call that takes longer is slow or a failure."""
        limits = (self.settings.slow_call_s, self.settings.call_timeout_s, math.inf)
        return min(limit for limit in limits if limit is not None)

    def _apply(self, signal: CircuitSignal, reason: str) -> None:
        now_s = self._monotonic_s()
        with self._lock:
            self._note(self._machine.apply(signal, now_s, reason))
        self._bulletin.deliver()

    def _note(self, change: Change | None) -> None:
        if change is not None:
            event = BreakerEvent(
                name=self.name,
                previous=change.previous,
                state=change.state,
                signal=change.signal,
                reason=change.reason,
                at=self._clock.now(),
            )
            self._bulletin.post(event)


def _told(error: BaseException) -> str:
    kind = type(error).__name__
    try:
        return f"{kind}: {error}"[:500]
    except Exception:  # noqa: BLE001  # whatever the error's own text raises must not replace the error
        return kind
