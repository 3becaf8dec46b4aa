"""COMPONENT: components that keep failing together across incidents."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analysis.correlation.chance import adjusted
from analysis.correlation.values import (
    CorrelationKind,
    Correlations,
    CorrelationSettings,
    IncidentCorrelation,
    IncidentHistory,
)
from analysis.findings import SkippedMethod
from analysis.topology import DependencyGraph

Values = NDArray[np.float64]
_Pairs = dict[tuple[int, int], tuple[float, float, int, float]]
"""Adjusted p-value, strength, joint incidents and expected ones of pairs of columns."""

_LEAST_JOINT = 3
_ROUNDS = 200
_SHOWN = 6


def component(history: IncidentHistory, settings: CorrelationSettings) -> Correlations:
    """Count in how many incidents two components fail together, and test it against independence.

    Independence keeps how often each component fails and how many components each incident has: without the latter one
    outage of everything would relate every pair. The joint count is compared with a binomial of the mean and variance
    that fixed margins give it (those of the hypergeometric distribution, summed over the sizes), at a false-discovery
    rate over all pairs that fail three times each. Related pairs are merged to groups in which every pair is related.
    Strength is Loevinger's H, of a group the least of its pairs: 0 is chance, 1 is as often together as possible.

    Assumes that incidents are independent of each other; a fault that flaps counts each time.

    Parameters
    ----------
    history
        Any; the graph only adds to the sentence.
    settings
        The least strength, the false-discovery rate.

    Returns
    -------
    Correlations
        With all incidents in which at least two of the group failed.

    References
    ----------
    Loevinger (1948), The Technique of Homogeneous Tests, Psychological Bulletin 45. Gotelli (2000), Null Model Analysis
    of Species Co-occurrence Patterns, Ecology 81: both margins kept.
    """
    n, counts = len(history.incidents), Counter(c for i in history.incidents for c in i.components)
    names = sorted(name for name, count in counts.items() if _LEAST_JOINT <= count < n)
    if len(names) < 2:
        reason = f"fewer than two components failed in {_LEAST_JOINT} incidents or more, and not in all of {n}"
        return Correlations(skipped=(SkippedMethod(name=CorrelationKind.COMPONENT.value, reason=reason),))
    table = _table(history, names)
    related = _related(table, settings)
    found = [
        _correlation(history, [names[i] for i in group], _members(table, group), _weakest(related, group))
        for group in _groups(related)
    ]
    return Correlations(found=tuple(found))


def _table(history: IncidentHistory, names: list[str]) -> sparse.csr_array:
    """Shape (incidents, names): 1.0 where a component failed in an incident."""
    column = {name: i for i, name in enumerate(names)}
    cells = [(row, column[c]) for row, i in enumerate(history.incidents) for c in i.components if c in column]
    rows, columns = zip(*cells, strict=True)
    return sparse.csr_array((np.ones(len(cells)), (rows, columns)), shape=(len(history.incidents), len(names)))


def _related(table: sparse.csr_array, settings: CorrelationSettings) -> _Pairs:
    """The pairs that fail together more than independence explains."""
    from scipy.special import betainc

    totals = np.asarray(table.sum(axis=0)).ravel()
    together = sparse.triu(table.T @ table, k=1).tocoo()
    is_often = together.data >= _LEAST_JOINT
    one, other, joint = together.row[is_often], together.col[is_often], together.data[is_often]
    chances, weights = _chances(table)
    first, second = chances[:, one], chances[:, other]
    mean = weights @ (first * second)
    variance = weights @ (first * (1 - first) * second * (1 - second))
    trials = np.clip(mean**2 / np.maximum(mean - variance, 1e-12), joint, table.shape[0])
    p_values = betainc(joint, trials - joint + 1, np.clip(mean / trials, 0.0, 1.0))
    q_values = adjusted(p_values, len(totals) * (len(totals) - 1) // 2)
    most = np.minimum(totals[one], totals[other])
    strengths = (joint - mean) / np.maximum(most - mean, 1e-12)
    is_kept = (q_values <= settings.false_discovery_rate) & (strengths > settings.least_component_strength)
    return {
        (int(one[k]), int(other[k])): (float(q_values[k]), min(float(strengths[k]), 1.0), int(joint[k]), float(mean[k]))
        for k in np.flatnonzero(is_kept)
    }


def _chances(table: sparse.csr_array) -> tuple[Values, Values]:
    """Shape (sizes, names): probability that a component is in an incident of a size; and how many have that size.

    The odds are a product of one factor for the size and one for the component, fitted so that both margins hold.
    """
    sizes, counts = np.unique(np.asarray(table.sum(axis=1)).ravel(), return_counts=True)
    sizes, weights = sizes[sizes > 0], counts[sizes > 0].astype(float)
    totals = np.asarray(table.sum(axis=0)).ravel()
    of_size, of_name = sizes / sizes.max(), totals / totals.sum()
    for _ in range(_ROUNDS):
        odds = 1 + of_size[:, None] * of_name
        of_size = np.minimum(sizes / (of_name / odds).sum(axis=1), 1e9)
        odds = 1 + of_size[:, None] * of_name
        of_name = np.minimum(totals / (weights @ (of_size[:, None] / odds)), 1e9)
    product = of_size[:, None] * of_name
    return product / (1 + product), weights


def _groups(related: _Pairs) -> list[list[int]]:
    """Grow each pair, the surest first, by every component that is related to all of its group."""
    left = sorted(related, key=lambda pair: (related[pair][0], -related[pair][1], pair))
    near: dict[int, set[int]] = {}
    for one, other in left:
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    groups: list[list[int]] = []
    covered: set[tuple[int, int]] = set()
    for pair in left:
        if pair in covered:
            continue
        group = list(pair)
        for name in sorted(near[pair[0]] & near[pair[1]]):
            if all(name in near[member] for member in group):
                group.append(name)
        covered |= {(a, b) for a in group for b in group if a < b}
        groups.append(sorted(group))
    return groups


def _members(table: sparse.csr_array, group: list[int]) -> NDArray[np.int64]:
    """The incidents in which at least two of a group failed."""
    return np.flatnonzero(np.asarray(table[:, group].sum(axis=1)).ravel() >= 2)


def _weakest(related: _Pairs, group: list[int]) -> tuple[float, float, int, float]:
    """The figures of the pair with the least strength."""
    return min((related[a, b] for a in group for b in group if a < b), key=lambda found: (found[1], -found[0]))


def _correlation(
    history: IncidentHistory,
    names: list[str],
    rows: NDArray[np.int64],
    weakest: tuple[float, float, int, float],
) -> IncidentCorrelation:
    q_value, strength, joint, mean = weakest
    numbers = {
        "incidents": float(len(rows)),
        "joint": float(joint),
        "expected_joint": mean,
        "adjusted_p_value": q_value,
    }
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    which = "" if len(names) == 2 else "every two of them "
    return IncidentCorrelation(
        kind=CorrelationKind.COMPONENT,
        incident_ids=tuple(history.incidents[row].id for row in rows),
        components=tuple(names),
        strength=strength,
        confidence=1 - q_value,
        description=(
            f"{shown} keep failing together: {which}in {'at least ' if which else ''}{joint} of"
            f" {len(history.incidents)} incidents, where {mean:.2g} are to be expected (p {q_value:.1g} after"
            f" correction); {_calls(names, history.graph)}"
        ),
        numbers=numbers,
    )


def _calls(names: Iterable[str], graph: DependencyGraph | None) -> str:
    """Whether the calls explain it."""
    if graph is None:
        return "who calls whom is not known"
    members = sorted(names)
    near = [(a, b) for a in members for b in members if a < b and graph.is_within(a, b, 1)]
    if not near:
        return "no known call links them"
    return f"{near[0][0]} and {near[0][1]} call one another" if len(near) == 1 else f"{len(near)} known calls link them"
