"""Functions behind a breaker. The bodies repeat those of ``call`` and ``call_async``: one Python call less a call."""

import inspect
from collections.abc import Callable
from functools import wraps
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from models.errors import ConfigurationError

if TYPE_CHECKING:
    from service.recovery.breakers.breaker import CircuitBreaker

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def decorated(breaker: "CircuitBreaker", function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Put a function or a coroutine function behind a breaker.

    Parameters
    ----------
    breaker
        Asked before each call.
    function
        To protect.

    Returns
    -------
    Callable
        Of the same signature and kind.

    Raises
    ------
    ConfigurationError
        If it is a generator function: its body runs only after the call, while it is gone through.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        name = getattr(function, "__qualname__", repr(function))
        raise ConfigurationError(
            f"The breaker {breaker.name!r} cannot protect the generator function {name}: "
            "the call would count as a success before its body runs.",
            remedy="put breaker.guard() around the loop that goes through it.",
        )
    if _is_coroutine_function(function):
        return _awaiting(breaker, function)
    return _calling(breaker, function)


def _is_coroutine_function(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  # an object may have an asynchronous __call__


def _calling(breaker: "CircuitBreaker", function: Callable[..., Any]) -> Callable[..., Any]:
    machine, monotonic_s, admit = breaker._machine, breaker._monotonic_s, breaker._admit  # noqa: SLF001  # a part of the breaker
    succeed, settle, refuse = breaker._succeed, breaker._settle, breaker._refuse_coroutine  # noqa: SLF001  # as above

    @wraps(function)
    def calling(*args: Any, **kwargs: Any) -> Any:
        generation = machine.free_pass or admit()
        started_s = monotonic_s()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            settle(generation, started_s, error)
            raise
        if type(result) is CoroutineType:
            refuse(generation, started_s, result)
        succeed(generation, started_s, result)
        return result

    return calling


def _awaiting(breaker: "CircuitBreaker", function: Callable[..., Any]) -> Callable[..., Any]:
    if breaker.settings.call_timeout_s is not None:

        @wraps(function)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            return await breaker.call_async(function, *args, **kwargs)

        return waiting

    machine, monotonic_s, admit = breaker._machine, breaker._monotonic_s, breaker._admit  # noqa: SLF001  # as above
    succeed, settle = breaker._succeed, breaker._settle  # noqa: SLF001  # as above

    @wraps(function)
    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        generation = machine.free_pass or admit()
        started_s = monotonic_s()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            settle(generation, started_s, error)
            raise
        succeed(generation, started_s, result)
        return result

    return awaiting
