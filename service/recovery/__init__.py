"""The pure engine core: no I/O; time is an argument or an injected clock, and no thread is ever started.

Applications use breaker and bulkhead directly: ``from service.recovery import CircuitBreaker``.
"""

from service.recovery.breakers import BreakerOpenError, BreakerSettings, BreakerSnapshot, CircuitBreaker, CircuitState
from service.recovery.bulkhead import Bulkhead, BulkheadFullError

__all__ = [
    "BreakerOpenError",
    "BreakerSettings",
    "BreakerSnapshot",
    "Bulkhead",
    "BulkheadFullError",
    "CircuitBreaker",
    "CircuitState",
]
