"""Who calls whom: the dependency graph, where each edge is known from, and the walks that the other modules need.

Edges run caller -> callee. This is the only module that speaks networkx's successors and predecessors. Cycles,
self-calls, parts that do not hang together and components that nobody measures are all normal.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd

from models.errors import InputError

TRACE_COLUMNS = ("trace_id", "span_id", "parent_span_id", "component")


class EdgeSource(StrEnum):
    """Where the knowledge of an edge comes from."""

    DECLARED = "DECLARED"
    FILE = "FILE"
    TRACES = "TRACES"
    LAG = "LAG"
    """Guessed from what follows what in the metrics (``analysis.discovery``): a hint, not knowledge."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Edge:
    """One dependency: ``caller`` needs ``callee``.

    Parameters
    ----------
    caller, callee
        Component names.
    sources
        Every way in which the edge is known, sorted.
    """

    caller: str
    callee: str
    sources: tuple[EdgeSource, ...]


class DependencyGraph:
    """The calls between components, read-only.

    Parameters
    ----------
    edges
        Where one occurs twice, its sources are united.
    components
        Names that belong to the graph even without an edge.

    Examples
    --------
    >>> graph = from_edges([("web", "orders"), ("orders", "db")])
    >>> graph.dependencies_of("orders"), graph.dependents_of("orders")
    (('db',), ('web',))
    >>> graph.propagation("db", "web")
    ('db', 'orders', 'web')
    """

    def __init__(self, edges: Iterable[Edge] = (), components: Iterable[str] = ()) -> None:
        self._graph = nx.DiGraph()
        self._graph.add_nodes_from(sorted(components))
        for edge in sorted(edges):
            known = self._graph.get_edge_data(edge.caller, edge.callee, {"sources": ()})["sources"]
            united = tuple(sorted({*known, *edge.sources}))
            self._graph.add_edge(edge.caller, edge.callee, sources=united)

    def __contains__(self, component: object) -> bool:
        return component in self._graph

    def __len__(self) -> int:
        return len(self._graph)

    @property
    def components(self) -> tuple[str, ...]:
        """Every component, sorted."""
        return tuple(sorted(self._graph.nodes))

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every edge, sorted by caller and callee."""
        return tuple(sorted(Edge(caller=a, callee=b, sources=s) for a, b, s in self._graph.edges(data="sources")))

    def dependencies_of(self, component: str) -> tuple[str, ...]:
        """Whom a component calls, itself excepted.

        Parameters
        ----------
        component
            Any name; one that the graph does not hold calls nobody.

        Returns
        -------
        tuple of str
            Sorted.
        """
        if component not in self._graph:
            return ()
        return tuple(sorted(c for c in self._graph.successors(component) if c != component))

    def dependents_of(self, component: str) -> tuple[str, ...]:
        """Who calls a component, itself excepted.

        Parameters
        ----------
        component
            Any name; one that the graph does not hold is called by nobody.

        Returns
        -------
        tuple of str
            Sorted.
        """
        if component not in self._graph:
            return ()
        return tuple(sorted(c for c in self._graph.predecessors(component) if c != component))

    def distances_from(self, component: str, *, at_most: int) -> dict[str, int]:
        """How many calls away the direct and indirect dependencies are.

        Parameters
        ----------
        component
            Any name; an unknown one has no dependencies.
        at_most
            Calls to follow.

        Returns
        -------
        dict of str to int
            Without the component itself.
        """
        if component not in self._graph:
            return {}
        found = nx.single_source_shortest_path_length(self._graph, component, cutoff=at_most)
        return {name: int(n) for name, n in found.items() if name != component}

    def upstream_of(self, component: str) -> tuple[str, ...]:
        """Everyone who depends on a component, directly or not.

        Parameters
        ----------
        component
            Any name; nobody depends on an unknown one.

        Returns
        -------
        tuple of str
            Sorted, without the component itself.
        """
        if component not in self._graph:
            return ()
        return tuple(sorted(nx.ancestors(self._graph, component) - {component}))

    def propagation(self, cause: str, symptom: str, cost: Mapping[str, float] | None = None) -> tuple[str, ...]:
        """How trouble in one component reaches another: against the calls, from callee to caller.

        Parameters
        ----------
        cause
            Where it starts.
        symptom
            Where it is felt.
        cost
            Of passing through a component, not negative; 1.0 for one that is absent. A cheap path beats a short one.

        Returns
        -------
        tuple of str
            From cause to symptom, both included; empty if there is no path or one of them is unknown. Ties go to the
            path whose names come first.
        """
        if cause not in self._graph or symptom not in self._graph:
            return ()
        prices = cost or {}
        backwards = self._graph.reverse(copy=False)
        try:
            found = nx.all_shortest_paths(backwards, cause, symptom, weight=lambda _a, b, _d: 1e-3 + prices.get(b, 1.0))
            return tuple(min(path for path, _ in zip(found, range(64), strict=False)))
        except nx.NetworkXNoPath:
            return ()

    def is_within(self, one: str, other: str, hops: int) -> bool:
        """Whether two components are near each other, calls counted in any direction.

        Parameters
        ----------
        one
            Any name.
        other
            Any name.
        hops
            Most calls between the two.

        Returns
        -------
        bool
            False if the graph does not hold both.
        """
        if one not in self._graph or other not in self._graph:
            return False
        reached = {one}
        for _ in range(hops):
            reached |= {n for name in reached for n in nx.all_neighbors(self._graph, name)}
        return other in reached

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """Groups of components that call each other in a circle.

        Returns
        -------
        tuple of tuple of str
            Each group sorted; a component that calls itself is a group of one.
        """
        groups = (tuple(sorted(group)) for group in nx.strongly_connected_components(self._graph))
        return tuple(sorted(g for g in groups if len(g) > 1 or self._graph.has_edge(g[0], g[0])))

    def united_with(self, other: "DependencyGraph") -> "DependencyGraph":
        """Both graphs in one.

        Parameters
        ----------
        other
            Any graph.

        Returns
        -------
        DependencyGraph
            A new one; an edge that both hold keeps the sources of both.
        """
        return DependencyGraph([*self.edges, *other.edges], [*self.components, *other.components])


def from_edges(
    edges: Iterable[tuple[str, str]], *, source: EdgeSource = EdgeSource.DECLARED, components: Iterable[str] = ()
) -> DependencyGraph:
    """Build a graph from pairs.

    Parameters
    ----------
    edges
        Caller and callee.
    source
        Where they are known from.
    components
        Further names without an edge.

    Returns
    -------
    DependencyGraph
        With one edge a pair.
    """
    return DependencyGraph((Edge(caller=a, callee=b, sources=(source,)) for a, b in edges), components)


def from_traces(spans: pd.DataFrame) -> DependencyGraph:
    """Read calls off spans: a span whose parent runs in another component is a call to it.

    Parameters
    ----------
    spans
        Columns trace_id, span_id, parent_span_id ("" = root) and component; further ones are ignored.

    Returns
    -------
    DependencyGraph
        Over all components of the spans. A span whose parent is missing makes no edge.

    Raises
    ------
    InputError
        If a column is absent.
    """
    absent = [name for name in TRACE_COLUMNS if name not in spans.columns]
    if absent:
        raise InputError("the spans lack a column", column=absent[0], remedy=f"give {', '.join(TRACE_COLUMNS)}")
    parents = spans[["trace_id", "span_id", "component"]].drop_duplicates(["trace_id", "span_id"])
    parents.columns = pd.Index(["trace_id", "parent_span_id", "caller"])
    calls = spans.merge(parents, on=["trace_id", "parent_span_id"])[["caller", "component"]].drop_duplicates()
    pairs = [(str(a), str(b)) for a, b in calls.itertuples(index=False) if a != b]
    return from_edges(pairs, source=EdgeSource.TRACES, components=(str(c) for c in spans["component"].unique()))


def read_topology(path: str | Path) -> DependencyGraph:
    """Read ``topology.json`` of the incident case format: ``{"edges": [{"caller": .., "callee": ..}]}``.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    DependencyGraph
        With FILE as the source of every edge.

    Raises
    ------
    InputError
        If the file is absent, is no JSON or does not have that shape; the message names the edge at fault.
    """
    place = Path(path)
    try:
        content: Any = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("there is no such file", source=str(place), remedy="check the path") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as fault:
        raise InputError(f"not valid JSON: {fault}", source=str(place), remedy="mend the file") from fault
    edges = content.get("edges") if isinstance(content, dict) else None
    if not isinstance(edges, list):
        remedy = 'write {"edges": [{"caller": .., "callee": ..}]}'
        raise InputError("no list of edges", source=str(place), remedy=remedy)
    return from_edges([_pair(edge, row, str(place)) for row, edge in enumerate(edges)], source=EdgeSource.FILE)


def _pair(edge: object, row: int, source: str) -> tuple[str, str]:
    """Take caller and callee out of one entry."""
    if isinstance(edge, dict):
        caller, callee = edge.get("caller"), edge.get("callee")
        if isinstance(caller, str) and isinstance(callee, str) and caller and callee:
            return caller, callee
    raise InputError(
        f"{edge!r} is no edge", source=source, row=row, remedy='write {"caller": "name", "callee": "name"}'
    )


def path_edges(path: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Turn a propagation path into the calls that it runs against.

    Parameters
    ----------
    path
        From cause to symptom.

    Returns
    -------
    tuple of (str, str)
        Caller and callee of each step.
    """
    return tuple((later, earlier) for earlier, later in pairwise(path))
