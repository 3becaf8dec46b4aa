"""The shipped strategies against the simulator: each fault is really repaired, and a wrong cure is noticed."""

import numpy as np
import pytest

from models.simulator import Fault, FaultKind, SimulatedSystem, SimulatorSettings
from service.actuators.simulator import SimulatorActuator
from service.journal import RecoveryJournal
from service.recovery.defaults import default_strategies
from service.recovery.runs import RecoveryStatus
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore

SETTINGS = SimulatorSettings(seed=3)


class Patient:
    """A system with a fault beside its healthy twin; the distance between them, in normal spreads, is the score."""

    def __init__(self, kind, component):
        self.system, self.twin = SimulatedSystem(SETTINGS), SimulatedSystem(SETTINGS)
        history = self.twin.advance(240).values
        self.system.advance(240)
        self.spread = 4 * history.std(0) + 0.1 * np.abs(np.median(history, 0)) + 1e-6
        self.component = component
        self.callers = {caller for caller, callee in self.system.edges if callee == component}
        self.rows = []
        self.system.inject(Fault(kind=kind, component=component))
        self.go_on(10)

    def go_on(self, rows):
        """Let time pass."""
        for _ in range(rows):
            at, row, healthy = self.system.now, self.system.step().values[0], self.twin.step().values[0]
            self.rows.append((at, np.abs(row - healthy) / self.spread))

    def facts_of(self, run):
        """What the engine would tell about the time since the last action."""
        fresh = [row for at, row in self.rows if run.acted_at is None or at >= run.acted_at]
        if not fresh:
            return {"rows_observed": 0.0}
        latest = np.median(fresh[-3:], axis=0)

        def worst(components, prefixes=("",)):
            chosen = [
                score
                for key, score in zip(self.system.keys, latest, strict=True)
                if key.component in components and key.metric.startswith(prefixes)
            ]
            return float(max(chosen)) if chosen else None

        return {
            "rows_observed": float(len(fresh)),
            "worst_score": worst({self.component}),
            "service_score": worst({self.component}, ("latency", "error")),
            "impact_score": worst(self.callers, ("latency", "error")),
        }

    def treated(self, category, rows=45):
        """Carry the strategy for a category out, one row a tick."""
        store = SqlStore("sqlite://")
        journal = RecoveryJournal(RecoveryStore(store.database), SimulatorActuator(self.system), lambda _: None)
        facts = {"category": category}
        plan = default_strategies().select(facts).strategy
        run = journal.start(plan, "incident-1", self.component, facts, self.system.now)
        for _ in range(rows):
            journal.tick(self.system.now, self.facts_of)
            if journal.run(run.id).status.is_final:
                break
            self.go_on(1)
        run = journal.run(run.id)
        store.close()
        return run


@pytest.mark.parametrize(
    ("kind", "component", "category"),
    [
        (FaultKind.CPU_HOG, "payment", "RESOURCE"),
        (FaultKind.MEMORY_LEAK, "payment", "RESOURCE"),
        (FaultKind.NOISY_NEIGHBOUR, "payment", "RESOURCE"),
        (FaultKind.LATENCY, "payment", "DEPENDENCY"),
        (FaultKind.ERRORS, "payment", "DEPENDENCY"),
        (FaultKind.DEAD_DEPENDENCY, "payment", "DEPENDENCY"),
        (FaultKind.DEAD_DEPENDENCY, "orders-db", "DATA_STORE"),
        (FaultKind.LATENCY, "cache", "DATA_STORE"),
        (FaultKind.BAD_DEPLOY, "payment", "DEPLOY"),
        (FaultKind.TRAFFIC_SURGE, "payment", "TRAFFIC"),
        (FaultKind.NETWORK_LOSS, "payment", "NETWORK"),
    ],
)
def test_each_fault_is_repaired_and_the_repair_verified(kind, component, category):
    """The run completes because the metrics after the action say so."""
    patient = Patient(kind, component)
    assert patient.facts_of(type("Run", (), {"acted_at": None}))["worst_score"] > 1
    run = patient.treated(category)
    assert (run.status, run.reason) == (RecoveryStatus.COMPLETED, "every step succeeded")
    assert run.facts == {"category": category}


@pytest.mark.parametrize(
    ("kind", "category", "reason"),
    [
        (FaultKind.BAD_DEPLOY, "RESOURCE", "did not hold within 1800 s"),
        (FaultKind.NETWORK_LOSS, "DEPENDENCY", "did not hold within 1800 s"),
        (FaultKind.CPU_HOG, "DEPLOY", "has no deploy that could be rolled back"),
    ],
)
def test_a_wrong_cure_is_noticed(kind, category, reason):
    """A strategy that does not help fails, with the reason, instead of reporting success."""
    run = Patient(kind, "payment").treated(category)
    assert (run.status, reason in run.reason) == (RecoveryStatus.FAILED, True), run.reason
