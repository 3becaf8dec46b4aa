"""Which anomalies belong together: in time, in place and in the call graph.

A pure step of the live loop: open incidents and new anomalies in, incidents out. The same function groups a whole
recording at once. One burst over a whole call graph is one incident; two unrelated faults at different times are two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from analysis.incidents import Incident, IncidentStatus
from analysis.topology import DependencyGraph
from models.anomalies import Anomaly, AnomalyType
from models.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingSettings:
    """What "together" means.

    Parameters
    ----------
    window_s
        Two anomalies may lie this far apart in time and still be related, seconds. The default is the five minutes of
        the requirement.
    hops
        Calls that may lie between two related components, in any direction; 2 bridges a component that nobody measures.
    burst_s
        Anomalies that start within this many seconds of each other belong together wherever they are: a shared host is
        not in the call graph. 0 disables it.
    least_rows
        An incident is opened by an anomaly of so many rows, or by so many series that depart in one burst; a shorter
        blip of one metric stays an anomaly, and may join an incident. 1 opens one for every anomaly.
    quiet_s
        An incident is resolved when its anomalies have ended for this long, seconds.
    reopen_s
        A resolved incident is opened again by a related anomaly within this time, seconds; 0 disables it.

    Raises
    ------
    ConfigurationError
        If a value is negative.
    """

    window_s: float = 300.0
    hops: int = 2
    burst_s: float = 60.0
    least_rows: int = 2
    quiet_s: float = 300.0
    reopen_s: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) >= 0:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}.", remedy="Give a number that is not negative."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """What one step did.

    Parameters
    ----------
    incidents
        All that came in and all new ones, as they are now, sorted by id.
    opened, updated, resolved
        Ids of new incidents (reopened ones included), of those that gained or grew an anomaly, and of those that ended.
        An id is in at most one of the three.
    """

    incidents: tuple[Incident, ...]
    opened: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()


def group(
    incidents: Sequence[Incident],
    anomalies: Iterable[Anomaly],
    graph: DependencyGraph,
    settings: GroupingSettings,
    now: datetime,
) -> Grouping:
    """Sort new anomalies into incidents and end those that have gone quiet.

    Parameters
    ----------
    incidents
        Open and mitigating ones, and recently resolved ones if they may be reopened.
    anomalies
        New ones, and known ones as they are seen now: an anomaly of the same series that overlaps a known one takes its
        place, whatever its detector is now; so does an anomaly of a whole component whose strongest metric is another
        one now. At most one at a time for a series.
    graph
        May be empty: then time and place alone decide.
    settings
        What "together" means.
    now
        UTC; ids are made from it.

    Returns
    -------
    Grouping
        Independent of the order of the anomalies.
    """
    fresh = sorted(set(anomalies), key=_order)
    current: dict[str, Incident] = {}
    touched: dict[str, None] = {}
    for incident in sorted(incidents, key=lambda i: i.id):
        seen, fresh = _seen_anew(incident, fresh)
        current[incident.id] = incident
        if list(map(_content, seen)) != list(map(_content, incident.anomalies)):
            current[incident.id] = replace(incident, anomalies=seen, updated_at=now)
            touched[incident.id] = None
    opened: list[str] = []
    for cluster in _clusters(fresh, graph, settings):
        home = _home_of(cluster, current.values(), graph, settings, now)
        if home is None:
            if not _opens(cluster, settings):
                continue
            new = _open(cluster, current, now)
            current[new.id] = new
            opened.append(new.id)
            continue
        if home.status is IncidentStatus.RESOLVED:
            home = home.moved_to(IncidentStatus.OPEN, now)
            opened.append(home.id)
        current[home.id] = replace(home, anomalies=_in_order([*home.anomalies, *cluster]), updated_at=now)
        touched[home.id] = None
    ended = [i for i in current.values() if _is_over(i, settings, now)]
    current |= {incident.id: incident.moved_to(IncidentStatus.RESOLVED, now) for incident in ended}
    resolved = {incident.id for incident in ended}
    return Grouping(
        incidents=tuple(current[name] for name in sorted(current)),
        opened=tuple(sorted(set(opened) - resolved)),
        updated=tuple(sorted(set(touched) - resolved - set(opened))),
        resolved=tuple(sorted(resolved)),
    )


def is_related(one: Anomaly, other: Anomaly, graph: DependencyGraph, settings: GroupingSettings) -> bool:
    """Whether two anomalies belong to one incident.

    Parameters
    ----------
    one
        An anomaly.
    other
        Another one.
    graph
        Who calls whom.
    settings
        Window, hops and burst.

    Returns
    -------
    bool
        They overlap or lie within the window, and share a component, are near in the graph or started in one burst.
        Where either component is unknown to the graph, time alone decides.
    """
    window = timedelta(seconds=settings.window_s)
    if one.start > other.end + window or other.start > one.end + window:
        return False
    here, there = one.key.component, other.key.component
    if here == there or abs((one.start - other.start).total_seconds()) <= settings.burst_s > 0:
        return True
    if here not in graph or there not in graph:
        return True
    return graph.is_within(here, there, settings.hops)


def _order(anomaly: Anomaly) -> tuple[object, ...]:
    """Total order that does not depend on how the anomalies came in."""
    return (anomaly.start, anomaly.key, anomaly.type, anomaly.detector, anomaly.end, anomaly.score)


def _in_order(anomalies: Iterable[Anomaly]) -> tuple[Anomaly, ...]:
    return tuple(sorted(anomalies, key=_order))


def _content(anomaly: Anomaly) -> str:
    """All that an anomaly says; unlike its values, two missing ones are equal."""
    return repr(anomaly)


def _seen_anew(incident: Incident, present: list[Anomaly]) -> tuple[tuple[Anomaly, ...], list[Anomaly]]:
    """The anomalies of an incident as they are seen now, and the present ones that are none of them.

    An anomaly keeps the start that it was first seen with, also when the first rows of it are forgotten.
    """
    kept: list[Anomaly] = []
    starts: dict[Anomaly, datetime] = {}
    for held in incident.anomalies:
        own = [a for a in present if a.key == held.key and _overlap(a, held)]
        wide = [a for a in present if not own and _is_same_component_wide(a, held) and _overlap(a, held)]
        for heir in own:
            starts[heir] = min(starts.get(heir, heir.start), held.start)
        for heir in wide:
            starts.setdefault(heir, heir.start)
        if not (own or wide):
            kept.append(held)
    renewed = [replace(heir, start=start) for heir, start in starts.items()]
    return _in_order([*kept, *renewed]), [a for a in present if a not in starts]


def _overlap(one: Anomaly, other: Anomaly) -> bool:
    return one.start < other.end and other.start < one.end


def _is_same_component_wide(one: Anomaly, other: Anomaly) -> bool:
    """Whether both are what one detector of whole components says of one component."""
    is_wide = one.type is other.type is AnomalyType.MULTIVARIATE_OUTLIER
    return is_wide and (one.key.component, one.detector) == (other.key.component, other.detector)


def _clusters(fresh: list[Anomaly], graph: DependencyGraph, settings: GroupingSettings) -> list[list[Anomaly]]:
    """Connected groups of related anomalies, in the order of their earliest member."""
    clusters: list[list[Anomaly]] = []
    for anomaly in fresh:
        near = [c for c in clusters if any(is_related(anomaly, a, graph, settings) for a in c)]
        merged = [a for c in near for a in c] + [anomaly]
        clusters = [c for c in clusters if not any(c is n for n in near)] + [merged]
    return sorted((sorted(c, key=_order) for c in clusters), key=lambda c: _order(c[0]))


def _home_of(
    cluster: list[Anomaly],
    incidents: Iterable[Incident],
    graph: DependencyGraph,
    settings: GroupingSettings,
    now: datetime,
) -> Incident | None:
    """The oldest incident that a cluster belongs to."""
    reopen = timedelta(seconds=settings.reopen_s)
    for incident in sorted(incidents, key=lambda i: i.id):
        if incident.status is IncidentStatus.RESOLVED and (
            incident.resolved_at is None or not settings.reopen_s or now - incident.resolved_at > reopen
        ):
            continue
        if any(is_related(a, b, graph, settings) for a in cluster for b in incident.anomalies):
            return incident
    return None


def _opens(cluster: list[Anomaly], settings: GroupingSettings) -> bool:
    """Whether a cluster is more than a blip of one metric."""
    if any(a.duration_s >= (settings.least_rows - 0.5) * a.step_s for a in cluster):
        return True
    return any(
        len({a.key for a in cluster if 0 <= (a.start - first.start).total_seconds() <= settings.burst_s})
        >= settings.least_rows
        for first in cluster
    )


def _open(cluster: list[Anomaly], current: dict[str, Incident], now: datetime) -> Incident:
    """Make a new incident."""
    stem = f"inc-{now:%Y%m%dT%H%M%S}"
    number = 1 + sum(name.startswith(stem) for name in current)
    return Incident(
        id=f"{stem}-{number:02d}",
        status=IncidentStatus.OPEN,
        opened_at=now,
        updated_at=now,
        anomalies=tuple(cluster),
    )


def _is_over(incident: Incident, settings: GroupingSettings, now: datetime) -> bool:
    """Whether every anomaly has ended long enough ago."""
    if incident.status is IncidentStatus.RESOLVED:
        return False
    return now - max(a.end for a in incident.anomalies) > timedelta(seconds=settings.quiet_s)
