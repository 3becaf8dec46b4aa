"""Nothing learnt is used unless it helps beyond chance, and its confidence is that of incidents it has not seen."""

import numpy as np
import pytest

from analysis.ranking.confidence import fit_curve
from analysis.ranking.gate import Outcome, compare, credit


def outcomes(pairs, system="", share=0.5):
    """Places before and after."""
    return [Outcome(before=before, after=after, share=share, system=system) for before, after in pairs]


def verdict(found, fewest=20):
    """Compared with fixed seeds."""
    return compare(found, fewest=fewest, seed=0)


def test_a_clear_gain_is_used_and_all_figures_are_told():
    """Thirty second places become first ones."""
    found = verdict(outcomes([(2, 1)] * 30 + [(1, 1)] * 10))
    assert found.is_used
    assert (found.before["AC@1"], found.after["AC@1"], found.first_gained, found.first_lost) == (0.25, 1.0, 30, 0)
    assert found.gain == pytest.approx(0.15)
    assert 0 < found.gain_low <= found.gain <= found.gain_high
    assert found.p_value < 1e-6
    assert found.metrics()["after.Avg_at_5"] == 1.0


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([(2, 1)] * 19, "20 are needed"),
        ([(1, 1)] * 40, "may be chance"),
        ([(2, 1)] * 20 + [(1, 2)] * 18, "may be chance"),
        ([(1, 2)] * 40, "may be chance"),
        ([(6, 2)] * 40 + [(1, 2)] * 5, "loses the first place"),
    ],
)
def test_what_does_not_help_is_not_used_and_the_reason_is_told(pairs, why):
    """Too few, no change, as much lost as gained, worse, or worse in the first place."""
    found = verdict(outcomes(pairs))
    assert not found.is_used
    assert why in found.reason


def test_a_system_that_loses_is_a_veto():
    """A large gain in one system does not pay for a loss in another."""
    found = verdict(outcomes([(5, 1)] * 60, "a") + outcomes([(1, 2)] * 10, "b"))
    assert not found.is_used
    assert "It costs b 0.200 Avg@5" in found.reason
    assert found.by_system["a"] == pytest.approx(0.8)


def test_no_outcome_is_no_error():
    """Nothing was tried: nothing is used."""
    assert not verdict([]).is_used


def test_credit_is_what_avg_at_5_sums():
    """1, 0.8, 0.6, 0.4, 0.2, then nothing, however far."""
    assert credit(np.array([1.0, 2.0, 5.0, 6.0, 1e9])).tolist() == [1.0, 0.8, 0.2, 0.0, 0.0]


def test_confidence_is_the_share_of_hits():
    """Where a share of a half was right nine times in ten, the confidence is about that; it rises with the share."""
    low = [Outcome(before=1, after=1 + (i % 2), share=0.2) for i in range(100)]
    high = [Outcome(before=1, after=1 + (i % 10 == 0), share=0.5) for i in range(100)]
    curve = fit_curve(low + high)
    assert curve.confidence(0.2) == pytest.approx(0.5, abs=0.03)
    assert curve.confidence(0.5) == pytest.approx(0.9, abs=0.03)
    assert 0 < curve.confidence(0.0) < curve.confidence(1.0) < 1


def test_confidence_without_any_hit_or_miss_stays_inside():
    """Softened targets: never 0, never 1; a share that misleads gives a flat curve."""
    assert 0.9 < fit_curve(outcomes([(1, 1)] * 30)).confidence(0.5) < 1
    assert 0 < fit_curve(outcomes([(1, 2)] * 30)).confidence(0.5) < 0.1
    inverse = [Outcome(before=1, after=1 + (share > 0.5), share=share) for share in np.linspace(0.1, 0.9, 40)]
    assert fit_curve(inverse).slope == 0.0
