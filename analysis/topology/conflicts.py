"""Where the sources of a topology contradict each other."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from analysis.topology.facts import Fact
from analysis.topology.graph import EdgeSource
from analysis.topology.names import present_names, stated_aliases

_STATED = frozenset({EdgeSource.DECLARED, EdgeSource.FILE})

_Sources = Mapping[tuple[str, ...], AbstractSet[EdgeSource]]


class ConflictKind(StrEnum):
    """In what the sources differ."""

    REVERSED = "REVERSED"
    """One source knows only the call there, another only the call back."""
    NOT_SEEN = "NOT_SEEN"
    """A call is stated and both ends show in the traces, but the call never does."""
    NOT_STATED = "NOT_STATED"
    """The traces show a call between two components that occur in stated calls, but nobody states it."""
    AMBIGUOUS_ALIAS = "AMBIGUOUS_ALIAS"
    """An earlier name is given to more than one component."""
    CIRCULAR_ALIAS = "CIRCULAR_ALIAS"
    """Aliases lead back to where they began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One contradiction.

    Parameters
    ----------
    kind
        In what the sources differ.
    names
        Caller and callee; or the alias and what it could stand for.
    statement
        One sentence for a human.
    """

    kind: ConflictKind
    names: tuple[str, ...]
    statement: str


def conflicts_among(
    edges: _Sources, components: AbstractSet[tuple[str, EdgeSource]], facts: Iterable[Fact]
) -> tuple[Conflict, ...]:
    """Compare what the sources say.

    Parameters
    ----------
    edges
        The sources of each caller and callee.
    components
        Which component is known to whom.
    facts
        All, for the aliases.

    Returns
    -------
    tuple of Conflict
        Sorted by kind and names.
    """
    traced = {name for name, source in components if source is EdgeSource.TRACES}
    stated = {name for names, sources in edges.items() if sources & _STATED for name in names}
    disputed = list(_reversed(edges))
    pairs = {conflict.names for conflict in disputed}
    calm = {names: sources for names, sources in edges.items() if not {names, names[::-1]} & pairs}
    found = [*disputed, *_one_sided(calm, traced, stated), *_aliases(list(facts))]
    return tuple(sorted(found, key=lambda one: (one.kind, one.names)))


def _reversed(edges: _Sources) -> Iterator[Conflict]:
    """Pairs whose direction is disputed; each pair once."""
    for caller, callee in edges:
        there, back = edges[caller, callee], edges.get((callee, caller), frozenset())
        if caller < callee and there - back and back - there:
            statement = f"{_said(there - back)} {caller} calls {callee}, {_said(back - there)} {callee} calls {caller}"
            yield Conflict(kind=ConflictKind.REVERSED, names=(caller, callee), statement=statement)


def _one_sided(edges: _Sources, traced: AbstractSet[str], stated: AbstractSet[str]) -> Iterator[Conflict]:
    """Calls that either the traces or a statement lacks although it knows both ends."""
    for (caller, callee), sources in edges.items():
        is_traced, is_stated = EdgeSource.TRACES in sources, bool(sources & _STATED)
        if is_stated and not is_traced and caller != callee and {caller, callee} <= traced:
            statement = f"{_said(sources & _STATED)} {caller} calls {callee}; the traces show both but no such call"
            yield Conflict(kind=ConflictKind.NOT_SEEN, names=(caller, callee), statement=statement)
        if is_traced and not is_stated and {caller, callee} <= stated:
            statement = (
                f"the traces show that {caller} calls {callee}; nobody states it though both are in stated calls"
            )
            yield Conflict(kind=ConflictKind.NOT_STATED, names=(caller, callee), statement=statement)


def _aliases(facts: list[Fact]) -> Iterator[Conflict]:
    """Earlier names that lead nowhere."""
    present = present_names(facts)
    for alias, names in stated_aliases(facts).items():
        several = tuple(sorted(names))
        if len(several) > 1:
            statement = f"{alias} is given as the earlier name of {' and '.join(several)}; it is left as it is"
            yield Conflict(kind=ConflictKind.AMBIGUOUS_ALIAS, names=(alias, *several), statement=statement)
        elif alias not in present:
            statement = f"{alias} became {several[0]}, and that leads back to itself; it is left as it is"
            yield Conflict(kind=ConflictKind.CIRCULAR_ALIAS, names=(alias, *several), statement=statement)


def _said(sources: AbstractSet[EdgeSource]) -> str:
    """Who says it."""
    return f"{' and '.join(sorted(sources))} {'says' if len(sources) == 1 else 'say'} that"
