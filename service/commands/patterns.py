"""``faultline patterns``: failures that recur, and incidents that are related, in the store of a service."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from analysis.topology import DependencyGraph


def patterns(
    store: Annotated[
        Path | None, typer.Argument(help="Database file of a service.", show_default="the store of the settings")
    ] = None,
    topology: Annotated[
        Path | None, typer.Option(help="topology.json: who calls whom, and the host and zone of components.")
    ] = None,
    latest: Annotated[int, typer.Option(help="So many of the latest incidents are looked at.", min=1)] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find failures that recur, and what helped; then incidents that are related by time, components or changes."""
    from analysis.correlation import correlate
    from analysis.patterns import identify_patterns
    from service.commands import output
    from service.past import history_of, latest_incidents, with_outcomes
    from service.store.codec import encode
    from service.store.sql import SqlStore

    with closing(SqlStore(_url(store))) as kept:
        past = latest_incidents(kept, latest)
        found = identify_patterns(with_outcomes(kept, past.incidents))
        last = max((incident.updated_at for incident in past.incidents), default=None)
        graph, places = _topology(topology)
        history = None if last is None else history_of(kept, past, graph, None, last)
    related = None if history is None else correlate(replace(history, attributes=places))
    if as_json:
        told = {"patterns": encode(found), "correlations": encode(related), "n_incidents": len(past.incidents)}
        output.print_json(told | {"is_complete": past.is_complete})
        return
    left = "" if past.is_complete else "; older ones were left out"
    failures = "failure" if len(found) == 1 else "failures"
    output.say(f"{len(found)} recurring {failures} among {len(past.incidents)} incidents{left}")
    for pattern in found:
        output.say(f"{pattern.description}; earlier: {pattern.usual_resolution or 'nothing was done by us'}")
    for each in related.found if related else ():
        output.say(f"{each.kind.lower()}: {each.description}")
    for method in related.skipped if related else ():
        output.say(f"not used: {method.name}: {method.reason}")


def _topology(path: Path | None) -> tuple["DependencyGraph", Mapping[str, Mapping[str, str]]]:
    """Who calls whom, and where components run; one that runs in several places shares none with anybody."""
    from analysis.topology import TopologyHistory
    from models.sources.topology_file import read_topology_file

    known = TopologyHistory() if path is None else TopologyHistory().with_file(read_topology_file(path))
    places = {
        component: {key: values[0] for key, values in stated.items() if len(values) == 1}
        for component, stated in known.attributes_at(None).items()
    }
    return known.at(None), places


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
