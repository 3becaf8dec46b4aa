"""The system as a whole: deterministic, bounded, alive."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from models.errors import ConfigurationError
from models.frames import SeriesKey
from models.simulator import Fault, FaultKind, SimulatedSystem, SimulatorSettings
from models.simulator.noise import CONNECTIONS, CPU, ERRORS, MEMORY, P50, P95, P99, RATE
from tests.models.simulator.runs import AFTERNOON, ONSET, system, values


def test_stepping_once_by_many_equals_many_by_one():
    """The size of a step call leaves no trace, not even across blocks of noise, with faults and missing data."""
    whole, pieces = (system(FaultKind.MEMORY_LEAK, missing_ratio=0.02, gap_ratio=0.02) for _ in range(2))
    at_once = whole.advance(300)
    parts = [pieces.step() for _ in range(100)] + [pieces.advance(n) for n in (0, 57, 143)]
    np.testing.assert_array_equal(at_once.values, np.concatenate([part.values for part in parts]))
    assert parts[1].start == at_once.times[1]
    assert whole.now == pieces.now == AFTERNOON + timedelta(minutes=300)


def test_same_actions_give_the_same_result():
    """Two systems that are treated alike stay alike, bit for bit."""
    runs = []
    for _ in range(2):
        shop = system(FaultKind.LATENCY)
        parts = [values(shop, 20)]
        for act in (shop.isolate, shop.restart, shop.release, shop.enable_backup, shop.redirect):
            act("catalogue-db")
            parts.append(values(shop, 5))
        runs.append(np.concatenate(parts))
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize("kind", FaultKind)
def test_healthy_twin_is_identical_until_the_fault(kind):
    """Nothing announces a fault: before its first row the run equals the fault-free twin, from it on it does not."""
    faulty, healthy = values(system(kind), ONSET + 3), values(system(), ONSET + 3)
    assert (faulty[:ONSET] == healthy[:ONSET]).all()
    assert (faulty[ONSET] != healthy[ONSET]).any()


def test_seeds_differ():
    """Another seed is another system with other noise."""
    assert (values(system(seed=1), 5) != values(system(seed=2), 5)).all(axis=0).any()


def test_load_belongs_to_time():
    """A system that starts a day later sees that day's load and noise, like the one that ran until then."""
    early, late = system(), SimulatedSystem(replace(system().settings, start=AFTERNOON + timedelta(days=1)))
    early.advance(1440)
    gateway_rate = values(early, 120)[:, 0, RATE] / values(late, 120)[:, 0, RATE]
    assert gateway_rate == pytest.approx(1.0, abs=0.1)


@pytest.fixture(scope="module")
def week():
    """A normal week, shape (rows, components, metrics)."""
    shop = SimulatedSystem(SimulatorSettings(seed=1))
    return shop, values(shop, 10080)


def test_normal_week_is_plausible(week):
    """Ratios lie within [0, 1], never pinned, percentiles are ordered, and no healthy component is overloaded."""
    _, rows = week
    assert np.isfinite(rows).all()
    assert (rows >= 0).all()
    assert rows[:, :, [ERRORS, CPU, MEMORY]].max() < 0.9
    assert rows[:, :, ERRORS].max() < 0.05
    assert (np.diff(rows[:, :, P50 : P99 + 1], axis=2) >= 0).all()
    assert rows[:, :, P50].max() < 1.0
    assert (rows[:, :, CONNECTIONS] == np.rint(rows[:, :, CONNECTIONS])).all()
    assert rows.std(axis=0).min() > 0


def test_normal_week_has_seasons(week):
    """The day repeats, the weekend is quieter, and requests, cpu and latency go together."""
    _, rows = week
    rate = rows[:, 0, RATE].reshape(7, 1440)
    assert np.corrcoef(rate[1], rate[2])[0, 1] > 0.95
    assert rate[5:].mean() < 0.8 * rate[:5].mean()
    assert np.corrcoef(rows[:, 0, RATE], rows[:, 0, CPU])[0, 1] > 0.95
    assert np.corrcoef(rows[:, 0, RATE], rows[:, 0, P95])[0, 1] > 0.3


def test_nightly_job_is_part_of_the_normal(week):
    """The first database works hard at night while its requests do not rise; seasonality explains it, not a fault."""
    shop, rows = week
    database = rows[:, shop.topology.names.index("orders-db")].reshape(7, 1440, -1)
    night, before = database[:, 140:150], database[:, 100:110]
    assert (night[:, :, CPU].mean(axis=1) > before[:, :, CPU].mean(axis=1) + 0.25).all()
    assert night[:, :, RATE].mean() < 1.1 * before[:, :, RATE].mean()


def test_harmless_deploys_are_announced(week):
    """Change events also come without a fault, in time order."""
    shop, _ = week
    assert len(shop.changes) >= 2
    assert [change.ts for change in shop.changes] == sorted(change.ts for change in shop.changes)


@pytest.mark.parametrize("components", [12, 15, 60])
def test_other_sizes_run(components):
    """Generated systems of other sizes are healthy and have all metrics of all components."""
    shop = SimulatedSystem(SimulatorSettings(seed=2, components=components, start=AFTERNOON))
    rows = values(shop, 60)
    assert rows.shape == (60, components, 8)
    assert rows[:, :, ERRORS].max() < 0.1
    assert rows[:, :, CPU].max() < 0.9
    assert rows[:, :, RATE].min() > 0.2


@pytest.mark.parametrize("step_s", [1.0, 15.0, 300.0])
def test_other_steps_run(step_s):
    """With another step the healthy level is about the same."""
    fine, usual = system(step_s=step_s), system()
    level = np.median(values(fine, 100)[:, :, P50], axis=0) / np.median(values(usual, 100)[:, :, P50], axis=0)
    assert level == pytest.approx(1.0, abs=0.15)


def test_survives_everything_at_once():
    """Every fault everywhere at magnitude ten: values stay finite and bounded, and the system comes back."""
    shop, healthy = system(), system()
    for kind in FaultKind:
        for component in shop.topology.names:
            if kind is not FaultKind.NOISY_NEIGHBOUR or component in shop.topology.neighbours:
                shop.inject(Fault(kind=kind, component=component, magnitude=10, duration=timedelta(minutes=40)))
    rows, normal = values(shop, 400), values(healthy, 400)
    assert np.isfinite(rows).all()
    assert rows[:, :, [ERRORS, CPU, MEMORY]].max() <= 1
    assert rows[:, :, P99].max() < 2000
    assert np.median(rows[-60:, :, P50] / normal[-60:, :, P50], axis=0) == pytest.approx(1.0, abs=0.1)


def test_advance_refuses_a_negative_number_and_takes_zero():
    """Zero rows are an empty frame; less than that is refused and changes nothing."""
    shop = system()
    with pytest.raises(ConfigurationError, match="advance by -1"):
        shop.advance(-1)
    assert shop.advance(0).n_rows == 0
    assert shop.now == AFTERNOON


def test_keys_name_every_metric_of_every_component():
    """The frame has one column a component and metric, and neighbours by name."""
    shop = system()
    frame = shop.step()
    assert frame.keys == shop.keys
    assert SeriesKey("orders-db", "latency_p99_s") in frame.keys
    assert len(frame.keys) == 14 * 8
    assert shop.hosts["search"] == shop.hosts["cart"]
    assert ("gateway", "checkout") in shop.edges
    assert math.isclose(frame.step_s, 60.0)
