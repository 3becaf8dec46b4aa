"""What a search for related incidents reads and says."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.events import Event
from analysis.findings import SkippedMethod
from analysis.incidents import Incident
from analysis.topology import DependencyGraph
from models.errors import ConfigurationError, InputError
from models.frames import MetricFrame

DAY_S = 86400.0


class CorrelationKind(StrEnum):
    """In which way incidents are related; the spelling on the wire is fixed."""

    TEMPORAL = "TEMPORAL"
    COMPONENT = "COMPONENT"
    CAUSAL = "CAUSAL"
    ENVIRONMENTAL = "ENVIRONMENTAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCorrelation:
    """Incidents that are related, and by what.

    Parameters
    ----------
    kind
        In which way.
    incident_ids
        By onset; for CAUSAL the earlier one of a pair comes first.
    components
        What they have in common, or cause first for CAUSAL; empty where no component matters.
    strength
        In [0, 1]: how much of it chance does not explain; each kind says how it is reckoned.
    confidence
        In [0, 1]: 1 - the p-value after correction for everything that was tested alike.
    description
        One sentence for a human, with the numbers that matter.
    numbers
        The figures behind the sentence, units in the names.
    """

    kind: CorrelationKind
    incident_ids: tuple[str, ...]
    components: tuple[str, ...]
    strength: float
    confidence: float
    description: str
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlations:
    """All that was found, and what could not be looked for.

    Parameters
    ----------
    found
        By kind, then strength and confidence, strongest first.
    skipped
        Kinds, or parts of one, that could not run.
    """

    found: tuple[IncidentCorrelation, ...] = ()
    skipped: tuple[SkippedMethod, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationSettings:
    """What counts as related.

    Parameters
    ----------
    window_s
        Onsets that lie within it may be one TEMPORAL group, seconds.
    least_temporal_strength
        A TEMPORAL group is reported above it.
    least_component_strength
        Components are reported that fail together above it: 0 is chance, 1 is always.
    false_discovery_rate
        Expected share of reports without anything behind them, for each kind, in (0, 1).
    follow_s
        A caused incident begins within so many seconds of its cause.
    shared_s
        Incidents that share a host or the like are looked for among those that begin within so many seconds.
    change_reach_s
        A change counts as shortly before an onset within so many seconds.
    hops
        Calls between the components of a CAUSAL pair, at most.
    max_lag
        Rows by which one series may follow another.
    history_rows
        Rows before the earlier onset of a CAUSAL pair that its test reads.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    window_s: float = 300.0
    least_temporal_strength: float = 0.7
    least_component_strength: float = 0.25
    false_discovery_rate: float = 0.05
    follow_s: float = 900.0
    shared_s: float = 3600.0
    change_reach_s: float = 1800.0
    hops: int = 3
    max_lag: int = 3
    history_rows: int = 1440

    def __post_init__(self) -> None:
        for name in ("window_s", "follow_s", "shared_s", "change_reach_s", "hops", "max_lag", "history_rows"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ConfigurationError(f"{name} is {value}.", remedy="Give a finite number above 0.")
        for name in ("least_temporal_strength", "least_component_strength", "false_discovery_rate"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}.", remedy="Give a number between 0 and 1.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IncidentHistory:
    """Past incidents and what is known around them; all but the incidents may be absent.

    Parameters
    ----------
    incidents
        In any order, each with an anomaly; kept in the order of their onsets.
    graph
        Who calls whom; None if nobody knows.
    changes
        Deploys and changes of configuration; None if nobody recorded them.
    frame
        Metrics around the latest incidents.
    attributes
        Of components, for example ``{"orders": {"host": "node-3"}}``; values are compared as they are.
    observed
        From when to when somebody watched, UTC; None estimates it from the onsets.

    Attributes
    ----------
    onsets
        Shape (incidents,): seconds since 1970, in the order of the incidents.
    origins
        Where each incident began: the component of its earliest anomaly; of several the one with the highest score,
        then the first name.

    Raises
    ------
    InputError
        If an incident has no anomaly, two have one id, or the time that was watched ends before it begins.
    """

    incidents: tuple[Incident, ...]
    graph: DependencyGraph | None = None
    changes: tuple[Event, ...] | None = None
    frame: MetricFrame | None = None
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    observed: tuple[datetime, datetime] | None = None
    onsets: NDArray[np.float64] = field(init=False, repr=False)
    origins: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for incident in self.incidents:
            if not incident.anomalies:
                raise InputError(f"incident {incident.id} has no anomaly", remedy="leave it out")
            if incident.id in seen:
                raise InputError(f"two incidents have the id {incident.id}", remedy="give each once")
            seen.add(incident.id)
        if self.observed is not None and not self.observed[0] < self.observed[1]:
            raise InputError(f"nobody watched: {self.observed[0]} to {self.observed[1]}", remedy="give start, then end")
        ordered = tuple(sorted(self.incidents, key=lambda i: (i.onset, i.id)))
        object.__setattr__(self, "incidents", ordered)
        object.__setattr__(self, "onsets", np.array([incident.onset.timestamp() for incident in ordered]))
        object.__setattr__(self, "origins", tuple(_origin(incident) for incident in ordered))

    def watched(self) -> tuple[float, float]:
        """From when to when somebody watched.

        Returns
        -------
        tuple of (float, float)
            Seconds since 1970. The time that was given, stretched to hold every onset; without it the span of the
            onsets and one mean gap on either side, the unbiased estimate for onsets at random. Both 0 if there is
            neither.
        """
        onsets = self.onsets
        first, last = (onsets[0], onsets[-1]) if len(onsets) else (0.0, 0.0)
        if self.observed is not None:
            start, end = (moment.astimezone(UTC).timestamp() for moment in self.observed)
            return (min(start, first), max(end, last)) if len(onsets) else (start, end)
        gap = (last - first) / (len(onsets) - 1) if len(onsets) > 1 else 0.0
        return first - gap, last + gap


def _origin(incident: Incident) -> str:
    return min(incident.anomalies, key=lambda a: (a.start, -a.score, a.key)).key.component
