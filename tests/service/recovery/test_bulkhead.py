"""A bulkhead bounds what runs and what waits, and never leaks a place."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.errors import ConfigurationError
from service.recovery.bulkhead import Bulkhead, BulkheadFullError


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
    bulkhead = Bulkhead("orders", max_running=2, max_waiting=3, max_wait_s=30)
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
    bulkhead = Bulkhead("orders", max_running=1, max_waiting=1, max_wait_s=0.01)
    with bulkhead.place(), pytest.raises(BulkheadFullError, match=r"within 0.01 s"):
        bulkhead.call(len, "abc")
    assert (bulkhead.snapshot().waiting, bulkhead.call(len, "abc")) == (0, 3)


def test_an_error_gives_the_place_back():
    """Exceptions pass through a decorated function, and the place is free again."""
    bulkhead = Bulkhead("orders", max_running=1)

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
        Bulkhead("orders", **wrong)
