"""Recovery runs as JSON and back: the strategy as in its file, the facts by their types, the rest as declared."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

from models.errors import ConfigurationError, InputError
from service.recovery.documents import strategy_document, strategy_of
from service.recovery.facts import FINDING_FACTS, Facts, FactValue
from service.recovery.runs import RecoveryRun
from service.store import codec

MAX_CHARACTERS = 1_000_000
_OWN = frozenset({"strategy", "facts"})


def dumps(run: RecoveryRun) -> str:
    """Write a run as JSON.

    Parameters
    ----------
    run
        Any.

    Returns
    -------
    str
        ASCII.

    Raises
    ------
    InputError
        If it holds what JSON cannot, or too much of it.
    """
    try:
        text = codec.dumps(_body(run))
    except (RecursionError, ValueError, TypeError) as error:
        raise InputError(f"the recovery run {run.id} cannot be written down: {error!r}") from error
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"the recovery run {run.id} takes {len(text):,} characters",
            remedy=f"give facts and parameters that need at most {MAX_CHARACTERS:,}",
        )
    return text


def _body(run: RecoveryRun) -> dict[str, Any]:
    body: dict[str, Any] = {f.name: getattr(run, f.name) for f in fields(run) if f.name not in _OWN}
    body["strategy"] = strategy_document(run.strategy)
    body["facts"] = {name: value for name, value in run.facts.items() if _is_known(name, value)}
    return body


def loads(text: str) -> RecoveryRun:
    """Read a run that ``dumps`` wrote.

    Parameters
    ----------
    text
        JSON.

    Returns
    -------
    RecoveryRun
        Equal to the one that was written, but for facts that said nothing.

    Raises
    ------
    InputError
        If it is something else.
    """
    try:
        body = json.loads(text)
        values = {name: codec.decode(hint, body[name]) for name, hint in _hints().items()}
        strategy = strategy_of(body["strategy"], source="the store")
        return RecoveryRun(strategy=strategy, facts=_facts(body["facts"]), **values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ConfigurationError) as error:
        raise InputError(f"this is not a stored recovery run: {error!r}", remedy="restore the store") from error


def readable(bodies: Iterable[str]) -> tuple[RecoveryRun, ...]:
    """Read the runs that can be read; a damaged one was set aside, and told, when its turn came.

    Parameters
    ----------
    bodies
        JSON.

    Returns
    -------
    tuple of RecoveryRun
        In the same order.
    """
    runs = []
    for body in bodies:
        with suppress(InputError):
            runs.append(loads(body))
    return tuple(runs)


@cache
def _hints() -> dict[str, Any]:
    declared = get_type_hints(RecoveryRun)
    return {field.name: declared[field.name] for field in fields(RecoveryRun) if field.name not in _OWN}


def _is_known(name: str, value: FactValue) -> bool:
    fact = FINDING_FACTS.get(name)
    return value is not None and (fact is None or fact.is_known(value))


def _facts(body: dict[str, Any]) -> Facts:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
