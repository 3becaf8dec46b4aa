"""Faults in a copy of the judged rows are set beside the judgement without them."""

import pytest

from models.backtest_trials import Trials
from models.budgets import judge
from models.frames import SeriesKey
from models.injection import FaultShape, InjectedFault
from tests.models.histories import DAY, shop, trained


@pytest.fixture(scope="module")
def later():
    """Two days behind the history."""
    return shop().rows(7 * DAY, 9 * DAY)


@pytest.fixture(scope="module")
def bundle():
    """Seven days of the shop."""
    return trained(shop()).bundle


def spike(size, first=300):
    """On the rate of the shop."""
    key = SeriesKey("shop", "rate")
    return InjectedFault(key=key, shape=FaultShape.SPIKE, size=size, sigma=5.0, first=first, end=first + 1, seed=0)


def test_a_fault_is_found_by_what_it_adds(bundle, later) -> None:
    """A large spike is found at once, one of no size never; the untouched series have the alerts they had."""
    judged = judge(bundle, later, [0.1, 1.0])
    trials = Trials(bundle, later, [0.1, 1.0], judged)
    trials.add([spike(40.0)])
    trials.add([spike(0.0)])
    nothing, large = trials.figures(0.1)
    assert (nothing.size_sigma, nothing.recall, nothing.missed) == (0.0, 0.0, ("shop/rate, row 300",))
    assert (large.size_sigma, large.recall, large.median_delay_s) == (40.0, 1.0, 0.0)
    rate = later.keys.index(SeriesKey("shop", "rate"))
    for budget in (0.1, 1.0):
        untouched = trials.untouched(budget)
        own = judged[budget].own
        assert untouched.alerts == 2 * (own.sum() - own[:, bundle.keys.index(later.keys[rate])].sum())
        assert untouched.series_days == pytest.approx(2 * 2 * 5)
        assert untouched.alerts_per_series_day == pytest.approx(untouched.alerts / 20)


def test_a_single_series_leaves_nothing_untouched(later) -> None:
    """Then there is no rate of untouched ones, and no error."""
    alone = shop().where(lambda key: key == SeriesKey("shop", "rate"))
    bundle = trained(alone).bundle
    rows = alone.rows(7 * DAY, 9 * DAY)
    trials = Trials(bundle, rows, [0.1], judge(bundle, rows, [0.1]))
    trials.add([spike(40.0)])
    assert trials.untouched(0.1).alerts_per_series_day is None
    assert trials.untouched(0.1).series_days == 0.0
    assert trials.figures(0.1)[0].recall == 1.0
