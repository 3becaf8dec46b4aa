"""One breaker a component."""

import pytest

from models.errors import UnknownNameError
from service.recovery.breakers import BreakerBoard, BreakerSettings, CircuitState, Verdict
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


def test_health_checks_move_the_breaker_of_their_component():
    """A failed check counts like a failed call, for its component alone."""
    board = BreakerBoard({name: BreakerSettings(failure_threshold=2) for name in ("orders", "db")}, clock=HandClock())
    for _ in range(2):
        board.report("db", Verdict.FAILURE, "no answer on 5432")
    assert [s.state for s in board.snapshots()] == ["CLOSED", "OPEN"]
    assert "no answer on 5432" in board.of("db").snapshot().reason
    board.force("orders", CircuitState.DISABLED, "drill")
    assert board.of("orders").state is CircuitState.DISABLED


def test_a_replay_repeats_the_open_times():
    """They vary by component, and are the same in two boards."""
    settings = {name: BreakerSettings(reset_jitter=0.5) for name in ("orders", "db")}
    waits = []
    for _ in range(2):
        board = BreakerBoard(settings, clock=HandClock())
        for name in settings:
            board.trip(name, "drill")
        waits.append([snapshot.retry_after_s for snapshot in board.snapshots()])
    assert waits[0] == waits[1]
    assert len(set(waits[0])) == 2


def test_an_application_needs_no_clock():
    """The machine's own is used."""
    board = BreakerBoard({"orders": BreakerSettings()})
    board.trip("orders", "drill")
    assert 26 < board.of("orders").snapshot().retry_after_s < 34


@pytest.mark.parametrize("ask", [BreakerBoard.of, BreakerBoard.reset, lambda board, name: board.trip(name, "x")])
def test_an_unknown_component_is_named(ask):
    """The error lists what there is."""
    board = BreakerBoard({"orders": BreakerSettings()}, clock=HandClock())
    with pytest.raises(UnknownNameError, match=r"Unknown component 'cart'. Remedy: Use one of: orders"):
        ask(board, "cart")
