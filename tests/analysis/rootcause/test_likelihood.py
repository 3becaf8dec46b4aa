"""From scores to likelihoods."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.rootcause.likelihood import (
    FOR_METRICS,
    INTERCEPT,
    NOISE_SCORE,
    PER_LEAD,
    TEMPERATURE,
    confidence_of,
    estimate_likelihoods,
)
from tests.analysis.rootcause.helpers import verdict_of


def test_likelihoods_follow_the_ranking_and_stay_below_one():
    """Whatever the scores, the sum leaves room for a cause that nobody stands for."""
    for scores in ({"a": 9.0, "b": 8.9, "c": 8.8}, {"a": 30.0, "b": 0.1}, {"a": 0.2, "b": -3.0}, {"a": 5.0}):
        found = estimate_likelihoods(verdict_of(**scores))
        values = list(found.values())
        assert values == sorted(values, reverse=True)
        assert 0 < sum(values) < 1


def test_nothing_positive_is_not_likely():
    """Candidates that everything speaks against have likelihood zero."""
    assert estimate_likelihoods(verdict_of(a=0.0, b=-1.0)) == {"a": 0.0, "b": 0.0}
    assert estimate_likelihoods(verdict_of()) == {}


def test_confidence_grows_with_the_lead_and_fades_with_weak_evidence():
    """A clear lead is trusted, a tie or a score that noise reaches is not."""
    assert confidence_of(20.0, 5.0) > confidence_of(8.0, 5.0) > confidence_of(5.0, 5.0)
    assert confidence_of(0.1, 0.0) < 0.1


def test_alerts_alone_are_trusted_less():
    """The same lead says less where no metric backs it."""
    assert confidence_of(8.0, 3.0) > confidence_of(8.0, 3.0, is_measured=False) > 0
    measured = estimate_likelihoods(verdict_of(a=8.0, b=3.0))
    told = estimate_likelihoods(verdict_of(a=8.0, b=3.0), is_measured=False)
    assert measured["a"] > told["a"] > told["b"]


SCORES = st.dictionaries(st.text(max_size=3), st.floats(-1e6, 1e6), max_size=9)


@given(SCORES, st.booleans())
def test_any_scores_give_likelihoods(scores, is_measured):
    """In [0, 1], summing to at most 1, falling along the ranking, for every candidate."""
    verdict = verdict_of(**scores)
    found = estimate_likelihoods(verdict, is_measured=is_measured)
    values = list(found.values())
    assert tuple(found) == verdict.ranking
    assert all(0 <= value <= 1 for value in values)
    assert sum(values) <= 1 + 1e-9
    assert values == pytest.approx(sorted(values, reverse=True))


@given(SCORES, st.floats(1e-300, 1e-3))
def test_tiny_scores_are_no_confidence(scores, size):
    """What rounding leaves over convinces nobody."""
    small = {name: size * score / 1e6 for name, score in scores.items()}
    assert max(estimate_likelihoods(verdict_of(**small)).values(), default=0.0) < 0.01


def test_the_others_share_by_their_relative_gaps():
    """A fifth of the best score less is worth almost one unit of log odds."""
    found = estimate_likelihoods(verdict_of(a=10.0, b=8.0, c=6.0))
    assert found["b"] / found["c"] == pytest.approx(np.exp(0.2 / TEMPERATURE))


def test_confidence_is_a_logistic_function_of_the_lead():
    """With the fitted odds; half of what noise reaches is half as much."""
    odds = INTERCEPT + PER_LEAD * np.log1p(3.0) + FOR_METRICS
    assert confidence_of(5.0, 2.0) == pytest.approx(1 / (1 + np.exp(-odds)))
    assert confidence_of(5.0, -4.0) == confidence_of(5.0, 0.0)
    level = confidence_of(NOISE_SCORE, NOISE_SCORE)
    assert confidence_of(NOISE_SCORE / 2, NOISE_SCORE / 2) == pytest.approx(level / 2)


def test_equals_are_equally_likely():
    """Candidates with the very same score share what the first of them would have had."""
    found = estimate_likelihoods(verdict_of(a=10.0, b=10.0, c=4.0))
    assert found["a"] == found["b"] > found["c"]
    assert sum(found.values()) < 1
