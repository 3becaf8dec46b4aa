"""Routes between components: which calls are open, and the guard that refuses the others inside an application.

A guard asks a table each time; it refuses before the call is made and has no say in what is sent past it.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from models.errors import ConfigurationError, FaultlineError, UnknownNameError

ANY = "*"
Route = tuple[str, str]
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class RouteBlockedError(FaultlineError):
    """A call runs along a route that is not open.

    Parameters
    ----------
    caller
        Who calls.
    callee
        Who is called.
    reason
        What closes the route.
    boundary
        Id of the boundary that closes it; for an isolated component the one that holds that.
    """

    def __init__(self, caller: str, callee: str, *, reason: str, boundary: str = "") -> None:
        super().__init__(f"The route {caller} -> {callee} is blocked: {reason}.")
        self.caller = caller
        self.callee = callee
        self.reason = reason
        self.boundary = boundary


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRules:
    """What one boundary says of routes.

    Parameters
    ----------
    boundary
        Its id.
    components
        That it holds.
    allowed
        Caller and callee, ``*`` for any. If there are any, a call that crosses the boundary must match one.
    blocked
        Caller and callee, ``*`` for any; these are refused even if allowed.
    """

    boundary: str
    components: frozenset[str]
    allowed: tuple[Route, ...] = ()
    blocked: tuple[Route, ...] = ()

    def objection(self, caller: str, callee: str) -> str:
        """Say what this boundary has against a call.

        Parameters
        ----------
        caller
            Who calls.
        callee
            Who is called.

        Returns
        -------
        str
            Empty if nothing.
        """
        inside = (caller in self.components) + (callee in self.components)
        if not inside:
            return ""
        if _matches(self.blocked, caller, callee):
            return f"boundary {self.boundary} blocks it"
        if inside == 1 and self.allowed and not _matches(self.allowed, caller, callee):
            return f"it crosses boundary {self.boundary}, which does not allow it"
        return ""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """All routes at one moment.

    Parameters
    ----------
    rules
        Of each boundary; a component is in one only.
    isolated
        Components that are cut off.
    """

    rules: tuple[RouteRules, ...]
    isolated: frozenset[str] = frozenset()

    def objection(self, caller: str, callee: str) -> RouteBlockedError | None:
        """Say what closes a route; UnknownNameError if a component is in no boundary.

        Parameters
        ----------
        caller
            Who calls.
        callee
            Who is called.

        Returns
        -------
        RouteBlockedError or None
            None if the route is open.
        """
        ends = (self._of(caller), self._of(callee))
        for component, rules in ((callee, ends[1]), (caller, ends[0])):
            if component in self.isolated:
                reason = f"{component} is isolated"
                return RouteBlockedError(caller, callee, reason=reason, boundary=rules.boundary)
        for rules in ends:
            if reason := rules.objection(caller, callee):
                return RouteBlockedError(caller, callee, reason=reason, boundary=rules.boundary)
        return None

    def check(self, caller: str, callee: str) -> None:
        """Refuse a call that may not be made; UnknownNameError if a component is in no boundary.

        Parameters
        ----------
        caller
            Who calls.
        callee
            Who is called.

        Raises
        ------
        RouteBlockedError
            With the boundary and the reason, if the route is not open.
        """
        objection = self.objection(caller, callee)
        if objection is not None:
            raise RouteBlockedError(caller, callee, reason=objection.reason, boundary=objection.boundary)

    def _of(self, component: str) -> RouteRules:
        for rules in self.rules:
            if component in rules.components:
                return rules
        raise UnknownNameError("component", component, (name for rules in self.rules for name in rules.components))


def closed_routes(table: RouteTable) -> tuple[tuple[str, str], ...]:
    """List every route between two components that is not open: for those who look routes up, as a proxy does.

    Parameters
    ----------
    table
        At one moment.

    Returns
    -------
    tuple of tuple of str
        Caller and callee, sorted; a component's calls of itself are left out.
    """
    names = sorted(name for rules in table.rules for name in rules.components)
    pairs = ((caller, callee) for caller in names for callee in names if caller != callee)
    return tuple(pair for pair in pairs if table.objection(*pair) is not None)


class RouteGuard:
    """Refuses calls along one route while it is not open: a context manager, sync and async, and a decorator.

    Parameters
    ----------
    table
        Gives the table in force; asked at each call, so it must answer at once.
    caller
        Who calls.
    callee
        Who is called.

    Examples
    --------
    >>> rules = RouteRules(boundary="shop", components=frozenset({"cart", "orders"}), blocked=(("cart", "orders"),))
    >>> guard = RouteGuard(lambda: RouteTable((rules,)), "cart", "orders")
    >>> guard.call(print, "never printed")
    Traceback (most recent call last):
    service.recovery.routes.RouteBlockedError: The route cart -> orders is blocked: boundary shop blocks it.
    """

    __slots__ = ("_table", "callee", "caller")

    def __init__(self, table: Callable[[], RouteTable], caller: str, callee: str) -> None:
        self._table = table
        self.caller = caller
        self.callee = callee

    def check(self) -> None:
        """Raise RouteBlockedError if the route is not open, UnknownNameError if nobody knows one of its ends."""
        self._table().check(self.caller, self.callee)

    def call(
        self, function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Call a function if the route is open.

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
        self.check()
        return function(*args, **kwargs)

    def __call__(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Decorate a function or a coroutine function.

        Parameters
        ----------
        function
            To guard.

        Returns
        -------
        Callable
            Of the same signature.

        Raises
        ------
        ConfigurationError
            If it is a generator function: its body runs long after the route was looked at.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(
                f"The route {self.caller} -> {self.callee} cannot guard a generator function.",
                remedy="put the guard around the loop that goes through it",
            )
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaiting(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
                self.check()
                return await function(*args, **kwargs)

            return awaiting  # type: ignore[return-value]  # a coroutine function stays one

        @wraps(function)
        def calling(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            return self.call(function, *args, **kwargs)

        return calling

    def __enter__(self) -> Self:
        """Refuse, or give itself."""
        self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave; errors pass."""

    async def __aenter__(self) -> Self:
        """Refuse, or give itself."""
        self.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave; errors pass."""


def _matches(routes: Iterable[Route], caller: str, callee: str) -> bool:
    return any(source in {caller, ANY} and target in {callee, ANY} for source, target in routes)
