"""What a source knows of the topology, and from when to when: the grains of ``analysis.topology.history``."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pandas as pd

from analysis.topology.graph import EdgeSource
from analysis.topology.traces import Traced, traced_calls, traced_components
from models.errors import InputError
from models.sources.topology_file import StatedComponent, TopologyFile, Validity

_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))

SIGHTED = (EdgeSource.TRACES, EdgeSource.LAG)
"""Sources that only tell what was so when they looked; it is taken to last a while longer."""


class FactKind(StrEnum):
    """What a fact is about."""

    COMPONENT = "COMPONENT"
    """Names: the component."""
    EDGE = "EDGE"
    """Names: caller, callee."""
    ALIAS = "ALIAS"
    """Names: earlier name, present name."""
    ATTRIBUTE = "ATTRIBUTE"
    """Names: component, key, value."""

    @property
    def n_names(self) -> int:
        """How many names a fact of this kind has."""
        return {"COMPONENT": 1, "ATTRIBUTE": 3}.get(self.value, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that one source knows.

    Parameters
    ----------
    kind
        What it is about.
    names
        As many as the kind says, as the source wrote them.
    source
        Who knows it.
    first_seen, last_seen
        UTC, both included; None means without limit. For traces and lag the first and last sighting.
    count
        Most calls or spans that one reading of traces showed; 0 for other sources.
    strength
        Share of the caller's unexplained variance, in (0, 1], for lag; None for other sources.
    """

    kind: FactKind
    names: tuple[str, ...]
    source: EdgeSource
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    count: int = 0
    strength: float | None = None

    def holds_at(self, time: datetime, staleness: timedelta) -> bool:
        """Whether it is taken to be so at a moment.

        Parameters
        ----------
        time
            UTC.
        staleness
            How much longer than its last sighting something counts.

        Returns
        -------
        bool
            True from the first sighting on until the last one, and until it is stale.
        """
        first, last = self.first_seen, self.last_seen
        if first is not None and time < first:
            return False
        return last is None or time <= last or time - last <= _tolerance(self.source, staleness)


def merged(facts: Iterable[Fact], staleness: timedelta) -> tuple[Fact, ...]:
    """Join what one source knows of one thing.

    Times that overlap, or lie no farther apart than the staleness, become one; count and strength are the largest. So
    neither the order of the facts nor a repetition matters.

    Parameters
    ----------
    facts
        In any order.
    staleness
        How much longer than its last sighting something counts.

    Returns
    -------
    tuple of Fact
        Sorted.
    """
    groups: dict[tuple[FactKind, tuple[str, ...], EdgeSource], list[Fact]] = {}
    for fact in facts:
        groups.setdefault((fact.kind, fact.names, fact.source), []).append(fact)
    return tuple(fact for about in sorted(groups) for fact in _joined(groups[about], _tolerance(about[2], staleness)))


def in_order(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Sort facts about one thing, which sources may know by different names.

    Parameters
    ----------
    facts
        In any order.

    Returns
    -------
    tuple of Fact
        By source, time and name.
    """
    return tuple(sorted(facts, key=lambda fact: (fact.source, *_span(fact), fact.names)))


def declared_facts(
    pairs: Iterable[tuple[str, str]], source: EdgeSource, first: datetime | None, last: datetime | None
) -> tuple[Fact, ...]:
    """Turn calls into facts.

    Parameters
    ----------
    pairs
        Caller and callee.
    source
        Who knows them.
    first
        UTC, included; None means without limit.
    last
        UTC, included; None means without limit.

    Returns
    -------
    tuple of Fact
        One a pair.
    """
    return tuple(
        Fact(kind=FactKind.EDGE, names=pair, source=source, first_seen=first, last_seen=last) for pair in pairs
    )


def file_facts(stated: TopologyFile) -> tuple[Fact, ...]:
    """Turn what a topology file states into facts.

    Parameters
    ----------
    stated
        As it was read.

    Returns
    -------
    tuple of Fact
        Edges, components, aliases (which hold always) and attributes.
    """
    edges = (_stated(FactKind.EDGE, (edge.caller, edge.callee), edge.validity) for edge in stated.edges)
    return (*edges, *(fact for component in stated.components for fact in _component_facts(component)))


def _component_facts(component: StatedComponent) -> Iterator[Fact]:
    """That it exists, what it was called and where it runs."""
    name, validity = component.name, component.validity
    yield _stated(FactKind.COMPONENT, (name,), validity)
    for alias in component.aliases:
        yield _stated(FactKind.ALIAS, (alias, name), Validity())
    for key, values in component.attributes:
        for value in values:
            yield _stated(FactKind.ATTRIBUTE, (name, key, value), validity)


def _stated(kind: FactKind, names: tuple[str, ...], validity: Validity) -> Fact:
    """One fact of a file."""
    return Fact(kind=kind, names=names, source=EdgeSource.FILE, first_seen=validity.first, last_seen=validity.last)


def trace_facts(spans: pd.DataFrame, at: datetime) -> tuple[Fact, ...]:
    """Turn spans into facts.

    Parameters
    ----------
    spans
        Columns trace_id, span_id, parent_span_id, component and, if the times are known, ts (UTC).
    at
        When they are read, UTC: later spans are left out, and spans without a time count as seen then.

    Returns
    -------
    tuple of Fact
        The components and the calls between them.

    Raises
    ------
    InputError
        If a column is absent, or ts holds no times with a zone.
    """
    if "ts" in spans.columns:
        if not isinstance(spans["ts"].dtype, pd.DatetimeTZDtype):
            problem = f"the times are {spans['ts'].dtype}"
            raise InputError(problem, source="spans", column="ts", remedy="give times with the zone UTC")
        spans = spans[~(spans["ts"] > at)]
    return (
        *_seen(FactKind.COMPONENT, traced_components(spans), at),
        *_seen(FactKind.EDGE, traced_calls(spans), at),
    )


def _seen(kind: FactKind, traced: Iterable[Traced], at: datetime) -> Iterator[Fact]:
    """Facts of one kind."""
    for one in traced:
        yield Fact(
            kind=kind,
            names=one.names,
            source=EdgeSource.TRACES,
            first_seen=(one.first or at).astimezone(UTC),
            last_seen=(one.last or at).astimezone(UTC),
            count=one.count,
        )


def _joined(group: list[Fact], tolerance: timedelta) -> list[Fact]:
    """Facts of one source about one thing: neighbours in time become one."""
    if len(group) == 1:
        return group
    found: list[Fact] = []
    for fact in sorted(group, key=_span):
        if found and _span(fact)[0] - _span(found[-1])[1] <= tolerance:
            found[-1] = _both(found[-1], fact)
        else:
            found.append(fact)
    return found


def _both(earlier: Fact, later: Fact) -> Fact:
    """One fact of two that touch; the first begins no later than the second."""
    last = max(earlier, later, key=lambda fact: _span(fact)[1])
    strengths = [fact.strength for fact in (earlier, later) if fact.strength is not None]
    return replace(
        earlier,
        last_seen=last.last_seen,
        count=max(earlier.count, later.count),
        strength=max(strengths, default=None),
    )


def _span(fact: Fact) -> tuple[datetime, datetime]:
    """First and last moment."""
    return fact.first_seen or _ALWAYS[0], fact.last_seen or _ALWAYS[1]


def _tolerance(source: EdgeSource, staleness: timedelta) -> timedelta:
    """How far apart two facts of a source may be and still be one."""
    return staleness if source in SIGHTED else timedelta(0)
