"""Renamed components: aliases that a source states, and renames that two graphs suggest."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from analysis.topology.facts import Fact, FactKind
from analysis.topology.graph import DependencyGraph

_Neighbours = frozenset[tuple[str, str]]
"""Direction and name."""

_Shares = dict[_Neighbours, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameSuggestion:
    """Components that vanished while others with the same neighbours came: perhaps the same ones, renamed.

    Parameters
    ----------
    before, after
        Names, sorted; more than one where their neighbours cannot tell them apart.
    overlap
        Share of their neighbours that both have, in (0, 1]; the calls' direction counts.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    overlap: float

    @property
    def is_unique(self) -> bool:
        """Whether it says which one became which."""
        return len(self.before) == len(self.after) == 1


def stated_aliases(facts: Iterable[Fact]) -> dict[str, set[str]]:
    """Collect what each earlier name became, as the sources say.

    Parameters
    ----------
    facts
        Of any kind.

    Returns
    -------
    dict of str to set of str
        More than one present name is a conflict.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if fact.kind is FactKind.ALIAS:
            found[fact.names[0]].add(fact.names[1])
    return dict(found)


def present_names(facts: Iterable[Fact]) -> Mapping[str, str]:
    """Follow aliases to the present names.

    Parameters
    ----------
    facts
        Of any kind.

    Returns
    -------
    Mapping of str to str
        Earlier to present name. A name that sources give to different components, or a circle of names, maps nothing.
    """
    plain = {old: next(iter(new)) for old, new in stated_aliases(facts).items() if len(new) == 1}
    ends = {old: _end(old, plain) for old in plain}
    return {old: end for old, end in ends.items() if end is not None}


def _end(name: str, plain: Mapping[str, str]) -> str | None:
    """Where a chain of aliases ends; None if it runs in a circle."""
    passed = {name}
    while name in plain:
        name = plain[name]
        if name in passed:
            return None
        passed.add(name)
    return name


def suggest_renames(
    before: DependencyGraph, after: DependencyGraph, *, least_overlap: float = 0.5
) -> tuple[RenameSuggestion, ...]:
    """Match components that vanished with new ones by their neighbours. Nothing is applied.

    Only neighbours that are in both graphs count; each side must be the best match of the other. Names play no part.

    Parameters
    ----------
    before
        The earlier graph.
    after
        The later graph.
    least_overlap
        Share of common neighbours below which nothing is suggested, in (0, 1].

    Returns
    -------
    tuple of RenameSuggestion
        Best first, then by name. Components without a neighbour that stayed are never matched.
    """
    stayed = set(before.components) & set(after.components)
    olds, news = _by_neighbours(before, stayed), _by_neighbours(after, stayed)
    shares = _best_shares(olds, news)
    reverse = _best_shares(news, olds)
    found = [
        RenameSuggestion(before=olds[old], after=news[new], overlap=share)
        for old, best in shares.items()
        for new, share in best.items()
        if share >= least_overlap and old in reverse[new]
    ]
    return tuple(sorted(found, key=lambda one: (-one.overlap, one.before, one.after)))


def _by_neighbours(graph: DependencyGraph, stayed: set[str]) -> dict[_Neighbours, tuple[str, ...]]:
    """The components that only this graph has, by their neighbours among those that stayed."""
    found: defaultdict[_Neighbours, list[str]] = defaultdict(list)
    for name in graph.components:
        if name not in stayed:
            called = (("callee", other) for other in graph.dependencies_of(name) if other in stayed)
            calling = (("caller", other) for other in graph.dependents_of(name) if other in stayed)
            found[frozenset((*called, *calling))].append(name)
    return {neighbours: tuple(names) for neighbours, names in found.items() if neighbours}


def _best_shares(ones: Iterable[_Neighbours], others: Iterable[_Neighbours]) -> dict[_Neighbours, _Shares]:
    """Of each set of neighbours those that share most of it (Jaccard's index); equals stay together."""
    holders: defaultdict[tuple[str, str], list[_Neighbours]] = defaultdict(list)
    for other in others:
        for neighbour in other:
            holders[neighbour].append(other)
    found: dict[_Neighbours, _Shares] = {}
    for one in ones:
        common = Counter(chain.from_iterable(holders.get(neighbour, ()) for neighbour in one))
        shares = {other: n / (len(one) + len(other) - n) for other, n in common.items()}
        best = max(shares.values(), default=0.0)
        found[one] = {other: share for other, share in shares.items() if share == best}
    return found
