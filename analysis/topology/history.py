"""The topology through time: what every source knows, merged, and the graph of any moment.

Sources that contradict each other stay side by side; nothing here decides between them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from analysis.topology.conflicts import Conflict, conflicts_among
from analysis.topology.facts import Fact, FactKind, declared_facts, file_facts, in_order, merged, trace_facts
from analysis.topology.graph import DependencyGraph, Edge, EdgeSource
from analysis.topology.names import present_names
from models.errors import ConfigurationError
from models.sources.topology_file import TopologyFile


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEdge:
    """One call, with everything that is known of it.

    Parameters
    ----------
    caller, callee
        Present names.
    facts
        Sorted by source and time; never empty.
    """

    caller: str
    callee: str
    facts: tuple[Fact, ...]

    @property
    def sources(self) -> tuple[EdgeSource, ...]:
        """Every way in which it is known, sorted."""
        return tuple(sorted({fact.source for fact in self.facts}))

    @property
    def is_hint(self) -> bool:
        """Whether nothing but lag speaks for it."""
        return self.sources == (EdgeSource.LAG,)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyChange:
    """What is different at a later moment.

    Parameters
    ----------
    added_edges, removed_edges
        Caller and callee, sorted.
    added_components, removed_components
        Sorted.
    """

    added_edges: tuple[tuple[str, str], ...]
    removed_edges: tuple[tuple[str, str], ...]
    added_components: tuple[str, ...]
    removed_components: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyHistory:
    """Everything that the sources know, immutable; each new reading gives a new value.

    Stated edges (declared or from a file) hold in their stated interval, for ever without one. What traces and lag
    showed holds from the first sighting to the last one and ``staleness_s`` longer. Lag gives hints only: they are in
    no graph unless they are asked for. Aliases rename components at every moment; one that two sources give to
    different components is a conflict and is not applied.

    Parameters
    ----------
    facts
        Any order; kept merged and sorted, so equal knowledge is equal whatever its order.
    staleness_s
        Seconds after its last sighting for which a call still counts. A day by default, so that what runs once a day
        stays; not negative.

    Raises
    ------
    ConfigurationError
        If the staleness is negative, or longer than a thousand years.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> march = datetime(2026, 3, 1, tzinfo=UTC)
    >>> history = TopologyHistory().with_edges([("web", "db")]).with_edges([("web", "cache")], first_seen=march)
    >>> history.at(datetime(2026, 2, 1, tzinfo=UTC)).dependencies_of("web")
    ('db',)
    >>> history.at(march).dependencies_of("web")
    ('cache', 'db')
    """

    facts: tuple[Fact, ...] = ()
    staleness_s: float = 86_400.0
    _present: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.staleness_s <= 3.2e10:
            raise ConfigurationError(f"staleness_s is {self.staleness_s}.", remedy="Give 0 to 3.2e10 seconds.")
        object.__setattr__(self, "facts", merged(self.facts, self._staleness))
        object.__setattr__(self, "_present", present_names(self.facts))

    @property
    def _staleness(self) -> timedelta:
        return timedelta(seconds=self.staleness_s)

    def with_facts(self, facts: Iterable[Fact]) -> "TopologyHistory":
        """Learn more.

        Parameters
        ----------
        facts
            From any source; repeating one changes nothing.

        Returns
        -------
        TopologyHistory
            A new one.
        """
        return TopologyHistory(facts=(*self.facts, *facts), staleness_s=self.staleness_s)

    def with_edges(
        self,
        edges: Iterable[tuple[str, str]],
        *,
        source: EdgeSource = EdgeSource.DECLARED,
        first_seen: datetime | None = None,
        last_seen: datetime | None = None,
    ) -> "TopologyHistory":
        """Learn calls that somebody states.

        Parameters
        ----------
        edges
            Caller and callee.
        source
            Who states them.
        first_seen
            UTC, included; None means without limit.
        last_seen
            UTC, included; None means without limit.

        Returns
        -------
        TopologyHistory
            A new one.
        """
        return self.with_facts(declared_facts(edges, source, first_seen, last_seen))

    def with_file(self, stated: TopologyFile) -> "TopologyHistory":
        """Learn what a topology file states.

        Parameters
        ----------
        stated
            Read by ``models.sources.topology_file``.

        Returns
        -------
        TopologyHistory
            A new one.
        """
        return self.with_facts(file_facts(stated))

    def observed(self, traces: pd.DataFrame, at: datetime) -> "TopologyHistory":
        """Learn from spans.

        Parameters
        ----------
        traces
            Columns trace_id, span_id, parent_span_id, component and, if the times are known, ts (UTC).
        at
            When they are read, UTC; later spans are left out.

        Returns
        -------
        TopologyHistory
            A new one. InputError if a column is absent, or ts holds no times with a zone.
        """
        return self.with_facts(trace_facts(traces, at))

    def canonical(self, name: str) -> str:
        """Look up the present name of a component.

        Parameters
        ----------
        name
            Present or earlier.

        Returns
        -------
        str
            The name itself if no alias is known.
        """
        return self._present.get(name, name)

    def known(self, time: datetime | None = None) -> tuple[KnownEdge, ...]:
        """List the calls with their provenance, hints included.

        Parameters
        ----------
        time
            UTC; None for everything that was ever known.

        Returns
        -------
        tuple of KnownEdge
            Sorted by caller and callee.
        """
        found: defaultdict[tuple[str, ...], list[Fact]] = defaultdict(list)
        for names, fact in self._held(FactKind.EDGE, time):
            found[names].append(fact)
        return tuple(KnownEdge(caller=a, callee=b, facts=in_order(found[a, b])) for a, b in sorted(found))

    def at(self, time: datetime | None, *, with_hints: bool = False) -> DependencyGraph:
        """Draw the graph as it was known to hold at a moment.

        Parameters
        ----------
        time
            UTC; None for everything that was ever known.
        with_hints
            Whether edges that only lag speaks for are drawn.

        Returns
        -------
        DependencyGraph
            By present names. An edge is where any source knows it, also where another one contradicts.
        """
        least = set() if with_hints else {EdgeSource.LAG}
        return DependencyGraph(
            (
                Edge(caller=caller, callee=callee, sources=tuple(sources))
                for (caller, callee), sources in self._sources(time).items()
                if sources - least
            ),
            (names[0] for names, _ in self._held(FactKind.COMPONENT, time)),
        )

    def attributes_at(self, time: datetime | None) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Look up where components run: host, zone, whatever the files state.

        Parameters
        ----------
        time
            UTC; None for everything that was ever known.

        Returns
        -------
        Mapping of str to Mapping of str to tuple of str
            Component, key, values; several values are normal (replicas on several hosts).
        """
        found: dict[str, dict[str, set[str]]] = {}
        for (component, key, value), _ in self._held(FactKind.ATTRIBUTE, time):
            found.setdefault(component, {}).setdefault(key, set()).add(value)
        return {
            name: {key: tuple(sorted(values)) for key, values in sorted(keys.items())}
            for name, keys in sorted(found.items())
        }

    def changes_between(self, earlier: datetime, later: datetime) -> TopologyChange:
        """Compare the graphs of two moments, without hints.

        Parameters
        ----------
        earlier
            UTC.
        later
            UTC.

        Returns
        -------
        TopologyChange
            Empty if nothing changed.
        """
        before, after = self.at(earlier), self.at(later)
        calls = [{(edge.caller, edge.callee) for edge in graph.edges} for graph in (before, after)]
        names = [set(graph.components) for graph in (before, after)]
        return TopologyChange(
            added_edges=tuple(sorted(calls[1] - calls[0])),
            removed_edges=tuple(sorted(calls[0] - calls[1])),
            added_components=tuple(sorted(names[1] - names[0])),
            removed_components=tuple(sorted(names[0] - names[1])),
        )

    def conflicts(self, time: datetime | None = None) -> tuple[Conflict, ...]:
        """Tell where the sources contradict each other; nothing is decided between them.

        Parameters
        ----------
        time
            UTC; None for everything that was ever known.

        Returns
        -------
        tuple of Conflict
            Sorted by kind and names.
        """
        components = {(names[0], fact.source) for names, fact in self._held(FactKind.COMPONENT, time)}
        aliases = [fact for fact in self.facts if fact.kind is FactKind.ALIAS]
        return conflicts_among(self._sources(time), components, aliases)

    def _sources(self, time: datetime | None) -> dict[tuple[str, ...], set[EdgeSource]]:
        """Who knows each call at a moment."""
        found: defaultdict[tuple[str, ...], set[EdgeSource]] = defaultdict(set)
        for names, fact in self._held(FactKind.EDGE, time):
            found[names].add(fact.source)
        return found

    def _held(self, kind: FactKind, time: datetime | None) -> Iterator[tuple[tuple[str, ...], Fact]]:
        """Facts of one kind that hold at a moment, with the present names of the components."""
        present, staleness = self._present, self._staleness
        n_components = 1 if kind is FactKind.ATTRIBUTE else kind.n_names
        for fact in self.facts:
            if fact.kind is kind and (time is None or fact.holds_at(time, staleness)):
                if present:
                    components = (present.get(name, name) for name in fact.names[:n_components])
                    yield (*components, *fact.names[n_components:]), fact
                else:
                    yield fact.names, fact
