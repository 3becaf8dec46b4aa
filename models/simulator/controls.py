"""What operators can do to the running system, and what it remembers of that.

Every action is idempotent where that makes sense and says whether it changed anything; it takes
effect with the next row.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.errors import ConfigurationError, UnknownNameError
from models.simulator.faults import CURES, Fault, FaultKind, Repair
from models.simulator.plant import Floats
from models.simulator.state import Levers
from models.simulator.strain import ActiveFault
from models.simulator.topology import Topology

_REPLICAS = 2
_MAX_REPLICAS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentState:
    """How a component is set up now, as an operator could ask it.

    Parameters
    ----------
    replicas
        Running instances.
    is_isolated
        Whether callers are kept from calling it.
    is_redirected
        Whether its traffic goes to a standby.
    is_on_backup
        Whether its backup instance serves.
    version
        Deployed version, from 1.
    restarts
        How often an operator restarted it.
    uptime_s
        Seconds since its last start; the simulation's start counts as one.
    """

    replicas: int
    is_isolated: bool
    is_redirected: bool
    is_on_backup: bool
    version: int
    restarts: int
    uptime_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A deploy or another change that the system's operators announced.

    Parameters
    ----------
    ts
        UTC.
    component
        What was changed.
    name
        In words, for example ``deploy v2``.
    """

    ts: datetime
    component: str
    name: str


@dataclass(slots=True, kw_only=True)
class _Unit:
    """What is remembered of a component beyond the numbers of a step."""

    started: datetime
    replicas: int = _REPLICAS
    version: int = 1
    previous_version: int | None = None
    restarts: int = 0


class Controls:
    """The operators' side of a system: actions, changes and injected faults.

    Parameters
    ----------
    topology
        Of the system.
    start
        Time of the first row, UTC.
    """

    def __init__(self, topology: Topology, start: datetime) -> None:
        self.topology = topology
        self._start = start
        self._now = start
        self._position = {name: i for i, name in enumerate(topology.names)}
        self._levers = Levers.released(len(topology.names))
        self._units = [_Unit(started=start) for _ in topology.names]
        self._faults: list[ActiveFault] = []
        self._changes: list[Change] = []

    @property
    def now(self) -> datetime:
        """Time of the next row, UTC; all earlier rows have been given."""
        return self._now

    @property
    def changes(self) -> tuple[Change, ...]:
        """Deploys and rollbacks so far, in time order."""
        return tuple(self._changes)

    @property
    def faults(self) -> tuple[ActiveFault, ...]:
        """Everything that was injected: the truth, not for algorithms."""
        return tuple(self._faults)

    def state_of(self, component: str) -> ComponentState:
        """Ask how a component is set up, as a probe would.

        Parameters
        ----------
        component
            Which; an UnknownNameError if there is no such component, as in all actions.

        Returns
        -------
        ComponentState
            At this moment.
        """
        at = self._at(component)
        unit, levers = self._units[at], self._levers
        return ComponentState(
            replicas=unit.replicas,
            is_isolated=bool(levers.is_isolated[at]),
            is_redirected=bool(levers.is_redirected[at]),
            is_on_backup=bool(levers.is_on_backup[at]),
            version=unit.version,
            restarts=unit.restarts,
            uptime_s=(self.now - unit.started).total_seconds(),
        )

    def inject(self, fault: Fault) -> None:
        """Let something go wrong, now or later.

        Parameters
        ----------
        fault
            Its start must not lie in the past.

        Raises
        ------
        ConfigurationError
            If it starts in the past, or is a noisy neighbour that has no neighbours.
        """
        at = self._at(fault.component)
        neighbours = self.topology.neighbours
        if fault.kind is FaultKind.NOISY_NEIGHBOUR and fault.component not in neighbours:
            raise ConfigurationError(
                f"{fault.component!r} shares its host with nobody, so it cannot be a noisy neighbour.",
                remedy=f"Use one of: {', '.join(neighbours)}.",
            )
        start = self.now if fault.start is None else fault.start
        start = self._start + start if isinstance(start, timedelta) else start.astimezone(UTC)
        if start < self.now:
            raise ConfigurationError(
                f"{fault.kind} on {fault.component!r} starts at {start.isoformat()}, before the next row at "
                f"{self.now.isoformat()}.",
                remedy="Start it at or after that, or leave the start out.",
            )
        end = None if fault.duration is None else start + fault.duration
        self._faults.append(ActiveFault(fault=fault, at=at, start=start, end=end))

    def restart(self, component: str) -> bool:
        """Restart all instances: out for one row, then with empty memory and without hung or runaway work.

        Parameters
        ----------
        component
            Which.

        Returns
        -------
        bool
            True: a restart always changes something.
        """
        at = self._at(component)
        self._levers.is_out[at] = 1.0
        self._units[at].restarts += 1
        self._units[at].started = self.now
        self._repair(at, Repair.RESTART)
        return True

    def isolate(self, component: str) -> bool:
        """Keep all callers from calling: they fail fast, with a fallback for most of their requests.

        Parameters
        ----------
        component
            Which.

        Returns
        -------
        bool
            Whether it was not isolated before.
        """
        return self._set(self._levers.is_isolated, component, 1.0)

    def release(self, component: str) -> bool:
        """Let the callers call again.

        Parameters
        ----------
        component
            Which.

        Returns
        -------
        bool
            Whether it was isolated.
        """
        return self._set(self._levers.is_isolated, component, 0.0)

    def redirect(self, component: str) -> bool:
        """Send the traffic to a standby on another network path; the component itself keeps health probes only.

        Parameters
        ----------
        component
            Which.

        Returns
        -------
        bool
            Whether it was not redirected before.
        """
        return self._set(self._levers.is_redirected, component, 1.0)

    def restore(self, component: str) -> bool:
        """Send the traffic back from the standby.

        Parameters
        ----------
        component
            Which.

        Returns
        -------
        bool
            Whether it was redirected.
        """
        return self._set(self._levers.is_redirected, component, 0.0)

    def enable_backup(self, component: str) -> bool:
        """Let the backup instance take the component's place: same version, other host and network, 15 % less capacity.

        Parameters
        ----------
        component
            Which.

        Returns
        -------
        bool
            Whether the primary served before.
        """
        return self._set(self._levers.is_on_backup, component, 1.0)

    def disable_backup(self, component: str) -> bool:
        """Let the primary serve again; what was wrong with it still is, unless it was repaired.

        Parameters
        ----------
        component
            Which.

        Returns
        -------
        bool
            Whether the backup served before.
        """
        return self._set(self._levers.is_on_backup, component, 0.0)

    def scale(self, component: str, replicas: int) -> bool:
        """Run another number of instances; the capacity follows.

        Parameters
        ----------
        component
            Which.
        replicas
            From 1 to 50; every component starts with 2.

        Returns
        -------
        bool
            Whether it ran another number before.

        Raises
        ------
        ConfigurationError
            If the number is out of range.
        """
        at = self._at(component)
        if not 1 <= replicas <= _MAX_REPLICAS:
            raise ConfigurationError(
                f"Cannot run {replicas} replicas of {component!r}.", remedy=f"Give a number from 1 to {_MAX_REPLICAS}."
            )
        self._units[at].replicas = replicas
        return self._set(self._levers.scale, component, replicas / _REPLICAS)

    def rollback_deploy(self, component: str) -> bool:
        """Go back to the version before the last deploy.

        Parameters
        ----------
        component
            Which.

        Returns
        -------
        bool
            False if it was not deployed since the start or since the last rollback.
        """
        at = self._at(component)
        unit = self._units[at]
        if unit.previous_version is None:
            return False
        unit.version, unit.previous_version = unit.previous_version, None
        unit.started = self.now
        self._changes.append(Change(ts=self.now, component=component, name=f"rollback to v{unit.version}"))
        self._repair(at, Repair.ROLLBACK)
        return True

    def _deploy(self, at: int) -> None:
        unit = self._units[at]
        unit.version, unit.previous_version = unit.version + 1, unit.version
        unit.started = self.now
        self._changes.append(Change(ts=self.now, component=self.topology.names[at], name=f"deploy v{unit.version}"))

    def _repair(self, at: int, repair: Repair) -> None:
        """End what this repair cures, if it has begun; a fault that is still to come comes."""
        for active in self._faults:
            if active.at == at and active.force(self.now) > 0 and repair in CURES[active.fault.kind]:
                active.end, active.repaired_by = self.now, repair

    def _set(self, lever: Floats, component: str, value: float) -> bool:
        at = self._at(component)
        is_changed = bool(lever[at] != value)
        lever[at] = value
        return is_changed

    def _at(self, component: str) -> int:
        try:
            return self._position[component]
        except KeyError:
            raise UnknownNameError("component", component, self._position) from None
