"""Who calls whom, and who lives with whom: the graph that the simulator runs on.

Edges run caller -> callee and always from an earlier to a later component, so the graph has no cycle. A queue "calls"
its worker: it hands the messages over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

SHOP_SIZE = 14


class Role(StrEnum):
    """What a component is for; it decides its capacity, latency and memory."""

    GATEWAY = "GATEWAY"
    SERVICE = "SERVICE"
    QUEUE = "QUEUE"
    WORKER = "WORKER"
    CACHE = "CACHE"
    DATABASE = "DATABASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One call relation.

    Parameters
    ----------
    caller, callee
        Positions in ``Topology.names``.
    calls
        Calls a request of the caller, on average.
    """

    caller: int
    callee: int
    calls: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Components, calls and hosts.

    Parameters
    ----------
    names
        One a component; the first is the entry.
    roles
        One a component.
    hosts
        The host that each component runs on; equal names mean a shared host.
    links
        Each pair once, caller before callee in ``names``.
    """

    names: tuple[str, ...]
    roles: tuple[Role, ...]
    hosts: tuple[str, ...]
    links: tuple[Link, ...]

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Caller and callee by name."""
        return tuple((self.names[link.caller], self.names[link.callee]) for link in self.links)

    @property
    def neighbours(self) -> dict[str, tuple[str, ...]]:
        """The components that share a host with others, and with whom."""
        return {
            name: others
            for name, host in zip(self.names, self.hosts, strict=True)
            if (others := tuple(n for n, h in zip(self.names, self.hosts, strict=True) if h == host and n != name))
        }


_SHOP: dict[str, tuple[Role, str, dict[str, float]]] = {
    "gateway": (
        Role.GATEWAY,
        "node-1",
        {"catalogue": 0.5, "search": 0.3, "account": 0.25, "cart": 0.35, "checkout": 0.12},
    ),
    "checkout": (Role.SERVICE, "node-2", {"cart": 1.0, "orders": 0.9, "payment": 0.85}),
    "orders": (Role.SERVICE, "node-3", {"queue": 1.0, "orders-db": 2.0}),
    "payment": (Role.SERVICE, "node-4", {"account": 0.5, "orders-db": 0.6}),
    "account": (Role.SERVICE, "node-5", {"cache": 0.8, "orders-db": 0.3}),
    "search": (Role.SERVICE, "node-5", {"cache": 0.5, "catalogue-db": 1.0}),
    "catalogue": (Role.SERVICE, "node-6", {"cache": 1.2, "catalogue-db": 0.4}),
    "cart": (Role.SERVICE, "node-5", {"cache": 1.5}),
    "queue": (Role.QUEUE, "node-7", {"worker": 1.0}),
    "worker": (Role.WORKER, "node-4", {"notifier": 0.9, "orders-db": 1.2}),
    "notifier": (Role.SERVICE, "node-8", {}),
    "cache": (Role.CACHE, "node-9", {}),
    "orders-db": (Role.DATABASE, "node-10", {}),
    "catalogue-db": (Role.DATABASE, "node-11", {}),
}


def shop() -> Topology:
    """Give the default system: a web shop of 14 components.

    Returns
    -------
    Topology
        Two shared hosts: search, cart and account live together, and so do payment and the worker.
    """
    names = tuple(_SHOP)
    return Topology(
        names=names,
        roles=tuple(role for role, _, _ in _SHOP.values()),
        hosts=tuple(host for _, host, _ in _SHOP.values()),
        links=tuple(
            Link(caller=names.index(caller), callee=names.index(callee), calls=calls)
            for caller, (_, _, callees) in _SHOP.items()
            for callee, calls in callees.items()
        ),
    )


def layered(n_components: int, rng: np.random.Generator) -> Topology:
    """Generate a layered system of any size.

    Parameters
    ----------
    n_components
        At least 12.
    rng
        Decides the calls and the shared hosts.

    Returns
    -------
    Topology
        A gateway, layers of services, queues with their workers, caches and databases; every component is reachable.
    """
    counts = {
        Role.QUEUE: max(1, n_components // 40),
        Role.WORKER: max(1, n_components // 40),
        Role.CACHE: max(1, n_components // 40),
        Role.DATABASE: max(2, n_components // 10),
    }
    n_services = n_components - 1 - sum(counts.values())
    roles = [Role.GATEWAY] + [Role.SERVICE] * n_services + [role for role, n in counts.items() for _ in range(n)]
    at = {role: [i for i, r in enumerate(roles) if r is role] for role in Role}
    calls = _service_calls(at[Role.SERVICE], rng)
    calls |= _storage_calls(at, {caller for caller, _ in calls}, rng)
    width = len(str(n_components))
    return Topology(
        names=tuple(
            "gateway" if role is Role.GATEWAY else f"{role.lower()}-{at[role].index(i) + 1:0{width}d}"
            for i, role in enumerate(roles)
        ),
        roles=tuple(roles),
        hosts=_hosts(n_components, at[Role.SERVICE], rng),
        links=tuple(Link(caller=a, callee=b, calls=c) for (a, b), c in sorted(calls.items())),
    )


def _service_calls(services: list[int], rng: np.random.Generator) -> dict[tuple[int, int], float]:
    """Connect the gateway to the first layer and each further layer to the one above."""
    layers = [list(layer) for layer in np.array_split(services, 3)]
    calls = {(0, int(first)): 1.0 / len(layers[0]) + 0.1 for first in layers[0]}
    for above, layer in pairwise(layers):
        for callee in layer:
            for caller in rng.choice(above, size=min(len(above), 1 + int(rng.integers(2))), replace=False):
                calls[int(caller), int(callee)] = float(rng.uniform(0.3, 0.8))
    return calls


def _storage_calls(
    at: dict[Role, list[int]], with_callees: set[int], rng: np.random.Generator
) -> dict[tuple[int, int], float]:
    """Give databases, caches and queues their callers; a service that calls nobody gets a database."""
    calls: dict[tuple[int, int], float] = {}
    services = at[Role.SERVICE]
    for service in services:
        if service not in with_callees or rng.random() < 0.4:
            calls[service, int(rng.choice(at[Role.DATABASE]))] = float(rng.uniform(0.5, 1.5))
        if rng.random() < 0.4:
            calls[service, int(rng.choice(at[Role.CACHE]))] = float(rng.uniform(0.5, 1.5))
    for queue, worker in zip(at[Role.QUEUE], at[Role.WORKER], strict=True):
        calls[int(rng.choice(services)), queue] = 1.0
        calls[queue, worker] = 1.0
        calls[worker, int(rng.choice(at[Role.DATABASE]))] = float(rng.uniform(0.5, 1.5))
    called = {callee for _, callee in calls}
    for store in (*at[Role.CACHE], *at[Role.DATABASE]):
        if store not in called:
            calls[int(rng.choice(services)), store] = float(rng.uniform(0.5, 1.5))
    return calls


def _hosts(n_components: int, services: Iterable[int], rng: np.random.Generator) -> tuple[str, ...]:
    """One host each, but for about a third of the services, which share a host in threes."""
    hosts = [f"node-{i + 1}" for i in range(n_components)]
    sharing = rng.permutation(list(services))
    sharing = sharing[: max(3, len(sharing) // 9 * 3)]
    for group in np.array_split(sharing, len(sharing) // 3):
        for member in group:
            hosts[member] = hosts[group[0]]
    return tuple(hosts)
