"""What the confidence would be worth had it been fitted without the cases that it is asked about.

The log odds of the stated confidence are mapped by a straight line (Platt, 1999), fitted by logistic regression with
the same weight for each suite: on all cases, in ten folds, and for each suite on the other suites alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.benchmark import calibration_error
from benchmarks.rca.calibration import Stated
from models.features import Array

FOLDS = 10
WEAK = 1e4
"""Inverse strength of the penalty, so weak that it only keeps the line finite."""
CERTAIN = 1e-3
"""Confidences are kept so far from 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """A line fitted anew, and the calibration errors over all suites together.

    Parameters
    ----------
    intercept, slope
        Of the log odds, over all cases; 0 and 1 leave the confidence as it is.
    in_sample, folds, left_out
        Fitted on the same cases, on nine tenths, on the other suites.
    """

    intercept: float
    slope: float
    in_sample: float
    folds: float
    left_out: float


def refit(by_suite: Mapping[str, Sequence[Stated]]) -> Refit | None:
    """Fit and judge.

    Parameters
    ----------
    by_suite
        Answers of each suite, in a fixed order.

    Returns
    -------
    Refit or None
        Deterministic; None if without some part there are no hits or no misses, so that nothing can be fitted.
    """
    items = [item for values in by_suite.values() for item in values]
    if not items:
        return None
    suites = np.array([name for name, values in by_suite.items() for _ in values])
    is_right = np.array([item.is_right for item in items], dtype=bool)
    weights = np.array([1.0 / len(by_suite[name]) for name in suites])
    odds = _log_odds(items)
    groupings: tuple[NDArray[np.generic], ...] = (
        np.zeros(len(items)),
        np.random.default_rng(0).permutation(len(items)) % FOLDS,
        suites,
    )
    errors = []
    for groups in groupings:
        stated = np.full(len(items), np.nan)
        for group in np.unique(groups):
            inside = groups == group
            outside = ~inside if inside.sum() < len(items) else inside
            if len(set(is_right[outside])) < 2:
                return None
            intercept, slope = _fit(odds[outside], is_right[outside], weights[outside])
            stated[inside] = 1.0 / (1.0 + np.exp(-intercept - slope * odds[inside]))
        errors.append(calibration_error([(float(p), bool(hit)) for p, hit in zip(stated, is_right, strict=True)]))
    intercept, slope = _fit(odds, is_right, weights)
    return Refit(intercept=intercept, slope=slope, in_sample=errors[0], folds=errors[1], left_out=errors[2])


def describe(found: Refit) -> str:
    """Say it in a sentence.

    Parameters
    ----------
    found
        The errors.

    Returns
    -------
    str
        Markdown.
    """
    return (
        f"With its log odds x mapped anew to {found.intercept:+.2f} {found.slope:+.2f} x (+0.00 +1.00 x would change "
        f"nothing), the calibration error over all suites together is {found.in_sample:.3f} on the same cases, "
        f"{found.folds:.3f} in ten folds, and {found.left_out:.3f} when the line for a suite comes from the other "
        "suites alone."
    )


def _log_odds(items: Sequence[Stated]) -> Array:
    """Of the stated confidences, shape (n,)."""
    stated: Array = np.clip([item.confidence for item in items], CERTAIN, 1.0 - CERTAIN)
    odds: Array = np.log(stated / (1.0 - stated))
    return odds


def _fit(odds: Array, is_right: NDArray[np.bool_], weights: Array) -> tuple[float, float]:
    """Logistic regression."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=WEAK).fit(
        odds[:, None], is_right, sample_weight=weights * len(weights) / weights.sum()
    )
    return float(model.intercept_[0]), float(model.coef_[0, 0])
