"""``faultline detect``: the anomalies of a file or a case, judged by a trained bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.frames import MetricFrame
    from models.sources.repairs import Repair


def detect(
    source: Annotated[Path, typer.Argument(help="CSV or Parquet file, a directory of them, or an incident case.")],
    bundle: Annotated[Path | None, typer.Option(help="Directory of a bundle; the champion if not given.")] = None,
    step_s: Annotated[float | None, typer.Option(help="Step of the metrics, seconds; inferred if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find anomalies in metrics with a trained bundle."""
    from models.bundle import Bundle
    from models.errors import InputError
    from models.evidence import find_anomalies
    from models.scoring import score_frame
    from models.tracking import load_champion
    from service.commands import output
    from service.config import load_settings
    from service.store.codec import encode

    frame, repairs = _read(source, step_s)
    judge = Bundle.load(bundle) if bundle is not None else load_champion(load_settings().tracking)
    scores = score_frame(judge, frame)
    if len(scores.absent) == len(judge.keys):
        raise InputError(
            f"has none of the {len(judge.keys)} series that the bundle {judge.model_version} knows",
            source=str(source),
            remedy="train on this system, or name its bundle with --bundle",
        )
    anomalies = find_anomalies(judge, scores)
    notes = [*(f"repaired: {repair}" for repair in repairs)]
    notes += [f"not judged, unknown to the bundle: {key}" for key in scores.unknown]
    notes += [f"not in the input: {key}" for key in scores.absent]
    if as_json:
        output.print_json({"model_version": judge.model_version, "anomalies": encode(anomalies), "notes": notes})
        return
    from rich.console import Console

    from service.commands.report import print_anomalies

    for note in notes:
        typer.echo(note, err=True)
    print_anomalies(Console(), anomalies)


def _read(source: Path, step_s: float | None) -> "tuple[MetricFrame, tuple[Repair, ...]]":
    from models.errors import InputError
    from models.sources.cases import read_case
    from models.sources.files import read_metrics

    if not (source / "incident.json").is_file():
        reading = read_metrics(source, step_s=step_s)
        return reading.frame, reading.repairs
    case = read_case(source)
    if case.frame is None:
        raise InputError("the case has no metrics", source=str(source), remedy="give a case with metrics.parquet")
    return case.frame, case.repairs
