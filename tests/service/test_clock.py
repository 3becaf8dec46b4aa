"""service.clock: time that is read in one place."""

from datetime import UTC, datetime, timedelta

from service.clock import ReplayClock, SystemClock

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_system_clock_is_utc_and_monotonic():
    """Wall time carries UTC, and durations do not run backwards."""
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_replay_clock_moves_only_when_told():
    """Replayed time stands still between moves, and durations follow it."""
    clock = ReplayClock(START)
    assert clock.now() == START
    clock.move_by(90)
    assert clock.now() == START + timedelta(seconds=90)
    assert clock.monotonic_s() == 90


def test_replay_clock_never_runs_backwards():
    """A move to an earlier time is ignored."""
    clock = ReplayClock(START)
    clock.move_to(START - timedelta(days=1))
    assert clock.now() == START
    assert clock.monotonic_s() == 0
