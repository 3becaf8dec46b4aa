"""What an incident looked like, in a form that can be compared: its cause, its symptoms, and who was first."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.findings import CauseCategory
from analysis.incidents import Incident
from analysis.rootcause.kinds import MetricKind, classify
from models.anomalies import Anomaly, AnomalyType

Values = NDArray[np.float64]

WEIGHTS = {"cause": 0.3, "symptoms": 0.5, "order": 0.2}
"""Of the parts of a similarity. Symptoms are observed and weigh most; a cause is inferred and may be wrong."""

_CAUSE_LEVELS = 3
_ORDERED = 8


class Direction(StrEnum):
    """Which way a metric left the usual."""

    UP = "UP"
    DOWN = "DOWN"
    GONE = "GONE"
    STUCK = "STUCK"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, order=True)
class Symptom:
    """Metrics of one kind that left the usual in one component; names of metrics change, kinds stay."""

    component: str
    kind: MetricKind
    direction: Direction

    def __str__(self) -> str:
        return f"{self.component} {self.kind.lower()} {self.direction.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What an incident, or a pattern of them, looks like.

    Parameters
    ----------
    cause
        Component that was held responsible; empty if nobody was.
    category
        Of the cause; None if nobody was held responsible.
    symptoms
        Each with its severity from 1 (low) to 4 (critical), sorted.
    order
        Components of which the first began earlier than the second, sorted; of the eight that began first.
    """

    cause: str = ""
    category: CauseCategory | None = None
    symptoms: tuple[tuple[Symptom, int], ...] = ()
    order: tuple[tuple[str, str], ...] = ()


def signature_of(incident: Incident, cause: str = "", category: CauseCategory | None = None) -> Signature:
    """Tell what an incident looked like.

    Parameters
    ----------
    incident
        With any number of anomalies, in any order.
    cause
        Component that was held responsible; empty if nobody was.
    category
        Of the cause.

    Returns
    -------
    Signature
        The gravest anomaly gives a symptom its severity.
    """
    symptoms: dict[Symptom, int] = {}
    for anomaly in incident.anomalies:
        symptom = Symptom(anomaly.key.component, classify(anomaly.key.metric), _direction(anomaly))
        symptoms[symptom] = max(symptoms.get(symptom, 0), anomaly.severity.rank + 1)
    onsets = {a.key.component: a.start for a in sorted(incident.anomalies, key=lambda a: a.start, reverse=True)}
    first = sorted(onsets, key=lambda name: (onsets[name], name))[:_ORDERED]
    order = ((a, b) for a, b in combinations(first, 2) if onsets[a] < onsets[b])
    return Signature(
        cause=cause,
        category=category if cause else None,
        symptoms=tuple(sorted(symptoms.items())),
        order=tuple(sorted(order)),
    )


def _direction(anomaly: Anomaly) -> Direction:
    if anomaly.type is AnomalyType.MISSING_DATA:
        return Direction.GONE
    if anomaly.type is AnomalyType.STUCK_VALUE:
        return Direction.STUCK
    if anomaly.deviation > 0:
        return Direction.UP
    return Direction.DOWN if anomaly.deviation < 0 else Direction.UNKNOWN


def similarities(rows: Sequence[Signature], columns: Sequence[Signature]) -> Values:
    """Compare all with all: the weighted Jaccard index (Ruzicka) of each part, and their mean.

    A part that one of two does not have at all, because nobody named a cause or all began at once, is left out of
    their mean. Cost: one sparse product a part.

    Parameters
    ----------
    rows
        Any number.
    columns
        Any number.

    Returns
    -------
    Values
        Shape (rows, columns), in [0, 1]; 1 for equal ones.

    References
    ----------
    Ruzicka (1958), Anwendung mathematisch-statistischer Methoden in der Geobotanik, Biologia 13.
    """
    total, weights = np.zeros((len(rows), len(columns))), np.zeros((len(rows), len(columns)))
    for part, weight in WEIGHTS.items():
        one, other = [_levels(s, part) for s in rows], [_levels(s, part) for s in columns]
        shared, n_one, n_other = _shared(one, other)
        is_known = (n_one[:, None] > 0) & (n_other[None, :] > 0)
        united = np.where(is_known, n_one[:, None] + n_other[None, :] - shared, 1.0)
        total += weight * is_known * shared / united
        weights += weight * is_known
    return np.asarray(np.divide(total, weights, out=np.zeros_like(total), where=weights > 0))


def _levels(signature: Signature, part: str) -> list[object]:
    """Write weights out as a set: a severity of 3 is the members 0, 1 and 2, so that intersections are minima."""
    if part == "cause":
        named = [("component", signature.cause, level) for level in range(_CAUSE_LEVELS)] if signature.cause else []
        return [*named, ("category", signature.category)] if named else []
    if part == "symptoms":
        return [(symptom, level) for symptom, severity in signature.symptoms for level in range(severity)]
    return list(signature.order)


def _shared(one: list[list[object]], other: list[list[object]]) -> tuple[Values, Values, Values]:
    """Sizes of the intersections of all with all, and of the sets."""
    from scipy import sparse

    columns: dict[object, int] = {}
    tables = []
    for sets in (one, other):
        cells = [columns.setdefault(member, len(columns)) for members in sets for member in members]
        starts = np.cumsum([0, *(len(members) for members in sets)])
        tables.append((np.ones(len(cells)), np.array(cells, dtype=np.int64), starts))
    first, second = (sparse.csr_array(t, shape=(len(t[2]) - 1, max(len(columns), 1))) for t in tables)
    return (first @ second.T).toarray(), np.diff(tables[0][2]).astype(float), np.diff(tables[1][2]).astype(float)
