"""``faultline actuators``: who acts on what, and whether it could right now."""

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


@app.callback()
def _group() -> None:
    """Keep ``check`` a sub-command although it is the only one."""
