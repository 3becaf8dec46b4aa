"""What the measurement of breakers is made of; the costs themselves are not tested."""

import asyncio

import pytest

from benchmarks.breaker_cost import (
    BARE,
    EXTRAS,
    MAKERS,
    OURS,
    Sizes,
    answer,
    answer_async,
    closed_async_ns,
    crowd,
    crowd_async,
    main,
    opened,
    parallel_s,
)

SIZES = Sizes(rounds=1, calls=20, crowd=6, dead_s=0.1, call_s=0.01)


def test_every_breaker_lets_calls_through_when_closed():
    """What is timed is a call, not an error; the coroutine function is awaited."""
    for maker in (MAKERS | EXTRAS).values():
        if maker.sync:
            assert maker.sync(5, 60.0)(answer)(7) == 7
        if maker.waiting:
            assert asyncio.run(maker.waiting(5, 60.0)(answer_async)(7)) == 7


@pytest.mark.parametrize("name", MAKERS)
def test_every_breaker_refuses_when_open(name):
    """What is timed as a refusal is one; a breaker that lets calls through is noticed."""
    opened(MAKERS[name].sync)
    with pytest.raises(RuntimeError, match="is not open"):
        opened(lambda threshold, reset_s: lambda function: function)


def test_the_asynchronous_figures_leave_out_what_cannot_wait():
    """Every other breaker and the bare call have one."""
    wanted = {BARE} | {name for name, maker in (MAKERS | EXTRAS).items() if maker.waiting}
    assert set(closed_async_ns(SIZES)) == wanted


def test_a_crowd_is_counted():
    """Ours lets its one probe through; without a breaker all arrive, so the count can tell."""
    assert (crowd(MAKERS[OURS].sync, 6, 0.1), crowd_async(MAKERS[OURS].waiting, 6, 0.1)) == (1, 1)
    assert crowd(lambda threshold, reset_s: lambda function: function, 6, 0.1) == 6


def test_parallel_calls_take_at_least_one():
    """The clock runs around the calls."""
    assert parallel_s(MAKERS[OURS].sync, 0.02) >= 0.02


def test_the_tables_hold_every_breaker(capsys):
    """Each has its row in both."""
    assert main(SIZES) == 0
    out = capsys.readouterr().out
    assert {out.count(f"\n| {name} |") for name in MAKERS} == {2}
