"""How faults press on the components.

A fault strains exactly one component; everything else follows from the dynamics. Nothing here writes a metric.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import numpy as np

from models.simulator.faults import Fault, FaultKind
from models.simulator.plant import Floats

_RAMP_S = 120.0
_SUDDEN = frozenset({FaultKind.DEAD_DEPENDENCY, FaultKind.BAD_DEPLOY, FaultKind.MEMORY_LEAK})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strain:
    """What presses on the components in one step; neutral where nothing does. Every array has shape (n,).

    Parameters
    ----------
    slowness
        Factor on the own latency; 1 is neutral.
    drag
        Factor on the work that a request costs; 1 is neutral.
    delay_s
        Added to the own latency.
    errors
        Share of requests that fail by themselves.
    cpu
        Added to the use of the own cores.
    greed
        Use of the host's cores beyond the own share.
    leak
        Share of the free memory lost a minute.
    loss
        Severity of the packet loss on the way in.
    is_dead
        1 where nothing is answered.
    surge
        Additional requests, as a share of the component's usual number.
    """

    slowness: Floats
    drag: Floats
    delay_s: Floats
    errors: Floats
    cpu: Floats
    greed: Floats
    leak: Floats
    loss: Floats
    is_dead: Floats
    surge: Floats

    @classmethod
    def none(cls, n: int) -> "Strain":
        """No strain on any of ``n`` components.

        Parameters
        ----------
        n
            Components.

        Returns
        -------
        Strain
            With arrays of its own.
        """
        zeros = {name: np.zeros(n) for name in cls.__slots__}
        return cls(**zeros | {"slowness": np.ones(n), "drag": np.ones(n)})


def _hog_cpu(strain: Strain, at: int, force: float) -> None:
    strain.cpu[at] += 0.6 * force
    strain.slowness[at] *= 1 + 1.6 * force
    strain.drag[at] *= 1 + 0.5 * force


def _leak_memory(strain: Strain, at: int, force: float) -> None:
    strain.leak[at] += 0.03 * force


def _add_latency(strain: Strain, at: int, force: float) -> None:
    strain.slowness[at] *= 1 + 5.0 * force
    strain.delay_s[at] += 0.060 * force


def _add_errors(strain: Strain, at: int, force: float) -> None:
    strain.errors[at] += min(0.9, 0.25 * force)


def _surge(strain: Strain, at: int, force: float) -> None:
    strain.surge[at] += 0.9 * force


def _die(strain: Strain, at: int, _force: float) -> None:
    strain.is_dead[at] = 1.0


def _deploy_badly(strain: Strain, at: int, force: float) -> None:
    strain.errors[at] += min(0.9, 0.12 * force)
    strain.slowness[at] *= 1 + 0.9 * force
    strain.drag[at] *= 1 + 0.6 * force


def _lose_packets(strain: Strain, at: int, force: float) -> None:
    strain.loss[at] += force
    strain.errors[at] += min(0.8, 0.06 * force)


def _crowd_out(strain: Strain, at: int, force: float) -> None:
    strain.cpu[at] += 0.5 * force
    strain.greed[at] += 1.2 * force


EFFECTS: MappingProxyType[FaultKind, Callable[[Strain, int, float], None]] = MappingProxyType(
    {
        FaultKind.CPU_HOG: _hog_cpu,
        FaultKind.MEMORY_LEAK: _leak_memory,
        FaultKind.LATENCY: _add_latency,
        FaultKind.ERRORS: _add_errors,
        FaultKind.TRAFFIC_SURGE: _surge,
        FaultKind.DEAD_DEPENDENCY: _die,
        FaultKind.BAD_DEPLOY: _deploy_badly,
        FaultKind.NETWORK_LOSS: _lose_packets,
        FaultKind.NOISY_NEIGHBOUR: _crowd_out,
    }
)
"""How each kind of fault strains its component, given its position and the force of this step (0 to magnitude)."""


@dataclass(slots=True, kw_only=True)
class ActiveFault:
    """A fault that was injected.

    Parameters
    ----------
    fault
        What.
    at
        Position of its component.
    start
        UTC.
    end
        UTC; None while nobody knows.
    repaired_by
        What ended it before its time; empty if nothing did.
    has_begun
        Whether it has pressed on a row.
    """

    fault: Fault
    at: int
    start: datetime
    end: datetime | None
    repaired_by: str = ""
    has_begun: bool = False

    def force(self, now: datetime) -> float:
        """How hard it presses on the row of a time.

        Parameters
        ----------
        now
            UTC.

        Returns
        -------
        float
            From 0 (not at all) to the fault's magnitude; most kinds need two minutes to get there.
        """
        if now < self.start or (self.end is not None and now >= self.end):
            return 0.0
        if self.fault.kind in _SUDDEN:
            return self.fault.magnitude
        into_s = (now - self.start).total_seconds()
        return self.fault.magnitude * min(1.0, 0.5 + 0.5 * into_s / _RAMP_S)
