"""A simulated system as a source."""

from models.simulator import SimulatedSystem, SimulatorSettings
from service.ingest.simulator import SimulatorSource


def test_hosts_are_told():
    """Each component runs somewhere, and neighbours run on the same host."""
    system = SimulatedSystem(SimulatorSettings(seed=1))
    told = SimulatorSource(system).attributes
    assert set(told) == set(system.topology.names)
    for name, others in system.topology.neighbours.items():
        assert all(told[other] == told[name] for other in others)
    assert len({hosts["host"] for hosts in told.values()}) < len(told)
