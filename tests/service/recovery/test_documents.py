"""Files of strategies and boundaries: read strictly, with errors that say where."""

import json
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from service.ports import ActionKind
from service.recovery.breakers import BreakerSettings
from service.recovery.bulkhead import BulkheadSettings
from service.recovery.documents import read_boundaries, read_strategies, strategy_document, strategy_of
from tests.service.recovery.plans import isolate, restart, strategy, verify

STRATEGIES = """
default: ask
strategies:
  - id: ask
    name: Ask
    type: MANUAL
    condition: "true"
    steps:
      - {id: look, type: DIAGNOSTIC}
  - id: again
    name: Start again
    type: SEMIAUTOMATIC
    condition: category == RESOURCE
    approvals: 2
    steps:
      - {id: restart, type: RESTART, action: RESTART_COMPONENT, retry: {attempts: 3, backoff_s: 1.5}}
      - {id: verify, type: VERIFY, success: worst_score < 1, timeout_s: 60}
"""
BOUNDARIES = """
boundaries:
  - id: shop
    name: The shop
    type: SERVICE
    components: [orders, cart]
    recovery_strategy: again
    failure_propagation:
      blocked_routes: [{caller: cart, callee: orders}]
      breaker_threshold: 3
      call_timeout_s: 2
    rules:
      - {id: cut, condition: severity >= HIGH, action: ISOLATE_COMPONENT, priority: 5, timeout_s: 300}
  - id: rest
    name: The rest
    type: RESOURCE
    components: ["*"]
"""


def test_a_strategy_file_is_read():
    """Every part arrives."""
    strategies = read_strategies(STRATEGIES, source="s.yaml")
    again = strategies.of("again")
    assert (strategies.default_id, again.approvals, again.condition.text) == ("ask", 2, "category == RESOURCE")
    assert (again.steps[0].retry.attempts, again.steps[0].retry.backoff_s) == (3, 1.5)
    assert (again.steps[1].success.text, again.steps[1].timeout_s) == ("worst_score < 1", 60)


def test_a_boundary_file_is_read_and_the_star_takes_the_rest():
    """What no other boundary names belongs to the one that says so."""
    boundaries = read_boundaries(BOUNDARIES, source="b.yaml", components=["web", "orders", "cart", "db"])
    shop, rest = boundaries.all
    assert (rest.components, shop.blocked_routes, shop.recovery_strategy) == (
        ("web", "db"),
        (("cart", "orders"),),
        "again",
    )
    assert (shop.breaker.failure_threshold, shop.breaker.call_timeout_s) == (3, 2)
    assert (shop.rules[0].action, shop.rules[0].timeout_s) == (ActionKind.ISOLATE_COMPONENT, 300)


def test_every_setting_of_breaker_and_bulkhead_can_be_written():
    """Each number of the settings has its line in the file and arrives; what is left out is the default."""
    wanted = BreakerSettings(
        failure_threshold=None,
        failure_rate=0.4,
        slow_call_s=1.5,
        slow_call_rate=0.7,
        minimum_calls=11,
        window_calls=44,
        monitoring_period_s=33.0,
        reset_timeout_s=7.0,
        reset_growth=1.5,
        max_reset_timeout_s=70.0,
        reset_jitter=0.3,
        call_timeout_s=2.0,
        half_open_probes=4,
        max_half_open_s=9.0,
    )
    written = {field.name: getattr(wanted, field.name) for field in fields(BreakerSettings)}
    assert (written.pop("excluded"), written.pop("failed_result")) == ((), None)
    defaults = {name: value for name, value in written.items() if value == getattr(BreakerSettings(), name)}
    assert defaults == {}
    written["breaker_threshold"] = written.pop("failure_threshold")
    lines = f"breaker_threshold: {json.dumps(None)}\n" + "".join(
        f"      {name}: {json.dumps(value)}\n" for name, value in written.items() if value is not None
    )
    text = BOUNDARIES.replace("breaker_threshold: 3\n      call_timeout_s: 2\n", lines)
    text = text.replace("    rules:", "    bulkhead: {max_running: 3, max_waiting: 5, max_wait_s: 0.5}\n    rules:")
    boundaries = read_boundaries(text, source="b.yaml", components=["web", "orders", "cart"])
    assert boundaries.all[0].breaker == wanted
    assert boundaries.all[1].breaker == BreakerSettings()
    assert boundaries.bulkhead_settings() == {"shop": BulkheadSettings(max_running=3, max_waiting=5, max_wait_s=0.5)}


@given(st.text(max_size=200) | st.integers(0, len(STRATEGIES)).map(lambda at: STRATEGIES[:at] + "\t" + STRATEGIES[at:]))
def test_any_text_is_read_or_refused(text):
    """No file gives anything but strategies or a ConfigurationError."""
    try:
        read_strategies(text, source="s.yaml")
    except ConfigurationError:
        return


def test_a_strategy_survives_plain_data():
    """What is written down for a run is read back equal."""
    plan = strategy(isolate(release_after_s=5.0, parameters=(("drain", 2.0),)), restart(attempts=4), verify())
    assert strategy_of(strategy_document(plan), source="x") == plan
