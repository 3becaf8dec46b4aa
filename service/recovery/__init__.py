"""The pure engine core: no I/O; time is an argument or an injected clock, and no thread is ever started.

Applications use breaker, bulkhead, levels and routes directly: ``from service.recovery import CircuitBreaker``.
The levels are loaded when they are asked for: with their conditions come data frames and half a second.
"""

from typing import TYPE_CHECKING, Any

from service.recovery.breakers import (
    BreakerBoard,
    BreakerEvent,
    BreakerOpenError,
    BreakerSettings,
    BreakerSnapshot,
    CallTimeoutError,
    CircuitBreaker,
    CircuitState,
    Verdict,
)
from service.recovery.bulkhead import Bulkhead, BulkheadBoard, BulkheadFullError, BulkheadSettings, BulkheadSnapshot
from service.recovery.routes import RouteBlockedError, RouteGuard, RouteRules, RouteTable

if TYPE_CHECKING:
    from service.recovery.degradation import Degradation, Ladder, Level, LevelChange

__all__ = [
    "BreakerBoard",
    "BreakerEvent",
    "BreakerOpenError",
    "BreakerSettings",
    "BreakerSnapshot",
    "Bulkhead",
    "BulkheadBoard",
    "BulkheadFullError",
    "BulkheadSettings",
    "BulkheadSnapshot",
    "CallTimeoutError",
    "CircuitBreaker",
    "CircuitState",
    "Degradation",
    "Ladder",
    "Level",
    "LevelChange",
    "RouteBlockedError",
    "RouteGuard",
    "RouteRules",
    "RouteTable",
    "Verdict",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from service.recovery import degradation

    return getattr(degradation, name)
