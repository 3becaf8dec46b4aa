"""Runs that several tests look at: a faulty system beside its healthy twin, and what their ratio tells."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from models.simulator import Fault, FaultKind, SimulatedSystem, SimulatorSettings
from models.simulator.noise import METRICS

AFTERNOON = datetime(2026, 3, 3, 15, tzinfo=UTC)
ONSET = 10
VICTIMS = {
    FaultKind.CPU_HOG: "catalogue",
    FaultKind.MEMORY_LEAK: "orders",
    FaultKind.LATENCY: "catalogue-db",
    FaultKind.ERRORS: "payment",
    FaultKind.TRAFFIC_SURGE: "gateway",
    FaultKind.DEAD_DEPENDENCY: "cache",
    FaultKind.BAD_DEPLOY: "cart",
    FaultKind.NETWORK_LOSS: "account",
    FaultKind.NOISY_NEIGHBOUR: "cart",
}


def system(fault: FaultKind | None = None, *, seed: int = 1, component: str = "", magnitude: float = 1.0, **settings):
    """Give a shop on a working afternoon, with a fault from row 10 on if one is named."""
    chosen = SimulatorSettings(seed=seed, start=AFTERNOON, deploys_per_day=0, **settings)
    made = SimulatedSystem(chosen)
    if fault is not None:
        made.inject(
            Fault(
                kind=fault,
                component=component or VICTIMS[fault],
                start=timedelta(minutes=ONSET),
                magnitude=magnitude,
            )
        )
    return made


def values(made: SimulatedSystem, n_rows: int) -> np.ndarray:
    """Advance; shape (rows, components, metrics)."""
    return made.advance(n_rows).values.reshape(n_rows, -1, len(METRICS))


def at(made: SimulatedSystem, component: str, metric: str) -> tuple[slice, int, int]:
    """The column of a metric in ``values``."""
    return slice(None), made.topology.names.index(component), METRICS.index(metric)


def acted(fault: FaultKind, action: Callable[[SimulatedSystem], object], *, act_at: int = 30, rows: int = 60):
    """Ratio of a run with a fault and an action to its healthy twin, and the system; the twins share their noise."""
    faulty, healthy = system(fault), system()
    before = values(faulty, act_at)
    action(faulty)
    run = np.concatenate([before, values(faulty, rows - act_at)])
    return run / np.maximum(values(healthy, rows), 1e-12), faulty
