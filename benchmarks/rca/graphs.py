"""Ways to spoil a call graph."""

from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.rca.methods import ChangeEdges, Edges
from benchmarks.rca.run import Renaming, Spoil
from models.sources.cases import Case


def removed(edges: Edges, random: np.random.Generator, share: float) -> Edges:
    """Lose a part of the edges, each with the same chance."""
    return tuple(edges[i] for i in np.flatnonzero(random.random(len(edges)) >= share))


def turned(edges: Edges, random: np.random.Generator, share: float) -> Edges:
    """Let a part of the edges point the wrong way, each with the same chance."""
    is_turned = random.random(len(edges)) < share
    return tuple((b, a) if turn else (a, b) for (a, b), turn in zip(edges, is_turned, strict=True))


def drawn(edges: Edges, random: np.random.Generator) -> Edges:
    """As many edges between the same components, drawn at random."""
    names = sorted({name for edge in edges for name in edge})
    pairs = [(a, b) for a in names for b in names if a != b]
    chosen = sorted(random.permutation(len(pairs))[: len(edges)])
    return tuple(pairs[i] for i in chosen)


def _declared(case: Case, random: np.random.Generator, change: ChangeEdges) -> tuple[Case, Renaming]:
    """Change what the case declares; one that declares nothing stays, and one that lost all declares nothing."""
    edges = tuple(sorted(set(case.edges or ())))
    return replace(case, edges=(change(edges, random) or None) if edges else case.edges), {}


CHANGES: dict[str, ChangeEdges] = {
    "absent": partial(removed, share=1.0),
    "half of the edges removed": partial(removed, share=0.5),
    "half of the edges reversed": partial(turned, share=0.5),
    "all edges reversed": partial(turned, share=1.0),
    "random": drawn,
}
GRAPHS: dict[str, Spoil] = {f"graph: {name}": partial(_declared, change=change) for name, change in CHANGES.items()}
"""By the name of the row. What the case declares is spoilt; calls that its traces and alerts show are still seen."""
CALLS: dict[str, ChangeEdges] = {f"all calls: {name}": change for name, change in CHANGES.items()}
"""By the name of the row. Calls that traces and alerts show are spoilt as well."""
