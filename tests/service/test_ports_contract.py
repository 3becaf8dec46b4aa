"""What every adapter promises, run on each that there is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models.simulator import Fault, FaultKind, SimulatedSystem, SimulatorSettings
from service.actuators.simulator import SimulatorActuator
from service.clock import ReplayClock, SystemClock
from service.ingest.simulator import SimulatorSource
from service.ports import Action, ActionKind, PermanentError
from tests.service.store.examples import T0


def a_system():
    """A day with deploys ahead of it."""
    return SimulatedSystem(SimulatorSettings(seed=3, step_s=300.0, deploys_per_day=8.0, missing_ratio=0.2))


@pytest.mark.parametrize("make", [SystemClock, lambda: ReplayClock(T0)], ids=["system", "replay"])
class TestClock:
    """A clock."""

    def test_now_is_utc(self, make):
        """Wall time is aware, in UTC."""
        assert make().now().utcoffset() == timedelta()

    def test_monotonic_never_runs_backwards(self, make):
        """Durations are never negative."""
        clock = make()
        seen = [clock.monotonic_s() for _ in range(50)]
        assert seen == sorted(seen)


@pytest.mark.parametrize("make", [lambda: SimulatorSource(a_system())], ids=["simulator"])
class TestMetricSource:
    """A source of metrics."""

    def test_rows_follow_each_other(self, make):
        """Each read continues where the one before ended, on one grid, in the same series."""
        source = make()
        frames = [frame for frame in (source.read() for _ in range(30)) if frame is not None]
        assert len({(frame.keys, frame.step_s) for frame in frames}) == 1
        whole = frames[0]
        for frame in frames[1:]:
            assert frame.start == whole.end
            whole = whole.append(frame)
        assert whole.n_rows == sum(frame.n_rows for frame in frames)

    def test_changes_are_told_once_and_in_order(self, make):
        """Each change is told by one call, after it happened and not before."""
        source, told = make(), []
        for _ in range(288):
            end = source.read().end
            for change in source.changes():
                assert change.at.tzinfo is UTC
                assert change.at <= end.astype(datetime).replace(tzinfo=UTC)
                told.append(change)
        assert told
        assert len(set(told)) == len(told)
        assert [change.at for change in told] == sorted(change.at for change in told)
        assert source.changes() == ()

    def test_edges_are_pairs_of_measured_components(self, make):
        """Callers and callees are components that the metrics know."""
        source = make()
        assert {name for edge in source.edges for name in edge} <= set(source.read().components)


@pytest.mark.parametrize("make", [SimulatorActuator], ids=["simulator"])
class TestActuator:
    """A hand."""

    def test_every_kind_is_idempotent_by_key(self, make):
        """The same action done twice is done once, and says the same; its effect can be probed."""
        system = a_system()
        system.advance(3)
        system.inject(replace(Fault(kind=FaultKind.BAD_DEPLOY, component="payment"), start=system.now))
        system.advance(2)
        hand = make(system)
        for number, kind in enumerate(sorted(hand.kinds)):
            action = Action(key=f"run:{number}:1", kind=kind, component="payment")
            assert hand.perform(action) == hand.perform(action)
            assert hand.probe(action) is True

    def test_what_was_not_done_is_not_in_place(self, make):
        """A probe before the action never claims that it was done."""
        hand = make(a_system())
        for kind in {ActionKind.ISOLATE_COMPONENT, ActionKind.RESTART_COMPONENT, ActionKind.ENABLE_BACKUP}:
            assert hand.probe(Action(key="new", kind=kind, component="payment")) is not True

    @pytest.mark.parametrize("component", ["nobody", "", "payment\0"])
    def test_an_unknown_component_is_a_permanent_error(self, make, component):
        """It is named, and nothing is done."""
        hand = make(a_system())
        assert component not in hand.components
        with pytest.raises(PermanentError):
            hand.perform(Action(key="k", kind=ActionKind.RESTART_COMPONENT, component=component))
