"""Suites of simulated incidents in the case format, for training and measuring rankers."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from models.errors import ConfigurationError
from models.simulator.faults import Fault, FaultKind
from models.simulator.recording import IncidentPlan, Progress, simulate_incident
from models.simulator.settings import SimulatorSettings
from models.simulator.system import SimulatedSystem
from models.sources.cases import write_case
from models.sources.suites import Truth

_COMPONENT_STREAM, _HOUR_STREAM = 42, 43


def pick_fault(settings: SimulatorSettings, kind: FaultKind) -> Fault:
    """Choose a component that such a fault can befall.

    Parameters
    ----------
    settings
        Its seed decides, together with the kind.
    kind
        A surge comes in at the entry, a dead dependency is called by somebody, a noisy neighbour has neighbours.

    Returns
    -------
    Fault
        Of magnitude 1, without start and end.
    """
    topology = SimulatedSystem(settings).topology
    candidates: tuple[str, ...] = topology.names
    if kind is FaultKind.TRAFFIC_SURGE:
        candidates = topology.names[:1]
    elif kind is FaultKind.NOISY_NEIGHBOUR:
        candidates = tuple(topology.neighbours)
    elif kind is FaultKind.DEAD_DEPENDENCY:
        candidates = topology.names[1:]
    rng = np.random.default_rng([settings.seed, _COMPONENT_STREAM, list(FaultKind).index(kind)])
    return Fault(kind=kind, component=candidates[int(rng.integers(len(candidates)))])


def incident_settings(settings: SimulatorSettings, kind: FaultKind, seed: int) -> SimulatorSettings:
    """Give one incident of a suite its own seed and hour.

    Parameters
    ----------
    settings
        Of the suite; its start is the earliest.
    kind
        Of the fault.
    seed
        Of the incident.

    Returns
    -------
    SimulatorSettings
        Starting on a whole hour within four weeks.
    """
    rng = np.random.default_rng([seed, _HOUR_STREAM, list(FaultKind).index(kind)])
    return replace(settings, seed=seed, start=settings.start + timedelta(hours=int(rng.integers(28 * 24))))


def plan_suite(
    settings: SimulatorSettings, kinds: Iterable[FaultKind] = tuple(FaultKind), seeds: Iterable[int] = range(20)
) -> list[tuple[SimulatorSettings, Fault]]:
    """Lay out kinds times seeds.

    Parameters
    ----------
    settings
        What the incidents share.
    kinds
        Of the faults.
    seeds
        Each gives another system, hour and component.

    Returns
    -------
    list of tuple of SimulatorSettings and Fault
        For ``write_suite``.
    """
    own = [(kind, incident_settings(settings, kind, seed)) for kind in kinds for seed in seeds]
    return [(each, pick_fault(each, kind)) for kind, each in own]


def write_suite(
    directory: str | Path,
    incidents: Sequence[tuple[SimulatorSettings, Fault]],
    plan: IncidentPlan | None = None,
    progress: Progress | None = None,
) -> dict[str, Truth]:
    """Record incidents as a suite in the case format, the truth apart.

    Parameters
    ----------
    directory
        Created if necessary.
    incidents
        At least one; ``plan_suite`` makes them.
    plan
        The length of each; None for the usual one.
    progress
        Called with the cases done and the cases in all.

    Returns
    -------
    dict of str to Truth
        By case name, as in ``truth.json``.

    Raises
    ------
    ConfigurationError
        If there is no incident.
    """
    if not incidents:
        raise ConfigurationError("A suite without an incident.", remedy="Give at least one kind and one seed.")
    place = Path(directory)
    truths: dict[str, Truth] = {}
    for number, (settings, fault) in enumerate(incidents):
        name = f"{number + 1:0{len(str(len(incidents)))}d}-{fault.kind.lower().replace('_', '-')}-{settings.seed}"
        case, truths[name] = simulate_incident(settings, fault, plan, name=name)
        write_case(case, place / name)
        if progress:
            progress(number + 1, len(incidents))
    _write_json(
        place / "suite.json",
        {
            "name": place.name,
            "source": "Faultline's simulator",
            "licence": "Apache-2.0",
            "step_s": incidents[0][0].step_s,
            "note": "Simulated; one fault a case, nobody repairs it.",
            "cases": len(truths),
        },
    )
    _write_json(
        place / "truth.json",
        {
            name: {
                "components": list(truth.components),
                "metrics": [list(metric) for metric in truth.metrics],
                "fault": truth.fault,
            }
            for name, truth in truths.items()
        },
    )
    return truths


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
