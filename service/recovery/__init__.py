"""The pure engine core: no I/O and no thread; time is an argument or an injected clock.

Applications use the breaker directly: ``from service.recovery import CircuitBreaker``.
"""

from service.recovery.breakers import BreakerOpenError, BreakerSettings, BreakerSnapshot, CircuitBreaker, CircuitState

__all__ = ["BreakerOpenError", "BreakerSettings", "BreakerSnapshot", "CircuitBreaker", "CircuitState"]
