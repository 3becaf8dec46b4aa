"""``faultline actions``: stop all actions of a service, let them go on, and say how it stands."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.recovery.guards import Stop

app = typer.Typer(help="Stop all automatic actions, and let them go on.", no_args_is_help=True)

Store = Annotated[
    str, typer.Argument(help="File, data directory or SQLAlchemy URL of the store; that of the settings if not given.")
]
By = Annotated[str, typer.Option(help="Who you are; recorded.")]
Reason = Annotated[str, typer.Option(help="Why; recorded.")]


@app.command("stop")
def stop(by: By, reason: Reason, store: Store = "") -> None:
    """Stop all actions at once, also of a service that runs; it stays so over restarts, until ``resume``."""
    from service.clock import SystemClock
    from service.commands import output
    from service.commands.stores import opened
    from service.safety import ActionSwitch
    from service.store.switch import SwitchStore

    with opened(store) as found:
        output.say(_sentence(ActionSwitch(SwitchStore(found.database)).stop(by, reason, SystemClock().now())))


@app.command("resume")
def resume(by: By, reason: Reason, store: Store = "") -> None:
    """Let actions go on."""
    from service.clock import SystemClock
    from service.commands import output
    from service.commands.stores import opened
    from service.safety import ActionSwitch
    from service.store.switch import SwitchStore

    with opened(store) as found:
        was_stopped = ActionSwitch(SwitchStore(found.database)).resume(by, reason, SystemClock().now())
    output.say("actions go on" if was_stopped else "actions were not stopped; nothing changed")


@app.command("status")
def status(
    store: Store = "", as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
) -> None:
    """Say whether actions are stopped, since when, by whom and why."""
    from service.commands import output
    from service.commands.stores import opened
    from service.safety import ActionSwitch
    from service.store.codec import encode
    from service.store.switch import SwitchStore

    with opened(store) as found:
        stopped = ActionSwitch(SwitchStore(found.database)).stopped
    if as_json:
        output.print_json({"is_stopped": stopped is not None, "stop": encode(stopped)})
    else:
        output.say(_sentence(stopped))


def _sentence(stopped: "Stop | None") -> str:
    if stopped is None:
        return "actions are not stopped"
    return f"all actions are stopped since {stopped.at:%Y-%m-%d %H:%M:%S} UTC by {stopped.who}: {stopped.reason}"
