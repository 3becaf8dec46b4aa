"""What kind of thing went wrong, told from the evidence that weighs most."""

from collections import defaultdict
from collections.abc import Iterable

from analysis.findings import CauseCategory, Evidence
from analysis.rootcause import alerts, changes, metrics, surge, trace_fanout, trace_gaps
from analysis.rootcause.kinds import MetricKind, classify, is_of_data_store
from analysis.rootcause.observation import Observation

CATEGORY_OF_KIND = {
    MetricKind.SATURATION: CauseCategory.RESOURCE,
    MetricKind.TRAFFIC: CauseCategory.TRAFFIC,
    MetricKind.LATENCY: CauseCategory.DEPENDENCY,
    MetricKind.ERRORS: CauseCategory.DEPENDENCY,
}
CONFIGURATION_WORDS = ("config", "setting", "flag", "toggle")


def categorise(component: str, evidence: Iterable[Evidence], observation: Observation) -> CauseCategory:
    """Name the category of a candidate.

    Parameters
    ----------
    component
        The candidate.
    evidence
        All of it.
    observation
        Tells whether the component is measured at all.

    Returns
    -------
    CauseCategory
        A change wins over everything; else the heaviest group of supporting evidence; a component without own metrics
        is EXTERNAL; UNKNOWN without evidence.
    """
    supporting = [item for item in evidence if item.is_supporting]
    change = next((item for item in supporting if item.collector == changes.NAME), None)
    if change is not None:
        is_configuration = any(word in change.statement.lower() for word in CONFIGURATION_WORDS)
        return CauseCategory.CONFIGURATION if is_configuration else CauseCategory.DEPLOY
    weights: defaultdict[CauseCategory, float] = defaultdict(float)
    for item in supporting:
        weights[_category(item)] += item.weight
    weights.pop(CauseCategory.UNKNOWN, None)
    if not weights:
        return CauseCategory.UNKNOWN
    best = max(sorted(weights), key=lambda category: weights[category])
    is_measured = observation.situation.frame is None or component in observation.situation.frame.components
    return best if is_measured or best is CauseCategory.NETWORK else CauseCategory.EXTERNAL


def _category(item: Evidence) -> CauseCategory:
    """What one piece of evidence points to."""
    if item.collector == trace_gaps.NAME:
        return CauseCategory.NETWORK
    if item.collector == surge.NAME:
        return CauseCategory.TRAFFIC
    if item.collector == trace_fanout.NAME:
        return CauseCategory.DEPENDENCY
    if item.collector in {metrics.NAME, alerts.NAME}:
        if is_of_data_store(item.metric):
            return CauseCategory.DATA_STORE
        return CATEGORY_OF_KIND.get(classify(item.metric), CauseCategory.UNKNOWN)
    return CauseCategory.UNKNOWN
