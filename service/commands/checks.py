"""``faultline checks``: files of health checks, tried and run without the service; their results as metrics."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from service.checks.runner import CheckRunner
    from service.config import Settings
    from service.recovery.checkup import CheckView
    from service.store.sql import SqlStore

app = typer.Typer(help="Check, try and run health checks; give their results as metrics.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="YAML file of health checks.")]
_POLL_S = 0.05


@app.command("check")
def check(
    file: FileArgument, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
) -> None:
    """Validate a file of health checks; nothing is contacted. A mistake is named with its line and a remedy."""
    from service.checks.assemble import context_of
    from service.checks.file import load_checks
    from service.commands import output
    from service.config import load_settings

    checks = load_checks(file, context_of(load_settings().checks))
    listed: list[dict[str, Any]] = [
        {
            "id": one.id,
            "component": one.component,
            "type": one.type.value,
            "interval_s": one.policy.interval_s,
            "timeout_s": one.policy.timeout_s,
            "thresholds": len(one.thresholds),
            "depends_on": list(one.depends_on),
        }
        for one in checks
    ]
    if as_json:
        output.print_json({"file": str(file), "checks": listed})
        return
    output.say(f"{file}: {len(listed)} health checks are valid")
    for entry in listed:
        after = f", after {', '.join(entry['depends_on'])}" if entry["depends_on"] else ""
        output.say(f"  {entry['id']}: {entry['type']} of {entry['component']}, every {entry['interval_s']:g} s{after}")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file, for editors and forms."""
    from service.checks.file import checks_schema
    from service.commands import output

    output.print_json(checks_schema())


@app.command("run")
def run(
    file: FileArgument,
    seconds: Annotated[
        float, typer.Option(help="Go on for so long, and keep the results in the store; 0 looks once.", min=0)
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run health checks on this machine, without the service. Exit code 1 if any is UNHEALTHY or UNKNOWN."""
    from contextlib import closing

    from service.checks.assemble import context_of, runner_of
    from service.clock import SystemClock
    from service.commands import output
    from service.config import load_settings
    from service.recovery.health import GRAVITY, HealthStatus
    from service.store.codec import encode

    settings = load_settings(checks={"file": file})
    context, clock = context_of(settings.checks), SystemClock()
    with closing(_store(settings, is_kept=seconds > 0)) as store:
        options: dict[str, Any] = {"database": store.database, "now": clock.now, "publish": store.append}
        with runner_of(settings.checks, context, **options) as runner:
            _wait(runner, seconds)
            views = runner.views()
            overview = runner.overview()
    if as_json:
        output.print_json({"overall": encode(overview), "checks": [encode(view) for view in views]})
    else:
        for view in views:
            output.say(_line(view, view.status if seconds else view.latest))
    worst = max((view.status if seconds else view.latest for view in views), key=GRAVITY.__getitem__)
    if GRAVITY[worst] > GRAVITY[HealthStatus.DEGRADED]:
        raise typer.Exit(1)


@app.command("export")
def export(
    target: Annotated[Path, typer.Argument(help="Parquet file to write: ts, component, metric, value.")],
    store: Annotated[str, typer.Option(help="File, data directory or URL of the store; that of the settings.")] = "",
    step_s: Annotated[float, typer.Option(help="Seconds between rows.", min=1, max=86400)] = 30.0,
) -> None:
    """Write the results that are kept as metrics, for ``faultline train`` and ``faultline detect``."""
    from models.sources.files import write_long
    from service.checks.series import frame_of
    from service.commands import output, stores
    from service.store.checks import CheckStore

    with stores.opened(store) as opened:
        frame = frame_of(CheckStore(opened.database).all_results(), step_s)
    write_long(frame, target)
    output.say(f"{target}: {frame.n_series} series, {frame.n_rows} rows of {step_s:g} s")


def _store(settings: "Settings", *, is_kept: bool) -> "SqlStore":
    from service.store.sql import SqlStore

    if not is_kept:
        return SqlStore("sqlite://")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return SqlStore(settings.store)


def _wait(runner: "CheckRunner", seconds: float) -> None:
    """Let every check run at once, and go on for so long."""
    import time

    end = time.monotonic() + seconds
    for check in runner.checks:
        runner.ask(check.id)
    while time.monotonic() < end if seconds else any(view.runs == 0 for view in runner.views()):
        time.sleep(_POLL_S)


def _line(view: "CheckView", status: str) -> str:
    import math

    values = ", ".join(f"{name} {value:.4g}" for name, value in view.values.items() if math.isfinite(value))
    reason = f": {view.reason.removeprefix('pending: ')}" if view.reason else ""
    return f"{status:<9} {view.id} ({view.component}){reason}" + (f" [{values}]" if values else "")
