"""Who calls whom: the dependency graph, where each edge is known from, and the walks that the other modules need.

Edges run caller -> callee. Cycles, self-calls, parts that do not hang together and components that nobody measures are
all normal. The neighbours of every component are laid down once; each walk reads them, so that a diagnosis of thousands
of components stays cheap.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, reduce
from heapq import heappop, heappush
from itertools import chain, pairwise
from math import isclose
from operator import or_
from typing import TYPE_CHECKING

from models.errors import InputError

if TYPE_CHECKING:
    import networkx as nx

_CALL_COST = 1e-3
"""Of any step, so that of two free paths the shorter one is cheaper."""

_MOST_COST = 1e6
"""Beyond it the cost of a step would be lost in the rounding."""


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
        known: dict[tuple[str, str], set[EdgeSource]] = {}
        for edge in edges:
            known.setdefault((edge.caller, edge.callee), set()).update(edge.sources)
        pairs = sorted(known)
        callees: dict[str, list[str]] = {name: [] for name in sorted({*components, *chain.from_iterable(pairs)})}
        callers: dict[str, list[str]] = {name: [] for name in callees}
        for caller, callee in pairs:
            if caller != callee:
                callees[caller].append(callee)
                callers[callee].append(caller)
        self._sources = {pair: tuple(sorted(known[pair])) for pair in pairs}
        self._callees = {name: tuple(others) for name, others in callees.items()}
        self._callers = {name: tuple(others) for name, others in callers.items()}

    def __contains__(self, component: object) -> bool:
        return component in self._callees

    def __len__(self) -> int:
        return len(self._callees)

    @cached_property
    def components(self) -> tuple[str, ...]:
        """Every component, sorted."""
        return tuple(self._callees)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Every edge, sorted by caller and callee."""
        return tuple(Edge(caller=a, callee=b, sources=sources) for (a, b), sources in self._sources.items())

    @cached_property
    def _near(self) -> dict[str, frozenset[str]]:
        """Callers and callees of each component."""
        return {name: frozenset((*self._callees[name], *self._callers[name])) for name in self._callees}

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
        return self._callees.get(component, ())

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
        return self._callers.get(component, ())

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
            Without the component itself, the nearest first.
        """
        return {
            name: steps
            for steps, names in enumerate(_layers(self._callees, component, at_most), start=1)
            for name in names
        }

    def n_below(self, component: str) -> int:
        """Count the direct and indirect dependencies of a component.

        Cheaper than ``distances_from`` without a limit: what is below each component is laid down once.

        Parameters
        ----------
        component
            Any name; an unknown one has no dependencies.

        Returns
        -------
        int
            Without the component itself.
        """
        below, bit = self._below.get(component, (0, 0))
        return (below & ~bit).bit_count()

    def reaches(self, caller: str, callee: str) -> bool:
        """Whether a component depends on another one, directly or not; as cheap as ``n_below``.

        Parameters
        ----------
        caller
            Any name.
        callee
            Any name.

        Returns
        -------
        bool
            False if the graph does not hold both, and for a component and itself.
        """
        return caller != callee and bool(self._below.get(caller, (0, 0))[0] & self._below.get(callee, (0, 0))[1])

    @cached_property
    def _below(self) -> dict[str, tuple[int, int]]:
        """Of each component the set of those below it, one bit each, and its own bit."""
        import networkx as nx

        circles = nx.condensation(self._networkx())
        bits = {name: 1 << at for at, name in enumerate(self._callees)}
        below: dict[int, int] = {}
        for circle in reversed(list(nx.topological_sort(circles))):
            own = sum(bits[name] for name in circles.nodes[circle]["members"])
            below[circle] = reduce(or_, (below[other] for other in circles.successors(circle)), own)
        return {name: (below[circle], bits[name]) for name, circle in circles.graph["mapping"].items()}

    def _networkx(self) -> "nx.DiGraph[str]":
        """The same graph for the algorithms of networkx."""
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph(list(self._sources))
        graph.add_nodes_from(self._callees)
        return graph

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
        return tuple(sorted(chain.from_iterable(_layers(self._callers, component, len(self)))))

    def propagation(self, cause: str, symptom: str, cost: Mapping[str, float] | None = None) -> tuple[str, ...]:
        """How trouble in one component reaches another: against the calls, from callee to caller.

        Dijkstra's search from the symptom, then a walk back to it from the cause.

        Parameters
        ----------
        cause
            Where it starts.
        symptom
            Where it is felt.
        cost
            Of passing through a component, at most a million; 1.0 for one that is absent, infinite for one that nothing
            passes. A cheap path beats a short one.

        Returns
        -------
        tuple of str
            From cause to symptom, both included; empty if there is no path or one of them is unknown. Ties go to the
            path whose names come first.

        Raises
        ------
        InputError
            If a finite cost is negative or above a million, or NaN.
        """
        if cause not in self._callees or symptom not in self._callees:
            return ()
        prices = cost or {}
        odd = sorted(n for n, price in prices.items() if not 0 <= price <= _MOST_COST and price != float("inf"))
        if odd:
            problem = f"the cost of {odd[0]!r} is {prices[odd[0]]}"
            raise InputError(problem, source="propagation", remedy="give costs from 0 to a million, or infinity")
        left = self._costs_up_to(symptom, cause, prices)
        path = [cause] if cause in left else []
        while path and path[-1] != symptom:
            path.append(next(c for c in self._callers[path[-1]] if _is_next(left, path[-1], c, prices)))
        return tuple(path)

    def _costs_up_to(self, symptom: str, cause: str, prices: Mapping[str, float]) -> dict[str, float]:
        """Cost that is left up to the symptom, of the cause and of all that is not farther away."""
        settled: dict[str, float] = {}
        waiting = [(0.0, symptom)]
        while waiting:
            so_far, name = heappop(waiting)
            if so_far > settled.get(cause, so_far):
                break
            if name in settled:
                continue
            settled[name] = so_far
            up = so_far + _CALL_COST + prices.get(name, 1.0)
            if up < float("inf"):
                for callee in self._callees[name]:
                    if callee not in settled:
                        heappush(waiting, (up, callee))
        return settled

    def is_within(self, one: str, other: str, hops: int) -> bool:
        """Whether two components are near each other, calls counted in any direction.

        Both sides are searched, always the one with fewer neighbours next, and the last hop is only compared: a
        component that everybody calls costs no look at everybody.

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
        if one not in self._callees or other not in self._callees:
            return False
        if one == other:
            return True
        here, there = _Side(self._near, one), _Side(self._near, other)
        for _ in range(hops - 1):
            if not (here.edge and there.edge):
                return False
            if here.touches(there):
                return True
            min(here, there, key=_Side.width).grow()
        return hops > 0 and here.touches(there)

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """Groups of components that call each other in a circle.

        Returns
        -------
        tuple of tuple of str
            Each group sorted; a component that calls itself is a group of one.
        """
        import networkx as nx

        groups = (tuple(sorted(group)) for group in nx.strongly_connected_components(self._networkx()))
        return tuple(sorted(g for g in groups if len(g) > 1 or (g[0], g[0]) in self._sources))

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


def _layers(neighbours: Mapping[str, tuple[str, ...]], start: str, at_most: int) -> Iterator[list[str]]:
    """Components that are one step away, two steps, and so on; none twice, the start never."""
    found = {start}
    layer = [start] if start in neighbours else []
    for _ in range(at_most):
        reached = dict.fromkeys(chain.from_iterable([neighbours[name] for name in layer]))
        layer = [name for name in reached if name not in found]
        if not layer:
            return
        found.update(layer)
        yield layer


def _is_next(left: Mapping[str, float], name: str, caller: str, prices: Mapping[str, float]) -> bool:
    """Whether a cheapest way up from a component leads through this caller; sums in another order are equal."""
    if caller not in left or left[caller] >= left[name]:
        return False
    return isclose(left[caller] + _CALL_COST + prices.get(caller, 1.0), left[name], rel_tol=1e-9)


class _Side:
    """One end of a search that meets in the middle."""

    def __init__(self, near: Mapping[str, frozenset[str]], start: str) -> None:
        self._near = near
        self.seen = {start}
        self.edge: set[str] = {start}

    def width(self) -> int:
        """Neighbours that ``grow`` has to read."""
        return sum(len(self._near[name]) for name in self.edge)

    def grow(self) -> None:
        """Go one hop on."""
        reached: set[str] = set().union(*(self._near[name] for name in self.edge))
        self.edge = reached - self.seen
        self.seen |= self.edge

    def touches(self, other: "_Side") -> bool:
        """Whether one hop leads from the edge of this side to that of the other."""
        few, many = sorted((self.edge, other.edge), key=len)
        return any(not self._near[name].isdisjoint(many) for name in few)
