"""Whether a learnt ranking helps: paired figures on incidents that it was not trained on, and a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CUT = 5
RESAMPLES = 2000
LARGEST_LOSS_OF_A_SYSTEM = 0.01
"""Avg@5 that a single system may lose: about one place of one cause in a hundred incidents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One incident, ranked without and with what was learnt from the others.

    Parameters
    ----------
    before, after
        Place of the true cause, from 1.
    share
        Of the first of the learnt ranking.
    system
        Of the incident.
    """

    before: int
    after: int
    share: float
    system: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The learnt ranking against the unlearnt one on the same incidents.

    Parameters
    ----------
    n
        Incidents.
    before, after
        AC@1, AC@3, AC@5 and Avg@5.
    gain, gain_low, gain_high
        Of Avg@5, with its 95 % interval (paired bootstrap).
    first_gained, first_lost
        Incidents whose cause came first with one ranking only.
    p_value
        Of these two numbers under equal chances (exact McNemar test, both sides).
    by_system
        Gain in Avg@5.
    is_used
        Whether the learnt ranking may be used.
    reason
        Why, in one sentence.
    """

    n: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    gain: float
    gain_low: float
    gain_high: float
    first_gained: int
    first_lost: int
    p_value: float
    by_system: Mapping[str, float]
    is_used: bool
    reason: str

    def metrics(self) -> dict[str, float]:
        """The figures for a tracking server.

        Returns
        -------
        dict of str to float
            By name; a gate counts as 1 or 0.
        """
        stages = (("before", self.before), ("after", self.after))
        figures = {
            f"{stage}.{name.replace('@', '_at_')}": value for stage, row in stages for name, value in row.items()
        }
        named = ("n", "gain", "gain_low", "gain_high", "first_gained", "first_lost", "p_value", "is_used")
        return figures | {name: float(getattr(self, name)) for name in named}


def compare(outcomes: Sequence[Outcome], *, fewest: int, seed: int) -> Comparison:
    """Put the two rankings side by side and decide.

    Parameters
    ----------
    outcomes
        Of incidents that were left out of the training.
    fewest
        Incidents that a verdict needs.
    seed
        Of the bootstrap.

    Returns
    -------
    Comparison
        ``is_used`` only if the interval of the gain is above zero, the first place is not lost more often than gained,
        and no system loses.
    """
    from scipy.stats import binomtest

    before = np.array([outcome.before for outcome in outcomes], dtype=float)
    after = np.array([outcome.after for outcome in outcomes], dtype=float)
    gains = credit(after) - credit(before)
    low, high = _interval(gains, seed)
    gained = int(((after == 1) & (before > 1)).sum())
    lost = int(((before == 1) & (after > 1)).sum())
    systems = sorted({outcome.system for outcome in outcomes})
    members = {name: np.array([outcome.system == name for outcome in outcomes]) for name in systems}
    figures: dict[str, Any] = {
        "gain": float(gains.mean()) if len(gains) else 0.0,
        "gain_low": low,
        "gain_high": high,
        "first_gained": gained,
        "first_lost": lost,
        "by_system": {name: float(gains[mine].mean()) for name, mine in members.items()},
    }
    reason = _objection(len(outcomes), fewest, figures)
    return Comparison(
        n=len(outcomes),
        before=_accuracy(before),
        after=_accuracy(after),
        p_value=float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0,
        is_used=not reason,
        reason=reason
        or f"It gains {figures['gain']:.3f} Avg@5 on incidents it has not seen ({low:.3f} to {high:.3f}).",
        **figures,
    )


def credit(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """What one incident adds to Avg@5.

    Parameters
    ----------
    places
        Of the true causes, from 1.

    Returns
    -------
    ndarray of float64
        1 for the first place, 0.8 for the second, 0 from the sixth on.
    """
    return np.clip(CUT + 1 - places, 0, CUT) / CUT


def _accuracy(places: NDArray[np.float64]) -> dict[str, float]:
    n = max(len(places), 1)
    at = {f"AC@{k}": float((places <= k).sum() / n) for k in (1, 3, 5)}
    return at | {"Avg@5": float(credit(places).sum() / n)}


def _interval(gains: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Percentile bootstrap of the mean (Efron and Tibshirani 1993, chapter 13)."""
    if not len(gains):
        return 0.0, 0.0
    chosen = np.random.default_rng(seed).integers(0, len(gains), size=(RESAMPLES, len(gains)))
    low, high = np.quantile(gains[chosen].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def _objection(n: int, fewest: int, figures: Mapping[str, Any]) -> str:
    """Why the learnt ranking must not be used; empty if nothing speaks against it."""
    if n < fewest:
        return f"There are {n} resolved incidents; {fewest} are needed."
    low, high = figures["gain_low"], figures["gain_high"]
    if low <= 0:
        return f"The gain of {figures['gain']:.3f} Avg@5 may be chance ({low:.3f} to {high:.3f})."
    if figures["first_lost"] > figures["first_gained"]:
        return f"It loses the first place {figures['first_lost']} times and gains it {figures['first_gained']} times."
    worst = min(figures["by_system"], key=lambda name: (figures["by_system"][name], name))
    if figures["by_system"][worst] < -LARGEST_LOSS_OF_A_SYSTEM:
        return f"It costs {worst or 'the system'} {-figures['by_system'][worst]:.3f} Avg@5."
    return ""
