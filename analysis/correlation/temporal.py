"""TEMPORAL: incidents that begin together more closely than chance explains."""

import numpy as np
from numpy.typing import NDArray

from analysis.correlation.chance import adjusted, at_least, expected_others
from analysis.correlation.values import (
    CorrelationKind,
    Correlations,
    CorrelationSettings,
    IncidentCorrelation,
    IncidentHistory,
)
from analysis.findings import SkippedMethod

_LEAST_INCIDENTS = 5


def temporal(history: IncidentHistory, settings: CorrelationSettings) -> Correlations:
    """Find groups of onsets within the window, and test each against a Poisson process.

    Every onset begins a window; the number of others in it is compared with what chance puts there, at a
    false-discovery rate over all windows. The most surprising window comes first; no incident is in two groups.
    Strength is the share of the others that chance does not explain.

    Assumes that unrelated incidents come at a rate that changes over hours at least. Incidents that one cause repeats
    every few minutes are a group, which is what they are.

    Parameters
    ----------
    history
        Any.
    settings
        The window, the least strength, the false-discovery rate.

    Returns
    -------
    Correlations
        Groups of two and more.

    References
    ----------
    Naus (1965), The Distribution of the Size of the Maximum Cluster of Points on a Line, JASA 60.
    """
    n = len(history.incidents)
    if n < 2 or (history.observed is None and n < _LEAST_INCIDENTS):
        reason = f"{n} incidents are too few to tell how often they come"
        return Correlations(skipped=(SkippedMethod(name=CorrelationKind.TEMPORAL.value, reason=reason),))
    onsets = history.onsets
    last = np.searchsorted(onsets, onsets + settings.window_s, "right")
    others = last - np.arange(n) - 1
    expected = expected_others(onsets, settings.window_s, *history.watched())
    q_values = adjusted(at_least(others.astype(float), expected), n)
    strengths = 1 - expected / np.maximum(others, 1)
    is_kept = (q_values <= settings.false_discovery_rate) & (strengths > settings.least_temporal_strength)
    found = []
    for first in _apart(np.flatnonzero(is_kept & (others > 0)), last, q_values, others):
        spread = onsets[last[first] - 1] - onsets[first]
        numbers = {
            "incidents": float(others[first] + 1),
            "spread_s": float(spread),
            "window_s": settings.window_s,
            "expected_others": float(expected[first]),
            "adjusted_p_value": float(q_values[first]),
        }
        found.append(
            IncidentCorrelation(
                kind=CorrelationKind.TEMPORAL,
                incident_ids=tuple(i.id for i in history.incidents[first : last[first]]),
                components=(),
                strength=float(strengths[first]),
                confidence=float(1 - q_values[first]),
                description=_sentence(numbers, n),
                numbers=numbers,
            )
        )
    return Correlations(found=tuple(found))


def _apart(
    firsts: NDArray[np.int64], last: NDArray[np.int64], q_values: NDArray[np.float64], others: NDArray[np.int64]
) -> list[int]:
    """The windows that do not overlap, the most surprising of two that do."""
    taken = np.zeros(len(last), dtype=bool)
    kept = []
    for first in sorted(firsts.tolist(), key=lambda i: (q_values[i], -others[i], i)):
        if not taken[first : last[first]].any():
            taken[first : last[first]] = True
            kept.append(first)
    return sorted(kept)


def _sentence(numbers: dict[str, float], n: int) -> str:
    return (
        f"{numbers['incidents']:.0f} incidents began within {numbers['spread_s']:.0f} s; chance puts"
        f" {numbers['expected_others']:.2g} others into {numbers['window_s']:.0f} s"
        f" (p {numbers['adjusted_p_value']:.1g} after correction for {n} windows)"
    )
