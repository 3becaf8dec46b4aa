"""One breaker a component."""

import pytest

from models.errors import UnknownNameError
from service.recovery.breakers import BreakerBoard, BreakerSettings, CircuitState
from tests.service.recovery.breakers.clock import HandClock


def test_each_component_has_its_own_breaker():
    """Tripping one leaves the others; all are told of and refreshed together."""
    clock, heard = HandClock(), []
    settings = {
        "orders": BreakerSettings(reset_timeout_s=5, reset_jitter=0),
        "db": BreakerSettings(reset_timeout_s=50, reset_jitter=0),
    }
    board = BreakerBoard(settings, clock=clock, listeners=[heard.append])
    board.trip("orders", "root cause")
    board.trip("db", "root cause")
    clock.advance(5)
    board.refresh()
    assert [s.state for s in board.snapshots()] == [CircuitState.HALF_OPEN, CircuitState.OPEN]
    board.reset("db")
    assert (board.of("db").state, board.components) == (CircuitState.CLOSED, ("orders", "db"))
    assert [event.name for event in heard] == ["orders", "db", "orders", "db"]


@pytest.mark.parametrize("ask", [BreakerBoard.of, BreakerBoard.reset, lambda board, name: board.trip(name, "x")])
def test_an_unknown_component_is_named(ask):
    """The error lists what there is."""
    board = BreakerBoard({"orders": BreakerSettings()}, clock=HandClock())
    with pytest.raises(UnknownNameError, match=r"Unknown component 'cart'. Remedy: Use one of: orders"):
        ask(board, "cart")
