"""``faultline topology``: a guess at who calls whom, from metrics alone."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Find out who calls whom.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``discover`` a sub-command although it is the only one."""


@app.command("discover")
def discover(
    history: Annotated[Path, typer.Argument(help="CSV or Parquet file, or a directory of them; a day or more.")],
    out: Annotated[Path | None, typer.Option(help="Write a topology.json, as in the case format.")] = None,
    step_s: Annotated[float | None, typer.Option(help="Step of the metrics, seconds; inferred if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Guess calls from lagged dependence: a callee's trouble shows in its caller some rows later."""
    from analysis.discovery import discover_edges
    from models.sources.files import read_metrics
    from service.commands import output
    from service.store.codec import encode

    reading = read_metrics(history, step_s=step_s)
    for repair in reading.repairs:
        typer.echo(f"repaired: {repair}", err=True)
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
