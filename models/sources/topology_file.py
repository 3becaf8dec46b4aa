"""``topology.json``: who calls whom, from when to when it holds, which names a component had, and where it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from models.errors import CaseError
from models.sources.json_files import read_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when something holds.

    Parameters
    ----------
    first, last
        UTC, both included; None means without limit.
    """

    first: datetime | None = None
    last: datetime | None = None

    def holds_at(self, time: datetime) -> bool:
        """Whether a moment lies inside.

        Parameters
        ----------
        time
            UTC.

        Returns
        -------
        bool
            True for both ends.
        """
        return (self.first is None or self.first <= time) and (self.last is None or time <= self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedEdge:
    """One call that the file states.

    Parameters
    ----------
    caller, callee
        Names as they are written; one of them can be an alias.
    validity
        Its own, or that of the file.
    """

    caller: str
    callee: str
    validity: Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedComponent:
    """One component that the file describes.

    Parameters
    ----------
    name
        Its present name.
    aliases
        Its earlier names, sorted.
    attributes
        Key and values, both sorted, for example ``(("host", ("h1", "h2")), ("zone", ("north",)))``.
    validity
        Its own, or that of the file.
    """

    name: str
    aliases: tuple[str, ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    validity: Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyFile:
    """What a ``topology.json`` says.

    Parameters
    ----------
    edges
        In the order of the file.
    components
        In the order of the file; those that only occur in edges are not listed.
    """

    edges: tuple[StatedEdge, ...]
    components: tuple[StatedComponent, ...] = ()

    @property
    def present_names(self) -> Mapping[str, str]:
        """From each alias to the present name."""
        return {alias: component.name for component in self.components for alias in component.aliases}

    def attributes_at(self, time: datetime) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Tell where the components run, and the like, at a moment.

        Parameters
        ----------
        time
            UTC.

        Returns
        -------
        mapping of str to mapping
            By present name and key; components without attributes are left out.
        """
        held = (one for one in self.components if one.attributes and one.validity.holds_at(time))
        return {one.name: dict(one.attributes) for one in held}

    def pairs_at(self, time: datetime) -> tuple[tuple[str, str], ...]:
        """List the calls that hold at a moment.

        Parameters
        ----------
        time
            UTC.

        Returns
        -------
        tuple of (str, str)
            Caller and callee by their present names, each pair once, in the order of the file.
        """
        names = self.present_names
        held = (edge for edge in self.edges if edge.validity.holds_at(time))
        return tuple(dict.fromkeys((names.get(e.caller, e.caller), names.get(e.callee, e.callee)) for e in held))


def read_topology_file(path: str | Path) -> TopologyFile:
    """Read ``topology.json``.

    ``{"edges": [{"caller": "a", "callee": "b"}]}`` is enough. The file, each edge and each component may state
    ``valid_from`` and ``valid_until`` (ISO 8601 with a zone, both included); ``components`` may list
    ``{"name": "a", "aliases": ["old name"], "attributes": {"host": "h1", "zone": ["north", "south"]}}``.

    Parameters
    ----------
    path
        The file, UTF-8.

    Returns
    -------
    TopologyFile
        Loops, cycles and repeated edges stay. 100,000 edges take half a second.

    Raises
    ------
    CaseError
        If the file is absent, is not JSON or breaks the format; the message names the entry at fault.
    """
    source = str(path)
    content = read_object(Path(path))
    if not isinstance(content.get("edges"), list):
        raise CaseError("there is no list of edges", source=source, column="edges", remedy="it may be empty")
    whole = _validity(content, "", Validity(), source, None)
    edges = tuple(_edge(entry, row, whole, source) for row, entry in enumerate(content["edges"]))
    listed = content.get("components", [])
    if not isinstance(listed, list):
        raise CaseError(f"{_shown(listed)} is no list", source=source, column="components", remedy="write a list")
    components = tuple(_component(entry, row, whole, source) for row, entry in enumerate(listed))
    _check_names(components, source)
    return TopologyFile(edges=edges, components=components)


def _edge(entry: object, row: int, whole: Validity, source: str) -> StatedEdge:
    """One entry of ``edges``."""
    ends = entry if isinstance(entry, dict) else {}
    caller, callee = ends.get("caller"), ends.get("callee")
    if not (is_name(caller) and is_name(callee)):
        remedy = "write caller and callee, both non-empty strings"
        raise CaseError(f"{_shown(entry)} is no edge", source=source, column="edges", row=row, remedy=remedy)
    return StatedEdge(caller=caller, callee=callee, validity=_validity(ends, "edges", whole, source, row))


def _component(entry: object, row: int, whole: Validity, source: str) -> StatedComponent:
    """One entry of ``components``."""
    parts = entry if isinstance(entry, dict) else {}
    name, aliases = parts.get("name"), parts.get("aliases", [])
    if not is_name(name):
        problem, remedy = f"{_shown(entry)} is no component", "write at least a name, a non-empty string"
        raise CaseError(problem, source=source, column="components", row=row, remedy=remedy)
    if not isinstance(aliases, list) or not all(map(is_name, aliases)):
        problem, remedy = f"the aliases of {_shown(name)} are {_shown(aliases)}", "write a list of non-empty strings"
        raise CaseError(problem, source=source, column="components", row=row, remedy=remedy)
    return StatedComponent(
        name=name,
        aliases=tuple(sorted(set(aliases))),
        attributes=_attributes(parts.get("attributes", {}), name, row, source),
        validity=_validity(parts, "components", whole, source, row),
    )


def _attributes(stated: object, name: str, row: int, source: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Key and values; a single value may stand without its list."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in (stated if isinstance(stated, dict) else {"": None}).items():
        values: list[Any] = value if isinstance(value, list) else [value]
        if not is_name(key) or not all(map(is_name, values)):
            problem = f"the attributes of {_shown(name)} hold {_shown(stated if key == '' else {key: value})}"
            remedy = 'write an object of strings, for example {"host": "h1", "zone": "north"}'
            raise CaseError(problem, source=source, column="components", row=row, remedy=remedy)
        found[key] = tuple(sorted(set(values)))
    return tuple(sorted(found.items()))


def _check_names(components: tuple[StatedComponent, ...], source: str) -> None:
    """Refuse a name that would stand for two components."""
    owners: dict[str, str] = {}
    for row, component in enumerate(components):
        if component.name in owners:
            problem, remedy = f"{_shown(component.name)} is listed twice", "describe each component once"
            raise CaseError(problem, source=source, column="components", row=row, remedy=remedy)
        owners[component.name] = component.name
    for row, component in enumerate(components):
        for alias in component.aliases:
            owner = owners.setdefault(alias, component.name)
            if owner != component.name or alias == component.name:
                problem = f"the alias {_shown(alias)} of {_shown(component.name)} already stands for {_shown(owner)}"
                remedy = "give each name to one component only"
                raise CaseError(problem, source=source, column="components", row=row, remedy=remedy)


def _validity(parts: Mapping[str, Any], column: str, whole: Validity, source: str, row: int | None) -> Validity:
    """What an entry states, else what the file states."""
    if "valid_from" not in parts and "valid_until" not in parts:
        return whole
    ends = {"valid_from": whole.first, "valid_until": whole.last}
    for key in ends.keys() & parts.keys():
        ends[key] = _moment(parts[key], ".".join(filter(None, (column, key))), source, row)
    first, last = ends["valid_from"], ends["valid_until"]
    if first is not None and last is not None and first > last:
        problem = f"valid_from {first.isoformat()} lies after valid_until {last.isoformat()}"
        raise CaseError(problem, source=source, column=column, row=row, remedy="swap the two or leave one out")
    return Validity(first=first, last=last)


def _moment(value: object, column: str, source: str, row: int | None) -> datetime | None:
    """A time; null means without limit."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        pass
    remedy = "write ISO 8601 with a zone, for example 2026-03-01T00:00:00Z"
    raise CaseError(f"{_shown(value)} is not a time", source=source, column=column, row=row, remedy=remedy)


def is_name(value: object) -> TypeGuard[str]:
    """Whether something can name a component: any characters, but at least one, and no half of a surrogate pair.

    Parameters
    ----------
    value
        Parsed JSON.

    Returns
    -------
    bool
        False for anything but a string that UTF-8 can hold.
    """
    if not isinstance(value, str) or not value:
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def _shown(value: object) -> str:
    """The start of a value, in plain ASCII where it would not print."""
    return ascii(value)[:80] if "\\u" in ascii(value) else repr(value)[:80]
