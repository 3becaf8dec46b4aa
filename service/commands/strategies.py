"""``faultline strategies`` and ``faultline boundaries``: files of plans and of boundaries, checked by hand."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Check recovery strategies before they are loaded.", no_args_is_help=True)
boundaries = typer.Typer(help="Check isolation boundaries before they are loaded.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("check")
def check_strategies(
    file: Annotated[Path, typer.Argument(help="YAML file with strategies.")], as_json: AsJson = False
) -> None:
    """Validate a file of recovery strategies: conditions, steps, actions, times. Every mistake has line and remedy."""
    from service.commands import output
    from service.policies import read_file
    from service.recovery.documents import read_strategies, strategy_document

    strategies = read_strategies(read_file(file, ""), source=str(file))
    if as_json:
        plans = [strategy_document(strategy) for strategy in strategies.all]
        output.print_json({"file": str(file), "default": strategies.default_id, "strategies": plans})
        return
    output.say(f"{file}: {len(strategies.all)} strategies are valid, the default is {strategies.default_id}")
    for one in strategies.all:
        output.say(f"  {one.id}: {one.type}, priority {one.priority}, {len(one.steps)} steps, when {one.condition}")


@app.command("schema")
def strategies_schema() -> None:
    """Print the JSON Schema of the file, for editors and forms."""
    from service.commands import output
    from service.recovery.entries import strategy_schema

    output.print_json(strategy_schema())


@boundaries.command("check")
def check_boundaries(
    file: Annotated[Path, typer.Argument(help="YAML file with isolation boundaries.")],
    strategies: Annotated[
        Path | None, typer.Option("--strategies", help="YAML file with the strategies that boundaries prefer.")
    ] = None,
    components: Annotated[
        list[str] | None, typer.Option("--component", help="A component of the system; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Validate a file of boundaries: rules, routes, breakers. Strategies and components are looked up if given."""
    from service.commands import output
    from service.policies import read_file
    from service.recovery.documents import read_boundaries, read_strategies

    known = None if strategies is None else read_strategies(read_file(strategies, ""), source=str(strategies))
    found = read_boundaries(
        read_file(file, ""), source=str(file), components=dict.fromkeys(components or ()), strategies=known
    )
    listed = [
        {
            "id": one.id,
            "type": one.type.value,
            "components": list(one.components),
            "rules": [rule.id for rule in one.rules],
            "blocked_routes": len(one.blocked_routes),
            "recovery_strategy": one.recovery_strategy,
        }
        for one in found.all
    ]
    if as_json:
        output.print_json({"file": str(file), "boundaries": listed})
        return
    output.say(f"{file}: {len(listed)} boundaries are valid")
    for one in found.all:
        output.say(f"  {one.id}: {one.type}, {len(one.components)} components, {len(one.rules)} rules")


@boundaries.command("schema")
def boundaries_schema() -> None:
    """Print the JSON Schema of the file, for editors and forms."""
    from service.commands import output
    from service.recovery.entries import boundary_schema

    output.print_json(boundary_schema())
