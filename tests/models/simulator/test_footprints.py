"""Each fault shows where it was injected, and late and damped in the callers."""

import numpy as np
import pytest

from models.simulator import TELLING_METRICS, Fault, FaultKind, SimulatedSystem, SimulatorSettings
from models.simulator.noise import CPU, ERRORS, MEMORY, METRICS, P50, P95, P99, RATE
from tests.models.simulator.runs import AFTERNOON, ONSET, VICTIMS, system, values


def ratios(kind, component="", rows=60, **settings):
    """Faulty run over its healthy twin and the system; shape (rows, components, metrics)."""
    faulty = system(kind, component=component, **settings)
    healthy = system(**settings)
    return values(faulty, rows) / np.maximum(values(healthy, rows), 1e-12), faulty


def of(shop, component):
    """Position of a component."""
    return shop.topology.names.index(component)


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_telling_metrics_move_at_the_injected_component(kind, seed):
    """Within 25 minutes each telling metric of the component leaves its noise: by a quarter at least."""
    ratio, shop = ratios(kind, seed=seed)
    own = ratio[ONSET + 22 : ONSET + 26, of(shop, VICTIMS[kind])]
    for metric in TELLING_METRICS[kind]:
        moved = np.median(own[:, METRICS.index(metric)])
        assert moved > 1.25 or moved < 0.5, (metric, moved)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("kind", "component", "caller", "metric"),
    [
        (FaultKind.LATENCY, "catalogue-db", "search", P50),
        (FaultKind.LATENCY, "search", "gateway", P50),
        (FaultKind.CPU_HOG, "catalogue", "gateway", P50),
        (FaultKind.NETWORK_LOSS, "account", "gateway", P99),
        (FaultKind.ERRORS, "payment", "checkout", ERRORS),
        (FaultKind.BAD_DEPLOY, "cart", "gateway", ERRORS),
        (FaultKind.DEAD_DEPENDENCY, "orders-db", "orders", ERRORS),
    ],
)
def test_callers_follow_late_and_damped(kind, component, caller, metric, seed):
    """A caller is still untouched in the row of the onset, follows over the next rows, and moves less, as a factor."""
    ratio, shop = ratios(kind, component, seed=seed, peak_rate=20000.0)
    own, above = ratio[:, of(shop, component), metric], ratio[:, of(shop, caller), metric]
    end = slice(ONSET + 12, ONSET + 20)
    assert own[ONSET] > 1.15
    assert above[ONSET] == pytest.approx(1.0, abs=1e-9)
    assert 1.02 < np.median(above[end]) < np.median(own[end])
    assert above[ONSET + 2] - 1 < 0.9 * (np.median(above[end]) - 1)


def test_memory_leaks_slowly_then_costs_latency_then_kills():
    """A leak shows in memory at once, in latency much later, and at the end in a killed process that starts again."""
    ratio, shop = ratios(FaultKind.MEMORY_LEAK, rows=ONSET + 45)
    own = ratio[ONSET:, of(shop, "orders")]
    assert (np.diff(own[:25, MEMORY]) > 0).all()
    assert own[8, MEMORY] > 1.2
    assert own[8, P95] == pytest.approx(1.0, abs=0.05)
    assert own[30, P95] > 2
    killed = int(np.argmax(own[:, ERRORS]))
    assert own[killed, RATE] < 0.1
    assert own[killed + 1, MEMORY] < 0.7 * own[killed - 1, MEMORY]


def test_dead_dependency_answers_nothing():
    """The dead component's requests and cpu collapse, its callers fail and wait."""
    ratio, shop = ratios(FaultKind.DEAD_DEPENDENCY, "orders-db")
    dead, orders = ratio[30, of(shop, "orders-db")], ratio[30, of(shop, "orders")]
    assert dead[RATE] < 0.05
    assert dead[CPU] < 0.5
    assert orders[ERRORS] > 50
    assert orders[P50] > 10


def test_failing_cache_sends_its_callers_to_the_database():
    """Without the cache the database gets more requests."""
    ratio, shop = ratios(FaultKind.DEAD_DEPENDENCY, "cache")
    assert ratio[30, of(shop, "catalogue-db"), RATE] > 1.3


def test_slow_worker_fills_the_queue():
    """Messages wait longer and longer while the worker is slow; the publishers do not wait."""
    ratio, shop = ratios(FaultKind.LATENCY, "worker")
    waiting = ratio[ONSET : ONSET + 8, of(shop, "queue"), P50]
    assert waiting[-1] > 10
    assert waiting[1] < waiting[3] < waiting[5] < waiting[7]
    assert ratio[ONSET + 8, of(shop, "orders"), P50] < 1.2


def test_network_loss_leaves_the_cpu_alone():
    """Packet loss shows in the tail and in errors, while the component itself has nothing to do with it."""
    ratio, shop = ratios(FaultKind.NETWORK_LOSS)
    lossy = ratio[30, of(shop, "account")]
    assert lossy[P99] > 4 * 1
    assert lossy[ERRORS] > 5
    assert lossy[CPU] == pytest.approx(1.0, abs=0.1)
    assert lossy[P50] < 0.5 * lossy[P99]


def test_noisy_neighbour_slows_those_on_its_host_only():
    """The culprit's cpu rises, its neighbours' latency rises without more cpu, others are only reached as callers."""
    ratio, shop = ratios(FaultKind.NOISY_NEIGHBOUR)
    culprit = ratio[30, of(shop, "cart")]
    assert culprit[CPU] > 1.8
    for victim in shop.topology.neighbours["cart"]:
        slowed = ratio[30, of(shop, victim)]
        assert slowed[P50] > 1.3
        assert slowed[CPU] < 1.1
    assert ratio[30, of(shop, "catalogue"), P50] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("component", ["gateway", "search"])
def test_surge_comes_in_at_its_component_and_flows_down(component):
    """Additional requests reach the component and everything below it, and nobody above."""
    ratio, shop = ratios(FaultKind.TRAFFIC_SURGE, component)
    assert ratio[30, of(shop, component), RATE] > 1.7
    assert ratio[30, of(shop, "catalogue-db"), RATE] > 1.2
    if component == "search":
        assert ratio[30, 0, RATE] == pytest.approx(1.0, abs=0.02)


def test_bad_deploy_follows_a_change():
    """A bad deploy is announced as a change of its component in the very row of the onset."""
    shop = system(FaultKind.BAD_DEPLOY)
    shop.advance(ONSET + 5)
    (change,) = shop.changes
    assert (change.component, change.name) == ("cart", "deploy v2")
    assert change.ts == shop.faults[0].start


@pytest.mark.parametrize("kind", [k for k in FaultKind if k is not FaultKind.BAD_DEPLOY])
def test_other_faults_are_not_announced(kind):
    """No other fault leaves a change event behind."""
    shop = system(kind)
    shop.advance(ONSET + 40)
    assert shop.changes == ()


def test_magnitude_decides_how_much():
    """A faint fault moves the telling metric less than a plain one, and that less than a grave one."""
    moved = [np.median(ratios(FaultKind.LATENCY, magnitude=m)[0][20:30, -1, P50]) for m in (0.2, 1.0, 3.0)]
    assert 1.05 < moved[0] < moved[1] < moved[2]


def test_generated_systems_fail_as_well():
    """Faults show at their component in a generated system too."""
    settings = SimulatorSettings(seed=4, components=40, start=AFTERNOON, deploys_per_day=0)
    faulty, healthy = SimulatedSystem(settings), SimulatedSystem(settings)
    faulty.inject(Fault(kind=FaultKind.LATENCY, component="database-02"))
    ratio = values(faulty, 20) / np.maximum(values(healthy, 20), 1e-12)
    assert ratio[-1, of(faulty, "database-02"), P50] > 3
    assert np.argmax(ratio[1, :, P50]) == of(faulty, "database-02")
