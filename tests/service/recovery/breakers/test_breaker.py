"""The breaker as applications use it."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from models.errors import ConfigurationError
from service.recovery import BreakerOpenError, BreakerSettings, CircuitBreaker, CircuitState
from service.recovery.breakers import CallTimeoutError, Verdict
from tests.service.recovery.breakers.clock import HandClock

SETTINGS = BreakerSettings(failure_threshold=2, monitoring_period_s=10, reset_timeout_s=5, reset_jitter=0)


def fail():
    """A dependency that is down."""
    raise ConnectionError("no route")


def broken(clock=None, settings=SETTINGS, **more):
    """A breaker that two failures have opened."""
    breaker = CircuitBreaker("orders", settings, clock=clock or HandClock(), **more)
    for _ in range(settings.failure_threshold):
        with pytest.raises(ConnectionError):
            breaker.call(fail)
    return breaker


def test_it_opens_refuses_probes_and_closes():
    """The whole life, with the figures of the snapshot."""
    clock = HandClock()
    breaker = broken(clock)
    clock.advance(2)
    with pytest.raises(BreakerOpenError, match=r"'orders' refuses.*no route.*again in 3 s") as refused:
        breaker.call(len, "abc")
    assert refused.value.retry_after_s == 3
    snapshot = breaker.snapshot()
    assert (snapshot.state, snapshot.failure_count, snapshot.rejected_count) == (CircuitState.OPEN, 2, 1)
    assert snapshot.opened_at == clock.now() - timedelta(seconds=2)
    assert snapshot.last_failure == "ConnectionError: no route"
    clock.advance(3)
    assert breaker.call(len, "abc") == 3
    snapshot = breaker.snapshot()
    assert (snapshot.state, snapshot.success_count, snapshot.opened_at, snapshot.reason) == (
        CircuitState.CLOSED,
        1,
        None,
        "",
    )


def test_failures_far_apart_do_not_open_it():
    """The monitoring period counts: two failures 10 s apart are not two within 10 s."""
    clock = HandClock()
    breaker = CircuitBreaker("orders", SETTINGS, clock=clock)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            breaker.call(fail)
        clock.advance(10)
    assert (breaker.state, breaker.snapshot().recent_failures) == (CircuitState.CLOSED, 0)


@pytest.mark.parametrize("days", [-1, 1])
def test_a_jump_of_the_wall_clock_changes_nothing(days):
    """Open time is monotonic."""
    clock = HandClock()
    breaker = broken(clock)
    clock.wall += timedelta(days=days)
    assert breaker.refresh() is CircuitState.OPEN
    clock.advance(5)
    assert breaker.refresh() is CircuitState.HALF_OPEN


def test_excluded_errors_are_answers():
    """An excluded error passes through and counts as success."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=1, excluded=(KeyError,)), clock=HandClock())
    with pytest.raises(KeyError):
        breaker.call({}.__getitem__, "x")
    assert (breaker.state, breaker.snapshot().success_count) == (CircuitState.CLOSED, 1)


def test_a_slow_synchronous_call_is_a_failure_but_keeps_its_result():
    """The call timeout works for calls that cannot be cancelled."""
    clock = HandClock()
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=1, call_timeout_s=1), clock=clock)
    breaker.call(clock.advance, 1.0)
    assert breaker.state is CircuitState.CLOSED
    breaker.call(clock.advance, 1.5)
    assert (breaker.state, breaker.snapshot().last_failure) == (
        CircuitState.OPEN,
        "the call took 1.5 s, longer than 1 s",
    )


def test_a_slow_asynchronous_call_is_cancelled():
    """At the limit it raises CallTimeoutError and counts; a TimeoutError of its own passes as it is."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=2, call_timeout_s=0.01))

    async def own():
        raise TimeoutError("mine")

    async def story():
        with pytest.raises(CallTimeoutError, match=r"longer than 0.01 s"):
            await breaker.call_async(asyncio.sleep, 60)
        with pytest.raises(TimeoutError, match="mine"):
            await breaker.call_async(own)
        assert breaker.state is CircuitState.OPEN

    asyncio.run(story())


def test_a_cancelled_call_is_no_verdict():
    """Cancelling a probe gives its permit back and leaves the state alone."""
    clock = HandClock()
    breaker = broken(clock)
    clock.advance(5)

    async def story():
        probe = asyncio.ensure_future(breaker.call_async(asyncio.sleep, 60))
        await asyncio.sleep(0)
        with pytest.raises(BreakerOpenError):
            await breaker.call_async(asyncio.sleep, 0)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        assert breaker.state is CircuitState.HALF_OPEN
        await breaker.call_async(asyncio.sleep, 0)

    asyncio.run(story())
    assert (breaker.state, breaker.snapshot().failure_count) == (CircuitState.CLOSED, 2)


def test_a_late_result_does_not_count():
    """A call admitted before the breaker opened says nothing about the state after."""
    clock = HandClock()
    breaker = CircuitBreaker("orders", SETTINGS, clock=clock)

    def overtaken():
        breaker.trip("by hand")
        clock.advance(5)
        breaker.refresh()
        fail()

    with pytest.raises(ConnectionError):
        breaker.call(overtaken)
    assert (breaker.state, breaker.snapshot().late_count) == (CircuitState.HALF_OPEN, 1)


def test_decorators_keep_kind_and_name():
    """A function stays a function, a coroutine function one; both are protected."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=2), clock=HandClock())

    @breaker
    def plain(value):
        """Its text."""
        return value

    @breaker
    async def waiting():
        raise ConnectionError

    assert (plain(3), plain.__name__, plain.__doc__) == (3, "plain", "Its text.")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            asyncio.run(waiting())
    with pytest.raises(BreakerOpenError):
        asyncio.run(waiting())
    with pytest.raises(BreakerOpenError):
        plain(3)


def test_a_generator_function_is_refused():
    """Its call succeeds before its body runs, so a decorator would count successes only: a guard is the remedy."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=1), clock=HandClock())

    def pages(_=None):
        yield 1
        raise ConnectionError

    async def events():
        yield 1

    for generator in (pages, events, partial(pages, 1)):
        with pytest.raises(ConfigurationError, match=r"'orders'.*guard\(\)"):
            breaker(generator)
    assert breaker.snapshot().success_count == 0
    with pytest.raises(ConnectionError), breaker.guard():
        list(pages())
    assert breaker.snapshot().failure_count == 1


def test_an_asynchronous_guard_protects_a_block():
    """`async with breaker.guard()` counts the block."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=1, call_timeout_s=5), clock=HandClock())

    async def story():
        async with breaker.guard():
            pass
        async with breaker.guard():
            fail()

    with pytest.raises(ConnectionError):
        asyncio.run(story())
    assert breaker.state is CircuitState.OPEN


def test_listeners_hear_changes_in_order_and_cannot_disturb():
    """They run outside the lock, may call the breaker, and their errors are only counted."""
    clock, heard = HandClock(), []

    def curious(event):
        heard.append((event.previous, event.state, event.at, breaker.snapshot().state))

    def meddling(event):
        if event.state is CircuitState.OPEN:
            breaker.reset("too early")

    def raising(event):
        raise RuntimeError("listener")

    breaker = CircuitBreaker("orders", SETTINGS, clock=clock, listeners=[raising, curious, meddling])
    breaker.trip("by hand")
    now = clock.now()
    assert heard == [
        (CircuitState.CLOSED, CircuitState.OPEN, now, CircuitState.OPEN),
        (CircuitState.OPEN, CircuitState.CLOSED, now, CircuitState.CLOSED),
    ]
    assert breaker.snapshot().listener_error_count == 2


def test_tripping_an_open_breaker_begins_its_time_anew():
    """The second trip is no event, but the wait starts again."""
    clock, heard = HandClock(), []
    breaker = CircuitBreaker("orders", SETTINGS, clock=clock, listeners=[heard.append])
    breaker.trip("first")
    clock.advance(4)
    breaker.trip("second")
    clock.advance(4)
    assert (breaker.refresh(), breaker.snapshot().reason, len(heard)) == (CircuitState.OPEN, "second", 1)
    assert heard[0].to_record("incident-1").message == "Breaker orders: CLOSED to OPEN, first"


def test_checks_from_outside_trip_it():
    """A health check's verdicts count like calls."""
    breaker = CircuitBreaker("orders", SETTINGS, clock=HandClock())
    breaker.report(Verdict.FAILURE, "probe failed")
    breaker.report(Verdict.FAILURE, "probe failed")
    assert breaker.snapshot().reason == "2 failures within 10 s, the last: probe failed"


@pytest.mark.parametrize("probes", [1, 3])
def test_half_open_lets_exactly_the_probes_through(probes):
    """Of 200 callers at once, N reach the dependency while none has returned."""
    clock = HandClock()
    breaker = broken(clock, replace(SETTINGS, half_open_probes=probes))
    clock.advance(5)
    callers, arrived, go = 200, [], threading.Event()
    refused = threading.Semaphore(0)

    def dependency():
        arrived.append(1)
        assert go.wait(30)

    def caller(_):
        try:
            breaker.call(dependency)
        except BreakerOpenError:
            refused.release()

    with ThreadPoolExecutor(callers) as pool:
        calls = [pool.submit(caller, i) for i in range(callers)]
        for _ in range(callers - probes):
            assert refused.acquire(timeout=30)
        go.set()
        for call in calls:
            call.result()
    assert (len(arrived), breaker.state) == (probes, CircuitState.CLOSED)


def test_callers_never_wait_for_each_other():
    """Five calls are inside the protected function at the same time: no lock is held during a call."""
    breaker = CircuitBreaker("orders", SETTINGS, clock=HandClock())
    meeting = threading.Barrier(5)
    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(lambda _: breaker.call(meeting.wait, 30), range(5))) == [0, 1, 2, 3, 4]


def test_an_interrupt_is_no_verdict():
    """KeyboardInterrupt and the like pass through and say nothing about the dependency."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=1), clock=HandClock())
    with pytest.raises(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt
    assert (breaker.state, breaker.snapshot().failure_count) == (CircuitState.CLOSED, 0)
