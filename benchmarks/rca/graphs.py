"""Ways to spoil the call graph of a case; every one leaves a case without a graph as it is."""

from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.rca.run import Renaming, Spoil
from models.sources.cases import Case

Edges = tuple[tuple[str, str], ...]


def _without(case: Case, _random: np.random.Generator) -> tuple[Case, Renaming]:
    """No declared edges; those of the traces stay."""
    return replace(case, edges=None), {}


def _removed(case: Case, random: np.random.Generator, share: float) -> tuple[Case, Renaming]:
    """A part of the edges is missing."""
    edges = _edges(case)
    return replace(case, edges=tuple(edges[i] for i in np.flatnonzero(random.random(len(edges)) >= share))), {}


def _reversed(case: Case, random: np.random.Generator, share: float) -> tuple[Case, Renaming]:
    """A part of the edges points the wrong way."""
    is_turned = random.random(len(_edges(case))) < share
    turned = tuple((b, a) if turn else (a, b) for (a, b), turn in zip(_edges(case), is_turned, strict=True))
    return replace(case, edges=turned), {}


def _random(case: Case, random: np.random.Generator) -> tuple[Case, Renaming]:
    """As many edges between the same components, drawn at random."""
    names = sorted({name for edge in _edges(case) for name in edge})
    wanted = len(_edges(case))
    pairs = [(a, b) for a in names for b in names if a != b]
    chosen = sorted(random.permutation(len(pairs))[:wanted])
    return replace(case, edges=tuple(pairs[i] for i in chosen)), {}


def _edges(case: Case) -> Edges:
    """Each once, in an order that does not depend on the file."""
    return tuple(sorted(set(case.edges or ())))


def _guarded(case: Case, random: np.random.Generator, spoil: Spoil) -> tuple[Case, Renaming]:
    """Leave a case without edges as it is."""
    return spoil(case, random) if case.edges else (case, {})


GRAPHS: dict[str, Spoil] = {
    "graph: absent": partial(_guarded, spoil=_without),
    "graph: half of the edges removed": partial(_guarded, spoil=partial(_removed, share=0.5)),
    "graph: half of the edges reversed": partial(_guarded, spoil=partial(_reversed, share=0.5)),
    "graph: all edges reversed": partial(_guarded, spoil=partial(_reversed, share=1.0)),
    "graph: random": partial(_guarded, spoil=_random),
}
"""By the name of the row. Only what the case declares is spoilt: edges that its traces show are seen, not believed."""
