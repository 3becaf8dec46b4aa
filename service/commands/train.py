"""``faultline train``: a bundle of detectors from historical metrics, tracked in MLflow."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    history: Annotated[Path, typer.Argument(help="CSV or Parquet file, or a directory of them; long or wide.")],
    out: Annotated[Path | None, typer.Option(help="Also write the bundle to this directory.")] = None,
    step_s: Annotated[float | None, typer.Option(help="Step of the metrics, seconds; inferred if not given.")] = None,
    false_alarms: Annotated[
        float | None, typer.Option(help="Accepted false alarms per series and day.", min=1e-6, max=1000)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Learn what normal looks like from historical metrics."""
    from models.sources.files import read_metrics
    from models.tracking import log_training
    from models.training import TrainingSettings
    from models.training import train as learn
    from service.clock import SystemClock
    from service.commands import output
    from service.config import load_settings
    from service.store.codec import encode

    settings = load_settings()
    reading = read_metrics(history, step_s=step_s)
    for repair in reading.repairs:
        typer.echo(f"repaired: {repair}", err=True)
    wanted = TrainingSettings() if false_alarms is None else TrainingSettings(false_alarms_per_day=false_alarms)
    with output.Bar("training") as bar:
        result = learn(reading.frame, wanted, created=SystemClock().now(), progress=bar.stage)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    run = log_training(result, settings.tracking, reading.frame)
    if out is not None:
        result.bundle.save(out)
    report = encode(result.report)
    summary = {"run_id": run.run_id, "model_version": result.bundle.model_version, "tracking": settings.tracking}
    if as_json:
        output.print_json({**summary, **report})
        return
    for name, value in {**summary, **report}.items():
        output.say(f"{name}: {value}")
