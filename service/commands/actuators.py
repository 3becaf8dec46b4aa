"""``faultline actuators``: who acts on what, whether it could right now, and which routes HAProxy closes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from service.actuators.router import ActuatorRouter
    from service.ports import ActionKind

app = typer.Typer(help="Show and try out the actuators of the settings.", no_args_is_help=True)
_KEY = "rehearsal"


@app.command("check")
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    offline: Annotated[bool, typer.Option(help="Check the settings only; ask no peer.")] = False,
) -> None:
    """Ask each peer, as a dry run, for each action that it may do; nothing is changed. Exit code 2 if one cannot."""
    from models.errors import ConfigurationError
    from service.bootstrap import real_actuators
    from service.commands import output
    from service.config import load_settings

    router = real_actuators(load_settings())
    if not router.assignments:
        raise ConfigurationError("The settings have no actuators.", remedy="see docs/actuators.md")
    rows = [_row(router, *assigned, is_asked=not offline) for assigned in router.assignments]
    if as_json:
        output.print_json({"actions": rows})
    else:
        for row in rows:
            output.say(f"{'ok ' if row['is_possible'] else 'NOT'} {row['component']} {row['action']}: {row['detail']}")
    if not all(row["is_possible"] for row in rows):
        raise typer.Exit(2)


@app.command("routes")
def routes(
    file: Annotated[Path, typer.Argument(help="YAML file with boundaries.")],
    dry_run: Annotated[bool, typer.Option(help="Say what would be changed, change nothing.")] = False,
) -> None:
    """Close in HAProxy the routes that boundaries block or do not allow, open the others, and verify it."""
    from models.errors import ConfigurationError, InputError
    from service.bootstrap import route_maps
    from service.commands import output
    from service.config import load_settings
    from service.recovery.documents import read_boundaries
    from service.recovery.isolations import Isolations
    from service.recovery.routes import closed_routes

    settings = load_settings()
    maps = route_maps(settings)
    if not maps:
        raise ConfigurationError("No HAProxy of the settings has a routes_map.", remedy="see docs/actuators.md")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", source=str(file), remedy="give a YAML file in UTF-8") from error
    closed = closed_routes(read_boundaries(text, source=str(file)).route_table(Isolations()))
    for one in maps:
        output.say(one.rehearse(closed) if dry_run else one.apply(closed).detail)


def _row(router: "ActuatorRouter", component: str, kind: "ActionKind", name: str, *, is_asked: bool) -> dict[str, Any]:
    from models.errors import FaultlineError
    from service.ports import Action

    row = {"component": component, "action": kind.value, "actuator": name, "is_possible": True, "detail": name}
    if not is_asked:
        return row
    try:
        return row | {"detail": router.rehearse(Action(key=_KEY, kind=kind, component=component))}
    except FaultlineError as error:
        return row | {"is_possible": False, "detail": str(error)}
