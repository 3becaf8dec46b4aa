"""What people use instead of Faultline to find a root cause; to add one, write its scores and name it in ``RIVALS``."""

from collections import Counter

import numpy as np
import pandas as pd

from analysis.rootcause.changes import CHANGE_KIND
from analysis.rootcause.comovement import correlate
from analysis.rootcause.kinds import classify
from benchmarks.rca.contract import CannotRun, RcaRival, Scores, candidates_of
from models.features import Array
from models.frames import MetricFrame, SeriesKey
from models.sources.cases import Case

ODD_Z = 10.0
"""From this z-score on a component is odd to the traversal; with the customary 3 nearly all are, and it ranks worse."""
BACKWARDS = 0.2
"""Weight of a step from callee to caller, relative to one the other way."""
NO_METRICS, NO_GRAPH = CannotRun(reason="no metrics"), CannotRun(reason="no call graph")


def n_sigma(case: Case) -> Scores | CannotRun:
    """Largest z-score of the incident's rows, mean and standard deviation of the history (Shan et al., WWW 2019)."""
    if case.frame is None:
        return NO_METRICS
    return _by_component(case.frame, _z_scores(case.frame, case.frame.row_at(case.detected_at))[0])


def n_sigma_two_sided(case: Case) -> Scores | CannotRun:
    """The same, but falls count as well."""
    if case.frame is None:
        return NO_METRICS
    return _by_component(case.frame, np.fmax(*_z_scores(case.frame, case.frame.row_at(case.detected_at))))


def baro(case: Case) -> Scores | CannotRun:
    """The package's own RobustScorer (Pham et al., FSE 2024); its input is made as its authors do, forward-filled."""
    if case.frame is None:
        return NO_METRICS
    try:
        from baro.root_cause_analysis import robust_scorer  # type: ignore[import-untyped,import-not-found,unused-ignore]  # no types; dev extra
    except ImportError as fault:
        return CannotRun(reason=f"the package fse-baro is not installed ({fault.name} is absent)")
    keys = sorted(case.frame.keys)
    names = {f"{place}:{key.component}_{key.metric}": key for place, key in enumerate(keys)}
    table = pd.DataFrame(case.frame.select(keys).values, columns=list(names)).ffill().fillna(0.0)
    cut = case.frame.row_at(case.detected_at)
    found = robust_scorer(table.assign(time=np.arange(len(table))), inject_time=cut)["ranks"]
    scores: dict[str, float] = {}
    for place, name in enumerate(found):
        scores.setdefault(names[name].component, -float(place))
    return scores


def traversal(case: Case) -> Scores | CannotRun:
    """Odd components without an odd callee first, then other odd ones, then the rest; the oddest first in each part."""
    oddity = _oddity(case)
    if not case.edges or isinstance(oddity, CannotRun):
        return oddity if isinstance(oddity, CannotRun) else NO_GRAPH
    odd = {name for name, value in oddity.items() if value > (ODD_Z if case.frame is not None else 0)}
    callers_of_odd = {caller for caller, callee in case.edges if callee in odd and callee != caller}
    tier = {name: (name in odd) + (name in odd and name not in callers_of_odd) for name in oddity}
    most = max((value for value in oddity.values() if np.isfinite(value)), default=0.0) + 1.0
    return {name: tier[name] + min(max(value, 0.0), most) / (most + 1.0) for name, value in oddity.items()}


def random_walk(case: Case) -> Scores | CannotRun:
    """A walker on the call graph that prefers odd components (after MonitorRank, Kim et al., SIGMETRICS 2013).

    It follows calls, goes back with a fifth of the weight, and restarts at odd components; it never stays, as with the
    stays of the paper it ranks worse.
    """
    import networkx as nx

    oddity = _oddity(case)
    if not case.edges or isinstance(oddity, CannotRun):
        return oddity if isinstance(oddity, CannotRun) else NO_GRAPH
    weights = {name: float(np.log1p(max(oddity.get(name, 0.0), 0.0))) + 1e-6 for name in candidates_of(case)}
    graph = nx.DiGraph()
    graph.add_nodes_from(weights)
    calls = [(caller, callee) for caller, callee in case.edges if caller != callee]
    graph.add_weighted_edges_from((callee, caller, BACKWARDS * weights[caller]) for caller, callee in calls)
    graph.add_weighted_edges_from((caller, callee, weights[callee]) for caller, callee in calls)
    walked: dict[str, float] = nx.pagerank(graph, personalization=weights)
    return walked


def ranked_correlation(case: Case) -> Scores | CannotRun:
    """Absolute Pearson correlation with the target in the incident and as many rows before it, series of its kind."""
    if case.frame is None:
        return NO_METRICS
    cut = case.frame.row_at(case.detected_at)
    target = case.target or _oddest_symptom(case.frame, cut)
    if target is None or target not in case.frame.keys:
        return CannotRun(reason="no latency or error series to correlate with")
    around = case.frame.rows(2 * cut - case.frame.n_rows, case.frame.n_rows)
    correlation, is_known = correlate(around.values, around.series(target))
    kind = classify(target.metric)
    is_alike = np.array([key != target and classify(key.metric) is kind for key in around.keys])
    return _by_component(around, np.where(is_known & is_alike, np.abs(correlation), np.nan))


def count_alerts(case: Case) -> Scores | CannotRun:
    """Number of alert events of each component."""
    if case.events is None:
        return CannotRun(reason="no alert events")
    alerts = case.events[case.events["kind"] != CHANGE_KIND]
    if not len(alerts):
        return CannotRun(reason="no alert events")
    return {str(name): float(count) for name, count in Counter(alerts["component"]).items()}


def _oddity(case: Case) -> Scores | CannotRun:
    """Z-scores, or alerts where there are no metrics."""
    oddity = n_sigma(case) if case.frame is not None else count_alerts(case)
    return CannotRun(reason="neither metrics nor alerts") if isinstance(oddity, CannotRun) else oddity


def _z_scores(frame: MetricFrame, cut: int) -> tuple[Array, Array]:
    """Largest z-score in the incident of every series, upwards and downwards; NaN if the history is constant or empty.

    Each of shape (n_series,).
    """
    history, incident = frame.values[:cut], frame.values[cut:]
    present = ~np.isnan(history)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, history, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(present, history - mean, 0.0) ** 2).sum(axis=0) / count)
    highest, lowest = (
        np.fmax.reduce(incident, axis=0, initial=-np.inf),
        np.fmin.reduce(incident, axis=0, initial=np.inf),
    )
    is_usable = (spread > 0) & np.isfinite(highest)
    unit = np.where(is_usable, spread, np.nan)
    return (highest - mean) / unit, (mean - lowest) / unit


def _by_component(frame: MetricFrame, scores: Array) -> Scores:
    """The best series of each component; components without a score are left out."""
    best: dict[str, float] = {}
    for key, value in zip(frame.keys, scores, strict=True):
        if not np.isnan(value):
            best[key.component] = max(float(value), best.get(key.component, -np.inf))
    return best


def _oddest_symptom(frame: MetricFrame, cut: int) -> SeriesKey | None:
    """The latency or error series with the largest z-score; ties go to the name."""
    scores, _ = _z_scores(frame, cut)
    symptoms = [
        (-value, key)
        for key, value in zip(frame.keys, scores, strict=True)
        if classify(key.metric).is_symptomatic and not np.isnan(value)
    ]
    return min(symptoms)[1] if symptoms else None


RIVALS: dict[str, RcaRival] = {
    "n-sigma": RcaRival(
        name="N-Sigma",
        about="largest z-score of a component's series in the incident, mean and standard deviation of the history",
        score=n_sigma,
    ),
    "n-sigma-two-sided": RcaRival(
        name="N-Sigma, two-sided", about="the same, but falls count as well", score=n_sigma_two_sided
    ),
    "baro": RcaRival(
        name="BARO",
        about="RobustScorer of the package fse-baro 0.2.2: largest distance from the median in interquartile ranges; "
        "gaps are filled forward, as its authors do",
        score=baro,
    ),
    "traversal": RcaRival(
        name="graph traversal",
        about="components with a z-score above 10 (without metrics: with an alert) that call none such, then other odd "
        "ones, then the rest",
        score=traversal,
    ),
    "walk": RcaRival(
        name="random walk",
        about="how often a walker on the call graph visits a component (after MonitorRank); it prefers large z-scores, "
        "without metrics many alerts",
        score=random_walk,
    ),
    "correlation": RcaRival(
        name="ranked correlation",
        about="largest absolute correlation with the target of a component's series of the same kind, in the incident "
        "and as many rows before it; without a target, the latency or error series with the largest z-score is taken",
        score=ranked_correlation,
    ),
    "alerts": RcaRival(name="counting alerts", about="number of alert events", score=count_alerts),
}
"""By the name that the command line takes, in the order of the table."""
