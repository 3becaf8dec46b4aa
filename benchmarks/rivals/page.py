"""The figures as a page of Markdown: a table a suite, and where the shipped detection is not the best and why."""

import math
from collections.abc import Mapping, Sequence

from benchmarks.rivals import RIVALS
from benchmarks.rivals.run import FIGURES, OURS, RATIO, RECALL, SPEED, Row

UNDER_ALARM = FIGURES[-1]
LOW_IS_GOOD = FIGURES[-2:]
CHOSEN_ON_LABELS = FIGURES[1:4]
NO_DETECTOR = next(rival.name for rival in RIVALS.values() if not rival.contends)
UNEXPLAINED = "no reason known"
PREAMBLE = """# Detection, side by side

Every detector learns the first rows of each series (as the suite says, without labels) and scores the rest, row by row,
from that row and earlier ones. No point adjustment: an event counts once if any of its rows alarms, a false alarm is a
run of alarmed rows outside the events. The best of each column is bold. The recordings are not part of this repository.
Root causes have pages of their own: beside other methods in [rca-benchmarks.md](rca-benchmarks.md), spoilt in
[rca-robustness.md](rca-robustness.md), taken apart in [rca-ablation.md](rca-ablation.md).

```
{command}
```

{detectors}

With several metrics the score of a row is the highest over them, unless said otherwise (Faultline: over metrics and
detectors). The F1 columns but "own boundary" choose a threshold on the labels, for every detector alike; event F1 at
the own boundary, false alarms and normal rows under alarm use no label. A detector that hardly ever stops alarming has
few runs of alarmed rows and finds every event. The row of the alarm without end shows how much that is worth in each
event F1, often more than any detector reaches; so event F1 is to be read beside AUC-PR, delay-7 F1 and the normal rows
under alarm. Speed is values of all rows over CPU seconds of reading, fit, score and writing; no part of the contest.
"""
ABOUT_OURS = (
    "`faultline bench detect`, default training, one configuration for every series of every suite. Own boundary: the "
    "default budget of {budget:g} false alarms per series and day; an anomaly is told once, from the row at which a "
    "live loop would report it."
)

Reasons = Mapping[str, Mapping[str, str]]
"""Suite, then figure: why another one is the best in it."""


def page(
    suites: Mapping[str, Mapping[str, Row]], *, command: str, budget: float, missing: Sequence[str], reasons: Reasons
) -> str:
    """The whole page.

    Parameters
    ----------
    suites
        Figures by suite and detector.
    command
        That gave them.
    budget
        False alarms per series and day that the shipped boundary is set for.
    missing
        Suites that are not measured yet.
    reasons
        What is known of lost columns beyond what the figures themselves say.

    Returns
    -------
    str
        Markdown, suites by name.
    """
    measured = {who for rows in suites.values() for who in rows}
    about = [f"- **{OURS}**: {ABOUT_OURS.format(budget=budget)}"] if OURS in measured else []
    about += [f"- **{rival.name}**: {rival.about}" for rival in RIVALS.values() if rival.name in measured]
    parts = [PREAMBLE.format(command=command, detectors="\n".join(about))]
    if missing:
        parts.append(f"Not measured yet: {', '.join(sorted(missing))}.\n")
    if OURS in measured:
        parts.append(summary(suites, reasons) + "\n")
    return "\n".join([*parts, *(table(name, rows) + "\n" for name, rows in sorted(suites.items()))])


def summary(suites: Mapping[str, Mapping[str, Row]], reasons: Reasons) -> str:
    """Whether the shipped detection is the best of all; where not, and why.

    Parameters
    ----------
    suites
        Figures by suite and detector, the shipped one among them.
    reasons
        As for ``page``.

    Returns
    -------
    str
        Markdown.
    """
    lines, count = [], 0
    for name, rows in sorted(suites.items()):
        titles = _titles(rows)
        count += len(titles)
        for title, who in lost(rows).items():
            known = (reasons.get(name, {}).get(title, ""), _why(title, rows, who))
            why = "; ".join(filter(None, known)) or UNEXPLAINED
            ours, best = (_figure(title, rows[one][title]) for one in (OURS, who))
            lines.append(f"| {name} | {title} | {ours} | {best} | {who} | {why} |")
    told = (
        f"## Best of all?\n\nFaultline is the best, or as good as the best, in {count - len(lines)} of {count} columns."
    )
    if not lines:
        return told
    head = ["| suite | figure | Faultline | best | whose | why |", "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join([f"{told[:-1]}. Where not:", "", *head, *lines])


def table(name: str, rows: Mapping[str, Row]) -> str:
    """One suite.

    Parameters
    ----------
    name
        Of the suite.
    rows
        Figures by detector.

    Returns
    -------
    str
        Markdown.
    """
    titles = _titles(rows)
    best = {title: _figure(title, rows[_winner(title, rows)][title]) for title in titles}
    shown = [*titles, SPEED, RATIO]
    lines = [f"## {name}", "", "| " + " | ".join(["detector", *shown]) + " |", "| --- " * (len(shown) + 1) + "|"]
    for who, row in rows.items():
        cells = [_figure(title, row[title]) for title in shown]
        if who != NO_DETECTOR:
            cells = [f"**{cell}**" if best.get(t) == cell else cell for t, cell in zip(shown, cells, strict=True)]
        lines.append("| " + " | ".join([who, *cells]) + " |")
    return "\n".join(lines)


def lost(rows: Mapping[str, Row]) -> dict[str, str]:
    """Columns in which another one is better.

    Parameters
    ----------
    rows
        Figures by detector, the shipped one among them.

    Returns
    -------
    dict of str to str
        The best one of each such column; figures that print alike count as equal.
    """
    winners = {title: _winner(title, rows) for title in _titles(rows)}
    return {
        title: who
        for title, who in winners.items()
        if _figure(title, rows[who][title]) != _figure(title, rows[OURS][title])
    }


def _titles(rows: Mapping[str, Row]) -> list[str]:
    return [title for title in next(iter(rows.values())) if title not in (RECALL, SPEED, RATIO)]


def _winner(title: str, rows: Mapping[str, Row]) -> str:
    contest = [who for who in rows if who != NO_DETECTOR] or list(rows)
    return (min if title in LOW_IS_GOOD else max)(contest, key=lambda who: rows[who][title])


def _why(title: str, rows: Mapping[str, Row], who: str) -> str:
    """What the figures themselves say of a lost column; "" if nothing."""
    best = rows[who]
    if title not in LOW_IS_GOOD[1:] and best[UNDER_ALARM] > 0.5 and title in FIGURES[4:]:
        return f"it hardly ever stops: under alarm in {best[UNDER_ALARM]:.0%} of the normal rows"
    if title in LOW_IS_GOOD and best[RECALL] < rows[OURS][RECALL]:
        return f"it is silent: {best[RECALL]:.0%} of the events found, {rows[OURS][RECALL]:.0%} by Faultline"
    chance = rows.get(NO_DETECTOR, {}).get(title, -math.inf)
    if title in CHOSEN_ON_LABELS and best[title] <= chance + 5e-3:
        return f"both are no more than one alarm without end is worth: {_figure(title, chance)}"
    return ""


def _figure(title: str, value: float) -> str:
    if math.isnan(value):
        return "-"
    if title == SPEED:
        return f"{value:,.0f}"
    if title == RATIO:
        return f"{value:.2g}" if value < 100 else f"{value:,.0f}"
    return f"{value:.1f}" if title.startswith("NAB") else f"{value:.{4 if title == UNDER_ALARM else 3}f}"
