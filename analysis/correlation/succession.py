"""CAUSAL, told from incidents alone: those of a caller keep following those of its dependency."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

_LEAST_REPEATS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Succession:
    """What followed what: rows of the leading incidents, and of the first follower of each that has one."""

    callee: str
    caller: str
    leaders: int
    followed: tuple[tuple[int, int], ...]
    expected: float
    p_value: float


def succession(history: IncidentHistory, settings: CorrelationSettings) -> Correlations:
    """Count how often an incident of a dependency is followed by one of its caller, against chance.

    Each incident stands where it began. Chance is the larger of two: the rate of the caller's incidents, and how often
    they follow incidents of anybody else, so that a bad night that hits everybody relates nobody. Binomial test at a
    false-discovery rate over all pairs of which both have three incidents. A pair is dropped if the dependency follows
    the caller as often. Strength is the share of the followed ones that chance does not explain, times the share that
    was followed.

    Parameters
    ----------
    history
        With a graph; the metrics are not read.
    settings
        How far a caused incident may lie, the false-discovery rate.

    Returns
    -------
    Correlations
        One for each pair of components, with all incidents that led and followed.
    """
    graph = history.graph
    if graph is None or not graph.edges:
        return Correlations()  # the same is said by the test on the metrics
    counts = Counter(history.origins)
    often = sorted(name for name, count in counts.items() if count >= _LEAST_REPEATS)
    if len(often) < 2:
        reason = f"fewer than two components began {_LEAST_REPEATS} incidents or more"
        return Correlations(skipped=(SkippedMethod(name="CAUSAL from repetition", reason=reason),))
    rows: dict[str, list[int]] = {name: [] for name in often}
    for row, origin in enumerate(history.origins):
        if origin in rows:
            rows[origin].append(row)
    tested = [each for caller in often for each in _of_caller(history, graph, rows, caller, settings)]
    q_values = adjusted(np.array([each.p_value for each in tested]), len(tested))
    return Correlations(
        found=tuple(
            _correlation(history, each, float(q_value), settings.follow_s)
            for each, q_value in zip(tested, q_values, strict=True)
            if q_value <= settings.false_discovery_rate
        )
    )


def _of_caller(
    history: IncidentHistory,
    graph: DependencyGraph,
    rows: Mapping[str, list[int]],
    caller: str,
    settings: CorrelationSettings,
) -> Iterator[_Succession]:
    """Test a caller against each of its dependencies."""
    from scipy.special import bdtrc

    onsets, follow_s, follows = history.onsets, settings.follow_s, np.array(rows[caller])
    start, end = history.watched()
    by_rate = -np.expm1(-len(follows) * follow_s / max(end - start, follow_s))
    n_all = len(_followed(onsets, range(len(onsets)), follows, follow_s))
    n_own = len(_followed(onsets, follows, follows, follow_s))
    for callee in sorted(set(graph.distances_from(caller, at_most=settings.hops)) & set(rows)):
        leads = rows[callee]
        followed = _followed(onsets, leads, follows, follow_s)
        backward = _followed(onsets, follows, np.array(leads), follow_s)
        n_others = len(onsets) - len(leads) - len(follows)
        by_others = (n_all - n_own - len(followed)) / n_others if n_others else 0.0
        chance = max(by_rate, by_others)
        is_forward = len(followed) > len(backward)
        yield _Succession(
            callee=callee,
            caller=caller,
            leaders=len(leads),
            followed=followed,
            expected=len(leads) * chance,
            p_value=float(bdtrc(len(followed) - 1, len(leads), chance)) if is_forward else 1.0,
        )


def _followed(
    onsets: NDArray[np.float64], leads: Iterable[int], follows: NDArray[np.int64], follow_s: float
) -> tuple[tuple[int, int], ...]:
    """Each lead that has a later follower within reach, with the first such."""
    rows = np.asarray(leads, dtype=np.int64)
    nexts = np.searchsorted(onsets[follows], onsets[rows], "right")
    has_next = nexts < len(follows)
    rows, nexts = rows[has_next], follows[nexts[has_next]]
    is_near = onsets[nexts] - onsets[rows] <= follow_s
    return tuple(zip(rows[is_near].tolist(), nexts[is_near].tolist(), strict=True))


def _correlation(history: IncidentHistory, each: _Succession, q_value: float, follow_s: float) -> IncidentCorrelation:
    n, rows = len(each.followed), sorted({row for pair in each.followed for row in pair})
    lead_s = float(np.median([history.onsets[b] - history.onsets[a] for a, b in each.followed]))
    numbers = {
        "followed": float(n),
        "leaders": float(each.leaders),
        "expected_followed": each.expected,
        "lead_s": lead_s,
        "adjusted_p_value": q_value,
    }
    return IncidentCorrelation(
        kind=CorrelationKind.CAUSAL,
        incident_ids=tuple(history.incidents[row].id for row in rows),
        components=(each.callee, each.caller),
        strength=max(0.0, 1 - each.expected / n) * n / each.leaders,
        confidence=1 - q_value,
        description=(
            f"{n} of {each.leaders} incidents that began in {each.callee} were followed by one of its caller"
            f" {each.caller} within {follow_s:.0f} s, in the median {lead_s:.0f} s later, where {each.expected:.2g} are"
            f" to be expected (p {q_value:.1g} after correction)"
        ),
        numbers=numbers,
    )
