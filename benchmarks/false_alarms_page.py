"""Measured rates beside the budget, as a page of Markdown."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FACTOR = 2.0
MANY = 0.25
FEW_SERIES = 0.15
HEAD = (
    "metrics",
    "judged",
    "number",
    "days",
    "budget",
    "alerts",
    "rate",
    "mean",
    "median",
    "rate / budget",
    "95 %",
    "within a factor of 2",
    "own boundary alone",
    "repeats",
    "near an event",
    "half in",
)
PREAMBLE = """# Whether the budget of false alarms is kept

`false_alarms_per_day` says how many alerts normal metrics may raise, for each series and for each component as a whole.
Here is how many there are on the rows of the suites that no label covers, and on made metrics in which nothing happens.

```
{command}
```

- **judged**: a file of one metric is a series; a file of several is a component, of which its alerts as a whole are
  counted, and in rows of their own those of its series.
- **rate**: all alerts over all days, the same figure as in [benchmarks.md](benchmarks.md) but for alerts in consecutive
  rows, which count one by one; **mean**, **median**: of the rates of the single series or components.
- **95 %**: the range of rate / budget in which the true one lies if alerts come independently of each other.
- **own boundary alone**: rate / budget if no boundary common to all series were mixed in (`MOST_COMMON`, see the
  [decision](decisions/0009-a-boundary-partly-common-to-all-series.md)): what the tail of the history promises.
- **repeats**: alerts within 40 rows of an earlier one of the same incident, which was {escalation:g} times as strange.
- **near an event**: alerts outside a label, but within 40 rows of it.
- **half in**: so many series or components hold half of all alerts.

Labels say where somebody saw an incident, not that all else is normal: an alert on a row without a label is a false one
only as far as the labels are complete. The made metrics have {days} days of five-minute rows, of which the first
{train_days} are learnt.

The common boundary was set on recorded metrics. Metrics with lighter tails than it assumes, as Gaussian noise has,
alarm less often than they are allowed to; those with heavier ones, as Student's distribution with three degrees of
freedom has, too often. What it buys on the suites is in [ablation.md](ablation.md), in the row "tail: no common
boundary".
"""


class Counted(Protocol):
    """As ``false_alarms.Quiet``."""

    @property
    def what(self) -> str:
        """Which metrics."""

    @property
    def judges(self) -> str:
        """What is counted."""

    @property
    def budget(self) -> float:
        """Alerts a day."""

    @property
    def alerts(self) -> NDArray[np.int64]:
        """Of each series or component."""

    @property
    def again(self) -> NDArray[np.int64]:
        """Repeats among them."""

    @property
    def near(self) -> NDArray[np.int64]:
        """Those near an event."""

    @property
    def alone(self) -> NDArray[np.int64]:
        """Alerts by the own boundary."""

    @property
    def days(self) -> NDArray[np.float64]:
        """Of each series or component."""


def page(
    recorded: Sequence[Counted],
    made: Sequence[Counted],
    *,
    command: str,
    escalation: float,
    days: int,
    train_days: int,
) -> str:
    """The whole page.

    Parameters
    ----------
    recorded
        Of suites.
    made
        Of made metrics.
    command
        That counted it.
    escalation
        By how much a repeated alert is stranger.
    days
        Of the made metrics.
    train_days
        What of it is learnt.

    Returns
    -------
    str
        Markdown.
    """
    text = PREAMBLE.format(command=command, escalation=escalation, days=days, train_days=train_days)
    parts = [text + "\n" + found(recorded, made), "## Recorded metrics, rows without a label", table(recorded)]
    if made:
        parts += ["## Made metrics in which nothing happens", table(made)]
    return "\n\n".join(parts) + "\n"


def found(recorded: Sequence[Counted], made: Sequence[Counted]) -> str:
    """Which rates are off, and what the counts say of the reason.

    Parameters
    ----------
    recorded
        Of suites.
    made
        Of made metrics.

    Returns
    -------
    str
        Markdown.
    """
    counts = [
        f"{sum(_is_kept(ratio(each)) for each in rows)} of {len(rows)} rows of {name} metrics"
        for name, rows in (("recorded", recorded), ("made", made))
        if rows
    ]
    off: dict[tuple[str, str, bool], list[Counted]] = {}
    for each in (*recorded, *made):
        if not _is_kept(ratio(each)):
            off.setdefault((each.what, each.judges, ratio(each) > 1), []).append(each)
    told = (
        f"## What was found\n\nThe rate lies within a factor of {FACTOR:g} of the budget in {' and in '.join(counts)}."
    )
    return "\n".join([told, "", *(f"- {why(group)}" for group in off.values())])


def why(group: Sequence[Counted]) -> str:
    """What the counts say of rates that are off.

    Parameters
    ----------
    group
        The same metrics under budgets that are all exceeded, or all not reached.

    Returns
    -------
    str
        Sentences.
    """
    is_much, first = ratio(group[0]) > 1, group[0]
    alone = [_over_budget(each.alone, each) for each in group]
    is_common = all(_off(own) < _off(ratio(each)) for own, each in zip(alone, group, strict=True))
    listed = f"{_list(ratio(each) for each in group)} times the budget at {', '.join(f'{e.budget:g}' for e in group)}"
    told = [f"**{first.what}**, {first.judges}: {listed}."]
    told += [f"The boundary of the history alone gives {_list(alone)}" + (_nearer(is_much) if is_common else ".")]
    chance = [each for each in group if _may_be_kept(each)]
    told += [f"At {', '.join(f'{each.budget:g}' for each in chance)} it may be chance."] if chance else []
    for each in group if is_much else ():
        total, half = int(each.alerts.sum()), _half_in(each)
        told += [
            f"At {each.budget:g}, {part.sum() / total:.0%} of the alerts {name}; "
            f"{_over_budget(each.alerts - part, each):.2f} without them."
            for part, name in ((each.again, "repeat an incident"), (each.near, "lie near an event"))
            if part.sum() >= MANY * total
        ]
        told += [f"Half come from {half} of {len(each.days)}."] if half <= FEW_SERIES * len(each.days) else []
    return " ".join(told)


def table(rows: Sequence[Counted]) -> str:
    """All figures.

    Parameters
    ----------
    rows
        A line each.

    Returns
    -------
    str
        Markdown.
    """
    lines = ["| " + " | ".join(HEAD) + " |", "| --- " * len(HEAD) + "|"]
    return "\n".join([*lines, *(_line(each) for each in rows)])


def ratio(each: Counted) -> float:
    """All alerts over all days, in budgets.

    Parameters
    ----------
    each
        At least a day.

    Returns
    -------
    float
        1 where the budget is met.
    """
    return _over_budget(each.alerts, each)


def _over_budget(alerts: NDArray[np.int64], each: Counted) -> float:
    return float(alerts.sum() / each.days.sum() / each.budget)


def _off(found: float) -> float:
    """How far a ratio is from 1, up or down."""
    return max(found, 1 / found) if found > 0 else np.inf


def _is_kept(found: float) -> bool:
    return _off(found) <= FACTOR


def _may_be_kept(each: Counted) -> bool:
    low, high = _interval(each)
    return low <= FACTOR and high >= 1 / FACTOR


def _nearer(is_much: bool) -> str:  # noqa: FBT001  # one word depends on it
    return f": the common boundary lies too {'low' if is_much else 'high'} for these metrics."


def _list(ratios: Iterable[float]) -> str:
    return ", ".join(f"{each:.2f}" for each in ratios)


def _interval(each: Counted) -> tuple[float, float]:
    """Of the ratio, exact for Poisson counts (Garwood, Biometrika 28, 1936)."""
    from scipy.stats import chi2

    total, expected = int(each.alerts.sum()), each.days.sum() * each.budget
    low = chi2.ppf(0.025, 2 * total) / 2 if total else 0.0
    return float(low / expected), float(chi2.ppf(0.975, 2 * total + 2) / 2 / expected)


def _half_in(each: Counted) -> int:
    largest = np.sort(each.alerts)[::-1]
    return int(np.searchsorted(np.cumsum(largest), largest.sum() / 2)) + 1 if largest.sum() else 0


def _line(each: Counted) -> str:
    total, days = int(each.alerts.sum()), each.days.sum()
    rates = each.alerts / np.maximum(each.days, 1e-9)
    low, high = _interval(each)
    cells = [
        each.what,
        each.judges,
        f"{len(each.days)}",
        f"{days:,.0f}",
        f"{each.budget:g}",
        f"{total:,}",
        f"{total / days:.3f}",
        f"{rates.mean():.3f}",
        f"{np.median(rates):.3f}",
        f"{ratio(each):.2f}",
        f"{low:.2f} to {high:.2f}",
        "yes" if _is_kept(ratio(each)) else "no",
        f"{_over_budget(each.alone, each):.2f}",
        f"{each.again.sum() / max(total, 1):.0%}",
        f"{each.near.sum() / max(total, 1):.0%}",
        f"{_half_in(each)}",
    ]
    return "| " + " | ".join(cells) + " |"
