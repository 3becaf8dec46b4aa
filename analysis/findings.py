"""What analysis hands to service: causes with their evidence, or the honest answer that there is not enough of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.frames import SeriesKey


class CauseCategory(StrEnum):
    """What kind of thing went wrong; the spelling on the wire is fixed."""

    RESOURCE = "RESOURCE"
    DEPENDENCY = "DEPENDENCY"
    DEPLOY = "DEPLOY"
    CONFIGURATION = "CONFIGURATION"
    TRAFFIC = "TRAFFIC"
    NETWORK = "NETWORK"
    DATA_STORE = "DATA_STORE"
    EXTERNAL = "EXTERNAL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One observation that speaks for or against a candidate.

    Parameters
    ----------
    collector
        Name of the collector that made it.
    component
        The candidate that it is about.
    metric
        The metric that it is about; empty if it is about the component.
    statement
        One sentence for a human, with the numbers that matter.
    weight
        Contribution to the candidate's score; negative speaks against it.
    numbers
        The figures behind the sentence, units in the names.
    """

    collector: str
    component: str
    statement: str
    weight: float
    metric: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_supporting(self) -> bool:
        """Whether it speaks for the candidate."""
        return self.weight >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleCause:
    """One candidate for the root cause.

    Parameters
    ----------
    id
        Stable within one analysis, for example ``cause-1``.
    component
        The candidate.
    category
        What kind of cause.
    description
        One sentence.
    likelihood
        In [0, 1]; the likelihoods of one analysis sum to at most 1.
    evidence
        Strongest first, contradicting ones included.
    propagation
        Components from the cause to the symptom; empty if no path is known.
    """

    id: str
    component: str
    category: CauseCategory
    description: str
    likelihood: float
    evidence: tuple[Evidence, ...]
    propagation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedMethod:
    """A collector that could not run, and why: nothing falls back in silence."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCauseAnalysis:
    """The answer to "what broke, and why".

    Parameters
    ----------
    possible_causes
        Best first; at most ten.
    most_likely_cause
        None means: not enough evidence to name one.
    confidence
        In [0, 1]: probability that the first of the ranking is right.
    ranking
        Every candidate component, best first, each once.
    metric_ranking
        Metrics, best first.
    evidence
        That of the most likely cause, or the strongest overall when none is named.
    skipped
        Collectors that could not run.
    """

    possible_causes: tuple[PossibleCause, ...]
    most_likely_cause: PossibleCause | None
    confidence: float
    ranking: tuple[str, ...]
    metric_ranking: tuple[SeriesKey, ...]
    evidence: tuple[Evidence, ...]
    skipped: tuple[SkippedMethod, ...] = ()
