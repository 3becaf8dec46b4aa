"""CAUSAL: an incident of a dependency comes before one of its caller, and its metrics before the caller's."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
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
from analysis.incidents import Incident
from analysis.lagged import common_load, f_test, fit_of, lagged
from analysis.topology import DependencyGraph
from models.anomalies import Anomaly
from models.frames import MetricFrame, to_datetime64

Values = NDArray[np.float64]

_LEAST_STRETCH = 8
_LEAST_ROWS = 60
_LARGEST = 5.0
_LOAD_WINDOW_ROWS = 61
_WINDOW_ROWS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """Two incidents of which the first may have caused the second, and the anomalies that stand for them."""

    cause: Incident
    effect: Incident
    first: Anomaly
    then: Anomaly
    calls: int


def causal(history: IncidentHistory, settings: CorrelationSettings) -> Correlations:
    """Test whether the metric of an earlier incident predicts that of a later one of a caller.

    A candidate is a pair of incidents of which the later begins within ``follow_s``, and whose component calls one of
    the earlier's, directly or not. The anomaly with the highest score stands for a component. That one onset follows
    the other is why the pair was chosen, so it must not count as evidence: the test leaves out the rows around any
    onset and end, takes the rolling median off before, during and after the anomaly, and divides each of the three by
    its own spread. Granger's F-test asks whether what is left of the dependency tells of that of the caller beyond the
    caller's own past and the common load, at a false-discovery rate over all candidates; a pair whose other direction
    has more evidence is dropped. Strength is the square root of the explained share: a correlation.

    It cannot see an effect that arrives within the same row, nor tell a cause from a hidden third that moves both with
    different delays. Measured on the simulated shop (a day of history, 45 minutes of fault, 60 s rows): of 30 pairs of
    a faulty component and its slowed caller 12 are found; of 96 pairs of unrelated recordings of such faults 5 are.

    Parameters
    ----------
    history
        With a graph and metrics.
    settings
        How far a caused incident may lie, lags, the false-discovery rate.

    Returns
    -------
    Correlations
        Pairs, the cause first.

    References
    ----------
    Granger (1969), Investigating Causal Relations by Econometric Models and Cross-spectral Methods, Econometrica 37.
    """
    frame, graph = history.frame, history.graph
    if graph is None or not graph.edges:
        return _skipped("nobody knows who calls whom")
    if frame is None:
        return _skipped("there are no metrics to test with")
    candidates = list(_candidates(history, graph, settings))
    results = [(each, result) for each in candidates if (result := _tested(each, frame, settings)) is not None]
    told = _untested(len(candidates) - len(results), len(candidates))
    q_values = adjusted(np.array([result[0] for _, result in results]), len(results))
    found = [
        _correlation(each, result, float(q_value), len(results))
        for (each, result), q_value in zip(results, q_values, strict=True)
        if q_value <= settings.false_discovery_rate
    ]
    return Correlations(found=tuple(found), skipped=told)


def _skipped(reason: str) -> Correlations:
    return Correlations(skipped=(SkippedMethod(name=CorrelationKind.CAUSAL.value, reason=reason),))


def _untested(n: int, of: int) -> tuple[SkippedMethod, ...]:
    if not n:
        return ()
    reason = f"{n} of {of} pairs of incidents have too few metric rows around them"
    return (SkippedMethod(name=CorrelationKind.CAUSAL.value, reason=reason),)


def _candidates(
    history: IncidentHistory, graph: DependencyGraph, settings: CorrelationSettings
) -> Iterator[_Candidate]:
    """Pairs in time order whose calls allow it; the nearest components stand for a pair."""
    onsets = history.onsets
    reaches = {c: graph.distances_from(c, at_most=settings.hops) for i in history.incidents for c in i.components}
    lasts = np.searchsorted(onsets, onsets + settings.follow_s, "right")
    for at, cause in enumerate(history.incidents):
        for effect in history.incidents[at + 1 : lasts[at]]:
            ways = [
                (reaches[caller][callee], callee, caller)
                for caller in effect.components
                for callee in cause.components
                if callee in reaches[caller]
            ]
            if ways and cause.onset < effect.onset:
                calls, callee, caller = min(ways)
                first, then = _strongest(cause, callee), _strongest(effect, caller)
                yield _Candidate(cause=cause, effect=effect, first=first, then=then, calls=calls)


def _strongest(incident: Incident, component: str) -> Anomaly:
    """The anomaly that stands for a component."""
    own = [a for a in incident.anomalies if a.key.component == component]
    return min(own, key=lambda a: (-a.score, a.start, a.key))


def _tested(each: _Candidate, frame: MetricFrame, settings: CorrelationSettings) -> tuple[float, float, int] | None:
    """p-value, explained share and lag; p = 1 where the other direction tells more; None without enough rows."""
    if each.first.key not in frame.keys or each.then.key not in frame.keys:
        return None
    start = frame.row_at(to_datetime64(min(each.first.start, each.then.start)))
    end = frame.row_at(to_datetime64(max(each.first.end, each.then.end)))
    part = frame.rows(max(start - settings.history_rows, 0), min(end + settings.history_rows // 8, frame.n_rows))
    if start >= frame.n_rows or part.n_rows < _LEAST_ROWS:
        return None
    one, other = (_movement(part, anomaly, settings.max_lag) for anomaly in (each.first, each.then))
    load = common_load(part, _LOAD_WINDOW_ROWS)
    forward, backward = (
        _granger(cause, effect, load, settings.max_lag) for cause, effect in ((one, other), (other, one))
    )
    if forward is None:
        return None
    return (1.0, *forward[1:]) if backward is not None and backward[0] < forward[0] else forward


def _movement(frame: MetricFrame, anomaly: Anomaly, max_lag: int) -> Values:
    """Ups and downs towards the abnormal, in units of their spread; NaN around the onset and the end."""
    values = frame.series(anomaly.key) * (-1.0 if anomaly.deviation < 0 else 1.0)
    first, last = (frame.row_at(to_datetime64(moment)) for moment in (anomaly.start, anomaly.end))
    moving = np.full(frame.n_rows, np.nan)
    for begin, end in ((0, first - 1), (first + max_lag + 1, last - 1), (last + max_lag + 1, frame.n_rows)):
        rows = slice(max(begin, 0), max(end, 0))
        part = pd.Series(values[rows])
        rest = (part - part.rolling(_WINDOW_ROWS, center=True, min_periods=3).median()).to_numpy()
        spread = 1.4826 * np.nanmedian(np.abs(rest)) if np.isfinite(rest).sum() >= _LEAST_STRETCH else 0.0
        if spread > 0:
            moving[rows] = np.clip(rest / spread, -_LARGEST, _LARGEST)
    return moving


def _granger(cause: Values, effect: Values, load: Values | None, max_lag: int) -> tuple[float, float, int] | None:
    """Does the past of the cause tell of the effect; None if it cannot be told."""
    past = lagged(cause, 1, max_lag)
    parts = [np.ones((len(past), 1)), lagged(effect, 1, max_lag)]
    if load is not None:
        parts.append(lagged(load, 0, max_lag))
    known, wanted = np.column_stack(parts), effect[max_lag:]
    is_whole = np.isfinite(np.column_stack([wanted, past, known])).all(axis=1)
    if is_whole.sum() < _LEAST_ROWS:
        return None
    return f_test(fit_of(wanted[is_whole], known[is_whole]), past[is_whole]) or (1.0, 0.0, 1)


def _correlation(
    each: _Candidate, result: tuple[float, float, int], q_value: float, n_tested: int
) -> IncidentCorrelation:
    _, share, lag = result
    lead_s = (each.effect.onset - each.cause.onset).total_seconds()
    numbers = {
        "lead_s": lead_s,
        "lag_rows": float(lag),
        "explained_share": share,
        "calls": float(each.calls),
        "adjusted_p_value": q_value,
    }
    way = "calls it" if each.calls == 1 else f"reaches it over {each.calls} calls"
    return IncidentCorrelation(
        kind=CorrelationKind.CAUSAL,
        incident_ids=(each.cause.id, each.effect.id),
        components=(each.first.key.component, each.then.key.component),
        strength=float(np.sqrt(share)),
        confidence=1 - q_value,
        description=(
            f"{each.first.key} went bad {lead_s:.0f} s before {each.then.key}, whose component {way}; its ups and"
            f" downs tell {share:.0%} of those that come {lag} rows later (p {q_value:.1g} after correction for"
            f" {n_tested} pairs)"
        ),
        numbers=numbers,
    )
