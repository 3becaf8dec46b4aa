"""A simulated system as a source of metrics: each read lets it live for one more row."""

from models.frames import MetricFrame
from models.simulator import SimulatedSystem
from service.clock import ReplayClock
from service.ports import Change


class SimulatorSource:
    """Metrics and changes of a simulated system, and the clock that it moves.

    Parameters
    ----------
    system
        Stepped by every read.
    """

    def __init__(self, system: SimulatedSystem) -> None:
        self._system = system
        self._known_changes = len(system.changes)
        self.clock = ReplayClock(system.now)

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Caller and callee."""
        return self._system.edges

    @property
    def attributes(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The host of each component."""
        return {component: {"host": (host,)} for component, host in self._system.hosts.items()}

    def read(self) -> MetricFrame:
        """One more row of the system's life."""
        fresh = self._system.step()
        self.clock.move_to(self._system.now)
        return fresh

    def changes(self) -> tuple[Change, ...]:
        """Deploys since the last call."""
        news = self._system.changes[self._known_changes :]
        self._known_changes += len(news)
        return tuple(Change(at=change.ts, component=change.component, name=change.name) for change in news)
