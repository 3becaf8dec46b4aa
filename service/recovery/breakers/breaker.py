"""The breaker that applications use: a lock and a clock around the machine; the lock is never held during a call."""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import wraps
from threading import Lock
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from models.errors import ConfigurationError
from service.clock import SystemClock
from service.ports import Clock
from service.recovery.breakers.events import BreakerEvent, BreakerOpenError, BreakerSnapshot, CallTimeoutError
from service.recovery.breakers.machine import BreakerMachine, Change
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.breakers.states import CircuitSignal, CircuitState, Verdict

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Listener = Callable[[BreakerEvent], None]


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

    def __init__(
        self,
        name: str,
        settings: BreakerSettings | None = None,
        *,
        clock: Clock | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.name = name
        self.settings = settings or BreakerSettings()
        self._clock = clock or SystemClock()
        self._listeners = tuple(listeners)
        self._machine = BreakerMachine(self.settings)
        self._lock = Lock()
        self._delivery = Lock()
        self._pending: deque[BreakerEvent] = deque()
        self._listener_errors = 0

    @property
    def state(self) -> CircuitState:
        """Where it stands; an open breaker stays open until somebody calls or ``refresh``es."""
        return self._machine.state

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
            What it returns.

        Raises
        ------
        BaseException
            Whatever the function raises, unchanged.
        """
        generation, started_s = self._admit()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self._settle(generation, started_s, error)
            raise
        self._settle(generation, started_s, None)
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
        """
        async with self.guard():
            return await function(*args, **kwargs)

    def __call__(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Decorate a function or a coroutine function.

        Parameters
        ----------
        function
            To protect.

        Returns
        -------
        Callable
            Of the same signature.

        Raises
        ------
        ConfigurationError
            If it is a generator function: its body runs only after the call, while it is gone through.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            name = getattr(function, "__qualname__", repr(function))
            raise ConfigurationError(
                f"The breaker {self.name!r} cannot protect the generator function {name}: "
                "the call would count as a success before its body runs.",
                remedy="put breaker.guard() around the loop that goes through it.",
            )
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaiting(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
                return await self.call_async(function, *args, **kwargs)

            return awaiting  # type: ignore[return-value]  # a coroutine function stays one

        @wraps(function)
        def calling(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            return self.call(function, *args, **kwargs)

        return calling

    def guard(self) -> "Guard":
        """Make a context manager for one call, for ``with`` and ``async with``.

        Returns
        -------
        Guard
            Good for one use.
        """
        return Guard(self)

    def trip(self, reason: str) -> None:
        """Open it; if it is open, begin the open time anew.

        Parameters
        ----------
        reason
            For people.
        """
        self._apply(CircuitSignal.TRIP, reason)

    def reset(self, reason: str = "reset by hand") -> None:
        """Close it and forget the counted failures.

        Parameters
        ----------
        reason
            For people.
        """
        self._apply(CircuitSignal.RESET, reason)

    def report(self, verdict: Verdict, failure: str = "") -> None:
        """Take an observation from outside a call, for example of a health check.

        Parameters
        ----------
        verdict
            What was observed.
        failure
            What the failure said.
        """
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._note(self._machine.report(verdict, now_s, failure))
        self._deliver()

    def refresh(self) -> CircuitState:
        """Do what the passing of time asks for: open becomes half open.

        Returns
        -------
        CircuitState
            Where it stands now.
        """
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._note(self._machine.admit(now_s))
            state = self._machine.state
        self._deliver()
        return state

    def snapshot(self) -> BreakerSnapshot:
        """Take all figures at one moment.

        Returns
        -------
        BreakerSnapshot
            Consistent in itself.
        """
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        with self._lock:
            machine = self._machine
            is_open = machine.state is CircuitState.OPEN
            return BreakerSnapshot(
                name=self.name,
                state=machine.state,
                failure_count=machine.failure_count,
                success_count=machine.success_count,
                rejected_count=machine.rejected_count,
                late_count=machine.late_count,
                recent_failures=machine.recent_failures(now_s),
                last_failure=machine.last_failure,
                opened_at=now - timedelta(seconds=now_s - machine.entered_s) if is_open else None,
                reason=machine.reason,
                retry_after_s=machine.retry_after_s(now_s),
                listener_error_count=self._listener_errors,
            )

    def _admit(self) -> tuple[int, float]:
        now_s = self._clock.monotonic_s()
        machine, refusal = self._machine, None
        with self._lock:
            generation = machine.generation
            if machine.state is not CircuitState.CLOSED:  # the closed path is the one that must cost little
                self._note(machine.admit(now_s))
                generation = machine.generation
                if not machine.take():
                    wait_s = machine.retry_after_s(now_s)
                    refusal = BreakerOpenError(self.name, reason=machine.reason, retry_after_s=wait_s)
        if self._pending:
            self._deliver()
        if refusal is not None:
            raise refusal
        return generation, now_s

    def _settle(self, generation: int, started_s: float, error: BaseException | None) -> None:
        now_s = self._clock.monotonic_s()
        verdict, failure = Verdict.SUCCESS, ""
        if error is not None or self.settings.call_timeout_s is not None:
            verdict, failure = self._verdict(error, now_s - started_s)
        with self._lock:
            change = self._machine.settle(generation, verdict, now_s, failure)
            if change is not None:
                self._note(change)
        if self._pending:
            self._deliver()

    def _verdict(self, error: BaseException | None, duration_s: float) -> tuple[Verdict, str]:
        limit_s = self.settings.call_timeout_s
        if error is None and limit_s is not None and duration_s > limit_s:
            return Verdict.FAILURE, f"the call took {duration_s:.3g} s, longer than {limit_s:g} s"
        if error is None or isinstance(error, self.settings.excluded):
            return Verdict.SUCCESS, ""
        if not isinstance(error, Exception):
            return Verdict.CANCELLED, ""
        return Verdict.FAILURE, f"{type(error).__name__}: {error}"[:500]

    def _apply(self, signal: CircuitSignal, reason: str) -> None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._note(self._machine.apply(signal, now_s, reason))
        self._deliver()

    def _note(self, change: Change | None) -> None:
        if change is not None and self._listeners:
            self._pending.append(
                BreakerEvent(
                    name=self.name,
                    previous=change.previous,
                    state=change.state,
                    signal=change.signal,
                    reason=change.reason,
                    at=self._clock.now(),
                )
            )

    def _deliver(self) -> None:
        # Whoever holds the delivery lock delivers also what others add meanwhile, so the order holds and nobody waits.
        while self._pending and self._delivery.acquire(blocking=False):
            try:
                while self._pending:
                    self._tell(self._pending.popleft())
            finally:
                self._delivery.release()

    def _tell(self, event: BreakerEvent) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001  # a listener may raise anything, and must not fail the protected call
                self._listener_errors += 1


class Guard:
    """One call through a breaker as a context manager; leaving it by cancellation is no verdict.

    Parameters
    ----------
    breaker
        Asked on entering, told on leaving.
    """

    __slots__ = ("_breaker", "_permit", "_timeout")

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._permit = (0, 0.0)
        self._timeout: asyncio.Timeout | None = None

    def __enter__(self) -> None:
        self._permit = self._breaker._admit()  # noqa: SLF001  # the guard is a part of the breaker

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._breaker._settle(*self._permit, error)  # noqa: SLF001  # as above

    async def __aenter__(self) -> None:
        self.__enter__()
        limit_s = self._breaker.settings.call_timeout_s
        if limit_s is not None:
            self._timeout = asyncio.timeout(limit_s)
            await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        timeout = self._timeout
        if timeout is not None:
            try:
                await timeout.__aexit__(kind, error, trace)
            except TimeoutError as expired:
                limit_s = self._breaker.settings.call_timeout_s
                late = CallTimeoutError(
                    f"The call through breaker {self._breaker.name!r} took longer than {limit_s:g} s."
                )
                self.__exit__(CallTimeoutError, late, None)
                raise late from expired
        self.__exit__(kind, error, trace)
