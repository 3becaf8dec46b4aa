"""``faultline degradation``: files of levels of reduced function."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Check levels of reduced function before they are used.", no_args_is_help=True)


@app.command("check")
def check(file: Annotated[Path, typer.Argument(help="YAML file of levels.")]) -> None:
    """Validate a file: conditions, times, order, and that no level would flap."""
    from service.commands import output
    from service.degradations import load_ladders

    ladders = load_ladders(file)
    output.say(f"{file}: levels of {len(ladders)} components are valid")
    for ladder in ladders:
        steps = "; ".join(f"{level.name} gives up {', '.join(level.gives_up)}" for level in ladder.levels)
        output.say(f"{ladder.component}: {steps}")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file, for editors and forms."""
    from service.commands import output
    from service.recovery.degradation_file import degradation_schema

    output.print_json(degradation_schema())
