"""From a situation to a root-cause analysis: one pure function."""

from collections.abc import Mapping
from dataclasses import replace

from analysis.findings import PossibleCause, RootCauseAnalysis
from analysis.ranking.ranker import Ranker, reorder
from analysis.rootcause.categories import categorise
from analysis.rootcause.fusion import Verdict, judge
from analysis.rootcause.likelihood import estimate_likelihoods
from analysis.rootcause.observation import Observation, observe
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.symptom import find_symptom
from analysis.situation import Situation
from models.sources.cases import Case

MOST_CAUSES = 10
MOST_EVIDENCE = 12
"""Items of evidence shown for one cause."""


def situation_from_case(case: Case) -> Situation:
    """See a recorded case as a situation.

    Parameters
    ----------
    case
        As read.

    Returns
    -------
    Situation
        Sharing memory with the case.
    """
    return Situation(
        detected_at=case.detected_at,
        frame=case.frame,
        edges=case.edges,
        target=case.target,
        traces=case.traces,
        logs=case.logs,
        events=case.events,
        attributes=case.attributes,
    )


def diagnose(
    situation: Situation, settings: RootCauseSettings | None = None, ranker: Ranker | None = None
) -> RootCauseAnalysis:
    """Rank every component by how likely it is the root cause.

    Parameters
    ----------
    situation
        The observed world; every part may be absent.
    settings
        The one configuration; None takes the defaults.
    ranker
        Learnt from resolved incidents; where it has not proved to help it is skipped, and the analysis says so.

    Returns
    -------
    RootCauseAnalysis
        Pure and deterministic: the order of columns, edges and table rows does not matter. ``most_likely_cause`` is
        None where the evidence is too weak.
    """
    settings = settings or RootCauseSettings()
    observation = observe(situation)
    verdict = judge(observation, settings)
    likelihoods = estimate_likelihoods(verdict, is_measured=observation.series is not None)
    if ranker is not None:
        verdict, likelihoods = reorder(observation, verdict, likelihoods, ranker)
    symptom, cost = find_symptom(observation, verdict), _costs(observation, verdict)
    causes = tuple(
        replace(
            _cause(rank, name, likelihoods[name], observation, verdict),
            propagation=_propagation(name, symptom, observation, cost),
        )
        for rank, name in enumerate(verdict.ranking[:MOST_CAUSES], start=1)
        if likelihoods[name] > 0
    )
    confidence = causes[0].likelihood if causes else 0.0
    named = causes[0] if causes and confidence >= settings.least_confidence else None
    return RootCauseAnalysis(
        possible_causes=causes,
        most_likely_cause=named,
        confidence=confidence,
        ranking=verdict.ranking,
        metric_ranking=verdict.metric_ranking,
        evidence=causes[0].evidence if causes else (),
        skipped=verdict.skipped,
    )


def _cause(rank: int, component: str, likelihood: float, observation: Observation, verdict: Verdict) -> PossibleCause:
    """Describe one candidate, without its path."""
    evidence = verdict.evidence.get(component, ())[:MOST_EVIDENCE]
    category = categorise(component, verdict.evidence.get(component, ()), observation)
    strongest = next((item.statement for item in evidence if item.is_supporting), "")
    return PossibleCause(
        id=f"cause-{rank}",
        component=component,
        category=category,
        description=f"{component}: {strongest}" if strongest else component,
        likelihood=likelihood,
        evidence=evidence,
    )


def _costs(observation: Observation, verdict: Verdict) -> dict[str, float]:
    """Of passing through each component: the odder, the cheaper."""
    best = max([*verdict.scores.values(), 1e-9])
    return {name: 1.0 - 0.9 * min(1.0, _moved(name, verdict) / best) for name in observation.candidates}


def _propagation(component: str, symptom: str, observation: Observation, cost: Mapping[str, float]) -> tuple[str, ...]:
    """Walk from the cause to the symptom, through the odd components where possible."""
    path = observation.graph.propagation(component, symptom, cost)
    return path if len(path) > 1 else ()


def _moved(component: str, verdict: Verdict) -> float:
    """Supporting points of a component, before anything was explained away."""
    return sum(item.weight for item in verdict.evidence.get(component, ()) if item.is_supporting)
