"""What a circuit breaker costs a call, and what it does under a crowd: ours beside four others, in one run.

    .venv/bin/python benchmarks/breaker_cost.py

Costs are CPU time: rounds of many calls, the breakers in turn, the median of all rounds; the bare call is subtracted
from what a call costs behind a closed breaker, and shown. Every breaker decorates the same function. The others get a
threshold and an open time, which is all that most of them have; ours counts failures, shares and slow calls in a window
of a hundred calls, and the extras stand in rows of their own.
"""

import asyncio
import gc
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import repeat
from typing import Any

import aiobreaker
import circuitbreaker
import purgatory
import pybreaker

from service.recovery import BreakerOpenError, BreakerSettings, CircuitBreaker

OURS = "Faultline"
BARE = "bare call"
FULL = BreakerSettings(
    failure_threshold=5,
    failure_rate=0.5,
    slow_call_s=1.0,
    slow_call_rate=0.5,
    minimum_calls=20,
    window_calls=100,
    excluded=(KeyError,),
)
NEVER_S = 3600.0
Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured.

    Parameters
    ----------
    rounds
        So often each breaker has its turn.
    calls
        So many calls a turn.
    crowd
        So many callers at a half-open breaker.
    dead_s
        So long the dead dependency takes to fail, seconds.
    call_s
        Length of one of five parallel calls, seconds.
    """

    rounds: int = 41
    calls: int = 5000
    crowd: int = 1000
    dead_s: float = 0.3
    call_s: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """How one library protects a function.

    Parameters
    ----------
    sync, waiting
        From failures until it opens and seconds until it tries again, to a decorator of functions and of coroutine
        functions; None if the library has none.
    """

    sync: Callable[[int, float], Decorator] | None
    waiting: Callable[[int, float], Decorator] | None


def ours(settings: BreakerSettings) -> Maker:
    """Make ours.

    Parameters
    ----------
    settings
        Features; the threshold and the open time are replaced.

    Returns
    -------
    Maker
        Sync and async are one.
    """

    def make(threshold: int, reset_s: float) -> Decorator:
        return CircuitBreaker("x", replace(settings, failure_threshold=threshold, reset_timeout_s=reset_s))

    return Maker(sync=make, waiting=make)


def _circuitbreaker(threshold: int, reset_s: float) -> Decorator:
    return circuitbreaker.CircuitBreaker(failure_threshold=threshold, recovery_timeout=reset_s)


def _pybreaker(threshold: int, reset_s: float) -> Decorator:
    return pybreaker.CircuitBreaker(fail_max=threshold, reset_timeout=reset_s)


def _aiobreaker(threshold: int, reset_s: float) -> Decorator:
    return aiobreaker.CircuitBreaker(fail_max=threshold, timeout_duration=timedelta(seconds=reset_s))


def _purgatory_sync(threshold: int, reset_s: float) -> Decorator:
    factory = purgatory.SyncCircuitBreakerFactory(default_threshold=threshold, default_ttl=reset_s)
    return factory("x")


def _purgatory_async(threshold: int, reset_s: float) -> Decorator:
    factory = purgatory.AsyncCircuitBreakerFactory(default_threshold=threshold, default_ttl=reset_s)
    return factory("x")


MAKERS = {
    OURS: ours(FULL),
    "circuitbreaker": Maker(sync=_circuitbreaker, waiting=_circuitbreaker),
    "pybreaker": Maker(sync=_pybreaker, waiting=None),
    "aiobreaker": Maker(sync=_aiobreaker, waiting=_aiobreaker),
    "purgatory": Maker(sync=_purgatory_sync, waiting=_purgatory_async),
}
EXTRAS = {
    f"{OURS}, defaults": ours(BreakerSettings()),
    f"{OURS}, results judged too": ours(replace(FULL, failed_result=lambda result: result is None)),
    f"{OURS}, call timeout too": ours(replace(FULL, call_timeout_s=5.0)),
}


def answer(value: int) -> int:
    """Answer at once.

    Parameters
    ----------
    value
        Anything.

    Returns
    -------
    int
        The same.
    """
    return value


async def answer_async(value: int) -> int:
    """Answer at once, without giving way.

    Parameters
    ----------
    value
        Anything.

    Returns
    -------
    int
        The same.
    """
    return value


def closed_ns(sizes: Sizes) -> dict[str, float]:
    """CPU nanoseconds of a call that succeeds.

    Parameters
    ----------
    sizes
        How much.

    Returns
    -------
    dict of str to float
        By breaker; the bare call as well.
    """
    functions = {BARE: answer} | {
        name: maker.sync(5, NEVER_S)(answer) for name, maker in (MAKERS | EXTRAS).items() if maker.sync
    }
    return _medians(functions, _calls_ns, sizes)


def closed_async_ns(sizes: Sizes) -> dict[str, float]:
    """CPU nanoseconds of an awaited call that succeeds.

    Parameters
    ----------
    sizes
        How much.

    Returns
    -------
    dict of str to float
        By breaker; the bare call as well.
    """
    functions = {BARE: answer_async} | {
        name: maker.waiting(5, NEVER_S)(answer_async) for name, maker in (MAKERS | EXTRAS).items() if maker.waiting
    }
    return asyncio.run(_medians_async(functions, sizes))


def refused_ns(sizes: Sizes) -> dict[str, float]:
    """CPU nanoseconds of a call that an open breaker refuses, the caught exception included.

    Parameters
    ----------
    sizes
        How much.

    Returns
    -------
    dict of str to float
        By breaker; a bare call that raises as well.
    """
    functions = {BARE: _fail} | {name: opened(maker.sync) for name, maker in MAKERS.items() if maker.sync}
    return _medians(functions, _refusals_ns, sizes)


def opened(make: Callable[[int, float], Decorator]) -> Function:
    """Put a function behind a breaker that is open.

    Parameters
    ----------
    make
        The breaker.

    Returns
    -------
    Callable
        Refuses every call.

    Raises
    ------
    RuntimeError
        If calls still come through.
    """
    arrived = []

    def failing(_: int = 0) -> None:
        arrived.append(1)
        raise ConnectionError

    function = make(5, NEVER_S)(failing)
    for _ in range(5):
        with suppress(Exception):
            function(0)
    before = len(arrived)
    with suppress(Exception):
        function(0)
    if len(arrived) != before:
        raise RuntimeError(f"{make} is not open")
    return function


def crowd(make: Callable[[int, float], Decorator], callers: int, dead_s: float) -> int:
    """Count the calls that reach a dead dependency when a crowd of threads calls through a half-open breaker.

    Parameters
    ----------
    make
        The breaker.
    callers
        So many.
    dead_s
        So long the dependency takes to fail, seconds.

    Returns
    -------
    int
        Calls that arrived.
    """
    arrived: list[int] = []
    gate = threading.Barrier(callers)

    def dead(number: int) -> None:
        arrived.append(number)
        if number >= 0:
            time.sleep(dead_s)
        raise ConnectionError

    function = make(1, dead_s / 2)(dead)

    def caller(number: int) -> None:
        gate.wait()
        with suppress(Exception):
            function(number)

    with suppress(Exception):
        function(-1)
    time.sleep(dead_s)
    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(caller, range(callers)))
    return sum(number >= 0 for number in arrived)


def crowd_async(make: Callable[[int, float], Decorator], callers: int, dead_s: float) -> int:
    """Count the calls that reach a dead dependency when a crowd of tasks calls through a half-open breaker.

    Parameters
    ----------
    make
        The breaker.
    callers
        So many.
    dead_s
        So long the dependency takes to fail, seconds.

    Returns
    -------
    int
        Calls that arrived.
    """
    arrived: list[int] = []

    async def dead(number: int) -> None:
        arrived.append(number)
        if number >= 0:
            await asyncio.sleep(dead_s)
        raise ConnectionError

    async def story() -> None:
        function = make(1, dead_s / 2)(dead)
        with suppress(Exception):
            await function(-1)
        await asyncio.sleep(dead_s)
        await asyncio.gather(*(function(number) for number in range(callers)), return_exceptions=True)

    asyncio.run(story())
    return sum(number >= 0 for number in arrived)


def parallel_s(make: Callable[[int, float], Decorator], call_s: float) -> float:
    """Time five parallel calls from threads.

    Parameters
    ----------
    make
        The breaker.
    call_s
        Length of one, seconds.

    Returns
    -------
    float
        Wall seconds of all.
    """

    def slow(seconds: float) -> None:
        time.sleep(seconds)

    function = make(5, NEVER_S)(slow)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(answer, range(5)))
        began = time.perf_counter()
        list(pool.map(function, repeat(call_s, 5)))
        return time.perf_counter() - began


def costs(sizes: Sizes) -> str:
    """Measure what calls cost.

    Parameters
    ----------
    sizes
        How much.

    Returns
    -------
    str
        A Markdown table.
    """
    sync, waiting, refused = closed_ns(sizes), closed_async_ns(sizes), refused_ns(sizes)
    lines = [
        "| breaker | closed, sync: added ns | closed, async: added ns | a refusal, ns |",
        "| --- | --- | --- | --- |",
        f"| {BARE} itself | {sync[BARE]:.0f} | {waiting[BARE]:.0f} | {refused[BARE]:.0f} (raises) |",
    ]
    for name in (*MAKERS, *EXTRAS):
        added = f"{sync[name] - sync[BARE]:.0f}"
        added_async = f"{waiting[name] - waiting[BARE]:.0f}" if name in waiting else "–"
        lines.append(f"| {name} | {added} | {added_async} | {_told(refused.get(name))} |")
    fastest = min(set(MAKERS) - {OURS}, key=sync.__getitem__)
    ratios = [
        (taken[OURS] - taken[BARE])
        / (min(taken[name] for name in MAKERS if name in taken and name != OURS) - taken[BARE])
        for taken in (sync, waiting)
    ]
    lines.append("")
    lines.append(f"Against the fastest other ({fastest}): {ratios[0]:.2f} sync, {ratios[1]:.2f} async.")
    return "\n".join(lines)


def behaviour(sizes: Sizes) -> str:
    """Measure what the breakers do under a crowd.

    Parameters
    ----------
    sizes
        How much.

    Returns
    -------
    str
        A Markdown table.
    """
    count, wall = sizes.crowd, f"five calls of {sizes.call_s:g} s in parallel, s"
    lines = [
        f"| breaker | half-open, {count} threads: reach the dead dependency | ... {count} tasks | {wall} |",
        "| --- | --- | --- | --- |",
    ]
    for name, maker in MAKERS.items():
        threads = crowd(maker.sync, sizes.crowd, sizes.dead_s) if maker.sync else "–"
        tasks = crowd_async(maker.waiting, sizes.crowd, sizes.dead_s) if maker.waiting else "–"
        taken_s = _told(parallel_s(maker.sync, sizes.call_s) if maker.sync else None, 3)
        lines.append(f"| {name} | {threads} | {tasks} | {taken_s} |")
    return "\n".join(lines)


def _told(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _medians(
    functions: dict[str, Function], measure: Callable[[Function, int], float], sizes: Sizes
) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in functions}
    gc.disable()
    for _ in range(sizes.rounds):
        for name, function in functions.items():
            taken[name].append(measure(function, sizes.calls))
    gc.enable()
    return {name: statistics.median(values) for name, values in taken.items()}


async def _medians_async(functions: dict[str, Callable[..., Awaitable[Any]]], sizes: Sizes) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in functions}
    gc.disable()
    for _ in range(sizes.rounds):
        for name, function in functions.items():
            began = time.process_time_ns()
            for _ in repeat(None, sizes.calls):
                await function(1)
            taken[name].append((time.process_time_ns() - began) / sizes.calls)
    gc.enable()
    return {name: statistics.median(values) for name, values in taken.items()}


def _calls_ns(function: Function, calls: int) -> float:
    began = time.process_time_ns()
    for _ in repeat(None, calls):
        function(1)
    return (time.process_time_ns() - began) / calls


def _refusals_ns(function: Function, calls: int) -> float:
    began = time.process_time_ns()
    for _ in repeat(None, calls):
        try:  # noqa: SIM105  # suppress would be timed as well
            function(1)
        except Exception:  # noqa: BLE001, S110  # each library has its own
            pass
    return (time.process_time_ns() - began) / calls


def _fail(_: int) -> None:
    raise BreakerOpenError("x", "", 0.0)


def main(sizes: Sizes | None = None) -> int:
    """Print both tables.

    Parameters
    ----------
    sizes
        How much; the full measurement if not given.

    Returns
    -------
    int
        0.
    """
    chosen = sizes or Sizes()
    print(costs(chosen), end="\n\n")
    print(behaviour(chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
