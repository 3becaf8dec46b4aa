"""What conditions of rules and strategies may speak of, gathered from an incident, its analysis and fresh scores."""

from collections.abc import Iterable

import numpy as np

from analysis.findings import PossibleCause, RootCauseAnalysis
from analysis.incidents import Incident
from analysis.rootcause.kinds import MetricKind, classify, is_of_disk_space
from models.scoring import BundleScores
from service.ports import Change
from service.recovery.facts import FactValue


def finding_facts(
    incident: Incident, cause: PossibleCause, analysis: RootCauseAnalysis, changes: Iterable[Change], n_components: int
) -> dict[str, FactValue]:
    """Facts for the choice of rules and strategies; the names are declared in ``service.recovery.facts``.

    Parameters
    ----------
    incident
        The one to act on.
    cause
        The candidate that would be acted on.
    analysis
        Where the candidate comes from.
    changes
        Made shortly before the incident.
    n_components
        Of the whole system, positive.

    Returns
    -------
    dict of str to FactValue
        One value a declared fact.
    """
    own = [a for a in incident.anomalies if a.key.component == cause.component]
    kinds = {classify(anomaly.key.metric) for anomaly in own}
    first = min(incident.anomalies, key=lambda anomaly: (anomaly.start, anomaly.key))
    return {
        "severity": incident.severity.value,
        "confidence": analysis.confidence,
        "likelihood": cause.likelihood,
        "category": cause.category.value,
        "component": cause.component,
        "symptom": cause.propagation[-1] if cause.propagation else first.key.component,
        "incident_components": float(len(incident.components)),
        "blast_radius": len(incident.components) / n_components,
        "anomaly_types": tuple(sorted({anomaly.type.value for anomaly in own})),
        "has_latency": MetricKind.LATENCY in kinds,
        "has_errors": MetricKind.ERRORS in kinds,
        "has_saturation": MetricKind.SATURATION in kinds,
        "has_traffic": MetricKind.TRAFFIC in kinds,
        "has_disk": any(is_of_disk_space(anomaly.key.metric) for anomaly in own),
        "has_recent_change": any(change.component == cause.component for change in changes),
    }


def verification_facts(
    scores: BundleScores,
    component: str,
    incident_components: Iterable[str],
    callers: Iterable[str],
    since_row: int,
    *,
    is_resolved: bool,
) -> dict[str, FactValue]:
    """Facts for the success criteria of recovery steps: what fresh metrics say after an action.

    Parameters
    ----------
    scores
        The judged window.
    component
        On whom the run acts.
    incident_components
        All that the incident touched.
    callers
        Of the component.
    since_row
        First row of the window after the action.
    is_resolved
        Whether the incident is over.

    Returns
    -------
    dict of str to FactValue
        Scores are those of the newest row with a value; None where no metric has come since the action: unknown is not
        healthy.
    """
    touched = {component, *incident_components}
    others = (touched | set(callers)) - {component}
    return {
        "worst_score": _worst(scores, {component}, since_row),
        "rows_observed": float(max(len(scores.score) - since_row, 0)),
        "incident_score": _worst(scores, touched, since_row),
        "service_score": _worst(scores, {component}, since_row, is_service=True),
        "impact_score": _worst(scores, others, since_row, is_service=True),
        "is_resolved": is_resolved,
    }


def _worst(scores: BundleScores, components: set[str], since_row: int, *, is_service: bool = False) -> float | None:
    """Highest score of the newest row with a value; of latency and error metrics only, if it is about the service."""
    columns = [
        i
        for i, key in enumerate(scores.frame.keys)
        if key.component in components and (not is_service or classify(key.metric).is_symptomatic)
    ]
    fresh = scores.score[since_row:, columns]
    seen = ~np.isnan(fresh)
    if not seen.any():
        return None
    newest = fresh[np.flatnonzero(seen.any(axis=1))[-1]]
    return float(np.nanmax(newest))
