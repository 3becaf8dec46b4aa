"""A diagnosis and its story as text: what broke, why, what was done."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.findings import PossibleCause, RootCauseAnalysis
from models.anomalies import Anomaly
from service.records import Record, RecordKind
from service.replay import Story

SHOWN_CAUSES = 5
SHOWN_EVIDENCE = 4


def print_analysis(console: Console, analysis: RootCauseAnalysis) -> None:
    """Print the ranked causes with their evidence.

    Parameters
    ----------
    console
        Where to.
    analysis
        What to print.
    """
    best = analysis.most_likely_cause
    if best is None:
        console.print("[bold yellow]Not enough evidence to name a root cause.[/] The candidates, weakly ordered:")
    else:
        console.print(
            f"[bold red]Root cause:[/] [bold]{escape(best.component)}[/] ({best.category}), "
            f"confidence {analysis.confidence:.0%}. {escape(best.description)}"
        )
        if best.propagation:
            console.print(f"Propagation: {escape(' -> '.join(best.propagation))}")
    print_causes(console, analysis)


def print_causes(console: Console, analysis: RootCauseAnalysis, first: int = 0) -> None:
    """Print the candidates with their evidence, and what could not run.

    Parameters
    ----------
    console
        Where to.
    analysis
        What to print.
    first
        So many candidates are left out, as they are told elsewhere.
    """
    title = "\nOther candidates" if first else None
    table = Table(show_header=True, header_style="bold", expand=False, title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    table.add_column("component", overflow="fold", max_width=36)
    for name in ("category", "likely"):
        table.add_column(name, no_wrap=True)
    table.add_column("evidence (+ for, - against)", overflow="fold")
    shown = analysis.possible_causes[first:SHOWN_CAUSES]
    for rank, cause in enumerate(shown, start=first + 1):
        table.add_row(str(rank), escape(cause.component), cause.category, f"{cause.likelihood:.0%}", _evidence(cause))
    if shown:
        console.print(table)
    for method in analysis.skipped:
        console.print(f"[dim]not used: {escape(method.name)}: {escape(method.reason)}[/]")


def _evidence(cause: PossibleCause) -> str:
    lines = [f"{'+' if e.is_supporting else '-'} {escape(e.statement)}" for e in cause.evidence[:SHOWN_EVIDENCE]]
    more = len(cause.evidence) - SHOWN_EVIDENCE
    return "\n".join(lines + ([f"[dim]and {more} more[/]"] if more > 0 else []))


def print_records(console: Console, records: Sequence[Record]) -> None:
    """Print the ledger of an incident as a timeline.

    Parameters
    ----------
    console
        Where to.
    records
        In time order.
    """
    table = Table(show_header=True, header_style="bold", title="Timeline", title_justify="left")
    for name in ("UTC", "what"):
        table.add_column(name, no_wrap=True)
    table.add_column("detail", overflow="fold")
    for record in records:
        table.add_row(f"{record.at:%H:%M:%S}", record.kind, escape(record.message))
    console.print(table)


def print_story(console: Console, story: Story) -> None:
    """Print a replay: what broke, why, what was decided, done and verified.

    Parameters
    ----------
    console
        Where to.
    story
        What happened.
    """
    fault = story.fault
    console.print(f"[dim]injected (nobody told the engine):[/] {fault.kind} on {escape(fault.component)}")
    if story.incident is None or story.analysis is None:
        console.print("[bold yellow]The fault was not noticed.[/]")
        return
    incident = story.incident
    console.print(
        f"[bold]Incident {incident.id}[/]: {incident.severity}, {len(incident.anomalies)} anomalies on "
        f"{len(incident.components)} components, detected {story.detected_after_s:.0f} s after the first faulty row."
    )
    print_analysis(console, story.analysis)
    print_records(console, [record for record in story.records if record.kind is not RecordKind.HEALTH_CHANGED])
    if story.resolved_after_s is None:
        console.print("[bold yellow]Not resolved within the replay.[/]")
    else:
        console.print(f"[bold green]Resolved[/] {story.resolved_after_s / 60:.0f} min after the first faulty row.")


def print_anomalies(console: Console, anomalies: Sequence[Anomaly]) -> None:
    """Print anomalies with their evidence, one a row.

    Parameters
    ----------
    console
        Where to.
    anomalies
        In time order.
    """
    console.print(f"[bold]{len(anomalies)} anomalies[/]")
    for anomaly in anomalies:
        console.print(
            f"{anomaly.start:%Y-%m-%d %H:%M:%S} {anomaly.duration_s / 60:4.0f} min  {anomaly.severity:<8} "
            f"[bold]{escape(str(anomaly.key))}[/]: {anomaly.value:.4g}, expected "
            f"{anomaly.lower:.4g} to {anomaly.upper:.4g} "
            f"({anomaly.type}, confidence {anomaly.confidence:.0%})",
            soft_wrap=True,
        )
