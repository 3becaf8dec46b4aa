"""Pictures of a diagnosis. Every function draws on the Axes it is given and returns it; nothing here opens a figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.findings import RootCauseAnalysis
from analysis.rootcause.observation import view_series
from analysis.situation import Situation
from analysis.topology import from_edges
from models.frames import to_datetime64

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#33658a", "#f6ae2d", "#758e4f", "#86bbd8", "#9d6b9e", "#b0b0b0", "#d1495b", "#5f5f5f")
"""One a collector, in the order of their names; not the only carrier of meaning, a legend names them."""
DEEPEST_DEVIATION = 10.0
"""Robust deviations at which the heat map saturates."""


def plot_ranking(analysis: RootCauseAnalysis, ax: "Axes", *, most: int = 8) -> "Axes":
    """Draw the candidates with the evidence that makes up their scores.

    Parameters
    ----------
    analysis
        Of one incident.
    ax
        Where to draw.
    most
        Candidates shown.

    Returns
    -------
    Axes
        The one given.
    """
    causes = analysis.possible_causes[:most]
    collectors = sorted({item.collector for cause in causes for item in cause.evidence})
    for row, cause in enumerate(causes):
        ends = {True: 0.0, False: 0.0}
        for number, collector in enumerate(collectors):
            for is_supporting in (True, False):
                items = [e for e in cause.evidence if e.collector == collector and e.is_supporting == is_supporting]
                width = sum(item.weight for item in items)
                if width:
                    colour = COLOURS[number % len(COLOURS)]
                    ax.barh(row, width, left=ends[is_supporting], color=colour, height=0.7)
                    ends[is_supporting] += width
        ax.text(ends[True], row, f" {cause.likelihood:.0%}", va="center", fontsize="small")
    for number, collector in enumerate(collectors):
        ax.barh(0, 0, color=COLOURS[number % len(COLOURS)], label=collector.replace("_", " "))
    ax.set_yticks(range(len(causes)), [_short(cause.component) for cause in causes])
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_xlabel("weight of the evidence, points (per cent: likelihood)")
    if collectors:
        ax.legend(fontsize="small", frameon=False, loc="lower right")
    return ax


def plot_propagation(
    analysis: RootCauseAnalysis, edges: Sequence[tuple[str, str]], ax: "Axes", *, most: int = 30
) -> "Axes":
    """Draw the calls, callers above, the darker the likelier, with the path from the cause to the symptom.

    Parameters
    ----------
    analysis
        Of one incident.
    edges
        Caller and callee.
    ax
        Where to draw.
    most
        Components shown: the first of the ranking.

    Returns
    -------
    Axes
        The one given.
    """
    shown = set(analysis.ranking[:most])
    likelihood = {cause.component: cause.likelihood for cause in analysis.possible_causes}
    place = _layers([pair for pair in edges if shown.issuperset(pair)], sorted(shown))
    path = analysis.possible_causes[0].propagation if analysis.possible_causes else ()
    steps = set(zip(path[1:], path[:-1], strict=True))
    for caller, callee in sorted(set(edges)):
        if caller in place and callee in place and caller != callee:
            is_step = (caller, callee) in steps
            style = {
                "arrowstyle": "-|>",
                "color": "#d1495b" if is_step else "#b0b0b0",
                "linewidth": 2 if is_step else 1,
            }
            ax.annotate("", xy=place[callee], xytext=place[caller], arrowprops=style | {"shrinkA": 12, "shrinkB": 12})
    names = sorted(place)
    points = np.array([place[name] for name in names]).reshape(-1, 2)
    shades = [likelihood.get(name, 0.0) for name in names]
    ax.scatter(points[:, 0], points[:, 1], c=shades, cmap="OrRd", vmin=0, vmax=1, s=420, edgecolors="black", zorder=3)
    for number, name in enumerate(names):
        x, y = place[name]
        # Every second label goes a line lower, so that neighbours do not write over each other.
        ax.text(x, y - 0.2 - 0.14 * (number % 2), _short(name, 16), ha="center", va="top", fontsize="x-small", zorder=4)
    ax.set_axis_off()
    ax.margins(0.12)
    ax.set_title("caller above callee; shade: likelihood; red: from cause to symptom", fontsize="small")
    return ax


def plot_heat(situation: Situation, ax: "Axes", *, most: int = 25, rows_before: int = 60) -> "Axes":
    """Draw how odd every component was over time: the largest deviation of any of its metrics.

    Parameters
    ----------
    situation
        With a frame; without one the Axes stays empty.
    ax
        Where to draw.
    most
        Components shown: those that were oddest.
    rows_before
        Rows of history shown before the onset.

    Returns
    -------
    Axes
        The one given.
    """
    view = view_series(situation.frame, situation.detected_at) if situation.frame is not None else None
    if view is None:
        ax.set_axis_off()
        return ax
    first = max(0, view.onset - rows_before)
    odd = np.nan_to_num(np.abs(view.deviations[first:]))
    components = sorted({key.component for key in view.keys})
    heat = {c: odd[:, [k.component == c for k in view.keys]].max(axis=1) for c in components}
    oddest = sorted(components, key=lambda c: (-float(heat[c][view.onset - first :].mean()), c))[:most]
    times = view.times[first:]
    grid = np.array([heat[c] for c in oddest])
    mesh = ax.pcolormesh(times, np.arange(len(oddest)), grid, cmap="magma_r", vmin=0, vmax=DEEPEST_DEVIATION)
    mesh.set_rasterized(True)
    detection = to_datetime64(situation.detected_at)
    ax.axvline(detection, color="#33658a", linewidth=1.5, linestyle="--")  # type: ignore[arg-type]  # matplotlib converts times
    ax.set_yticks(range(len(oddest)), [_short(c) for c in oddest])
    ax.invert_yaxis()
    ax.set_xlabel("time, UTC (dashed: detection)")
    ax.tick_params(axis="x", rotation=30)
    ax.figure.colorbar(mesh, ax=ax, label="largest deviation, robust standard deviations")
    return ax


def _layers(edges: Sequence[tuple[str, str]], names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Place callers above callees: depth is the longest of the shortest ways down from an entry."""
    graph = from_edges(edges, components=names)
    entries = [name for name in names if not graph.dependents_of(name)] or list(names[:1])
    depth = dict.fromkeys(names, 0)
    for entry in entries:
        for name, steps in graph.distances_from(entry, at_most=len(names)).items():
            depth[name] = max(depth[name], steps)
    rows: dict[int, list[str]] = {}
    for name in names:
        rows.setdefault(depth[name], []).append(name)
    return {
        name: ((i + 0.5) / len(row), -float(level)) for level, row in sorted(rows.items()) for i, name in enumerate(row)
    }


def _short(name: str, length: int = 28) -> str:
    """Cut a long name in the middle."""
    return name if len(name) <= length else f"{name[: length // 2 - 1]}…{name[-(length // 2) :]}"
