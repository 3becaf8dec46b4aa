"""A topology history as JSON, with the version of its schema."""

from datetime import UTC, datetime
from typing import Any

from analysis.topology.facts import Fact, FactKind
from analysis.topology.graph import EdgeSource
from analysis.topology.history import TopologyHistory
from models.errors import ConfigurationError, InputError
from models.sources.topology_file import is_name

SCHEMA_VERSION = 1


def history_to_json(history: TopologyHistory) -> dict[str, Any]:
    """Turn a history into what JSON can hold.

    Parameters
    ----------
    history
        Any.

    Returns
    -------
    dict
        With ``schema_version``, ``staleness_s`` and ``facts``; equal histories give equal documents.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "staleness_s": history.staleness_s,
        "facts": [fact_to_json(fact) for fact in history.facts],
    }


def fact_to_json(fact: Fact) -> dict[str, Any]:
    """Turn one fact into what JSON can hold.

    Parameters
    ----------
    fact
        Any.

    Returns
    -------
    dict
        One entry a field; times in ISO 8601, UTC.
    """
    return {
        "kind": fact.kind.value,
        "names": list(fact.names),
        "source": fact.source.value,
        "first_seen": fact.first_seen.astimezone(UTC).isoformat() if fact.first_seen else None,
        "last_seen": fact.last_seen.astimezone(UTC).isoformat() if fact.last_seen else None,
        "count": fact.count,
        "strength": fact.strength,
    }


def history_from_json(content: object, source: str) -> TopologyHistory:
    """Make a history of what ``history_to_json`` gave.

    Parameters
    ----------
    content
        Parsed JSON.
    source
        The file, for messages.

    Returns
    -------
    TopologyHistory
        Equal to the one that was written.

    Raises
    ------
    InputError
        If it is of another version or broken; the message names the fact at fault.
    """
    parts = content if isinstance(content, dict) else {}
    version = parts.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        problem, remedy = f"the schema version is {version!r}", f"give a history of version {SCHEMA_VERSION}"
        raise InputError(problem, source=source, column="schema_version", remedy=remedy)
    facts, staleness_s = parts.get("facts"), parts.get("staleness_s")
    if not isinstance(facts, list):
        raise InputError("there is no list of facts", source=source, column="facts", remedy="it may be empty")
    try:
        read = tuple(_fact(entry, row, source) for row, entry in enumerate(facts))
        return TopologyHistory(facts=read, staleness_s=_number(staleness_s))
    except (ConfigurationError, TypeError) as fault:
        problem, remedy = f"the staleness is {staleness_s!r}", "write seconds, at least 0"
        raise InputError(problem, source=source, column="staleness_s", remedy=remedy) from fault


def _fact(entry: object, row: int, source: str) -> Fact:
    """One entry of ``facts``."""
    try:
        return _checked(dict(entry) if isinstance(entry, dict) else {})
    except (KeyError, OverflowError, TypeError, ValueError) as fault:
        remedy = "write it anew with faultline topology --out"
        raise InputError(f"no fact: {fault}", source=source, column="facts", row=row, remedy=remedy) from fault


def _checked(entry: dict[str, Any]) -> Fact:
    """A fact, or KeyError, TypeError or ValueError that says why not."""
    kind, names, count = FactKind(entry["kind"]), entry["names"], entry["count"]
    if not isinstance(names, list) or len(names) != kind.n_names or not all(map(is_name, names)):
        raise ValueError(f"{kind} needs {kind.n_names} names, not {str(names)[:80]}")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"the count is {str(count)[:80]}")
    first, last = _moment(entry["first_seen"]), _moment(entry["last_seen"])
    if first and last and first > last:
        raise ValueError(f"it ends at {last}, before it begins at {first}")
    strength = None if entry["strength"] is None else _number(entry["strength"])
    if strength is not None and not 0 <= strength <= 1:
        raise ValueError(f"the strength is {strength}")
    return Fact(
        kind=kind,
        names=tuple(names),
        source=EdgeSource(entry["source"]),
        first_seen=first,
        last_seen=last,
        count=count,
        strength=strength,
    )


def _number(value: object) -> float:
    """A number; TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{str(value)[:80]!r} is no number")
    return float(value)


def _moment(value: object) -> datetime | None:
    """A time with a zone, or None."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone")
    return moment.astimezone(UTC)
