"""Tells listeners of changes: in order, outside the breaker's lock, bounded, and without disturbing the callers."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock

from service.recovery.breakers.events import BreakerEvent

Listener = Callable[[BreakerEvent], None]
MAX_WAITING = 1000
MAX_KEPT = 100


class Bulletin:
    """Events that wait for delivery, and the latest ones for those who ask.

    Parameters
    ----------
    listeners
        Called with every event; one that raises is counted.

    Attributes
    ----------
    latest
        The last ``MAX_KEPT`` events, oldest first.
    waiting
        Events not delivered yet; the oldest is lost when there are more than ``MAX_WAITING``.
    error_count
        Calls of listeners that raised.
    lost_count
        Events that were never delivered.
    """

    __slots__ = ("_delivery", "_listeners", "error_count", "latest", "lost_count", "waiting")

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)
        self._delivery = Lock()
        self.latest: deque[BreakerEvent] = deque(maxlen=MAX_KEPT)
        self.waiting: deque[BreakerEvent] = deque(maxlen=MAX_WAITING)
        self.error_count = 0
        self.lost_count = 0

    def post(self, event: BreakerEvent) -> None:
        """Add an event; under the breaker's lock, so that the order is that of the changes.

        Parameters
        ----------
        event
            To be told.
        """
        self.latest.append(event)
        if self._listeners:
            self.lost_count += len(self.waiting) == MAX_WAITING
            self.waiting.append(event)

    def deliver(self) -> None:
        """Tell what waits; outside the breaker's lock.

        Whoever delivers also delivers what others add meanwhile, so the order holds and nobody waits for a listener.
        """
        while self.waiting and self._delivery.acquire(blocking=False):
            try:
                while self.waiting:
                    self._tell(self.waiting.popleft())
            finally:
                self._delivery.release()

    def _tell(self, event: BreakerEvent) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001  # a listener may raise anything, and must not fail the protected call
                self.error_count += 1
