"""From scores to likelihoods."""

import numpy as np

from analysis.rootcause.fusion import Verdict

TEMPERATURE = 0.22
"""Relative gap in score that is worth one unit of log odds."""
DOUBT = 0.15
"""Likelihood kept back for a cause that no candidate stands for."""
HALF_SCORE = 0.5
"""Score of the best candidate at which the evidence counts half."""


def estimate_likelihoods(verdict: Verdict) -> dict[str, float]:
    """Share out the likelihood among the candidates.

    A softmax of the scores relative to the best one, damped where even the best has little evidence.

    Parameters
    ----------
    verdict
        Scores of every candidate.

    Returns
    -------
    dict of str to float
        In [0, 1], summing to less than 1; zero for candidates without a positive score.
    """
    names = [name for name in verdict.ranking if verdict.scores[name] > 0]
    result = dict.fromkeys(verdict.ranking, 0.0)
    if not names:
        return result
    scores = np.array([verdict.scores[name] for name in names])
    odds = np.exp((scores / scores[0] - 1.0) / TEMPERATURE)
    trust = (1.0 - DOUBT) * scores[0] / (scores[0] + HALF_SCORE)
    for name, share in zip(names, odds / odds.sum() * trust, strict=True):
        result[name] = float(share)
    return result
