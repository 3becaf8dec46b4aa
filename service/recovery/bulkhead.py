"""Bounded concurrency and a bounded queue, so that one slow boundary cannot take every thread of its callers."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from threading import Condition
from typing import ParamSpec, TypeVar

from models.errors import ConfigurationError, FaultlineError

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
class BulkheadSnapshot:
    """A bulkhead at one moment: calls inside, callers waiting, and callers refused since it was made."""

    name: str
    running: int
    waiting: int
    rejected_count: int


class Bulkhead:
    """Lets a bounded number of calls run at one time and a bounded number of callers wait, first come, first served.

    Parameters
    ----------
    name
        For people and errors.
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

    Examples
    --------
    >>> bulkhead = Bulkhead("orders", max_running=2)
    >>> bulkhead.call(len, "abc")
    3
    """

    def __init__(self, name: str, *, max_running: int = 10, max_waiting: int = 0, max_wait_s: float = 1.0) -> None:
        if max_running < 1 or max_waiting < 0 or not (math.isfinite(max_wait_s) and max_wait_s > 0):
            raise ConfigurationError(
                f"The bulkhead {name!r} has max_running {max_running}, max_waiting {max_waiting}, "
                f"max_wait_s {max_wait_s}.",
                remedy="give at least 1 place, 0 or more waiting, and a positive number of seconds",
            )
        self.name = name
        self._max_running = max_running
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        self._condition = Condition()
        self._running = 0
        self._queue: list[object] = []
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

    def __call__(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Decorate a function.

        Parameters
        ----------
        function
            To bound.

        Returns
        -------
        Callable
            Of the same signature.
        """

        @wraps(function)
        def calling(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            return self.call(function, *args, **kwargs)

        return calling

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for a block, or refuse with BulkheadFullError.

        Yields
        ------
        None
            While the place is held.
        """
        self._enter()
        try:
            yield
        finally:
            with self._condition:
                self._running -= 1
                self._condition.notify_all()

    def snapshot(self) -> BulkheadSnapshot:
        """Take all figures at one moment.

        Returns
        -------
        BulkheadSnapshot
            Consistent in itself.
        """
        with self._condition:
            return BulkheadSnapshot(
                name=self.name, running=self._running, waiting=len(self._queue), rejected_count=self._rejected
            )

    def _enter(self) -> None:
        with self._condition:
            if self._running < self._max_running and not self._queue:
                self._running += 1
                return
            if len(self._queue) >= self._max_waiting:
                self._refuse(f"{self._running} calls run and {len(self._queue)} callers wait")
            self._wait()

    def _wait(self) -> None:
        ticket = object()
        self._queue.append(ticket)
        try:
            is_free = self._condition.wait_for(
                lambda: self._queue[0] is ticket and self._running < self._max_running, self._max_wait_s
            )
            if not is_free:
                self._refuse(f"no place came free within {self._max_wait_s:g} s")
            self._running += 1
        finally:
            self._queue.remove(ticket)
            self._condition.notify_all()

    def _refuse(self, problem: str) -> None:
        self._rejected += 1
        raise BulkheadFullError(self.name, problem)
