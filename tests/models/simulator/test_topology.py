"""The graphs that the simulator runs on."""

from collections import Counter

import numpy as np
import pytest

from models.simulator.topology import Role, layered, shop

TOPOLOGIES = [shop(), *(layered(n, np.random.default_rng(n)) for n in (12, 13, 40, 200))]


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda t: str(len(t.names)))
def test_has_what_a_system_has(topology):
    """Every topology has one gateway, two databases, a cache, a queue with a worker, and a shared host."""
    roles = Counter(topology.roles)
    assert len(set(topology.names)) == len(topology.names) == len(topology.hosts)
    assert roles[Role.GATEWAY] == 1
    assert roles[Role.DATABASE] >= 2
    assert roles[Role.CACHE] >= 1
    assert roles[Role.QUEUE] == roles[Role.WORKER] >= 1
    assert len(topology.neighbours) >= 2


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda t: str(len(t.names)))
def test_has_no_cycle_and_reaches_everybody(topology):
    """Calls run downwards in the order of the names, each pair once, and the gateway reaches every component."""
    assert all(link.caller < link.callee and link.calls > 0 for link in topology.links)
    assert len(set(topology.edges)) == len(topology.links)
    reached = {0}
    for link in sorted(topology.links, key=lambda each: each.caller):
        if link.caller in reached:
            reached.add(link.callee)
    assert reached == set(range(len(topology.names)))
