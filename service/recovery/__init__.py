"""The pure engine core: no I/O; time is an argument or an injected clock, and no thread is ever started.

Applications use breaker, bulkhead, levels and routes directly: ``from service.recovery import CircuitBreaker``.
"""

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
from service.recovery.degradation import Degradation, Ladder, Level, LevelChange
from service.recovery.routes import RouteBlockedError, RouteGuard, RouteRules, RouteTable

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
