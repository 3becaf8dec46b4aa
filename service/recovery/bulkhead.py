"""Bounded concurrency and a bounded queue, so that one slow boundary cannot take every thread of its callers."""

import asyncio
import inspect
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from threading import Event, Lock
from types import TracebackType
from typing import Any, ParamSpec, Protocol, TypeVar

from models.errors import ConfigurationError, FaultlineError, UnknownNameError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class BulkheadFullError(FaultlineError):
    """A call was refused: all places and the whole queue are taken, or no place came free in time.

    Parameters
    ----------
    name
        The bulkhead.
    problem
        Which of the two.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"The bulkhead {name!r} refuses the call: {problem}.", remedy="try again later")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadSettings:
    """How many calls one boundary takes.

    Parameters
    ----------
    max_running
        So many calls at one time.
    max_waiting
        So many callers wait; 0 refuses at once.
    max_wait_s
        No caller waits longer, seconds.

    Raises
    ------
    ConfigurationError
        If a number is out of range.
    """

    max_running: int = 10
    max_waiting: int = 0
    max_wait_s: float = 1.0

    def __post_init__(self) -> None:
        if self.max_running < 1 or self.max_waiting < 0 or not (math.isfinite(self.max_wait_s) and self.max_wait_s > 0):
            raise ConfigurationError(
                f"A bulkhead has max_running {self.max_running}, max_waiting {self.max_waiting}, "
                f"max_wait_s {self.max_wait_s}.",
                remedy="give at least 1 place, 0 or more waiting, and a positive number of seconds",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadSnapshot:
    """A bulkhead at one moment: calls inside, callers waiting, and callers refused since it was made."""

    name: str
    running: int
    waiting: int
    rejected_count: int


class Bulkhead:
    """Lets a bounded number of calls run at one time and a bounded number of callers wait, first come, first served.

    Threads and tasks share the places and the queue. A place that comes free is handed to the first in the queue, so
    nobody overtakes, and a caller that gives up or is cancelled leaves nothing behind.

    Parameters
    ----------
    name
        For people and errors.
    settings
        Its numbers; the defaults if not given.

    Examples
    --------
    >>> bulkhead = Bulkhead("orders", BulkheadSettings(max_running=2))
    >>> bulkhead.call(len, "abc")
    3
    """

    def __init__(self, name: str, settings: BulkheadSettings | None = None) -> None:
        self.name = name
        self.settings = settings or BulkheadSettings()
        self._lock = Lock()
        self._running = 0
        self._queue: deque[_Waiter] = deque()
        self._rejected = 0

    def call(
        self, function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call a function when there is a place, or refuse with BulkheadFullError.

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
        """
        with self.place():
            return function(*args, **kwargs)

    async def call_async(
        self, function: Callable[Arguments, Awaitable[Result]], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Await a function when there is a place, or refuse with BulkheadFullError.

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
        """
        async with self.place():
            return await function(*args, **kwargs)

    def __call__(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Decorate a function or a coroutine function.

        Parameters
        ----------
        function
            To bound.

        Returns
        -------
        Callable
            Of the same signature.

        Raises
        ------
        ConfigurationError
            If it is a generator function: its body runs only after the place was given back.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(
                f"The bulkhead {self.name!r} cannot bound a generator function.",
                remedy="put bulkhead.place() around the loop that goes through it",
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

    def place(self) -> "Place":
        """Make a context manager that holds a place, for ``with`` and ``async with``; it may refuse.

        Returns
        -------
        Place
            Entering waits, or raises BulkheadFullError.
        """
        return Place(self)

    def snapshot(self) -> BulkheadSnapshot:
        """Take all figures at one moment.

        Returns
        -------
        BulkheadSnapshot
            Consistent in itself.
        """
        with self._lock:
            return BulkheadSnapshot(
                name=self.name, running=self._running, waiting=len(self._queue), rejected_count=self._rejected
            )

    def _enter(self, make: "Callable[[], _Waiter]") -> "_Waiter | None":
        """Take a place, or a ticket of the queue."""
        with self._lock:
            if self._running < self.settings.max_running:  # then nobody waits: a free place is handed over
                self._running += 1
                return None
            if len(self._queue) >= self.settings.max_waiting:
                self._rejected += 1
                raise BulkheadFullError(self.name, f"{self._running} calls run and {len(self._queue)} callers wait")
            waiter = make()
            self._queue.append(waiter)
            return waiter

    def _leave(self) -> None:
        """Hand the place to the first in the queue, or free it."""
        with self._lock:
            while self._queue:
                if self._queue.popleft().hand_over():
                    return
            self._running -= 1

    def _has_place(self, waiter: "_Waiter") -> bool:
        """Take a waiter that stops waiting out of the queue; True if it was handed a place at the last moment."""
        with self._lock:
            if waiter in self._queue:
                self._queue.remove(waiter)
            return waiter.has_place

    def _give_up(self, waiter: "_Waiter") -> None:
        """Refuse a waiter whose time is over, unless it has a place."""
        if not self._has_place(waiter):
            with self._lock:
                self._rejected += 1
            raise BulkheadFullError(self.name, f"no place came free within {self.settings.max_wait_s:g} s")

    def _withdraw(self, waiter: "_Waiter") -> None:
        """Leave nothing behind of a waiter that was interrupted or cancelled."""
        if self._has_place(waiter):
            self._leave()


class Place:
    """A place in a bulkhead; made by ``Bulkhead.place``.

    Parameters
    ----------
    bulkhead
        Whose place.
    """

    __slots__ = ("_bulkhead",)

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead

    def __enter__(self) -> None:
        bulkhead = self._bulkhead
        waiter = bulkhead._enter(_Thread)  # noqa: SLF001  # a place is a part of the bulkhead
        if not isinstance(waiter, _Thread):
            return
        try:
            is_handed = waiter.handed.wait(bulkhead.settings.max_wait_s)
        except BaseException:
            bulkhead._withdraw(waiter)  # noqa: SLF001  # as above
            raise
        if not is_handed:
            bulkhead._give_up(waiter)  # noqa: SLF001  # as above

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bulkhead._leave()  # noqa: SLF001  # as above

    async def __aenter__(self) -> None:
        bulkhead = self._bulkhead
        waiter = bulkhead._enter(_Task)  # noqa: SLF001  # as above
        if not isinstance(waiter, _Task):
            return
        try:
            await asyncio.wait((waiter.handed,), timeout=bulkhead.settings.max_wait_s)
        except BaseException:
            bulkhead._withdraw(waiter)  # noqa: SLF001  # as above
            raise
        if not waiter.handed.done():
            bulkhead._give_up(waiter)  # noqa: SLF001  # as above

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bulkhead._leave()  # noqa: SLF001  # as above


class BulkheadBoard:
    """The bulkheads of all boundaries, found by the boundary's id.

    Parameters
    ----------
    settings
        Boundary to the settings of its bulkhead.
    """

    def __init__(self, settings: Mapping[str, BulkheadSettings]) -> None:
        self._bulkheads = {boundary: Bulkhead(boundary, chosen) for boundary, chosen in settings.items()}

    def of(self, boundary: str) -> Bulkhead:
        """Find a bulkhead.

        Parameters
        ----------
        boundary
            Its id.

        Returns
        -------
        Bulkhead
            The one that all callers into the boundary share.

        Raises
        ------
        UnknownNameError
            If the boundary has none.
        """
        try:
            return self._bulkheads[boundary]
        except KeyError:
            raise UnknownNameError("boundary", boundary, self._bulkheads) from None

    def snapshots(self) -> tuple[BulkheadSnapshot, ...]:
        """All figures.

        Returns
        -------
        tuple of BulkheadSnapshot
            One a boundary, in the order of declaration.
        """
        return tuple(bulkhead.snapshot() for bulkhead in self._bulkheads.values())


class _Waiter(Protocol):
    """Somebody in the queue."""

    has_place: bool

    def hand_over(self) -> bool:
        """Give it the place; False if it is gone for good."""


class _Thread:
    """A thread in the queue."""

    __slots__ = ("handed", "has_place")

    def __init__(self) -> None:
        self.has_place = False
        self.handed = Event()

    def hand_over(self) -> bool:
        """Wake it."""
        self.has_place = True
        self.handed.set()
        return True


class _Task:
    """A task in the queue, perhaps of another thread's loop."""

    __slots__ = ("_loop", "handed", "has_place")

    def __init__(self) -> None:
        self.has_place = False
        self._loop = asyncio.get_running_loop()
        self.handed: asyncio.Future[None] = self._loop.create_future()

    def hand_over(self) -> bool:
        """Wake it, unless its loop has ended and took it along."""
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            return False
        self.has_place = True
        return True

    def _wake(self) -> None:
        if not self.handed.done():
            self.handed.set_result(None)
