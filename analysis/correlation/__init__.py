"""Which incidents are related, by time, components, cause or surroundings: each tested against chance."""

from analysis.correlation.values import (
    CorrelationKind,
    Correlations,
    CorrelationSettings,
    IncidentCorrelation,
    IncidentHistory,
)

__all__ = [
    "CorrelationKind",
    "CorrelationSettings",
    "Correlations",
    "IncidentCorrelation",
    "IncidentHistory",
    "correlate",
]


def correlate(history: IncidentHistory, settings: CorrelationSettings | None = None) -> Correlations:
    """Look for related incidents in all four ways.

    Parameters
    ----------
    history
        The incidents and what is known around them; their order does not matter.
    settings
        None: the defaults.

    Returns
    -------
    Correlations
        By kind, strongest first; kinds that could not run are named.
    """
    from analysis.correlation.causal import causal
    from analysis.correlation.component import component
    from analysis.correlation.environmental import environmental
    from analysis.correlation.succession import succession
    from analysis.correlation.temporal import temporal

    rules = settings or CorrelationSettings()
    parts = [kind(history, rules) for kind in (temporal, component, causal, succession, environmental)]
    order = list(CorrelationKind)
    found = sorted(
        (each for part in parts for each in part.found),
        key=lambda c: (order.index(c.kind), -c.strength, -c.confidence, c.incident_ids, c.components),
    )
    return Correlations(found=tuple(found), skipped=tuple(method for part in parts for method in part.skipped))
