"""A seeded micro-service system with faults and ground truth: for the demo, the tests and the notebooks.

Nothing here may be read by an algorithm but what a real system would show as well: metrics, topology, traces, changes.
"""

from models.simulator.controls import Change, ComponentState
from models.simulator.faults import CURES, TELLING_METRICS, Fault, FaultKind, Repair
from models.simulator.recording import (
    IncidentPlan,
    change_events,
    simulate_history,
    simulate_incident,
    write_history,
)
from models.simulator.settings import SimulatorSettings
from models.simulator.suites import pick_fault, plan_suite, write_suite
from models.simulator.system import SimulatedSystem
from models.simulator.topology import Topology

__all__ = [
    "CURES",
    "TELLING_METRICS",
    "Change",
    "ComponentState",
    "Fault",
    "FaultKind",
    "IncidentPlan",
    "Repair",
    "SimulatedSystem",
    "SimulatorSettings",
    "Topology",
    "change_events",
    "pick_fault",
    "plan_suite",
    "simulate_history",
    "simulate_incident",
    "write_history",
    "write_suite",
]
