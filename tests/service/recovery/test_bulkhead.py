"""A bulkhead bounds what runs and what waits, and never leaks a place."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.errors import ConfigurationError, UnknownNameError
from service.recovery.bulkhead import Bulkhead, BulkheadBoard, BulkheadFullError, BulkheadSettings


def until(condition):
    """Wait for another thread to get somewhere."""
    pause = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        pause.wait(0.001)
    raise TimeoutError


def test_places_and_queue_are_bounded():
    """Two run, three wait, the sixth is refused; the waiting ones follow in their order."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=2, max_waiting=3, max_wait_s=30))
    go, order = threading.Event(), []

    def work(number):
        order.append(number)
        assert go.wait(30)

    with ThreadPoolExecutor(5) as pool:
        calls = []
        for number in range(5):
            calls.append(pool.submit(bulkhead.call, work, number))
            until(lambda n=number: sum((bulkhead.snapshot().running, bulkhead.snapshot().waiting)) == n + 1)
        until(lambda: len(order) == 2)
        snapshot = bulkhead.snapshot()
        assert (snapshot.running, snapshot.waiting) == (2, 3)
        with pytest.raises(BulkheadFullError, match="2 calls run and 3 callers wait"):
            bulkhead.call(len, "abc")
        go.set()
        for call in calls:
            call.result()
    snapshot = bulkhead.snapshot()
    assert (sorted(order[:2]), snapshot.running, snapshot.waiting, snapshot.rejected_count) == ([0, 1], 0, 0, 1)
    assert len(order) == 5


def test_nobody_waits_for_ever():
    """A caller whose time is over is refused and leaves the queue."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=1, max_waiting=1, max_wait_s=0.01))
    with bulkhead.place(), pytest.raises(BulkheadFullError, match=r"within 0.01 s"):
        bulkhead.call(len, "abc")
    assert (bulkhead.snapshot().waiting, bulkhead.call(len, "abc")) == (0, 3)


def test_an_error_gives_the_place_back():
    """Exceptions pass through a decorated function, and the place is free again."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=1))

    @bulkhead
    def broken():
        """Its text."""
        raise KeyError("x")

    for _ in range(3):
        with pytest.raises(KeyError):
            broken()
    assert (bulkhead.snapshot().running, broken.__doc__) == (0, "Its text.")


@pytest.mark.parametrize(
    "wrong", [{"max_running": 0}, {"max_waiting": -1}, {"max_wait_s": 0}, {"max_wait_s": float("nan")}]
)
def test_a_bulkhead_without_a_place_is_refused(wrong):
    """The error names the numbers."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        BulkheadSettings(**wrong)


def figures(bulkhead):
    """Running, waiting, refused."""
    snapshot = bulkhead.snapshot()
    return snapshot.running, snapshot.waiting, snapshot.rejected_count


def test_tasks_wait_in_their_order():
    """One runs, three wait without blocking the loop, the fifth is refused; decorated as well."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=1, max_waiting=3, max_wait_s=30))
    order = []

    async def story():
        go = asyncio.Event()

        @bulkhead
        async def work(number):
            order.append(number)
            await go.wait()
            return number

        tasks = [asyncio.ensure_future(work(number)) for number in range(4)]
        await asyncio.sleep(0)
        assert (figures(bulkhead), order) == ((1, 3, 0), [0])
        with pytest.raises(BulkheadFullError, match="1 calls run and 3 callers wait"):
            await bulkhead.call_async(asyncio.sleep, 0)
        go.set()
        assert await asyncio.gather(*tasks) == [0, 1, 2, 3]

    asyncio.run(story())
    assert (figures(bulkhead), order) == ((0, 0, 1), [0, 1, 2, 3])


@pytest.mark.parametrize("is_handed", [False, True])
def test_a_cancelled_caller_leaves_nothing_behind(is_handed):
    """Cancelled in the queue, or in the very moment in which it was handed the place."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=1, max_waiting=2, max_wait_s=30))

    async def story():
        place = bulkhead.place()
        await place.__aenter__()
        first, second = (asyncio.ensure_future(bulkhead.call_async(asyncio.sleep, 0)) for _ in range(2))
        await asyncio.sleep(0)
        if is_handed:
            await place.__aexit__(None, None, None)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        if not is_handed:
            assert figures(bulkhead) == (1, 1, 0)
            await place.__aexit__(None, None, None)
        await second

    asyncio.run(story())
    assert figures(bulkhead) == (0, 0, 0)


def test_no_task_waits_for_ever():
    """A task whose time is over is refused and leaves the queue."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=1, max_waiting=1, max_wait_s=0.01))

    async def story():
        async with bulkhead.place():
            with pytest.raises(BulkheadFullError, match=r"within 0.01 s"):
                await bulkhead.call_async(asyncio.sleep, 0)

    asyncio.run(story())
    assert figures(bulkhead) == (0, 0, 1)


def test_nobody_overtakes():
    """A caller that comes while a place changes hands stands behind those who waited, threads and tasks alike."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=1, max_waiting=5, max_wait_s=30))
    order = []

    async def story():
        place = bulkhead.place()
        place.__enter__()
        with ThreadPoolExecutor(1) as pool:
            thread = pool.submit(bulkhead.call, order.append, "thread")
            await asyncio.to_thread(until, lambda: bulkhead.snapshot().waiting == 1)

            async def work():
                order.append("task")

            task = asyncio.ensure_future(bulkhead.call_async(work))
            await asyncio.sleep(0)
            place.__exit__(None, None, None)
            late = asyncio.ensure_future(bulkhead.call_async(work))
            await asyncio.gather(task, late)
            thread.result()

    asyncio.run(story())
    assert (order, figures(bulkhead)) == (["thread", "task", "task"], (0, 0, 0))


def test_a_task_of_a_loop_that_has_ended_gets_no_place():
    """Its place goes to the next in the queue, or is free."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=1, max_waiting=2, max_wait_s=30))
    place = bulkhead.place()
    place.__enter__()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(bulkhead.call_async(asyncio.sleep, 0))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    place.__exit__(None, None, None)
    assert (figures(bulkhead), bulkhead.call(len, "abc")) == ((0, 0, 0), 3)
    waiting._log_destroy_pending = False
    waiting.get_coro().close()
    assert figures(bulkhead) == (0, 0, 0)


def test_a_generator_function_is_refused_by_a_bulkhead():
    """Its place would be given back before its body runs."""

    def pages():
        yield 1

    with pytest.raises(ConfigurationError, match=r"'orders'.*place\(\)"):
        Bulkhead("orders")(pages)


def test_under_many_threads_no_more_than_the_places_run():
    """Of 64 threads, never more than three are inside, all get through, and nothing is left."""
    bulkhead = Bulkhead("orders", BulkheadSettings(max_running=3, max_waiting=64, max_wait_s=30))
    lock, inside, most = threading.Lock(), 0, 0

    def work():
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        with lock:
            inside -= 1

    with ThreadPoolExecutor(64) as pool:
        for call in [pool.submit(bulkhead.call, work) for _ in range(500)]:
            call.result()
    assert 1 <= most <= 3
    assert figures(bulkhead) == (0, 0, 0)


def test_each_boundary_has_its_own_bulkhead():
    """One that is full leaves the others free; an unknown boundary is named."""
    board = BulkheadBoard({"shop": BulkheadSettings(max_running=1), "bank": BulkheadSettings(max_running=1)})
    with board.of("shop").place():
        with pytest.raises(BulkheadFullError, match="'shop'"):
            board.of("shop").call(len, "abc")
        assert board.of("bank").call(len, "abc") == 3
    assert [(s.name, s.rejected_count) for s in board.snapshots()] == [("shop", 1), ("bank", 0)]
    with pytest.raises(UnknownNameError, match=r"Unknown boundary 'cart'. Remedy: Use one of: bank, shop"):
        board.of("cart")
