"""Suites of simulated incidents."""

import json

import numpy as np
import pandas as pd
import pytest

from models.errors import ConfigurationError
from models.simulator import (
    FaultKind,
    IncidentPlan,
    SimulatorSettings,
    pick_fault,
    plan_suite,
    simulate_incident,
    write_suite,
)
from models.sources.cases import read_case
from models.sources.suites import iter_suite, read_suite, read_truth

PLAN = IncidentPlan(history_rows=20, incident_rows=15)


def test_suite_is_written_and_read_back(tmp_path):
    """Metrics, topology, events, traces and truth come back as they were simulated."""
    incidents = plan_suite(SimulatorSettings(traces_per_step=1), [FaultKind.ERRORS, FaultKind.BAD_DEPLOY], range(2))
    told = []
    truths = write_suite(tmp_path, incidents, PLAN, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert read_truth(tmp_path) == truths
    assert read_suite(tmp_path).step_s == 60.0
    places = list(iter_suite(tmp_path))
    assert [place.name for place in places] == sorted(truths)
    for place, (settings, fault) in zip(places, incidents, strict=True):
        read = read_case(place)
        case, truth = simulate_incident(settings, fault, PLAN, name=place.name)
        assert (read.name, read.detected_at, read.edges) == (case.name, case.detected_at, case.edges)
        np.testing.assert_array_equal(read.frame.select(case.frame.keys).values, case.frame.values)
        pd.testing.assert_frame_equal(read.traces, case.traces, check_dtype=False)
        assert list(read.events["name"]) == list(case.events["name"])
        assert truth == truths[place.name]


def test_no_case_holds_the_truth(tmp_path):
    """The truth lies apart: a case has the files of a real one, and its name does not give the component away."""
    write_suite(tmp_path, plan_suite(SimulatorSettings(), [FaultKind.CPU_HOG], [0]), PLAN)
    (place,) = iter_suite(tmp_path)
    assert {file.name for file in place.iterdir()} == {
        "incident.json",
        "metrics.parquet",
        "topology.json",
        "events.parquet",
    }
    assert json.loads((place / "incident.json").read_text())["target"] is None
    (truth,) = read_truth(tmp_path).values()
    assert truth.components[0] not in place.name
    assert (tmp_path / "truth.json").exists()


def test_plan_gives_every_incident_its_own_system():
    """Kinds times seeds: other seeds mean other hours and components, the same plan twice is equal."""
    incidents = plan_suite(SimulatorSettings(), FaultKind, range(20))
    assert len(incidents) == 9 * 20
    assert incidents == plan_suite(SimulatorSettings(), FaultKind, range(20))
    assert len({settings.start for settings, _ in incidents}) > 100
    assert len({fault.component for _, fault in incidents}) == 14


@pytest.mark.parametrize("kind", FaultKind)
def test_picked_component_can_have_the_fault(kind):
    """A picked fault can be injected, whatever the seed and the size."""
    for seed in range(5):
        settings = SimulatorSettings(seed=seed, components=14 + seed)
        _, truth = simulate_incident(
            settings, pick_fault(settings, kind), IncidentPlan(history_rows=1, incident_rows=1)
        )
        assert truth.fault == kind


def test_empty_suite_is_refused(tmp_path):
    """A suite without incidents is refused."""
    with pytest.raises(ConfigurationError, match="without an incident"):
        write_suite(tmp_path, [])
