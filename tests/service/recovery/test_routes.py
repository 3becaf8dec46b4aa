"""The guard of routes: calls along a closed route are refused before they are made, in every style of calling."""

import asyncio
import doctest

import pytest

import service.recovery
from models.errors import ConfigurationError, UnknownNameError
from service.recovery import RouteBlockedError, RouteGuard, RouteRules, RouteTable, routes

RULES = (
    RouteRules(boundary="shop", components=frozenset({"cart", "orders"}), blocked=(("cart", "orders"),)),
    RouteRules(boundary="edge", components=frozenset({"web"})),
)
TABLE = RouteTable(RULES)


def guard(caller, callee, table=TABLE):
    """A guard over a table that does not change."""
    return RouteGuard(lambda: table, caller, callee)


def with_call(route, done):
    """Call through it."""
    return route.call(done.append, 1)


def with_context(route, done):
    """Enter it."""
    with route:
        done.append(1)


def with_decorator(route, done):
    """Decorate a function."""
    return route(done.append)(1)


def with_async_context(route, done):
    """Enter it in a task."""

    async def run():
        async with route:
            done.append(1)

    asyncio.run(run())


def with_async_decorator(route, done):
    """Decorate a coroutine function."""

    @route
    async def run():
        done.append(1)

    asyncio.run(run())


STYLES = [with_call, with_context, with_decorator, with_async_context, with_async_decorator]


@pytest.mark.parametrize("style", STYLES)
def test_a_blocked_route_is_refused_before_the_call(style):
    """The error names boundary and route, and the function never runs."""
    done = []
    with pytest.raises(
        RouteBlockedError, match="The route cart -> orders is blocked: boundary shop blocks it"
    ) as caught:
        style(guard("cart", "orders"), done)
    assert (done, caught.value.boundary) == ([], "shop")


@pytest.mark.parametrize("style", STYLES)
def test_an_open_route_lets_the_call_through_once(style):
    """Nothing else is changed about it."""
    done = []
    style(guard("orders", "cart"), done)
    assert done == [1]


@pytest.mark.parametrize("style", STYLES)
def test_an_unknown_component_is_neither_open_nor_blocked(style):
    """The error names it and what there is."""
    done = []
    with pytest.raises(UnknownNameError, match=r"component 'nobody'.*cart, orders, web"):
        style(guard("nobody", "orders"), done)
    assert done == []


def test_the_table_in_force_counts():
    """A guard that was made before an isolation refuses after it, and lets through when it was released."""
    tables = [TABLE]
    route = RouteGuard(lambda: tables[-1], "web", "orders")
    assert route.call(int, "1") == 1
    tables.append(RouteTable(RULES, frozenset({"orders"})))
    with pytest.raises(RouteBlockedError, match="orders is isolated") as caught:
        route.call(int, "1")
    assert caught.value.boundary == "shop"
    tables.append(TABLE)
    assert route.call(int, "2") == 2


def test_errors_of_the_call_pass_unchanged():
    """The guard judges routes, not calls."""
    with pytest.raises(ZeroDivisionError), guard("web", "orders"):
        1 / 0  # noqa: B018  # it is to fail


def test_a_generator_function_is_not_guarded():
    """Its body would run after the look at the route."""
    with pytest.raises(ConfigurationError, match="web -> orders cannot guard a generator function"):

        @guard("web", "orders")
        def numbers():
            yield 1


def test_the_example_runs():
    """The docstring says what happens."""
    flags = doctest.IGNORE_EXCEPTION_DETAIL
    assert doctest.testmod(routes, optionflags=flags) == (0, 3)


def test_applications_import_it_from_the_package():
    """One import, as for the breaker."""
    assert service.recovery.RouteGuard is RouteGuard
