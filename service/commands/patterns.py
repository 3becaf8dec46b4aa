"""``faultline patterns``: failures that recur, and incidents that are related, in the store of a service."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer


def patterns(
    store: Annotated[
        Path | None, typer.Argument(help="Database file of a service.", show_default="the store of the settings")
    ] = None,
    latest: Annotated[int, typer.Option(help="So many of the latest incidents are looked at.", min=1)] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find failures that recur, and what helped; then incidents that are related by time, components or changes."""
    from analysis.correlation import correlate
    from analysis.patterns import identify_patterns
    from analysis.topology import DependencyGraph
    from service.commands import output
    from service.past import history_of, latest_incidents, with_outcomes
    from service.store.codec import encode
    from service.store.sql import SqlStore

    with closing(SqlStore(_url(store))) as kept:
        past = latest_incidents(kept, latest)
        found = identify_patterns(with_outcomes(kept, past.incidents))
        last = max((incident.updated_at for incident in past.incidents), default=None)
        related = None if last is None else correlate(history_of(kept, past, DependencyGraph(), None, last))
    if as_json:
        told = {"patterns": encode(found), "correlations": encode(related), "n_incidents": len(past.incidents)}
        output.print_json(told | {"is_complete": past.is_complete})
        return
    left = "" if past.is_complete else "; older ones were left out"
    output.say(
        f"{len(found)} recurring {'failure' if len(found) == 1 else 'failures'} among {len(past.incidents)} incidents{left}"
    )
    for pattern in found:
        output.say(f"{pattern.description}; earlier: {pattern.usual_resolution or 'nothing was done by us'}")
    for each in related.found if related else ():
        output.say(f"{each.kind.lower()}: {each.description}")
    for method in related.skipped if related else ():
        output.say(f"not used: {method.name}: {method.reason}")


def _url(store: Path | None) -> str:
    """Of a store that exists: looking at nothing must not make one."""
    from models.errors import ConfigurationError
    from service.config import load_settings

    url = f"sqlite:///{store}" if store else load_settings().store
    path = url.removeprefix("sqlite:///")
    if path != url and not Path(path).is_file():
        remedy = "give the database file of a service, for example .faultline/run/faultline.db of `faultline run`"
        raise ConfigurationError(f"There is no store at {path}.", remedy=remedy)
    return url
