"""The contest of root-cause methods as a page of Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.rca.calibration import Stated, calibration_lines
from benchmarks.rca.refit import describe, refit

OURS, TRAINED, CHANCE = "Faultline", "Faultline, trained", "chance"
ABOUT_TRAINED = """- **Faultline, trained**: its ranker has learnt from the incidents of all training splits
  (`faultline train-ranker`); in other systems it is not used. It does not contend: nobody else has seen resolved
  incidents.
"""
TITLES = ("AC@1", "AC@3", "AC@5", "Avg@5")
TOLERANCE = 1e-9
PREAMBLE = """# Root causes, side by side

Faultline beside what people use otherwise, on the same recorded incidents, with one configuration for all of them.
Every method gets a case (metrics, call graph, traces, logs, events, the symptom where one is named; never its truth)
and orders all components of it; ties go to the name. {scored}

```
{command}
```

AC@k is the share of cases with a true cause among the first k, Avg@5 the mean of AC@1 to AC@5. The calibration error is
the expected distance between stated confidence and share of hits, in ten bins. Seconds are CPU time without reading
the files. The best of a column is bold. A case that a method cannot run counts as a miss, and the row says so.

{methods}
- **chance**: expected values of a random order.
{trained}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One method on one suite.

    Parameters
    ----------
    figures
        By title; without "AC@1" the method cannot run at all.
    reasons
        Why cases were not run, with their number.
    by_fault
        Figures by fault.
    stated
        Confidences and what became of them.
    seconds
        Median and maximum; empty if nobody measured.
    calibration_error
        None for methods that state no confidence.
    """

    figures: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    by_fault: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    stated: Sequence[Stated] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    calibration_error: float | None = None


Contest = Mapping[str, Mapping[str, Row]]
"""By suite, then by method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the page says beside the figures.

    Parameters
    ----------
    command
        That gave them.
    methods
        Name and description of each rival.
    splits
        Suites of which a split is scored, with its name.
    reasons
        By suite and title: why another one is better.
    tool
        What counted the hits.
    """

    command: str
    methods: Mapping[str, str]
    splits: Mapping[str, str]
    reasons: Mapping[str, Mapping[str, Any]]
    tool: str


def page(contest: Contest, story: Story) -> str:
    """The whole page.

    Parameters
    ----------
    contest
        Rows of every suite.
    story
        The words.

    Returns
    -------
    str
        Markdown.
    """
    methods = "\n".join(f"- **{name}**: {about}." for name, about in story.methods.items())
    scored = f"Hits are counted by {story.tool}."
    scored += "".join(f" {suite} is scored on its {split} split." for suite, split in story.splits.items())
    trained = ABOUT_TRAINED if any(TRAINED in rows for rows in contest.values()) else ""
    parts = [PREAMBLE.format(trained=trained, command=story.command, methods=methods, scored=scored)]
    parts += [overview(contest), better(contest, story.reasons)]
    parts += [table(suite, rows) for suite, rows in contest.items()]
    stated = {suite: rows[OURS].stated for suite, rows in contest.items() if OURS in rows}
    parts += ["\n".join(["## Can the confidence be believed?", "", *calibration_lines(stated)])]
    again = refit(stated)
    parts += [describe(again)] if again is not None else []
    parts += [faults(contest)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def overview(contest: Contest) -> str:
    """Avg@5 of every method on every suite.

    Parameters
    ----------
    contest
        Rows of every suite.

    Returns
    -------
    str
        Markdown; the mean counts a suite that a method cannot run as 0.
    """
    names = list(next(iter(contest.values())))
    lines = ["## Avg@5 over the suites", "", _line(["", *contest, "mean"]), "| --- " * (len(contest) + 2) + "|"]
    columns = [[rows[name].figures.get("Avg@5", 0.0) for name in names] for rows in contest.values()]
    columns.append([sum(values) / len(contest) for values in zip(*columns, strict=True)])
    contending = [[value for name, value in zip(names, column, strict=True) if name != TRAINED] for column in columns]
    for place, name in enumerate(names):
        cannot = [not rows[name].figures for rows in contest.values()] + [False]
        cells = [
            "cannot run" if no else _cell(column[place], others)
            for no, column, others in zip(cannot, columns, contending, strict=True)
        ]
        lines.append(_line([name, *cells]))
    return "\n".join(lines)


def table(suite: str, rows: Mapping[str, Row]) -> str:
    """One suite.

    Parameters
    ----------
    suite
        Its name.
    rows
        By method.

    Returns
    -------
    str
        Markdown.
    """
    n = max((int(row.figures["n"]) for row in rows.values() if row.figures), default=0)
    contending = [row for name, row in rows.items() if name != TRAINED]
    head = ["", *TITLES, "calibration error", "median s", "max s", "note"]
    lines = [f"## {suite} ({n} cases)", "", _line(head), "| --- " * len(head) + "|"]
    for name, row in rows.items():
        note = "; ".join(f"{count} not run: {reason}" for reason, count in row.reasons.items())
        if not row.figures:
            lines.append(_line([name, *[""] * (len(head) - 2), f"cannot run: {', '.join(row.reasons)}"]))
            continue
        cells = [_cell(row.figures[t], [other.figures.get(t, 0.0) for other in contending]) for t in TITLES]
        error = "" if row.calibration_error is None else f"{row.calibration_error:.3f}"
        seconds = [f"{row.seconds[which]:.4f}" if which in row.seconds else "" for which in ("median", "max")]
        lines.append(_line([name, *cells, error, *seconds, note]))
    return "\n".join(lines)


def better(contest: Contest, reasons: Mapping[str, Mapping[str, Any]]) -> str:
    """Where another method is better than Faultline.

    Parameters
    ----------
    contest
        Rows of every suite.
    reasons
        By suite and title.

    Returns
    -------
    str
        Markdown, with the reason where one is known.
    """
    lines = ["## Where another one is better", ""]
    for suite, title, name, theirs, ours in losses(contest):
        why = reasons.get(suite, {}).get(title, "")
        lines.append(f"- {suite}, {title}: {name} {theirs:.3f}, {OURS} {ours:.3f}{f'; {why}' if why else ''}.")
    if not losses(contest):
        lines.append("Nowhere in these figures.")
    return "\n".join(lines)


def losses(contest: Contest) -> list[tuple[str, str, str, float, float]]:
    """The figures in which another method is the best.

    Parameters
    ----------
    contest
        Rows of every suite.

    Returns
    -------
    list of tuple
        Suite, title, the best method, its figure, ours.
    """
    found = []
    for suite, rows in contest.items():
        for title in TITLES:
            ours = rows[OURS].figures.get(title, 0.0) if OURS in rows else 0.0
            name, theirs = max(
                ((name, row.figures.get(title, 0.0)) for name, row in rows.items() if name != TRAINED),
                key=lambda pair: pair[1],
            )
            if theirs > ours + TOLERANCE:
                found.append((suite, title, name, theirs, ours))
    return found


def faults(contest: Contest) -> str:
    """Faultline by kind of fault.

    Parameters
    ----------
    contest
        Rows of every suite.

    Returns
    -------
    str
        Markdown.
    """
    head = ["suite", "fault", "cases", *TITLES]
    lines = [f"## {OURS} by fault", "", _line(head), "| --- " * len(head) + "|"]
    for suite, rows in contest.items():
        for fault, figures in (rows[OURS].by_fault if OURS in rows else {}).items():
            lines.append(_line([suite, fault, f"{figures['n']:.0f}", *(f"{figures[title]:.3f}" for title in TITLES)]))
    return "\n".join(lines)


def _cell(value: float, column: Sequence[float]) -> str:
    """A figure, bold if none of its column is higher."""
    return f"**{value:.3f}**" if value >= max(column) - TOLERANCE else f"{value:.3f}"


def _line(cells: Sequence[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
