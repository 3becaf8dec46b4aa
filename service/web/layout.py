"""Where the components of a service map stand: columns from callers to dependencies, few crossings, no overlap.

The classic layered drawing in its small form: turn cycles round, give each component a column by its longest path from
an entry, run long calls through placeholders, order the columns by the mean place of their neighbours, and space each
column by least squares. Pure numbers: nothing here knows colours or incidents. The same graph gives the same drawing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

NODE_PITCH = 1.0
PLACEHOLDER_PITCH = 0.45
SWEEPS = 12

Edge = tuple[str, str]
Slot = tuple[str, ...]  # one name: a component; caller, callee and column: a placeholder of a long call


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A drawing without units.

    Parameters
    ----------
    places
        Column (0 is the entry side) and vertical place in node pitches, from 0, of each component.
    routes
        The points that a call runs through between its ends, empty for a call to the next column.
    n_columns
        Columns in use.
    height
        Vertical extent in node pitches; 0 for a single row.
    """

    places: Mapping[str, tuple[int, float]]
    routes: Mapping[Edge, tuple[tuple[int, float], ...]]
    n_columns: int
    height: float


def lay_out(components: Iterable[str], edges: Iterable[Edge]) -> Layout:
    """Place components in columns.

    Parameters
    ----------
    components
        Every component to place, those without a call included.
    edges
        Caller and callee; ends that are not components, self calls and repetitions are left out.

    Returns
    -------
    Layout
        With a place for each component and a route for each call that was kept.
    """
    nodes = sorted(set(components))
    known = set(nodes)
    kept = sorted({(a, b) for a, b in edges if a != b and a in known and b in known})
    forward = _without_cycles(nodes, kept)
    column = _longest_paths(nodes, forward)
    columns, links = _with_placeholders(nodes, forward, column)
    _order(columns, links)
    height = _space(columns, links)
    routes = {edge: _route(edge, column, height) for edge in kept}
    places = {node: (column[node], height[(node,)]) for node in nodes}
    return Layout(
        places=places, routes=routes, n_columns=len(columns), height=max((y for _, y in places.values()), default=0.0)
    )


def _without_cycles(nodes: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """The calls with those that close a cycle, in a depth-first walk from the entries, turned round."""
    callees: dict[str, list[str]] = {node: [] for node in nodes}
    called = {callee for _, callee in edges}
    for caller, callee in edges:
        callees[caller].append(callee)
    state: dict[str, int] = {}
    back: set[Edge] = set()
    for start in sorted(nodes, key=lambda node: (node in called, node)):
        if start in state:
            continue
        state[start] = 1
        stack = [(start, iter(callees[start]))]
        while stack:
            node, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                state[node] = 2
                stack.pop()
            elif child not in state:
                state[child] = 1
                stack.append((child, iter(callees[child])))
            elif state[child] == 1:
                back.add((node, child))
    return sorted({(b, a) if (a, b) in back else (a, b) for a, b in edges})


def _longest_paths(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Column of each component: the longest chain of calls that leads to it; those without a call are spread out."""
    callees: dict[str, list[str]] = {node: [] for node in nodes}
    waiting = dict.fromkeys(nodes, 0)
    for caller, callee in edges:
        callees[caller].append(callee)
        waiting[callee] += 1
    column = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not waiting[node]]
    for node in ready:
        for callee in callees[node]:
            column[callee] = max(column[callee], column[node] + 1)
            waiting[callee] -= 1
            if not waiting[callee]:
                ready.append(callee)
    joined = {end for edge in edges for end in edge}
    width = max((column[node] for node in joined), default=5) + 1
    for i, alone in enumerate(node for node in nodes if node not in joined):
        column[alone] = i % width
    return column


def _with_placeholders(
    nodes: Sequence[str], edges: Sequence[Edge], column: Mapping[str, int]
) -> tuple[list[list[Slot]], dict[Slot, set[Slot]]]:
    """Columns of slots, and which slots of neighbouring columns are joined."""
    columns: list[list[Slot]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    links: dict[Slot, set[Slot]] = {(node,): set() for node in nodes}
    joined = {end for edge in edges for end in edge}
    for node in sorted(nodes, key=lambda node: (node not in joined, node)):
        columns[column[node]].append((node,))
    for caller, callee in edges:
        chain: list[Slot] = [(caller,)]
        for at in range(column[caller] + 1, column[callee]):
            slot = (caller, callee, str(at))
            columns[at].append(slot)
            links[slot] = set()
            chain.append(slot)
        chain.append((callee,))
        for one, other in pairwise(chain):
            links[one].add(other)
            links[other].add(one)
    return columns, links


def _order(columns: list[list[Slot]], links: Mapping[Slot, set[Slot]]) -> None:
    """Sort the columns, back and forth, by the mean rank of the neighbours on one side; those without stay last."""
    rank = {slot: i for slots in columns for i, slot in enumerate(slots)}
    side = {slot: at for at, slots in enumerate(columns) for slot in slots}
    for sweep in range(SWEEPS):
        step = 1 if sweep % 2 == 0 else -1
        for at in range(len(columns))[::step]:
            mean = {}
            for slot in columns[at]:
                near = [rank[other] for other in links[slot] if side[other] == at - step]
                mean[slot] = sum(near) / len(near) if near else rank[slot]
            columns[at].sort(key=lambda slot, m=mean: (not links[slot], m[slot], slot))  # type: ignore[misc]  # binds now
            rank.update({slot: i for i, slot in enumerate(columns[at])})


def _space(columns: Sequence[Sequence[Slot]], links: Mapping[Slot, set[Slot]]) -> dict[Slot, float]:
    """Vertical places that keep the order and the pitch and pull each slot to the mean of its neighbours."""
    offsets: list[list[float]] = []
    height: dict[Slot, float] = {}
    for slots in columns:
        offset, total = [], 0.0
        for i, slot in enumerate(slots):
            if i:
                total += (_pitch(slot) + _pitch(slots[i - 1])) / 2
            offset.append(total)
        offsets.append(offset)
        height.update({slot: o - total / 2 for slot, o in zip(slots, offset, strict=True)})
    for sweep in range(SWEEPS):
        for at in range(len(columns))[:: 1 if sweep % 2 == 0 else -1]:
            wanted = [
                sum(height[n] for n in links[slot]) / len(links[slot]) if links[slot] else height[slot]
                for slot in columns[at]
            ]
            fitted = _rising([w - o for w, o in zip(wanted, offsets[at], strict=True)])
            height.update({s: f + o for s, f, o in zip(columns[at], fitted, offsets[at], strict=True)})
    lowest = min(height.values(), default=0.0)
    return {slot: value - lowest for slot, value in height.items()}


def _pitch(slot: Slot) -> float:
    return NODE_PITCH if len(slot) == 1 else PLACEHOLDER_PITCH


def _rising(values: Sequence[float]) -> list[float]:
    """The nearest non-falling sequence, by pooling neighbours (isotonic regression)."""
    pools: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, size = pools.pop()
            total, count = total + before, count + size
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]


def _route(edge: Edge, column: Mapping[str, int], height: Mapping[Slot, float]) -> tuple[tuple[int, float], ...]:
    """The placeholders of a call, in its own direction."""
    caller, callee = edge
    if column[caller] < column[callee]:
        return tuple((at, height[caller, callee, str(at)]) for at in range(column[caller] + 1, column[callee]))
    return tuple(
        (at, height[slot])
        for at in range(column[caller] - 1, column[callee], -1)
        if (slot := (callee, caller, str(at))) in height
    )
