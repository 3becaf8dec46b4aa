"""The topology in numbers: capacities, latencies and couplings as arrays, so that a step is some array operations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulator.topology import SHOP_SIZE, Role, Topology, layered, shop

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_PLANT_STREAM = 1


# Typical figures, one a role in the order of Role: gateway, service, queue, worker, cache, database. The gateway has
# the least room, so that a surge shows at the place where it comes in. Utilisation is that of a working day's peak.
_FIGURES = {
    "service_s": (0.004, 0.014, 0.003, 0.060, 0.0009, 0.006),
    "tail": (3.0, 3.5, 3.0, 3.0, 4.0, 5.0),
    "workers": (4, 8, 8, 6, 4, 12),
    "utilisation": (0.55, 0.32, 0.22, 0.42, 0.22, 0.30),
    "memory": (0.30, 0.45, 0.35, 0.50, 0.70, 0.62),
    "connections": (60, 20, 40, 12, 80, 50),
    "pool": (4000, 400, 600, 200, 1500, 500),
    "timeout_s": (8.0, 3.0, 3.0, 10.0, 0.5, 2.0),
    "error_ratio": (0.0008, 0.0015, 0.0003, 0.002, 0.0002, 0.0004),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plant:
    """The parameters of every component (n) and every link (e).

    Parameters
    ----------
    topology
        What the arrays describe, in its order.
    service_s, tail, workers, capacity, timeout_s, error_ratio
        Own median latency without load; its p99 / p50; parallel workers; requests a second at full use; how long
        callers wait; share of own errors. Shape (n,).
    idle_cpu, memory, connections, pool
        At rest, and the most connections there can be. Shape (n,).
    nominal_rate
        Requests a second at the peak. Shape (n,).
    host, crowd
        Position of the component's host; cores of that host in units of one component's share. Shape (n,).
    caller, callee
        Positions. Shape (e,).
    calls
        Calls a request of the caller; 0 where a queue hands over to its worker. Shape (e,).
    latency_share, error_share
        How much of the callee's latency and errors the caller's answer takes on. Shape (e,).
    follow
        Share of a change of the callee that its caller feels a step later, in (0, 1]. Shape (e,).
    refuge
        The link that takes over the calls of a failing cache link; -1 if none does. Shape (e,).
    queues, workers_of_queues
        Positions of the queues and, in the same order, of their workers.
    depth
        Links on the longest path.
    """

    topology: Topology
    service_s: Floats
    tail: Floats
    workers: Floats
    capacity: Floats
    timeout_s: Floats
    error_ratio: Floats
    idle_cpu: Floats
    memory: Floats
    connections: Floats
    pool: Floats
    nominal_rate: Floats
    host: Indices
    crowd: Floats
    caller: Indices
    callee: Indices
    calls: Floats
    latency_share: Floats
    error_share: Floats
    follow: Floats
    refuge: Indices
    queues: Indices
    workers_of_queues: Indices
    depth: int

    @property
    def n(self) -> int:
        """Components."""
        return len(self.service_s)


def build_plant(*, seed: int, components: int, peak_rate: float, step_s: float) -> Plant:
    """Choose the parameters of a system.

    Parameters
    ----------
    seed
        Decides them.
    components
        14 gives the shop.
    peak_rate
        Requests a second at the entry.
    step_s
        Seconds a row; callers follow their callees over about two minutes.

    Returns
    -------
    Plant
        Sized so that every component has room for its share of the peak.
    """
    rng = np.random.default_rng([seed, _PLANT_STREAM])
    topology = shop() if components == SHOP_SIZE else layered(components, rng)
    n = len(topology.names)
    caller = np.array([link.caller for link in topology.links], dtype=np.intp)
    callee = np.array([link.callee for link in topology.links], dtype=np.intp)
    is_handover = np.array([topology.roles[c] is Role.QUEUE for c in caller])
    calls = np.array([link.calls for link in topology.links])
    depth = _depth(caller, callee, n)
    nominal = spread(peak_rate * np.eye(n)[0], calls, caller, callee, depth)
    host = np.unique(topology.hosts, return_inverse=True)[1].astype(np.intp)

    def figure(name: str, spread_ratio: float) -> Floats:
        typical = np.array([dict(zip(Role, _FIGURES[name], strict=True))[role] for role in topology.roles])
        return typical * rng.uniform(1 - spread_ratio, 1 + spread_ratio, n)

    to_queue = np.array([topology.roles[c] is Role.QUEUE for c in callee])
    return Plant(
        topology=topology,
        service_s=figure("service_s", 0.3),
        tail=figure("tail", 0.15),
        workers=np.rint(figure("workers", 0.2)),
        capacity=nominal / figure("utilisation", 0.1),
        timeout_s=figure("timeout_s", 0.0),
        error_ratio=figure("error_ratio", 0.5),
        idle_cpu=rng.uniform(0.04, 0.10, n),
        memory=figure("memory", 0.1),
        connections=np.rint(figure("connections", 0.25)),
        pool=figure("pool", 0.1),
        nominal_rate=nominal,
        host=host,
        crowd=(0.5 + 0.5 * np.bincount(host)).astype(np.float64)[host],
        caller=caller,
        callee=callee,
        calls=np.where(is_handover, 0.0, calls),
        latency_share=np.where(
            is_handover | to_queue, 0.0, np.minimum(calls, 1.0) * rng.uniform(0.6, 0.85, len(calls))
        ),
        error_share=np.where(is_handover, 0.1, np.minimum(calls, 1.0) * rng.uniform(0.45, 0.75, len(calls))),
        follow=1 - np.exp(-step_s / rng.uniform(60.0, 110.0, len(calls))),
        refuge=_refuges(topology),
        queues=np.flatnonzero([role is Role.QUEUE for role in topology.roles]),
        workers_of_queues=callee[is_handover],
        depth=depth,
    )


def spread(arriving: Floats, calls: Floats, caller: Indices, callee: Indices, depth: int) -> Floats:
    """Spread requests from the entries through the graph.

    Parameters
    ----------
    arriving
        Requests a second from outside, shape (n,).
    calls
        Calls a request, shape (e,).
    caller
        Positions, shape (e,).
    callee
        Positions, shape (e,).
    depth
        Links on the longest path.

    Returns
    -------
    ndarray of float64, shape (n,)
        Requests a second that reach each component.
    """
    rate = arriving
    for _ in range(depth):
        rate = arriving + np.bincount(callee, weights=rate[caller] * calls, minlength=len(arriving))
    return rate


def _depth(caller: Indices, callee: Indices, n: int) -> int:
    """Links on the longest path; callers stand before their callees."""
    length = [0] * n
    for position in range(n):
        for below in callee[caller == position]:
            length[below] = max(length[below], length[position] + 1)
    return max(length)


def _refuges(topology: Topology) -> Indices:
    """For each link to a cache, the link from the same caller to a database, if there is one."""
    roles = topology.roles
    database_link = {link.caller: i for i, link in enumerate(topology.links) if roles[link.callee] is Role.DATABASE}
    return np.array(
        [database_link.get(link.caller, -1) if roles[link.callee] is Role.CACHE else -1 for link in topology.links],
        dtype=np.intp,
    )
