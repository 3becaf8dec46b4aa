"""``faultline strategies``: recovery strategies as files."""

from pathlib import Path
from typing import Annotated

import typer

from models.errors import InputError

app = typer.Typer(help="Check recovery strategies before they are loaded.", no_args_is_help=True)


@app.command("check")
def check(file: Annotated[Path, typer.Argument(help="YAML file with strategies.")]) -> None:
    """Validate a file of recovery strategies: conditions, steps, actions, times."""
    from service.commands import output
    from service.recovery.documents import read_strategies

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", source=str(file), remedy="give a YAML file in UTF-8") from error
    strategies = read_strategies(text, source=str(file))
    output.say(f"{file}: {len(strategies.all)} strategies are valid, the default is {strategies.default_id}")


@app.callback()
def _group() -> None:
    """Keep ``check`` a sub-command although it is the only one."""
