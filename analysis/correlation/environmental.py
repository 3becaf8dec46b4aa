"""ENVIRONMENTAL: incidents that share a host, zone or deploy, or that follow a change."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.correlation.chance import adjusted, at_least, covered_by_chance, is_covered
from analysis.correlation.values import (
    CorrelationKind,
    Correlations,
    CorrelationSettings,
    IncidentCorrelation,
    IncidentHistory,
)
from analysis.findings import SkippedMethod

_SHARED = "ENVIRONMENTAL from shared attributes"
_CHANGED = "ENVIRONMENTAL from changes"
_LEAST_SHARING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sharing:
    """Some incidents of which many began where an attribute has one value; ``n`` were counted."""

    attribute: str
    value: str
    rows: tuple[int, ...]
    n: int
    expected: float
    p_value: float
    sentence: str


def environmental(history: IncidentHistory, settings: CorrelationSettings) -> Correlations:
    """Look for shared surroundings and for changes shortly before, each against its base rate.

    *Attributes.* Each incident stands where it began. Those within ``shared_s`` of each other are taken together, and
    for each value of each attribute the incidents on it are counted against its base rate, the larger of its share of
    the components and of all incidents: one noisy component makes no bad host. Over all the time, it is counted how
    many of the components with a value ever failed (hypergeometric). At least two components must be involved: what
    one component shares with itself is no surrounding.

    *Changes.* Incidents within ``change_reach_s`` after a change of one component, or after changes of one name
    anywhere, are counted against the share of the time that lies so shortly after such a change, and against the same
    time of other days, so that deploys and incidents of working hours do not relate.

    Strength is the share of the counted incidents (or components) that the base rate does not explain. Each of the two
    is corrected for everything that it tested.

    Parameters
    ----------
    history
        With attributes, changes, or both.
    settings
        Reaches and the false-discovery rate.

    Returns
    -------
    Correlations
        With what could not be looked for.
    """
    found: list[IncidentCorrelation] = []
    skipped: list[SkippedMethod] = []
    if any(history.attributes.values()):
        found += _kept(history, list(_shared(history, settings)), settings)
    else:
        skipped.append(SkippedMethod(name=_SHARED, reason="nobody tells hosts, zones or deploys of components"))
    if history.changes is None:
        skipped.append(SkippedMethod(name=_CHANGED, reason="nobody records changes"))
    else:
        found += _kept(history, list(_changed(history, settings)), settings)
    return Correlations(found=tuple(found), skipped=tuple(skipped))


def _kept(
    history: IncidentHistory, tested: list[_Sharing], settings: CorrelationSettings
) -> Iterator[IncidentCorrelation]:
    q_values = adjusted(np.array([each.p_value for each in tested]), len(tested))
    told: list[_Sharing] = []
    # A component says more than the name of its change: that is told of where both hold as well.
    names = [(each.attribute != "component", each.attribute, each.value) for each in tested]
    for k in sorted(range(len(tested)), key=lambda k: (q_values[k], -len(tested[k].rows), names[k])):
        each = tested[k]
        if q_values[k] <= settings.false_discovery_rate and not any(_is_same(each, other) for other in told):
            told.append(each)
            yield _correlation(history, each, float(q_values[k]))


def _is_same(one: _Sharing, other: _Sharing) -> bool:
    """Whether one tells little that the other did not: most of its incidents are among the other's."""
    return 2 * len(set(one.rows) & set(other.rows)) > len(one.rows)


def _shared(history: IncidentHistory, settings: CorrelationSettings) -> Iterator[_Sharing]:
    origins = history.origins
    windows = list(_windows(history.onsets, settings.shared_s))
    for attribute in sorted({name for own in history.attributes.values() for name in own}):
        value_of = {c: own[attribute] for c, own in sorted(history.attributes.items()) if attribute in own}
        sizes = Counter(value_of.values())
        if len(sizes) > 1:
            known = [row for row, origin in enumerate(origins) if origin in value_of]
            yield from _in_windows(attribute, value_of, sizes, origins, known, windows, settings.shared_s)
            yield from _in_all(attribute, value_of, sizes, origins, known)


def _windows(onsets: NDArray[np.float64], shared_s: float) -> Iterator[range]:
    """Runs of incidents that begin within the span, none inside another."""
    reached = 0
    for first, last in enumerate(np.searchsorted(onsets, onsets + shared_s, "right").tolist()):
        if last > reached and last - first >= _LEAST_SHARING:
            yield range(first, last)
        reached = max(reached, last)


def _in_windows(
    attribute: str,
    value_of: Mapping[str, str],
    sizes: Mapping[str, int],
    origins: tuple[str, ...],
    known: list[int],
    windows: list[range],
    shared_s: float,
) -> Iterator[_Sharing]:
    """Count the incidents of a window on each value."""
    from scipy.special import bdtrc

    usual = Counter(value_of[origins[row]] for row in known)
    for window in windows:
        rows = [row for row in window if origins[row] in value_of]
        for value, n in sorted(Counter(value_of[origins[row]] for row in rows).items()):
            on_it = tuple(row for row in rows if value_of[origins[row]] == value)
            if n < _LEAST_SHARING or len({origins[row] for row in on_it}) < 2:
                continue
            elsewhere = len(known) - len(rows)
            before = (usual[value] - n) / elsewhere if elsewhere else 0.0
            base = max(sizes[value] / len(value_of), before)
            yield _Sharing(
                attribute=attribute,
                value=value,
                rows=on_it,
                n=n,
                expected=len(rows) * base,
                p_value=float(bdtrc(n - 1, len(rows), min(base, 1.0))),
                sentence=f"{n} of {len(rows)} incidents within {shared_s:.0f} s began on {attribute} {value}",
            )


def _in_all(
    attribute: str, value_of: Mapping[str, str], sizes: Mapping[str, int], origins: tuple[str, ...], known: list[int]
) -> Iterator[_Sharing]:
    """Count the components of each value that ever failed."""
    from scipy.stats import hypergeom

    failed = {origins[row] for row in known}
    for value, size in sorted(sizes.items()):
        on_it = {name for name in failed if value_of[name] == value}
        if len(on_it) < _LEAST_SHARING:
            continue
        yield _Sharing(
            attribute=attribute,
            value=value,
            rows=tuple(row for row in known if origins[row] in on_it),
            n=len(on_it),
            expected=len(failed) * size / len(value_of),
            p_value=float(hypergeom.sf(len(on_it) - 1, len(value_of), size, len(failed))),
            sentence=f"{len(on_it)} of the {size} components on {attribute} {value} had incidents of their own,"
            f" of all {len(value_of)} components {len(failed)}",
        )


def _changed(history: IncidentHistory, settings: CorrelationSettings) -> Iterator[_Sharing]:
    """Incidents after changes of a component, and after changes of one name anywhere."""
    onsets, everybody = history.onsets, np.arange(len(history.incidents))
    touched: dict[str, list[int]] = defaultdict(list)
    for row, incident in enumerate(history.incidents):
        for name in incident.components:
            touched[name].append(row)
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for change in history.changes or ():
        times["component", change.component].append(change.at.timestamp())
        times["change", change.name].append(change.at.timestamp())
    for (attribute, value), changes in sorted(times.items()):
        rows = np.array(touched[value] if attribute == "component" else everybody, dtype=np.int64)
        at, span = np.unique(changes), (settings.change_reach_s, *_watched(history))
        is_after = is_covered(onsets[rows], at, settings.change_reach_s)
        if (n := int(is_after.sum())) < 2:
            continue
        expected = float(covered_by_chance(onsets[rows], at, *span).sum())
        what = f"a change of {value}" if attribute == "component" else f"the change {value!r}"
        whose = f"incidents of {value}" if attribute == "component" else "incidents"
        yield _Sharing(
            attribute=attribute,
            value=value,
            rows=tuple(rows[is_after].tolist()),
            n=n,
            expected=expected,
            p_value=float(at_least(np.array(float(n)), np.array(expected))),
            sentence=f"{n} of {len(rows)} {whose} began within {settings.change_reach_s:.0f} s after {what}",
        )


def _watched(history: IncidentHistory) -> tuple[float, float]:
    """The time that was watched, stretched to hold every change."""
    start, end = history.watched()
    times = [change.at.timestamp() for change in history.changes or ()]
    return min([start, *times]), max([end, *times])


def _correlation(history: IncidentHistory, each: _Sharing, q_value: float) -> IncidentCorrelation:
    return IncidentCorrelation(
        kind=CorrelationKind.ENVIRONMENTAL,
        incident_ids=tuple(history.incidents[row].id for row in each.rows),
        components=tuple(sorted({history.origins[row] for row in each.rows})),
        strength=max(0.0, 1 - each.expected / each.n),
        confidence=1 - q_value,
        description=f"{each.sentence}, where {each.expected:.2g} are to be expected (p {q_value:.1g} after correction)",
        numbers={"counted": float(each.n), "expected": each.expected, "adjusted_p_value": q_value},
    )
