"""The facts that conditions may speak of, each with its type and meaning: the one place where they are declared."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from analysis.findings import CauseCategory
from models.anomalies import AnomalySeverity, AnomalyType
from service.recovery.health import HealthStatus

FactValue = float | str | bool | tuple[str, ...] | None
Facts = Mapping[str, FactValue]


class FactType(StrEnum):
    """What a fact is, and so which comparisons it allows."""

    NUMBER = "NUMBER"
    TEXT = "TEXT"
    FLAG = "FLAG"
    WORD = "WORD"
    ORDERED = "ORDERED"
    WORDS = "WORDS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One name that conditions may use.

    Parameters
    ----------
    name
        As written in conditions.
    type
        NUMBER, TEXT (any string), FLAG, WORD (one of ``words``), ORDERED (one of ``words``, lowest first) or WORDS
        (several of ``words``).
    meaning
        One sentence, with the unit.
    words
        The values that WORD, ORDERED and WORDS can take.
    """

    name: str
    type: FactType
    meaning: str
    words: tuple[str, ...] = ()

    def is_known(self, value: FactValue) -> bool:
        """Whether a value says anything: None, NaN and a value of another type do not.

        Parameters
        ----------
        value
            What was given for this fact.

        Returns
        -------
        bool
            False makes every comparison with it unknown.
        """
        if self.type is FactType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
        if self.type is FactType.FLAG:
            return isinstance(value, bool)
        if self.type is FactType.WORDS:
            return isinstance(value, tuple)
        return isinstance(value, str) and (self.type is FactType.TEXT or value in self.words)


Vocabulary = Mapping[str, Fact]


def vocabulary(*facts: Fact) -> Vocabulary:
    """Index facts by name.

    Parameters
    ----------
    *facts
        Each name once.

    Returns
    -------
    Mapping of str to Fact
        Read-only, in the given order.
    """
    return MappingProxyType({fact.name: fact for fact in facts})


_CATEGORIES = tuple(CauseCategory)
_SEVERITIES = tuple(AnomalySeverity)

FINDING_FACTS = vocabulary(
    Fact(name="severity", type=FactType.ORDERED, words=_SEVERITIES, meaning="Gravest severity of the incident."),
    Fact(name="confidence", type=FactType.NUMBER, meaning="Probability that the named cause is right, 0 to 1."),
    Fact(name="likelihood", type=FactType.NUMBER, meaning="Likelihood of the named cause, 0 to 1."),
    Fact(name="category", type=FactType.WORD, words=_CATEGORIES, meaning="What kind of thing went wrong."),
    Fact(name="component", type=FactType.TEXT, meaning="The component that is held responsible."),
    Fact(name="symptom", type=FactType.TEXT, meaning="The component whose symptom opened the incident."),
    Fact(name="incident_components", type=FactType.NUMBER, meaning="How many components show an anomaly."),
    Fact(name="blast_radius", type=FactType.NUMBER, meaning="Share of all components that show an anomaly, 0 to 1."),
    Fact(
        name="anomaly_types",
        type=FactType.WORDS,
        words=tuple(AnomalyType),
        meaning="Types of the component's anomalies.",
    ),
    Fact(name="has_latency", type=FactType.FLAG, meaning="A latency metric of the component is abnormal."),
    Fact(name="has_errors", type=FactType.FLAG, meaning="An error metric of the component is abnormal."),
    Fact(name="has_saturation", type=FactType.FLAG, meaning="A saturation metric of the component is abnormal."),
    Fact(name="has_traffic", type=FactType.FLAG, meaning="A traffic metric of the component is abnormal."),
    Fact(name="has_disk", type=FactType.FLAG, meaning="The space of a disk of the component is abnormal."),
    Fact(name="has_recent_change", type=FactType.FLAG, meaning="A deploy or configuration change came shortly before."),
)

VERIFICATION_FACTS = vocabulary(
    Fact(
        name="worst_score",
        type=FactType.NUMBER,
        meaning=(
            "Worst calibrated anomaly score of the component in the newest rows since the last action; 1.0 is the "
            "alarm boundary. Not the worst since then: a restart itself is a short outage."
        ),
    ),
    Fact(name="rows_observed", type=FactType.NUMBER, meaning="Fresh rows of metrics since the last action."),
    Fact(name="incident_score", type=FactType.NUMBER, meaning="As worst_score, over all components of the incident."),
    Fact(
        name="service_score",
        type=FactType.NUMBER,
        meaning="As worst_score, over the component's latency and error metrics: carried load stays unusual.",
    ),
    Fact(
        name="impact_score",
        type=FactType.NUMBER,
        meaning=(
            "As service_score, over the component's callers and the other components of the incident: what users feel "
            "of a component that is gone around. Missing if there are none."
        ),
    ),
    Fact(name="is_resolved", type=FactType.FLAG, meaning="The incident is resolved."),
)

_HEALTH = tuple(status.value for status in (HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY))

DEGRADATION_FACTS = vocabulary(
    Fact(
        name="worst_score",
        type=FactType.NUMBER,
        meaning="Worst calibrated anomaly score of the component in its newest row; 1.0 is the alarm boundary.",
    ),
    Fact(
        name="health",
        type=FactType.ORDERED,
        words=_HEALTH,
        meaning="What is believed of the component; missing while that is unknown.",
    ),
    Fact(
        name="dependency_health",
        type=FactType.ORDERED,
        words=_HEALTH,
        meaning="Worst health among the components that it calls; missing if nobody knows any of them.",
    ),
    Fact(name="unhealthy_dependencies", type=FactType.NUMBER, meaning="How many components that it calls are ill."),
    Fact(name="breaker_open", type=FactType.FLAG, meaning="The component's breaker is open; missing without one."),
    Fact(
        name="open_breakers",
        type=FactType.NUMBER,
        meaning="How many components that it calls have an open breaker.",
    ),
    Fact(name="is_isolated", type=FactType.FLAG, meaning="The component is cut off."),
    Fact(name="in_incident", type=FactType.FLAG, meaning="An open incident has an anomaly of the component."),
    Fact(
        name="incident_severity",
        type=FactType.ORDERED,
        words=_SEVERITIES,
        meaning="Gravest of its anomalies in open incidents; missing if there is none.",
    ),
)
"""What levels of reduced function are entered and left by."""
