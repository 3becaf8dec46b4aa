"""``faultline simulate``: history and incidents with known truth, from the seeded simulator."""

from pathlib import Path
from typing import Annotated

import typer

from models.errors import InputError


def simulate(
    out: Annotated[Path, typer.Argument(help="Directory to write to; must be empty or new.")],
    days: Annotated[float, typer.Option(help="Length of the history.")] = 7.0,
    seed: Annotated[int, typer.Option(help="Of the system, its noise and its incidents.", min=0)] = 0,
    step_s: Annotated[float, typer.Option(help="Seconds between rows.")] = 60.0,
    components: Annotated[int, typer.Option(help="14 gives a web shop, other numbers a generated system.")] = 14,
    fault: Annotated[
        list[str] | None, typer.Option(help="Kind of fault; may be repeated. All kinds if not given.")
    ] = None,
    incidents: Annotated[
        int, typer.Option(help="Incidents of each kind, each on a system and at an hour of its own.", min=0, max=1000)
    ] = 1,
    missing: Annotated[float, typer.Option(help="Share of values that are absent, 0 to 0.9.")] = 0.0,
    traces: Annotated[int, typer.Option(help="Sampled traces a row of an incident; 0 writes none.")] = 0,
) -> None:
    """Write a simulated history, incidents in the case format, and their truth apart."""
    from dataclasses import replace

    from models.simulator import SimulatorSettings, plan_suite, write_history, write_suite
    from service.commands import output
    from service.replay import fault_kind

    kinds = [fault_kind(name) for name in fault] if fault else None
    settings = SimulatorSettings(
        seed=seed, step_s=step_s, components=components, missing_ratio=missing, traces_per_step=traces
    )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("exists and is not an empty directory", source=str(out), remedy="give another directory")
    with output.Bar("simulating the history") as bar:
        frame = write_history(replace(settings, traces_per_step=0), days, out / "history.parquet", bar.count)
    output.say(f"{out / 'history.parquet'}: {frame.n_series} series, {frame.n_rows} rows of {frame.step_s:g} s")
    if not incidents:
        return
    seeds = range(seed, seed + incidents)
    planned = plan_suite(settings, seeds=seeds) if kinds is None else plan_suite(settings, kinds, seeds)
    with output.Bar("simulating incidents") as bar:
        write_suite(out / "incidents", planned, progress=bar.count)
    output.say(f"{out / 'incidents'}: {len(planned)} incidents; truth.json holds what was injected")
