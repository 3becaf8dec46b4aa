"""From scores to likelihoods.

The confidence in the first candidate is a logistic function of how far it is ahead, and of whether metrics say so or
only alerts. It was fitted once over recorded incidents of several systems, each system counting alike; how far stated
and true shares lie apart is in docs/rca-benchmarks.md. The rest of the likelihood goes to the others.
"""

import numpy as np

from analysis.rootcause.fusion import Verdict
from analysis.rootcause.robust import Values

INTERCEPT, PER_LEAD, FOR_METRICS = -0.8, 1.35, 1.0
"""Log odds that the first is right: with no lead, for each unit of log(1 + lead), where metrics are at hand."""
NOISE_SCORE = 1.5
"""What the best candidate of a situation without any trouble reaches: below it confidence fades with the score."""
TEMPERATURE = 0.22
"""Relative gap in score that is worth one unit of log odds among the others."""


def estimate_likelihoods(verdict: Verdict, *, is_measured: bool = True) -> dict[str, float]:
    """Share out the likelihood among the candidates.

    Parameters
    ----------
    verdict
        Scores of every candidate.
    is_measured
        Whether the situation has metrics; alerts say less.

    Returns
    -------
    dict of str to float
        In [0, 1], in the order of the ranking and summing to less than 1; zero for candidates without a positive score.
    """
    result = dict.fromkeys(verdict.ranking, 0.0)
    names = [name for name in verdict.ranking if verdict.scores[name] > 0]
    if not names:
        return result
    scores = np.array([verdict.scores[name] for name in names])
    second = float(scores[1]) if len(scores) > 1 else 0.0
    first = confidence_of(float(scores[0]), second, is_measured=is_measured)
    result[names[0]] = first
    others = np.exp((scores[1:] / scores[0] - 1.0) / TEMPERATURE)
    left = min(1.0 - first, first * float(others.sum())) * 0.9
    for name, share in zip(names[1:], others / max(float(others.sum()), 1e-12), strict=True):
        result[name] = float(min(share * left, first))
    return result | _shared_among_equals(result, names, scores)


def _shared_among_equals(likelihoods: dict[str, float], names: list[str], scores: Values) -> dict[str, float]:
    """Candidates that nothing tells from the first get the same likelihood as it."""
    equal = [name for name, score in zip(names, scores, strict=True) if score == scores[0]]
    return dict.fromkeys(equal, sum(likelihoods[name] for name in equal) / len(equal))


def confidence_of(best: float, second: float, *, is_measured: bool = True) -> float:
    """Probability that the best candidate is right.

    Parameters
    ----------
    best
        Its score, positive.
    second
        The score of the next one; not above ``best``.
    is_measured
        Whether the situation has metrics.

    Returns
    -------
    float
        In (0, 1).
    """
    lead = best - max(second, 0.0)
    log_odds = INTERCEPT + PER_LEAD * np.log1p(lead) + FOR_METRICS * is_measured
    return float(min(1.0, best / NOISE_SCORE) / (1.0 + np.exp(-log_odds)))
