"""The refit: it finds the line that made the data, and is worse on suites of another kind."""

import numpy as np
import pytest

from benchmarks.rca.calibration import Stated
from benchmarks.rca.refit import describe, refit


def made(seed, n=800, *, shift=0.0, slope=1.0):
    """Answers whose true log odds are a line of the stated ones."""
    random = np.random.default_rng(seed)
    stated = random.uniform(0.05, 0.95, n)
    odds = shift + slope * np.log(stated / (1 - stated))
    hits = random.random(n) < 1 / (1 + np.exp(-odds))
    return [Stated(confidence=float(p), is_right=bool(hit), is_named=True) for p, hit in zip(stated, hits, strict=True)]


def test_a_line_is_found_again():
    """Its intercept and slope, and an error that is small on the same cases, in folds and on other suites."""
    found = refit({name: made(seed, shift=1.0, slope=0.5) for seed, name in enumerate("abc")})
    assert (found.intercept, found.slope) == (pytest.approx(1.0, abs=0.15), pytest.approx(0.5, abs=0.1))
    assert max(found.in_sample, found.folds, found.left_out) < 0.05


def test_a_suite_of_another_kind_costs_where_it_is_left_out():
    """Confidence that is right elsewhere is wrong there, which ten folds cannot show as clearly."""
    found = refit({"a": made(1), "b": made(2, shift=-2.5)})
    assert found.left_out > found.folds + 0.1


def test_each_suite_has_the_same_weight():
    """A suite twice in the data counts as once."""
    once, twice = refit({"a": made(1), "b": made(2)}), refit({"a": made(1) * 2, "b": made(2)})
    assert (once.intercept, once.slope) == (
        pytest.approx(twice.intercept, abs=1e-3),
        pytest.approx(twice.slope, abs=1e-3),
    )


def test_nothing_is_fitted_to_hits_alone():
    """Nor to nothing, nor where the other suites hold hits alone."""
    hits = [Stated(confidence=0.5, is_right=True, is_named=True)] * 20
    assert refit({"a": hits}) is None
    assert refit({}) is None
    assert refit({"a": hits, "b": made(1)}) is None


def test_the_sentence_holds_line_and_errors():
    """Certain answers and all three errors."""
    certain = [Stated(confidence=1.0, is_right=True, is_named=True)] * 5
    found = refit({"a": made(1) + certain, "b": made(2)})
    assert f"{found.intercept:+.2f} {found.slope:+.2f} x" in describe(found)
    assert f"{found.left_out:.3f} when" in describe(found)
