"""What a fault may be."""

from datetime import datetime, timedelta

import pytest

from models.errors import ConfigurationError, UnknownNameError
from models.simulator import CURES, TELLING_METRICS, Fault, FaultKind
from models.simulator.noise import METRICS
from models.simulator.strain import EFFECTS
from tests.models.simulator.runs import AFTERNOON, ONSET, VICTIMS, system, values


@pytest.mark.parametrize(
    "settings",
    [
        {"magnitude": 0.0},
        {"magnitude": float("nan")},
        {"magnitude": 11.0},
        {"duration": timedelta()},
        {"start": timedelta(seconds=-1)},
        {"start": datetime(2026, 3, 2)},  # noqa: DTZ001 - the point of the test
    ],
)
def test_refuses_hostile_values(settings):
    """Magnitude, duration and start are checked at construction, with a remedy."""
    with pytest.raises(ConfigurationError, match="Remedy: "):
        Fault(kind=FaultKind.ERRORS, component="cart", **settings)


def test_every_kind_is_complete():
    """Every kind has an effect, an entry among the cures, and telling metrics that exist."""
    assert set(EFFECTS) == set(CURES) == set(TELLING_METRICS) == set(VICTIMS) == set(FaultKind)
    assert {metric for metrics in TELLING_METRICS.values() for metric in metrics} <= set(METRICS)


def test_inject_refuses_what_cannot_be():
    """An unknown component, a start in the past and a neighbour without neighbours are refused; nothing is injected."""
    shop = system()
    shop.advance(5)
    with pytest.raises(UnknownNameError, match="Unknown component 'carts'"):
        shop.inject(Fault(kind=FaultKind.ERRORS, component="carts"))
    with pytest.raises(ConfigurationError, match="before the next row"):
        shop.inject(Fault(kind=FaultKind.ERRORS, component="cart", start=AFTERNOON))
    with pytest.raises(ConfigurationError, match="shares its host with nobody"):
        shop.inject(Fault(kind=FaultKind.NOISY_NEIGHBOUR, component="queue"))
    assert shop.faults == ()


@pytest.mark.parametrize("start", [None, timedelta(minutes=ONSET), AFTERNOON + timedelta(minutes=ONSET)])
def test_start_can_be_said_in_three_ways(start):
    """At once, by offset and by time mean the same row."""
    shop, reference = system(), system(FaultKind.ERRORS)
    first = values(shop, ONSET)
    shop.inject(Fault(kind=FaultKind.ERRORS, component=VICTIMS[FaultKind.ERRORS], start=start))
    expected = values(reference, ONSET + 20)
    assert (first == expected[:ONSET]).all()
    assert (values(shop, 20) == expected[ONSET:]).all()


@pytest.mark.parametrize("kind", FaultKind)
def test_fault_with_an_end_passes(kind):
    """After the end of a fault its component returns to what it would have been."""
    shop, healthy = system(), system()
    shop.inject(Fault(kind=kind, component=VICTIMS[kind], start=timedelta(minutes=5), duration=timedelta(minutes=20)))
    at = shop.topology.names.index(VICTIMS[kind])
    faulty, normal = values(shop, 100)[:, at], values(healthy, 100)[:, at]
    assert (faulty[:5] == normal[:5]).all()
    assert (faulty[6:20] != normal[6:20]).any()
    assert faulty[-20:] == pytest.approx(normal[-20:], rel=0.05, abs=0.01)
