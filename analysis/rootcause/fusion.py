"""The sum of the evidence: scores, ranking, likelihoods."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause import (
    alerts,
    changes,
    environment,
    logs,
    metrics,
    onset_order,
    position,
    silence,
    surge,
    trace_fanout,
    trace_gaps,
    trace_self,
)
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.spans import view_spans
from models.frames import SeriesKey

Collected = tuple[Evidence, ...] | SkippedMethod


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict:
    """All evidence and what it adds up to.

    Parameters
    ----------
    scores
        Of every candidate; higher is more suspicious.
    ranking
        Best first; ties go to the name.
    metric_ranking
        Best first.
    evidence
        By component, strongest first.
    skipped
        Collectors that could not run.
    """

    scores: dict[str, float]
    ranking: tuple[str, ...]
    metric_ranking: tuple[SeriesKey, ...]
    evidence: dict[str, tuple[Evidence, ...]]
    skipped: tuple[SkippedMethod, ...]


def judge(observation: Observation, settings: RootCauseSettings) -> Verdict:
    """Run every collector and add up.

    Parameters
    ----------
    observation
        The situation, prepared.
    settings
        The weights.

    Returns
    -------
    Verdict
        Deterministic; independent of the order of the input.
    """
    found = metrics.collect(observation, settings)
    collected: list[Collected] = [found.evidence, position.collect(observation, found, settings)]
    collected += [
        silence.collect(observation, settings),
        surge.collect(observation, _scores(collected), settings),
        environment.collect(observation, found, _scores(collected), settings),
        onset_order.collect(observation, found, settings),
        *_collect_traces(observation, found, settings),
        logs.collect(observation, settings),
        changes.collect(observation, settings),
        alerts.collect(observation, settings),
    ]
    evidence = _by_component(item for part in collected if not isinstance(part, SkippedMethod) for item in part)
    scores = dict.fromkeys(observation.candidates, 0.0) | _scores(collected)
    return Verdict(
        scores=scores,
        ranking=tuple(sorted(scores, key=lambda name: (-scores[name], name))),
        metric_ranking=_rank_metrics(observation, found, scores),
        evidence=evidence,
        skipped=(*found.skipped, *(part for part in collected if isinstance(part, SkippedMethod))),
    )


def _scores(collected: Iterable[Collected]) -> dict[str, float]:
    """Sum of the weights by component."""
    scores: dict[str, float] = {}
    for part in collected:
        for item in () if isinstance(part, SkippedMethod) else part:
            scores[item.component] = scores.get(item.component, 0.0) + item.weight
    return scores


def _collect_traces(
    observation: Observation, found: metrics.MetricFindings, settings: RootCauseSettings
) -> list[Collected]:
    """Run what needs spans."""
    traces = observation.situation.traces
    if traces is None or not len(traces) or settings.trace_weight == 0:
        reason = "There are no traces, or they are switched off."
        return [SkippedMethod(name=module.NAME, reason=reason) for module in (trace_gaps, trace_fanout, trace_self)]
    view = view_spans(traces, observation.onset, observation.situation.detected_at)
    gaps = trace_gaps.collect(view, settings)
    own = trace_self.collect(view, observation.graph, found, _scores([gaps]), settings)
    return [gaps, trace_fanout.collect(view, settings), own]


def _by_component(evidence: Iterable[Evidence]) -> dict[str, tuple[Evidence, ...]]:
    """Sort evidence into candidates, strongest first."""
    result: dict[str, list[Evidence]] = {}
    for item in evidence:
        result.setdefault(item.component, []).append(item)
    order = {
        name: sorted(items, key=lambda e: (-abs(e.weight), e.collector, e.metric)) for name, items in result.items()
    }
    return {name: tuple(items) for name, items in sorted(order.items())}


def _rank_metrics(
    observation: Observation, found: metrics.MetricFindings, scores: dict[str, float]
) -> tuple[SeriesKey, ...]:
    """Order the series by their own points and the standing of their component."""
    view = observation.series
    if view is None:
        return ()
    best = max(*scores.values(), 1e-9)
    standing = np.array([max(scores[key.component], 0.0) / best for key in view.keys])
    points = found.points * (0.1 + standing)
    return tuple(view.keys[i] for i in sorted(range(len(view.keys)), key=lambda i: (-points[i], view.keys[i])))
