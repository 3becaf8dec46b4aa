"""``faultline backtest``: what detection would have done on a history, before it watches anything."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from models.backtest import Backtest
    from models.backtest_labels import LabelFigures
    from models.backtest_report import BacktestReport, BudgetFigures
    from models.injection import FaultFigures

REPORT = "report.json"


def backtest(
    history: Annotated[Path, typer.Argument(help="CSV or Parquet file, or a directory of them; long or wide.")],
    train_share: Annotated[
        float | None, typer.Option(help="Part of the rows to learn from, the first ones.", show_default="0.6")
    ] = None,
    train_days: Annotated[float | None, typer.Option(help="Learn from so many days instead.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV or Parquet file: component, metric (optional), start, end; globs.")
    ] = None,
    inject: Annotated[bool, typer.Option("--inject", help="Put seeded faults into copies of the judged part.")] = False,
    seed: Annotated[int, typer.Option(help="Of the injected faults.", min=0)] = 0,
    budget: Annotated[
        list[float] | None,
        typer.Option(help="Accepted false alarms per series and day; may be repeated.", show_default="0.1"),
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="File of rules (YAML): what may alarm, and when.")] = None,
    step_s: Annotated[float | None, typer.Option(help="Step of the metrics, seconds; inferred if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for report.json and plots.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    plot: Annotated[
        bool | None, typer.Option("--plot/--no-plot", help="Write plots to --out.", show_default="with --out")
    ] = None,
) -> None:
    """Learn the first part of a history, judge the rest causally, and say what would have alarmed."""
    from models.backtest import BacktestSettings, run_backtest
    from models.errors import ConfigurationError
    from models.shaping.rules_file import ShapingRules, load_rules
    from models.sources.files import read_metrics
    from models.sources.labels import read_labels
    from service.clock import SystemClock
    from service.commands import output
    from service.store.codec import encode

    if train_share is not None and train_days is not None:
        raise ConfigurationError("Both --train-share and --train-days are given.", remedy="give one of them")
    if plot and out is None:
        raise ConfigurationError("--plot has nowhere to write to.", remedy="name a directory with --out")
    known, more = read_labels(labels) if labels is not None else ((), ())
    settings = BacktestSettings(
        train_share=0.6 if train_share is None else train_share,
        train_days=train_days,
        budgets=tuple(budget or (0.1,)),
        shaping=ShapingRules() if rules is None else load_rules(rules),
        labels=known,
        inject=inject,
        seed=seed,
    )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    reading = read_metrics(history, step_s=step_s)
    for repair in (*reading.repairs, *more):
        typer.echo(f"repaired: {repair}", err=True)
    with output.Bar("back-testing") as bar:
        done = run_backtest(reading.frame, settings, created=SystemClock().now(), progress=bar.stage)
    written = () if out is None else _write(done, out, is_plotted=plot is not False)
    if as_json:
        output.print_json(encode(done.report))
        return
    for line in _lines(done.report):
        output.say(line)
    for path in written:
        output.say(f"written: {path}")


def _write(done: "Backtest", out: Path, *, is_plotted: bool) -> tuple[Path, ...]:
    from models.backtest_plots import write_plots
    from models.sources.json_files import write_object
    from service.store.codec import encode

    write_object(out / REPORT, encode(done.report))
    return (out / REPORT, *(write_plots(done, out) if is_plotted else ()))


def _lines(report: "BacktestReport") -> "Iterator[str]":
    yield (
        f"learnt {report.train_days:.3g} days from {report.train_start:%Y-%m-%d %H:%M}, judged "
        f"{report.judged_days:.3g} days to {report.judged_end:%Y-%m-%d %H:%M} (UTC); {report.series} series of "
        f"{report.components} components, step {report.step_s:g} s"
    )
    for name, reason in report.skipped.items():
        yield f"not judged: {name}: {reason}"
    yield from (f"note: {note}" for note in report.notes)
    for figures in report.budgets:
        yield f"\nbudget {figures.budget:g} false alarms per series and day"
        yield from (f"  {line}" for part in (_rate_lines, _noise_lines, _truth_lines) for line in part(figures))


def _rate_lines(figures: "BudgetFigures") -> "Iterator[str]":
    by_rule = f", {figures.by_rule} by rules of silence or range alone" if figures.by_rule else ""
    yield (
        f"alerts: {figures.alerts_a_day:.3g} a day in all ({figures.alerts} of series{by_rule}, "
        f"{figures.component_alerts} of components as a whole)"
    )
    if figures.ratio is None:
        yield "nothing could be judged"
    else:
        yield (
            f"per series and day {figures.per_series_day:.3g}, {figures.ratio:.2f} times the budget of "
            f"{figures.asked:.3g} ({figures.alerts - figures.by_rule} alerts, {figures.expected_alerts:.3g} allowed)"
        )
    if figures.component_ratio is not None:
        yield f"per component and day {figures.per_component_day:.3g}, {figures.component_ratio:.2f} times the budget"
    what_if = ", ".join(f"{value:.3g} at {factor} x" for factor, value in figures.what_if.items())
    yield f"alerts a day at other budgets: {what_if}"


def _noise_lines(figures: "BudgetFigures") -> "Iterator[str]":
    yield (
        f"under alarm: {figures.cells_under_alarm:.2%} of all values; in {figures.rows_under_alarm:.2%} of the rows at "
        "least one series"
    )
    yield f"{figures.anomalies} anomalies: {_counts(figures.by_type)}; {_counts(figures.by_severity)}"
    for noisy in figures.noisiest:
        yield (
            f"{noisy.anomalies:5d} anomalies  {noisy.alerts_a_day:7.3g} alerts a day  "
            f"{noisy.share_under_alarm:6.2%} under alarm  {noisy.series}"
        )
        yield from (f"        {reason}" for reason in noisy.why)


def _truth_lines(figures: "BudgetFigures") -> "Iterator[str]":
    if figures.labels is not None:
        yield _label_line(figures.labels)
        if figures.labels.false_per_series_day is not None:
            rate = figures.labels.false_per_series_day
            yield f"outside labels per series and day {rate:.3g}, {rate / figures.asked:.2f} times the budget"
    if figures.faults is not None:
        yield from map(_fault_line, figures.faults)
    if figures.untouched is not None and figures.untouched.alerts_per_series_day is not None:
        yield (
            f"series without a fault: {figures.untouched.alerts} alerts in {figures.untouched.series_days:.4g} days of "
            f"series, {figures.untouched.alerts_per_series_day:.3g} a day"
        )


def _counts(counts: "Mapping[str, int]") -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _label_line(found: "LabelFigures") -> str:
    delay = "none" if found.median_delay_s is None else f"{found.median_delay_s:g} s"
    return (
        f"labels: {found.found} of {found.events} events found (recall {found.recall:.2f}), {found.false_alerts} "
        f"false alerts (precision {found.precision:.2f}), event F1 {found.event_f1:.2f}, "
        f"delay-7 F1 {found.delay_7_f1:.2f}, median delay {delay}"
    )


def _fault_line(figures: "FaultFigures") -> str:
    size = f"{figures.size_sigma:g} sd" if figures.size_sigma else ""
    delay = "" if figures.median_delay_s is None else f", median delay {figures.median_delay_s:g} s"
    anyway = f" ({figures.alarming_anyway:.0%} lie where there are alerts anyway)" if figures.alarming_anyway else ""
    return f"injected {figures.shape:<16} {size:>6}: {figures.found} of {figures.faults} found{delay}{anyway}"
