"""``faultline train``: a bundle of detectors from historical metrics, tracked in MLflow."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.training import TrainingReport, TrainingSettings

SHOWN_SKIPPED = 5


class BudgetPer(StrEnum):
    """Whom the budget of false alarms is for."""

    SERIES = "series"
    COMPONENT = "component"
    FLEET = "fleet"


class Calibration(StrEnum):
    """How boundaries are found, see ``models.calibration``."""

    TAIL = "tail"
    CONFORMAL = "conformal"


def train(
    history: Annotated[Path, typer.Argument(help="CSV or Parquet file, or a directory of them; long or wide.")],
    out: Annotated[Path | None, typer.Option(help="Also write the bundle to this directory.")] = None,
    step_s: Annotated[float | None, typer.Option(help="Step of the metrics, seconds; inferred if not given.")] = None,
    rules: Annotated[Path | None, typer.Option(help="File of rules (YAML): what may alarm, and when.")] = None,
    time_zone: Annotated[str, typer.Option(help="IANA zone in which days and weeks are meant.")] = "UTC",
    holidays: Annotated[
        str | None, typer.Option(help="Country whose holidays count as Sundays, such as DE, DE-BY or US.")
    ] = None,
    false_alarms: Annotated[
        float | None,
        typer.Option(help="Accepted false alarms a day, for each of --budget-per.", min=1e-6, max=1000),
    ] = None,
    budget_per: Annotated[
        BudgetPer, typer.Option(help="Whom the budget is for: each series, each component, or all together.")
    ] = BudgetPer.SERIES,
    calibration: Annotated[
        Calibration, typer.Option(help="conformal assumes nothing on the tail, but needs a longer history.")
    ] = Calibration.TAIL,
    detector: Annotated[
        list[str] | None, typer.Option(help="Train this detector; may be repeated.", show_default="the ensemble")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Learn what normal looks like from historical metrics."""
    from models.sources.files import read_metrics
    from models.tracking import log_training
    from models.training import train as learn
    from service.clock import SystemClock
    from service.commands import output
    from service.config import load_settings
    from service.store.codec import encode

    settings = load_settings()
    wanted = _settings(rules, time_zone, holidays, false_alarms, budget_per, calibration, detector)
    reading = read_metrics(history, step_s=step_s)
    for repair in reading.repairs:
        typer.echo(f"repaired: {repair}", err=True)
    with output.Bar("training") as bar:
        result = learn(reading.frame, wanted, created=SystemClock().now(), progress=bar.stage)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    run = log_training(result, settings.tracking, reading.frame)
    if out is not None:
        result.bundle.save(out)
    if as_json:
        summary = {"run_id": run.run_id, "model_version": result.bundle.model_version, "tracking": settings.tracking}
        output.print_json({**summary, **encode(result.report)})
        return
    output.say(f"trained {result.bundle.model_version}; MLflow run {run.run_id} in {settings.tracking}")
    for line in _lines(result.report, wanted):
        output.say(line)
    if out is not None:
        output.say(f"written: {out}")


def _settings(
    rules: Path | None,
    time_zone: str,
    holidays: str | None,
    false_alarms: float | None,
    budget_per: BudgetPer,
    calibration: Calibration,
    detectors: list[str] | None,
) -> "TrainingSettings":
    """All that was asked for, checked before a long file is read."""
    from models.calendar import Calendar
    from models.registry import ENSEMBLE, make_detector
    from models.shaping.rules_file import ShapingRules, load_rules
    from models.training import TrainingSettings

    usual = TrainingSettings()
    for name in detectors or ():
        make_detector(name)
    return TrainingSettings(
        detectors=tuple(detectors or ENSEMBLE),
        false_alarms_per_day=usual.false_alarms_per_day if false_alarms is None else false_alarms,
        budget_per=budget_per.value,
        calibration=calibration.value,
        calendar=Calendar(time_zone=time_zone, holidays=holidays),
        shaping=ShapingRules() if rules is None else load_rules(rules),
    )


def _lines(report: "TrainingReport", wanted: "TrainingSettings") -> "Iterator[str]":
    whom = "of the whole fleet a" if wanted.budget_per == "fleet" else f"per {wanted.budget_per} and"
    yield (
        f"{report.n_series} series of {report.n_components} components, {report.days:.3g} days, {report.n_rows} rows, "
        f"{report.missing_fraction:.2%} missing"
    )
    yield f"budget: {wanted.false_alarms_per_day:g} false alarms {whom} day"
    yield f"seasons: the day of {report.by_day} series repeats; {report.n_series - report.by_day} follow their level"
    rates = ", ".join(f"{name} {rate:.3g}" for name, rate in report.alarms_per_series_day.items())
    yield f"events beyond the boundary in the history itself, per series and day: {rates}"
    if report.cannot_alarm:
        yield (
            f"{report.cannot_alarm} of {report.n_series} series cannot alarm yet: so rare an alarm was never seen; "
            "give a longer history, a larger --false-alarms, or --calibration tail"
        )
    for skip in report.skipped[:SHOWN_SKIPPED]:
        yield f"not learnt: {skip.key}: {skip.reason}"
    if len(report.skipped) > SHOWN_SKIPPED:
        yield f"not learnt: {len(report.skipped) - SHOWN_SKIPPED} more series (all are listed with --json)"
    for sentence in report.unmatched:
        yield f"unmatched: {sentence}"
