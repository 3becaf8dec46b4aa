"""The figures of the ablation as a page of Markdown."""

import math
from collections.abc import Mapping, Sequence

from benchmarks.ablation_parts import SHIPPED

TITLES = {
    "AUC-PR": "AUC-PR",
    "event F1, one threshold": "event F1, one threshold",
    "event F1, own boundary": "event F1, own boundary",
    "delay-7 F1": "delay-7 F1",
    "false alarms per series and day": "false alarms a day",
    "NAB standard": "NAB standard",
    "NAB low FP": "NAB low FP",
    "NAB low FN": "NAB low FN",
    "NAB standard, cross-validated": "NAB cross-validated",
}
FALSE_ALARMS = "false alarms per series and day"
NOTABLE = {"NAB": 1.0, "": 0.005}
"""A smaller difference is not counted in the overview."""
PREAMBLE = """# What each part of the detection is worth

Each row is the shipped detection with one thing taken away, exchanged or added, on the same suites and scored alike
(what the figures mean is said in [benchmarks.md](benchmarks.md)); in parentheses the difference to the shipped one.

```
{command}
```

- **without** a detector, one **alone**, **with** an optional one: what is trained. A file of several metrics is judged
  by detectors of components alone, one of a single metric by detectors of series alone: there a row of the others
  changes nothing, or leaves nobody to judge. Where the detectors of components are gone, a file of several metrics
  tells whatever any of its series tells. Two or more detectors of series have half of the budget each, one has it all.
- **component: no season, hour, pattern**: one of the three lengths that `component_residual` adds.
- **season**: the level alone, or without what returns by weekday and by day of the month.
- **spread: no hour of the day**: one spread for all hours.
- **floor: no grain**: no spread is kept above the smallest step of the values.
- **tail: no prior** of the tail's scale, **no common boundary** for long histories, **no empirical return level** above
  which no boundary is, **no guard** against a series that alarms all day; **conformal instead of the tail**.
- **alerts: every row** at the boundary is told (no refractory rows, no escalation); **no fatigue** by earlier alerts;
  **onset at the boundary** rather than at 0.8 of it, which orders what is below the boundary.
"""
ABOUT_COUNTS = (
    "Figures of all suites that differ from the shipped ones by at least {:g} ({:g} for NAB scores); fewer false "
    "alarms count as better, also where they are fewer because incidents are missed."
).format(NOTABLE[""], NOTABLE["NAB"])
VERDICTS = {
    "down": "More figures get worse than better by",
    "even": "As many get worse as better by",
    "up": "More figures get better than worse by",
    "nothing": "No figure moves by",
}

Figures = Mapping[str, Mapping[str, float]]


def page(rows: Mapping[str, Figures], *, command: str, missing: Sequence[str]) -> str:
    """The whole page.

    Parameters
    ----------
    rows
        Figures by row, suite and title; the shipped one among them.
    command
        That gave them.
    missing
        Rows that are not measured yet.

    Returns
    -------
    str
        Markdown.
    """
    parts = [PREAMBLE.format(command=command)]
    if missing:
        parts.append(f"Not measured yet: {'; '.join(missing)}.\n")
    parts += [found(rows) + "\n", overview(rows) + "\n"]
    parts += [table(suite, {row: figures[suite] for row, figures in rows.items()}) + "\n" for suite in rows[SHIPPED]]
    return "\n".join(parts)


def found(rows: Mapping[str, Figures]) -> str:
    """What the counts of the overview say of each part.

    Parameters
    ----------
    rows
        As for ``page``.

    Returns
    -------
    str
        Markdown.
    """
    kinds: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for row, figures in rows.items():
        if row == SHIPPED or row.endswith(" alone"):
            continue
        worse, better = _counts(figures, rows[SHIPPED])
        balance = (
            "nothing" if worse == better == 0 else "up" if better > worse else "down" if worse > better else "even"
        )
        kinds[balance].append(f"{row} ({worse} worse, {better} better)" if worse or better else row)
    lines = [f"- {VERDICTS[verdict]}: {'; '.join(named)}." for verdict, named in kinds.items() if named]
    return "\n".join(["## What was found", "", ABOUT_COUNTS, "", *lines])


def overview(rows: Mapping[str, Figures]) -> str:
    """The differences over all suites.

    Parameters
    ----------
    rows
        As for ``page``.

    Returns
    -------
    str
        Markdown: mean differences, and how many figures became worse and better by at least ``NOTABLE``.
    """
    titles = [title for title in TITLES if not title.startswith("NAB")]
    head = ["", *(f"{TITLES[title]}, mean difference" for title in titles), "figures worse", "figures better"]
    lines = ["## Over all suites", "", "| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    shipped = rows[SHIPPED]
    for row, figures in rows.items():
        if row == SHIPPED:
            continue
        means = [sum(figures[one][t] - shipped[one][t] for one in shipped) / len(shipped) for t in titles]
        counts = _counts(figures, shipped)
        lines.append("| " + " | ".join([row, *(f"{mean:+.3f}" for mean in means), *map(str, counts)]) + " |")
    return "\n".join(lines)


def table(suite: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """One suite.

    Parameters
    ----------
    suite
        Its name.
    rows
        Figures by row and title.

    Returns
    -------
    str
        Markdown.
    """
    shipped = rows[SHIPPED]
    titles = [title for title in TITLES if title in shipped]
    head = ["", *(TITLES[title] for title in titles)]
    lines = [f"## {suite}", "", "| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for row, figures in rows.items():
        cells = [_cell(title, figures[title], shipped[title], is_shipped=row == SHIPPED) for title in titles]
        lines.append("| " + " | ".join([row, *cells]) + " |")
    return "\n".join(lines)


def _cell(title: str, value: float, shipped: float, *, is_shipped: bool) -> str:
    digits = 1 if title.startswith("NAB") else 3
    shown, usual = f"{value:.{digits}f}", f"{shipped:.{digits}f}"
    if is_shipped:
        return shown
    return f"{shown} (=)" if shown == usual else f"{shown} ({value - shipped:+.{digits}f})"


def _counts(figures: Figures, shipped: Figures) -> tuple[int, int]:
    """How many figures of all suites are worse and better than shipped."""
    gains = [_gain(t, figures[one][t], shipped[one][t]) for one in shipped for t in shipped[one] if t in TITLES]
    return sum(gain < 0 for gain in gains), sum(gain > 0 for gain in gains)


def _gain(title: str, value: float, shipped: float) -> int:
    """1 for better, -1 for worse, 0 for much the same."""
    notable = NOTABLE["NAB" if title.startswith("NAB") else ""]
    difference = shipped - value if title == FALSE_ALARMS else value - shipped
    return 0 if abs(difference) < notable else int(math.copysign(1, difference))
