"""From points of series to points of components: evidence of the metrics."""

from dataclasses import dataclass

import numpy as np

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause import comovement, level
from analysis.rootcause.kinds import MetricKind
from analysis.rootcause.observation import Observation, SeriesView
from analysis.rootcause.robust import Values
from analysis.rootcause.settings import RootCauseSettings

NAME = "level"
TOP_METRICS = 3
RELIEVED_BY_FALLING = frozenset({MetricKind.LATENCY, MetricKind.SATURATION})
SMALLEST_WEIGHT = 0.01
"""Evidence below this is not worth a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricFindings:
    """What the metrics say.

    Parameters
    ----------
    evidence
        Level shifts and co-movement.
    symptom
        Points of every component for latency and errors together; these may come from a callee.
    saturation
        Points of every component for its resources.
    strength
        The largest points of a single latency or error series of every component.
    points
        Of every series, shape (n_series,).
    skipped
        What could not run.
    """

    evidence: tuple[Evidence, ...]
    symptom: dict[str, float]
    saturation: dict[str, float]
    strength: dict[str, float]
    points: Values
    skipped: tuple[SkippedMethod, ...]


def collect(observation: Observation, settings: RootCauseSettings) -> MetricFindings:
    """Weigh the level shifts of every component.

    Per kind of metric the strongest series counts fully and the next two count ``second_share``, as they are often the
    same quantity again.

    Parameters
    ----------
    observation
        The situation.
    settings
        The weights.

    Returns
    -------
    MetricFindings
        Empty, with a reason, where there is no metric.
    """
    view = observation.series
    if view is None:
        reason = SkippedMethod(name=NAME, reason="The situation has no metric values.")
        return MetricFindings(
            evidence=(), symptom={}, saturation={}, strength={}, points=np.zeros(0), skipped=(reason,)
        )
    raw = level.measure_points(view, settings) * series_weights(view, settings)
    follows = comovement.measure(view, raw, observation.situation.target, observation.graph, settings)
    skipped = (follows,) if isinstance(follows, SkippedMethod) else ()
    points = raw if isinstance(follows, SkippedMethod) else raw * follows.factors
    evidence: list[Evidence] = []
    symptom: dict[str, float] = {}
    saturation: dict[str, float] = {}
    strength: dict[str, float] = {}
    for component, by_kind in _columns(view).items():
        kept = lost = 0.0
        for kind, columns in by_kind.items():
            shares = _shares(points, columns, settings)
            evidence += [_shift_evidence(view, i, share * raw[i]) for i, share in shares]
            kept += (here := sum(share * points[i] for i, share in shares))
            lost += sum(share * (raw[i] - points[i]) for i, share in shares)
            if kind.is_symptomatic:
                symptom[component] = symptom.get(component, 0.0) + float(here)
                strength[component] = max(strength.get(component, 0.0), *(float(points[i]) for i, _ in shares))
            if kind is MetricKind.SATURATION:
                saturation[component] = float(here)
        if lost > SMALLEST_WEIGHT and not isinstance(follows, SkippedMethod):
            evidence.append(_comovement_evidence(component, follows, kept, lost))
    noted = tuple(item for item in evidence if abs(item.weight) > SMALLEST_WEIGHT)
    return MetricFindings(
        evidence=noted, symptom=symptom, saturation=saturation, strength=strength, points=points, skipped=skipped
    )


def series_weights(view: SeriesView, settings: RootCauseSettings) -> Values:
    """Weight of every series: that of its kind, but a latency or a saturation that falls is no trouble of its own.

    Less work, arriving from callers that fail, lowers both.

    Parameters
    ----------
    view
        The series.
    settings
        The weights.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        Not negative.
    """
    weights = np.array([kind_weight(kind, settings) for kind in view.kinds])
    is_relieved = np.array([kind in RELIEVED_BY_FALLING for kind in view.kinds]) & (np.nan_to_num(view.shift) < 0)
    return np.where(is_relieved, np.minimum(weights, settings.other_weight), weights)


def _columns(view: SeriesView) -> dict[str, dict[MetricKind, list[int]]]:
    """Columns by component and kind."""
    result: dict[str, dict[MetricKind, list[int]]] = {}
    for i, (key, kind) in enumerate(zip(view.keys, view.kinds, strict=True)):
        result.setdefault(key.component, {}).setdefault(kind, []).append(i)
    return result


def _shares(points: Values, columns: list[int], settings: RootCauseSettings) -> list[tuple[int, float]]:
    """The strongest columns of one kind with the share that each counts; ties go to the name."""
    strongest = sorted(columns, key=lambda i: (-points[i], i))[:TOP_METRICS]
    return [(i, 1.0 if rank == 0 else settings.second_share) for rank, i in enumerate(strongest)]


def kind_weight(kind: MetricKind, settings: RootCauseSettings) -> float:
    """Weight of one kind of metric.

    Parameters
    ----------
    kind
        Which one.
    settings
        The weights.

    Returns
    -------
    float
        Not negative.
    """
    if kind.is_symptomatic:
        return settings.symptom_weight
    return settings.saturation_weight if kind is MetricKind.SATURATION else settings.other_weight


def _shift_evidence(view: SeriesView, column: int, weight: float) -> Evidence:
    """What one series did."""
    statement, numbers = level.describe(view, column)
    key = view.keys[column]
    return Evidence(
        collector=NAME,
        component=key.component,
        metric=key.metric,
        statement=statement,
        weight=float(weight),
        numbers=numbers,
    )


def _comovement_evidence(component: str, follows: comovement.Comovement, kept: float, lost: float) -> Evidence:
    """What does not move with the target."""
    share = kept / (kept + lost)
    which = "the symptom taken for the users' one" if follows.is_assumed else "the symptom that is asked about"
    return Evidence(
        collector=comovement.NAME,
        component=component,
        statement=f"{1 - share:.0%} of its movement does not follow {follows.target}, {which}.",
        weight=-float(lost),
        numbers={"share": float(share)},
    )
