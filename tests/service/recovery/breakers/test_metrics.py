"""Breakers and bulkheads in the text that Prometheus reads."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service.recovery import Bulkhead, BulkheadFullError, BulkheadSettings, CircuitBreaker
from service.recovery.breakers import BreakerSettings
from service.recovery.breakers.metrics import GuardCollector
from tests.service.recovery.breakers.clock import HandClock


def test_an_application_can_register_its_guards():
    """Every figure is there, as it is at the moment of the scrape."""
    clock, registry = HandClock(), CollectorRegistry()
    chosen = BreakerSettings(failure_threshold=2, slow_call_s=1)
    breaker = CircuitBreaker("orders", chosen, clock=clock)
    bulkhead = Bulkhead("shop", BulkheadSettings(max_running=1))
    registry.register(GuardCollector(lambda: [breaker.snapshot()], lambda: [bulkhead.snapshot()]))
    breaker.call(clock.advance, 2.0)
    breaker.call(clock.advance, 2.0)
    breaker.call(dict)
    with pytest.raises(ZeroDivisionError):
        breaker.call(divmod, 1, 0)
    with bulkhead.place(), pytest.raises(BulkheadFullError):
        bulkhead.call(dict)
    with bulkhead.place():
        text = generate_latest(registry).decode()
    lines = set(text.splitlines())
    assert lines >= {
        'faultline_breaker_state{breaker="orders",state="CLOSED"} 1.0',
        'faultline_breaker_state{breaker="orders",state="METRICS_ONLY"} 0.0',
        'faultline_breaker_calls_total{breaker="orders",outcome="success"} 3.0',
        'faultline_breaker_calls_total{breaker="orders",outcome="failure"} 1.0',
        'faultline_breaker_calls_total{breaker="orders",outcome="rejected"} 0.0',
        'faultline_breaker_calls_total{breaker="orders",outcome="late"} 0.0',
        'faultline_breaker_slow_calls_total{breaker="orders"} 2.0',
        'faultline_breaker_openings_total{breaker="orders"} 0.0',
        'faultline_breaker_slow_rate{breaker="orders"} 0.5',
        'faultline_breaker_failure_rate{breaker="orders"} 0.25',
        'faultline_bulkhead_running{bulkhead="shop"} 1.0',
        'faultline_bulkhead_waiting{bulkhead="shop"} 0.0',
        'faultline_bulkhead_rejections_total{bulkhead="shop"} 1.0',
    }
    breaker.trip("drill")
    lines = set(generate_latest(registry).decode().splitlines())
    assert lines >= {
        'faultline_breaker_state{breaker="orders",state="OPEN"} 1.0',
        'faultline_breaker_openings_total{breaker="orders"} 1.0',
        'faultline_breaker_failure_rate{breaker="orders"} NaN',
    }
