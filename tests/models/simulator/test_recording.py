"""Histories and incidents as files and values."""

from datetime import timedelta

import numpy as np
import pytest

from models.errors import ConfigurationError
from models.simulator import (
    Fault,
    FaultKind,
    IncidentPlan,
    SimulatedSystem,
    SimulatorSettings,
    simulate_history,
    simulate_incident,
    write_history,
)
from models.sources.files import read_metrics
from tests.models.simulator.runs import AFTERNOON, VICTIMS

PLAN = IncidentPlan(history_rows=30, incident_rows=20)
SETTINGS = SimulatorSettings(seed=1, start=AFTERNOON)


def test_history_is_nothing_but_stepping():
    """A history equals the rows of a stepped system, and progress is told up to the end."""
    told = []
    frame = simulate_history(SETTINGS, 1.5, lambda done, total: told.append((done, total)))
    np.testing.assert_array_equal(frame.values, SimulatedSystem(SETTINGS).advance(2160).values)
    assert told == [(1440, 2160), (2160, 2160)]


def test_history_is_read_back(tmp_path):
    """What is written as long Parquet is read back bit for bit, in a directory that did not exist."""
    path = tmp_path / "new" / "history.parquet"
    frame = write_history(SETTINGS, 0.1, path)
    read = read_metrics(path).frame
    np.testing.assert_array_equal(read.select(frame.keys).values, frame.values)
    assert (read.start, read.step_s) == (frame.start, frame.step_s)


@pytest.mark.parametrize("days", [0, -1, float("nan"), 4000])
def test_refuses_impossible_lengths(days):
    """A history needs a positive, bounded length."""
    with pytest.raises(ConfigurationError, match="A history of"):
        simulate_history(SETTINGS, days)


@pytest.mark.parametrize("rows", [(0, 5), (5, 0)])
def test_refuses_empty_parts(rows):
    """A case needs history and incident."""
    with pytest.raises(ConfigurationError, match="at least one row of each"):
        IncidentPlan(history_rows=rows[0], incident_rows=rows[1])


@pytest.mark.parametrize("kind", FaultKind)
def test_incident_is_detected_after_its_onset(kind):
    """Detection comes some minutes late, within the case; a leak is noticed later than the others."""
    case, truth = simulate_incident(SETTINGS, Fault(kind=kind, component=VICTIMS[kind]), PLAN)
    onset = AFTERNOON + timedelta(minutes=30)
    late = case.detected_at - onset
    assert timedelta(minutes=15 if kind is FaultKind.MEMORY_LEAK else 2) <= late < timedelta(minutes=20)
    assert case.frame.n_rows == 50
    assert truth.components == (VICTIMS[kind],)
    assert truth.fault == kind
    assert all(component == VICTIMS[kind] for component, _ in truth.metrics)
    assert case.traces is None


def test_own_start_and_end_of_a_fault_are_kept():
    """A fault with a start of its own begins there."""
    fault = Fault(kind=FaultKind.ERRORS, component="cart", start=timedelta(minutes=5), duration=timedelta(minutes=5))
    case, _ = simulate_incident(SETTINGS, fault, PLAN)
    assert AFTERNOON + timedelta(minutes=5) < case.detected_at <= AFTERNOON + timedelta(minutes=10)


def test_bad_deploy_leaves_a_change_event():
    """The events of a case hold the changes, in the columns of the format."""
    case, _ = simulate_incident(SETTINGS, Fault(kind=FaultKind.BAD_DEPLOY, component="cart"), PLAN)
    assert list(case.events.columns) == ["ts", "component", "caller", "kind", "name", "sign"]
    row = case.events[case.events["component"] == "cart"].iloc[0]
    assert (row["kind"], row["name"]) == ("CHANGE", "deploy v2")
    assert row["ts"] == AFTERNOON + timedelta(minutes=30)
