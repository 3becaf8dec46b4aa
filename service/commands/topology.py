"""``faultline topology``: who calls whom, merged from every source, with provenance, conflicts and renames."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.topology import Conflict, Fact, KnownEdge, RenameSuggestion, TopologyHistory
    from models.sources.repairs import Repair

app = typer.Typer(help="Find out who calls whom.")

_SHOWN = 20

Step = Annotated[float | None, typer.Option(help="Step of the metrics, seconds; inferred if not given.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback(invoke_without_command=True)
def topology(
    context: typer.Context,
    file: Annotated[list[Path] | None, typer.Option(help="A topology.json; may be given again.")] = None,
    traces: Annotated[list[Path] | None, typer.Option(help="A traces.parquet of the case format.")] = None,
    case: Annotated[list[Path] | None, typer.Option(help="A case: its topology.json and traces.parquet.")] = None,
    metrics: Annotated[list[Path] | None, typer.Option(help="CSV or Parquet: hints from lagged dependence.")] = None,
    history: Annotated[
        Path | None, typer.Option(help="What an earlier call wrote with --out; is gone on with.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all that is known now, for --history.")] = None,
    at: Annotated[str, typer.Option(help="Show what held at this time (ISO 8601); else all that was ever known.")] = "",
    since: Annotated[str, typer.Option(help="Look for renames since this time; else since the first one known.")] = "",
    staleness_s: Annotated[
        float | None, typer.Option(help="How long a call counts after it was last seen, seconds; else a day.")
    ] = None,
    step_s: Step = None,
    as_json: AsJson = False,
) -> None:
    """Merge what every source knows of who calls whom; say who knows it, since when, and who contradicts."""
    if context.invoked_subcommand is not None:
        return
    known = _history(history, staleness_s)
    gathered = [
        *(_of_file(known, path) for path in file or ()),
        *(_of_traces(known, path) for path in traces or ()),
        *(_of_case(known, path) for path in case or ()),
        *(_of_metrics(known, path, step_s) for path in metrics or ()),
    ]
    if history is None and not gathered:
        raise InputError("no source is named", source="topology", remedy="give --file, --traces, --case or --metrics")
    known = known.with_facts(fact for facts in gathered for fact in facts)
    if out is not None:
        _write(known, out)
    time, start = _moment(at, "--at"), _moment(since, "--since")
    renames = _renames(known, start, time)
    if as_json:
        _print_json(known, time, renames)
    else:
        _print(known, time, renames)


@app.command("discover")
def discover(
    history: Annotated[Path, typer.Argument(help="CSV or Parquet file, or a directory of them; a day or more.")],
    out: Annotated[Path | None, typer.Option(help="Write a topology.json, as in the case format.")] = None,
    step_s: Step = None,
    as_json: AsJson = False,
) -> None:
    """Guess calls from lagged dependence: a callee's trouble shows in its caller some rows later."""
    from analysis.discovery import discover_edges
    from models.sources.files import read_metrics
    from service.commands import output
    from service.store.codec import encode

    reading = read_metrics(history, step_s=step_s)
    _tell(reading.repairs)
    found = discover_edges(reading.frame)
    edges = sorted(found.edges, key=lambda edge: edge.p_value)
    if out is not None:
        pairs = [{"caller": edge.caller, "callee": edge.callee} for edge in edges]
        out.write_text(json.dumps({"edges": pairs}, indent=1), encoding="utf-8")
    if as_json:
        output.print_json({"edges": encode(tuple(edges)), "skipped": encode(found.skipped)})
        return
    output.say(f"{len(edges)} calls guessed among {len(reading.frame.components)} components; a guess, not a trace")
    for edge in edges:
        output.say(f"{edge.caller} -> {edge.callee}  lag {edge.lag_rows} rows, p {edge.p_value:.2g}")
    for method in found.skipped:
        output.say(f"not used: {method.name}: {method.reason}")


def _history(path: Path | None, staleness_s: float | None) -> "TopologyHistory":
    """What was known before; a staleness that is stated now wins."""
    from analysis.topology import TopologyHistory, history_from_json
    from models.sources.json_files import read_object

    earlier = history_from_json(read_object(path), str(path)) if path is not None else TopologyHistory()
    return earlier if staleness_s is None else TopologyHistory(facts=earlier.facts, staleness_s=staleness_s)


def _of_file(known: "TopologyHistory", path: Path) -> "tuple[Fact, ...]":
    from models.sources.topology_file import read_topology_file

    return known.with_file(read_topology_file(path)).facts


def _of_traces(known: "TopologyHistory", path: Path) -> "tuple[Fact, ...]":
    from models.sources.cases import read_traces

    spans, repairs = read_traces(path)
    _tell(repairs)
    return known.observed(spans, spans["ts"].iloc[-1].to_pydatetime()).facts if len(spans) else ()


def _of_case(known: "TopologyHistory", place: Path) -> "tuple[Fact, ...]":
    """The topology and the traces of a case; either may be absent."""
    file, traces = place / "topology.json", place / "traces.parquet"
    if not (place / "incident.json").exists():
        raise InputError("there is no incident.json", source=str(place), remedy="name the directory of a case")
    stated = _of_file(known, file) if file.exists() else ()
    return (*stated, *(_of_traces(known, traces) if traces.exists() else ()))


def _of_metrics(known: "TopologyHistory", path: Path, step_s: float | None) -> "tuple[Fact, ...]":
    from analysis.discovery import discover_edges
    from models.frames import to_datetime
    from models.sources.files import read_metrics

    reading = read_metrics(path, step_s=step_s)
    _tell(reading.repairs)
    found = discover_edges(reading.frame)
    for method in found.skipped:
        typer.echo(f"not used: {method.name}: {method.reason}", err=True)
    times = reading.frame.times
    return known.with_facts(found.hints(to_datetime(times[0]), to_datetime(times[-1]))).facts


def _write(known: "TopologyHistory", out: Path) -> None:
    from analysis.topology import history_to_json
    from models.sources.json_files import write_object

    write_object(out, history_to_json(known))


def _moment(text: str, option: str) -> datetime | None:
    """A time of the command line; without a zone it is UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        remedy = "write ISO 8601, for example 2026-03-01T00:00:00Z"
        raise InputError(f"{text!r} is not a time", source=option, remedy=remedy) from None


def _renames(known: "TopologyHistory", start: datetime | None, end: datetime | None) -> "tuple[RenameSuggestion, ...]":
    """What could have been renamed between two moments, by default the first and the last one that are known."""
    from analysis.topology import suggest_renames

    times = [time for fact in known.facts for time in (fact.first_seen, fact.last_seen) if time is not None]
    if not times:
        return ()
    return suggest_renames(known.at(start or min(times)), known.at(end or max(times)))


def _tell(repairs: "Iterable[Repair]") -> None:
    for repair in repairs:
        typer.echo(f"repaired: {repair}", err=True)


def _print_json(known: "TopologyHistory", time: datetime | None, renames: "tuple[RenameSuggestion, ...]") -> None:
    from analysis.topology.codec import fact_to_json
    from service.commands import output
    from service.store.codec import encode

    edges: list[dict[str, Any]] = [
        {
            "caller": edge.caller,
            "callee": edge.callee,
            "is_hint": edge.is_hint,
            "known": [fact_to_json(fact) for fact in edge.facts],
        }
        for edge in known.known(time)
    ]
    output.print_json(
        {
            "at": time.isoformat() if time else None,
            "components": list(known.at(time).components),
            "edges": edges,
            "attributes": {name: dict(keys) for name, keys in known.attributes_at(time).items()},
            "conflicts": encode(known.conflicts(time)),
            "suggested_renames": encode(renames),
        }
    )


def _print(known: "TopologyHistory", time: datetime | None, renames: "tuple[RenameSuggestion, ...]") -> None:
    from service.commands import output

    edges, conflicts = known.known(time), known.conflicts(time)
    n_hints = sum(edge.is_hint for edge in edges)
    when = f"at {time.isoformat()}" if time else "ever"
    names = len(known.at(time).components)
    calls, hints = _counted(len(edges) - n_hints, "call"), _counted(n_hints, "hint")
    output.say(f"{calls} among {_counted(names, 'component')} known {when}, {hints}")
    for edge in edges:
        output.say(_edge_line(edge))
    for line in (*_conflict_lines(conflicts), *map(_rename_line, renames)):
        output.say(line)


def _counted(n: int, what: str) -> str:
    """A number and its noun."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _edge_line(edge: "KnownEdge") -> str:
    """One call and who knows it."""
    mark = "?>" if edge.is_hint else "->"
    return f"{edge.caller} {mark} {edge.callee}  {'; '.join(map(_fact_words, edge.facts))}"


def _fact_words(fact: "Fact") -> str:
    """A source, its times and its figures."""
    words: list[str] = [fact.source.value]
    if fact.first_seen:
        words.append(f"from {fact.first_seen:%Y-%m-%d %H:%M:%S}")
    if fact.last_seen:
        words.append(f"to {fact.last_seen:%Y-%m-%d %H:%M:%S}")
    if fact.count:
        words.append(_counted(fact.count, "call"))
    if fact.strength is not None:
        words.append(f"strength {fact.strength:.2g}")
    return " ".join(words)


def _conflict_lines(conflicts: "tuple[Conflict, ...]") -> list[str]:
    """The first conflicts, and how many more there are."""
    lines = [f"conflict: {conflict.kind}: {conflict.statement}" for conflict in conflicts[:_SHOWN]]
    more = len(conflicts) - _SHOWN
    return [*lines, f"{more} more conflicts; --json lists all"] if more > 0 else lines


def _rename_line(rename: "RenameSuggestion") -> str:
    """A suggestion, which nothing applies."""
    before, after = " or ".join(rename.before), " or ".join(rename.after)
    share = f"{100 * rename.overlap:.0f} % of their neighbours are the same"
    return f"perhaps renamed: {before} => {after} ({share}); if so, write it into aliases of a topology.json"
