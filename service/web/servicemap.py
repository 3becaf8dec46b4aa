"""The service map: what stands where, in which state, as numbers and words that the template turns into SVG.

The drawing is made on the server, so that it needs no script, reads as text, and prints.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from models.anomalies import AnomalySeverity
from service.web.layout import Edge, Layout, lay_out
from service.web.wording import shortened

NODE_WIDTH, PLAIN_HEIGHT, TOLD_HEIGHT, ROW_PITCH = 130, 40, 56, 68
WIDEST_GAP, NARROWEST_GAP, COMFORTABLE_WIDTH = 62, 24, 1084
MARGIN_X, MARGIN_Y = 8, 18
LABEL_LENGTH, SYMPTOM_LENGTH = 18, 21
LABEL_FITS, SYMPTOM_FITS = 15, 18
TEXT_WIDTH = NODE_WIDTH - 17
MOST_NODES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the map says of one component.

    Parameters
    ----------
    name
        The component.
    severity
        The gravest of its anomalies in the incident; None if it has none.
    symptom
        The worst metric and value in words; empty without an anomaly.
    score
        Highest anomaly score, 1.0 is the alarm boundary; NaN if unknown.
    is_root_cause
        Whether the analysis names it.
    is_isolated
        Whether it is cut off at this moment.
    breaker
        State of its breaker; empty if it has none.
    """

    name: str
    severity: AnomalySeverity | None = None
    symptom: str = ""
    score: float = math.nan
    is_root_cause: bool = False
    is_isolated: bool = False
    breaker: str = ""

    @property
    def level(self) -> str:
        """CSS class of the severity."""
        return self.severity.lower() if self.severity else "normal"

    @property
    def flags(self) -> tuple[str, ...]:
        """What else to say of it, in words."""
        opened = {"OPEN": "breaker open", "HALF_OPEN": "breaker half-open", "FORCED_OPEN": "breaker forced open"}
        said = ("isolated" if self.is_isolated else "", opened.get(self.breaker, ""))
        return tuple(word for word in said if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapNode:
    """A component in the drawing; ``x`` and ``y`` are its upper left corner in pixels, ``height`` is one, too."""

    look: Look
    x: int
    y: int
    height: int

    @property
    def label(self) -> str:
        """Its name, cut to the box."""
        return shortened(self.look.name, LABEL_LENGTH)

    @property
    def symptom(self) -> str:
        """Its symptom, cut to the box."""
        return shortened(self.look.symptom, SYMPTOM_LENGTH)

    @property
    def label_width(self) -> int:
        """Pixels to squeeze the label into; 0 if it fits as it is."""
        return TEXT_WIDTH if len(self.label) > LABEL_FITS else 0

    @property
    def symptom_width(self) -> int:
        """Pixels to squeeze the symptom into; 0 if it fits as it is."""
        return TEXT_WIDTH if len(self.symptom) > SYMPTOM_FITS else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MapEdge:
    """A call in the drawing: a path in pixels, and CSS classes."""

    caller: str
    callee: str
    path: str
    classes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMap:
    """The whole drawing.

    Parameters
    ----------
    width, height
        Pixels.
    nodes, edges
        What to draw.
    looks
        Every component, hidden ones included, worst first: the map as a table.
    calls
        Caller to callees, for the table.
    n_hidden
        Components that the drawing leaves out because there are too many to read.
    """

    width: int
    height: int
    nodes: tuple[MapNode, ...]
    edges: tuple[MapEdge, ...]
    looks: tuple[Look, ...]
    calls: Mapping[str, tuple[str, ...]]
    n_hidden: int


def draw_map(looks: Sequence[Look], edges: Iterable[Edge], propagation: Sequence[str] = ()) -> ServiceMap:
    """Draw the components and their calls.

    Parameters
    ----------
    looks
        Each component once.
    edges
        Caller and callee.
    propagation
        Components from the root cause to the symptom; the calls between them are marked.

    Returns
    -------
    ServiceMap
        With every component up to 60; of more, those of the incident and their neighbours come first.
    """
    calls = sorted(set(edges))
    ordered = sorted(looks, key=lambda s: (not s.is_root_cause, -(s.severity.rank + 1 if s.severity else 0), s.name))
    shown = _worth_showing(ordered, calls, propagation)
    layout = lay_out((s.name for s in shown), calls)
    by_name = {s.name: s for s in shown}
    spread = {step for pair in pairwise(propagation) for step in (pair, pair[::-1])}
    pen = _Pen(layout=layout, looks=by_name, column_pitch=_column_pitch(layout.n_columns))
    return ServiceMap(
        width=round(pen.left(max(layout.n_columns - 1, 0)) + NODE_WIDTH + MARGIN_X),
        height=round(pen.middle(layout.height) + TOLD_HEIGHT / 2 + MARGIN_Y),
        nodes=tuple(pen.node(name) for name in layout.places),
        edges=tuple(pen.edge(edge, spread) for edge in layout.routes),
        looks=tuple(ordered),
        calls={s.name: tuple(b for a, b in calls if a == s.name) for s in ordered},
        n_hidden=len(ordered) - len(shown),
    )


def _worth_showing(ordered: Sequence[Look], calls: Sequence[Edge], propagation: Sequence[str]) -> Sequence[Look]:
    """All of them, or the incident's own, then their neighbours, then the rest, up to what can be read."""
    if len(ordered) <= MOST_NODES:
        return ordered
    own = {s.name for s in ordered if s.severity or s.is_root_cause or s.flags} | set(propagation)
    near = {b for a, b in calls if a in own} | {a for a, b in calls if b in own}
    return sorted(ordered, key=lambda s: (s.name not in own, s.name not in near))[:MOST_NODES]


def _column_pitch(n_columns: int) -> int:
    """Wide gaps where they fit, narrow ones where that saves scrolling."""
    room = (COMFORTABLE_WIDTH - 2 * MARGIN_X - NODE_WIDTH) // max(n_columns - 1, 1)
    return min(max(room, NODE_WIDTH + NARROWEST_GAP), NODE_WIDTH + WIDEST_GAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pen:
    """Turns columns and rows into pixels."""

    layout: Layout
    looks: Mapping[str, Look]
    column_pitch: int

    def left(self, column: int) -> int:
        return MARGIN_X + column * self.column_pitch

    def middle(self, row: float) -> float:
        return MARGIN_Y + row * ROW_PITCH + TOLD_HEIGHT / 2

    def node(self, name: str) -> MapNode:
        column, row = self.layout.places[name]
        height = TOLD_HEIGHT if self.looks[name].symptom else PLAIN_HEIGHT
        return MapNode(
            look=self.looks[name], x=self.left(column), y=round(self.middle(row) - height / 2), height=height
        )

    def edge(self, edge: Edge, spread: AbstractSet[Edge]) -> MapEdge:
        look = self.looks[edge[1]]
        is_cut = look.is_isolated or look.breaker in {"OPEN", "FORCED_OPEN"}
        words = (("edge", True), ("on-path", edge in spread), ("cut", is_cut))
        classes = " ".join(word for word, on in words if on)
        return MapEdge(caller=edge[0], callee=edge[1], path=self._path(edge), classes=classes)

    def _path(self, edge: Edge) -> str:
        """A line that leaves and enters the boxes level and passes between those on its way."""
        (from_column, from_row), (to_column, to_row) = (self.layout.places[end] for end in edge)
        forward = to_column > from_column
        points = [(self.left(from_column) + (NODE_WIDTH if forward else 0), self.middle(from_row))]
        for column, row in self.layout.routes[edge]:
            sides = (self.left(column), self.left(column) + NODE_WIDTH)
            points += [(x, self.middle(row)) for x in (sides if forward else reversed(sides))]
        points.append((self.left(to_column) + (-7 if forward else NODE_WIDTH + 7), self.middle(to_row)))
        path = f"M{points[0][0]} {points[0][1]:.0f}"
        for i in range(1, len(points), 2):
            (x0, y0), (x1, y1) = points[i - 1], points[i]
            middle = (x0 + x1) / 2
            path += f"C{middle:.0f} {y0:.0f} {middle:.0f} {y1:.0f} {x1} {y1:.0f}"
            if i + 1 < len(points):
                path += f"H{points[i + 1][0]}"
        return path
