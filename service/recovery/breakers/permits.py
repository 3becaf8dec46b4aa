"""One call through a breaker as a context manager."""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from models.errors import FaultlineError
from service.recovery.breakers.events import CallTimeoutError

if TYPE_CHECKING:
    from service.recovery.breakers.breaker import CircuitBreaker


class PermitReusedError(FaultlineError):
    """A permit, good for one call, was used for a second one."""


class Permit:
    """Leave to make one call: asked for on entering, settled on leaving, given back without a verdict by a cancel.

    Parameters
    ----------
    breaker
        Asked on entering, told on leaving.
    """

    __slots__ = ("_breaker", "_failure", "_generation", "_started_s", "_timeout")

    def __init__(self, breaker: "CircuitBreaker") -> None:
        self._breaker = breaker
        self._generation = 0
        self._started_s = 0.0
        self._failure = ""
        self._timeout: asyncio.Timeout | None = None

    def fail(self, what: str) -> None:
        """Say that the call failed, though the block raises nothing: for answers that are failures.

        Parameters
        ----------
        what
            What the failure said.
        """
        self._failure = what or "the result"

    def __enter__(self) -> Self:
        if self._generation:
            name = self._breaker.name
            raise PermitReusedError(f"A permit of breaker {name!r} is used twice.", remedy="ask guard() for another")
        self._generation, self._started_s = self._breaker._enter()  # noqa: SLF001  # a permit is a part of the breaker
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._breaker._settle(self._generation, self._started_s, error, self._failure)  # noqa: SLF001  # as above

    async def __aenter__(self) -> Self:
        self.__enter__()
        limit_s = self._breaker.settings.call_timeout_s
        if limit_s is not None:
            try:
                timeout = asyncio.timeout(limit_s)
                await timeout.__aenter__()
            except BaseException:  # outside a task: the permit must not be lost, and nothing was learnt
                self.__exit__(GeneratorExit, GeneratorExit(), None)
                raise
            self._timeout = timeout
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        timeout = self._timeout
        if timeout is not None:
            try:
                await timeout.__aexit__(kind, error, trace)
            except TimeoutError as expired:
                late = call_took_too_long(self._breaker)
                self.__exit__(CallTimeoutError, late, None)
                raise late from expired
        self.__exit__(kind, error, trace)


def call_took_too_long(breaker: "CircuitBreaker") -> CallTimeoutError:
    """Make the error of a call that was cancelled at the limit.

    Parameters
    ----------
    breaker
        Whose limit it was.

    Returns
    -------
    CallTimeoutError
        To be raised.
    """
    limit_s = breaker.settings.call_timeout_s
    return CallTimeoutError(f"The call through breaker {breaker.name!r} took longer than {limit_s:g} s.")
