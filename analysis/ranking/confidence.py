"""How sure the learnt ranking may be: fitted on incidents that it was not trained on.

Platt, "Probabilistic outputs for support vector machines" (1999): a logistic curve, with his softened targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.ranking.gate import Outcome

EDGE = 1e-3
LARGEST_SLOPE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceCurve:
    """From the share of the first candidate to the probability that it is right.

    Parameters
    ----------
    intercept, slope
        Of the log odds over the log odds of the share.
    """

    intercept: float
    slope: float

    def confidence(self, share: float) -> float:
        """Probability that the first candidate is right.

        Parameters
        ----------
        share
            Of its score in the sum over the candidates.

        Returns
        -------
        float
            In (0, 1).
        """
        return float(1.0 / (1.0 + np.exp(-(self.intercept + self.slope * _log_odds(share)))))


def fit_curve(outcomes: Sequence[Outcome]) -> ConfidenceCurve:
    """Fit the curve.

    Parameters
    ----------
    outcomes
        Out of fold.

    Returns
    -------
    ConfidenceCurve
        Rising or flat.
    """
    from scipy.optimize import minimize

    x = np.array([_log_odds(outcome.share) for outcome in outcomes])
    is_right = np.array([outcome.after == 1 for outcome in outcomes])
    right, wrong = is_right.sum(), (~is_right).sum()
    wanted = np.where(is_right, (right + 1) / (right + 2), 1 / (wrong + 2))

    def loss(parameters: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        odds = parameters[0] + parameters[1] * x
        return float((np.logaddexp(0.0, odds) - wanted * odds).sum())

    found = minimize(loss, np.array([0.0, 1.0]), method="L-BFGS-B", bounds=[(-10, 10), (0, LARGEST_SLOPE)])
    return ConfidenceCurve(intercept=float(found.x[0]), slope=float(found.x[1]))


def _log_odds(share: float) -> float:
    inside = min(max(share, EDGE), 1 - EDGE)
    return float(np.log(inside / (1 - inside)))
