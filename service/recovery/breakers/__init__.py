"""Circuit breakers: ``machine`` decides, ``window`` counts, ``states`` holds the table, ``breaker`` is for callers.

``permits`` and ``decorators`` are two more ways in, ``bulletin`` tells listeners, ``metrics`` writes for Prometheus.
"""

from service.recovery.breakers.board import BreakerBoard
from service.recovery.breakers.breaker import CircuitBreaker
from service.recovery.breakers.bulletin import Listener
from service.recovery.breakers.events import BreakerEvent, BreakerOpenError, BreakerSnapshot, CallTimeoutError
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.breakers.states import CircuitSignal, CircuitState, Verdict

__all__ = [
    "BreakerBoard",
    "BreakerEvent",
    "BreakerOpenError",
    "BreakerSettings",
    "BreakerSnapshot",
    "CallTimeoutError",
    "CircuitBreaker",
    "CircuitSignal",
    "CircuitState",
    "Listener",
    "Verdict",
]
