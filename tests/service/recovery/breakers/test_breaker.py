"""The breaker as applications use it."""

import asyncio
import copy
import math
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest

from models.errors import ConfigurationError
from service.recovery import BreakerOpenError, BreakerSettings, CircuitBreaker, CircuitState
from service.recovery.breakers import CallTimeoutError, Verdict
from service.recovery.breakers.permits import PermitReusedError
from service.recovery.breakers.states import IllegalSignalError
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


def test_a_jump_of_the_machines_own_wall_clock_changes_nothing(monkeypatch):
    """With the clock that ships, a day forward or back in the wall clock moves neither the wait nor the refusal."""
    breaker = CircuitBreaker("orders", replace(SETTINGS, reset_timeout_s=3600))
    breaker.trip("drill")
    for days in (-1, 1):

        class Jumped(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + timedelta(days=days)  # noqa: B023  # used within the turn of the loop

        monkeypatch.setattr("service.clock.datetime", Jumped)
        monkeypatch.setattr("time.time", lambda real=time.time, days=days: real() + days * 86_400)
        assert breaker.refresh() is CircuitState.OPEN
        with pytest.raises(BreakerOpenError) as refused:
            breaker.call(len, "abc")
        assert 3500 < refused.value.retry_after_s <= 3600
        assert abs(breaker.snapshot().opened_at - Jumped.now(UTC)) < timedelta(minutes=1)


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


def test_failures_of_a_decorated_function_count():
    """Each is told, and the breaker opens."""
    breaker = CircuitBreaker("orders", SETTINGS, clock=HandClock())
    for _ in range(2):
        with pytest.raises(ConnectionError):
            breaker(fail)()
    assert (breaker.state, breaker.snapshot().failure_count) == (CircuitState.OPEN, 2)


def test_an_asynchronous_guard_keeps_the_call_timeout():
    """The block is cancelled at the limit, and that is a failure."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=1, call_timeout_s=0.01))

    async def story():
        async with breaker.guard():
            await asyncio.sleep(60)

    with pytest.raises(CallTimeoutError):
        asyncio.run(story())
    assert (breaker.state, breaker.snapshot().failure_count) == (CircuitState.OPEN, 1)


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
    """Of 1,000 threads at once, N reach the dependency while none has returned."""
    clock = HandClock()
    breaker = broken(clock, replace(SETTINGS, half_open_probes=probes))
    clock.advance(5)
    callers, arrived, go = 1000, [], threading.Event()
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


@pytest.mark.parametrize("probes", [1, 3])
@pytest.mark.parametrize("is_back", [True, False])
def test_half_open_lets_exactly_the_probes_of_tasks_through(probes, is_back):
    """Of 1,000 tasks at once, N reach the dependency; they alone decide."""
    clock = HandClock()
    breaker = broken(clock, replace(SETTINGS, half_open_probes=probes))
    clock.advance(5)

    async def story():
        go, arrived = asyncio.Event(), []

        @breaker
        async def dependency():
            arrived.append(1)
            await go.wait()
            if not is_back:
                fail()

        calls = [asyncio.ensure_future(dependency()) for _ in range(1000)]
        await asyncio.sleep(0)
        go.set()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        return len(arrived), sum(isinstance(end, BreakerOpenError) for end in ends)

    assert asyncio.run(story()) == (probes, 1000 - probes)
    assert breaker.state is (CircuitState.CLOSED if is_back else CircuitState.OPEN)


def test_parallel_calls_take_no_longer_than_one():
    """Five calls of 0.2 s from five threads take about 0.2 s, far from the second that one after the other would."""
    breaker = CircuitBreaker("orders", SETTINGS)
    with ThreadPoolExecutor(5) as pool:
        began = time.monotonic()
        list(pool.map(breaker(time.sleep), [0.2] * 5))
        assert time.monotonic() - began < 0.7


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


def test_slow_calls_open_it():
    """Calls that answer, but too slowly: sync, async and in a block; the share and the figures are told."""
    clock = HandClock()
    chosen = BreakerSettings(slow_call_s=1, slow_call_rate=0.5, minimum_calls=4)
    breaker = CircuitBreaker("orders", chosen, clock=clock)

    async def slow():
        clock.advance(2)

    breaker.call(clock.advance, 1.0)
    breaker.call(clock.advance, 0.5)
    breaker.call(clock.advance, 1.5)
    assert (breaker.state, breaker.snapshot().slow_rate) == (CircuitState.CLOSED, pytest.approx(1 / 3))
    asyncio.run(breaker(slow)())
    snapshot = breaker.snapshot()
    assert (snapshot.state, snapshot.slow_count, snapshot.failure_count) == (CircuitState.OPEN, 2, 0)
    assert snapshot.reason == "2 of 4 calls took longer than 1 s within 60 s"


def test_a_share_of_failures_opens_it():
    """Not before there are enough calls; the rates of an empty window are unknown."""
    chosen = BreakerSettings(failure_threshold=None, failure_rate=0.5, minimum_calls=4, window_calls=10)
    breaker = CircuitBreaker("orders", chosen, clock=HandClock())
    assert math.isnan(breaker.snapshot().failure_rate)
    assert math.isnan(breaker.snapshot().slow_rate)
    for function in (fail, dict, fail):
        if function is fail:
            with pytest.raises(ConnectionError):
                breaker.call(fail)
        else:
            breaker.call(function)
    assert (breaker.state, breaker.snapshot().failure_rate) == (CircuitState.CLOSED, pytest.approx(2 / 3))
    with pytest.raises(ConnectionError):
        breaker.call(fail)
    assert (breaker.state, breaker.snapshot().opened_count) == (CircuitState.OPEN, 1)


def test_results_can_be_failures():
    """An answer that says so counts as a failure and is handed out all the same; its content stays private."""
    chosen = BreakerSettings(failure_threshold=3, failed_result=lambda result: result == "503, password hunter2")
    breaker = CircuitBreaker("orders", chosen, clock=HandClock())

    async def answers():
        return "503, password hunter2"

    assert breaker.call(str, "503, password hunter2") == "503, password hunter2"
    asyncio.run(breaker(answers)())
    assert breaker.call(str, "200") == "200"
    with breaker.guard() as permit:
        permit.fail("503")
    snapshot = breaker.snapshot()
    assert (snapshot.failure_count, snapshot.success_count, snapshot.last_failure) == (3, 1, "503")
    assert breaker.events[-1].reason == "3 failures within 60 s, the last: 503"
    assert "hunter2" not in repr((snapshot, breaker.events))


def test_a_broken_judge_of_results_does_not_keep_a_permit():
    """What it raises reaches the caller, and the probe is over: another may try."""
    clock = HandClock()
    breaker = broken(clock, replace(SETTINGS, failed_result=lambda result: result[0]))
    clock.advance(5)
    with pytest.raises(IndexError):
        breaker.call(str, "")
    assert (breaker.state, breaker.snapshot().last_failure) == (
        CircuitState.OPEN,
        "IndexError: string index out of range",
    )


def test_open_times_grow_and_vary():
    """Twice as long after each failed probe, up to the cap, each varied; back to the first after it has closed."""
    clock = HandClock()
    chosen = replace(SETTINGS, max_reset_timeout_s=15, reset_jitter=0.5)
    breaker = broken(clock, chosen, rng=Random(4))
    waits = []
    for _ in range(4):
        waits.append(breaker.snapshot().retry_after_s)
        clock.advance(waits[-1])
        with pytest.raises(ConnectionError):
            breaker.call(fail)
    draws = Random(4)
    assert waits == pytest.approx([base * (1 + 0.5 * draws.uniform(-1, 1)) for base in (5, 10, 15, 15)])
    clock.advance(breaker.snapshot().retry_after_s)
    breaker.call(dict)
    breaker.trip("again")
    draws.uniform(-1, 1)
    assert breaker.snapshot().retry_after_s == pytest.approx(5 * (1 + 0.5 * draws.uniform(-1, 1)))


def test_two_breakers_do_not_probe_in_step():
    """Without a seed given, the open times of two differ."""
    first, second = (broken(settings=replace(SETTINGS, reset_jitter=0.5)) for _ in range(2))
    assert first.snapshot().retry_after_s != second.snapshot().retry_after_s


def test_lost_probes_end():
    """A probe that never returns keeps the others out for the longest wait only; when it does return, it is late."""
    clock = HandClock()
    breaker = broken(clock, replace(SETTINGS, max_half_open_s=3))
    clock.advance(5)
    lost = breaker.guard()
    lost.__enter__()
    with pytest.raises(BreakerOpenError, match="again in 3 s"):
        breaker.call(dict)
    clock.advance(3)
    with pytest.raises(BreakerOpenError, match=r"probes did not return in time.*again in 10 s"):
        breaker.call(dict)
    lost.__exit__(None, None, None)
    assert (breaker.state, breaker.snapshot().late_count) == (CircuitState.OPEN, 1)


@pytest.mark.parametrize(
    ("state", "is_let_through", "counted"),
    [
        (CircuitState.FORCED_OPEN, False, 0),
        (CircuitState.DISABLED, True, 0),
        (CircuitState.METRICS_ONLY, True, 9),
    ],
)
def test_forced_states(state, is_let_through, counted):
    """Each treats calls in its way, for as long as a person wants; the change is told and reset is the way back."""
    clock, heard = HandClock(), []
    breaker = CircuitBreaker("orders", SETTINGS, clock=clock, listeners=[heard.append])
    breaker.force(state, "drill")
    for _ in range(9):
        with pytest.raises(ConnectionError if is_let_through else BreakerOpenError):
            breaker.call(fail)
        with pytest.raises(ConnectionError if is_let_through else BreakerOpenError), breaker.guard():
            fail()
        clock.advance(1000 if state is CircuitState.FORCED_OPEN else 0)
    assert breaker.refresh() is state
    snapshot = breaker.snapshot()
    assert (snapshot.reason, snapshot.recent_failures, snapshot.failure_count) == ("drill", 2 * counted, 2 * counted)
    with pytest.raises(IllegalSignalError, match=f"{state} cannot take TRIP"):
        breaker.trip("finding")
    breaker.reset()
    assert breaker.call(len, "abc") == 3
    assert [event.to_record().kind for event in heard] == ["CIRCUIT_BREAKER_FORCED", "CIRCUIT_BREAKER_RESET"]


def test_what_is_forced_open_says_how_to_get_out():
    """No time to wait for: somebody must reset it."""
    breaker = CircuitBreaker("orders", SETTINGS, clock=HandClock())
    breaker.force(CircuitState.FORCED_OPEN, "drill")
    with pytest.raises(BreakerOpenError, match=r"refuses the call: drill\. Remedy: reset it") as refused:
        breaker.call(dict)
    assert refused.value.retry_after_s == math.inf


@pytest.mark.parametrize("state", [CircuitState.OPEN, CircuitState.CLOSED, CircuitState.HALF_OPEN])
def test_only_forced_states_can_be_forced(state):
    """The others have their own ways."""
    breaker = CircuitBreaker("orders", SETTINGS, clock=HandClock())
    with pytest.raises(ConfigurationError, match=f"cannot be forced to {state}.*FORCED_OPEN, DISABLED, METRICS_ONLY"):
        breaker.force(state, "x")


def test_a_refusal_can_be_copied_and_sent():
    """Its text and fields survive, for example on the way out of a worker process."""
    breaker = broken()
    with pytest.raises(BreakerOpenError) as refused:
        breaker.call(dict)
    for twin in (copy.copy(refused.value), pickle.loads(pickle.dumps(refused.value))):  # noqa: S301  # our own bytes
        assert (str(twin), twin.retry_after_s, twin.remedy) == (str(refused.value), 5, "try again in 5 s")


def test_an_error_without_a_readable_text_passes_unchanged():
    """An exception whose text raises is counted by its kind, and the caller gets it."""

    class Mute(Exception):  # noqa: N818  # only of this test
        def __str__(self):
            raise RuntimeError("no text")

    breaker = CircuitBreaker("orders", SETTINGS, clock=HandClock())

    def mute():
        raise Mute

    with pytest.raises(Mute):
        breaker.call(mute)
    assert breaker.snapshot().last_failure == "Mute"


def test_a_coroutine_that_nobody_awaits_is_refused():
    """A coroutine function behind the synchronous call would count as a success before it begins."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=1), clock=HandClock())

    async def fetch():
        fail()

    class Fetcher:
        async def __call__(self):
            fail()

    for calling in (lambda: breaker.call(fetch), breaker(lambda: fetch())):  # noqa: PLW0108  # a plain function that gives a coroutine
        with pytest.raises(ConfigurationError, match="call_async"):
            calling()
    assert breaker.snapshot().success_count == 0
    with pytest.raises(ConnectionError):
        asyncio.run(breaker(Fetcher())())
    assert breaker.state is CircuitState.OPEN


def test_methods_can_be_decorated():
    """``self`` arrives, sync and async."""
    breaker = CircuitBreaker("orders", SETTINGS, clock=HandClock())

    class Shop:
        name = "shop"

        @breaker
        def plain(self, suffix=""):
            return self.name + suffix

        @breaker
        async def waiting(self):
            return self.name

    assert (Shop().plain(suffix="!"), asyncio.run(Shop().waiting())) == ("shop!", "shop")
    assert breaker.snapshot().success_count == 2


def test_a_permit_is_good_for_one_call():
    """Used twice, it would lose count of the probes."""
    permit = CircuitBreaker("orders", SETTINGS, clock=HandClock()).guard()
    with permit:
        pass
    with pytest.raises(PermitReusedError, match="used twice"), permit:
        pass


def test_a_permit_outside_a_task_is_given_back():
    """Where the call timeout cannot run, the probe is not lost."""
    clock = HandClock()
    breaker = broken(clock, replace(SETTINGS, call_timeout_s=1))
    clock.advance(5)
    entering = breaker.guard().__aenter__()
    with pytest.raises(RuntimeError):
        entering.send(None)
    assert breaker.call(len, "abc") == 3


def test_a_decorated_coroutine_function_keeps_the_call_timeout():
    """Cancelled at the limit, counted as a failure."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=1, call_timeout_s=0.01))

    @breaker
    async def hang():
        await asyncio.sleep(60)

    with pytest.raises(CallTimeoutError, match=r"'orders' took longer than 0.01 s"):
        asyncio.run(hang())
    assert breaker.state is CircuitState.OPEN


def test_events_are_kept_and_bounded():
    """The latest hundred can be read without a listener; those that a stuck listener leaves waiting are bounded."""
    stuck, go, heard = threading.Event(), threading.Event(), []

    def slow(event):
        heard.append(event)
        stuck.set()
        assert go.wait(30)

    breaker = CircuitBreaker("orders", SETTINGS, clock=HandClock(), listeners=[slow])
    thread = threading.Thread(target=breaker.trip, args=("first",))
    thread.start()
    assert stuck.wait(30)
    for number in range(600):
        breaker.reset()
        breaker.trip(f"number {number}")
    assert breaker.snapshot().lost_event_count == 200
    assert (len(breaker.events), breaker.events[-1].reason) == (100, "number 599")
    go.set()
    thread.join(30)
    assert len(heard) == 1001
    assert [event.reason for event in heard[-1:]] == ["number 599"]


def test_threads_lose_no_call():
    """Under many threads the totals add up and the window holds its size."""
    breaker = CircuitBreaker("orders", BreakerSettings(failure_threshold=None, failure_rate=1, window_calls=50))

    def work(number):
        with suppress(ConnectionError):
            breaker.call(fail if number % 5 == 0 else dict)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(5000)))
    snapshot = breaker.snapshot()
    assert (snapshot.success_count, snapshot.failure_count, snapshot.recent_calls) == (4000, 1000, 50)
