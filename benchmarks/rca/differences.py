"""Tables of variants of Faultline, each with its difference to the first one."""

from collections.abc import Callable, Mapping, Sequence

from analysis.benchmark import accuracy, rank_of
from benchmarks.rca.methods import Answer
from benchmarks.rca.run import Answers, RcaSuite
from models.sources.suites import read_truth

TITLES = ("Avg@5", "AC@1")
NOTABLE = 0.005
"""A smaller difference of the mean is called none."""

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By row, suite and title; the first row is the shipped configuration on the clean cases."""


def figures_of(answers: Answers, suites: Sequence[RcaSuite]) -> dict[str, dict[str, dict[str, float]]]:
    """Count the hits.

    Parameters
    ----------
    answers
        By variant, suite and case.
    suites
        With their truths.

    Returns
    -------
    dict
        Figures by variant, suite and title; a case without an answer is a miss.
    """
    truths = {suite.name: read_truth(suite.path) for suite in suites}
    return {
        variant: {
            suite: accuracy([rank_of(found.ranking, truths[suite][name].components) for name, found in cases.items()])
            for suite, cases in by_suite.items()
        }
        for variant, by_suite in answers.items()
    }


def tables(figures: Figures) -> str:
    """One table a title.

    Parameters
    ----------
    figures
        At least the first row.

    Returns
    -------
    str
        Markdown: what one case is worth, then each suite and the mean of the suites, in parentheses the difference to
        the first row.
    """
    first = next(iter(figures.values()))
    single = ", ".join(f"{1 / values['n']:.3f} on {suite}" for suite, values in first.items() if values["n"])
    return "\n\n".join([f"One case is worth {single}.", *(_table(figures, title) for title in TITLES)])


def mean_of(by_suite: Mapping[str, Mapping[str, float]], title: str) -> float:
    """Mean of a figure over the suites.

    Parameters
    ----------
    by_suite
        Figures of one row.
    title
        Which figure.

    Returns
    -------
    float
        Each suite counts the same.
    """
    return sum(values[title] for values in by_suite.values()) / len(by_suite)


def found(figures: Figures) -> str:
    """Which rows cost and which pay, on the mean of the suites.

    Parameters
    ----------
    figures
        At least the first row.

    Returns
    -------
    str
        Markdown, largest effects first.
    """
    first, *others = figures
    effects = {name: mean_of(figures[name], "Avg@5") - mean_of(figures[first], "Avg@5") for name in others}
    kinds: dict[str, Callable[[float], bool]] = {
        "Avg@5 falls on the mean of the suites": lambda effect: effect <= -NOTABLE,
        "Avg@5 rises": lambda effect: effect >= NOTABLE,
        f"Less than {NOTABLE:g} either way": lambda effect: abs(effect) < NOTABLE,
    }
    lines = []
    for title, belongs in kinds.items():
        named = sorted((effect, name) for name, effect in effects.items() if belongs(effect))
        if named:
            lines.append(f"- {title}: {'; '.join(f'{name} ({effect:+.3f})' for effect, name in named)}.")
    return "\n".join(lines)


def failures(answers: Answers) -> str:
    """What could not be answered.

    Parameters
    ----------
    answers
        By variant, suite and case.

    Returns
    -------
    str
        Markdown; a sentence if everything was answered.
    """
    counts: dict[tuple[str, str, str], int] = {}
    for variant, by_suite in answers.items():
        for suite, cases in by_suite.items():
            for answer in cases.values():
                if not answer.ranking:
                    key = (variant, suite, answer.reason or "an empty ranking")
                    counts[key] = counts.get(key, 0) + 1
    lines = [
        f"- {variant}, {suite}: {count} without an answer: {why}" for (variant, suite, why), count in counts.items()
    ]
    return "\n".join(lines) or "Every case was answered in every row."


def changes(answers: Answers, first: str, rows: Sequence[str]) -> str:
    """How many answers are not the same as in the first row.

    Parameters
    ----------
    answers
        By variant, suite and case.
    first
        The row to compare with.
    rows
        Those to compare.

    Returns
    -------
    str
        Markdown: cases with another first component, another ranking, another confidence, and with likelihoods that
        differ by more than an exchange of equal ones.
    """
    head = ["", "suite", "cases", "other first", "other ranking", "other confidence", "other likelihoods, ties aside"]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for name in rows:
        for suite, cases in answers[name].items():
            pairs = [(answers[first][suite][case], answer) for case, answer in cases.items()]
            counts = [
                sum(a.ranking[:1] != b.ranking[:1] for a, b in pairs),
                sum(a.ranking != b.ranking for a, b in pairs),
                sum(a.confidence != b.confidence for a, b in pairs),
                sum(not _is_alike(a, b) for a, b in pairs),
            ]
            lines.append("| " + " | ".join([name, suite, str(len(pairs)), *map(str, counts)]) + " |")
    return "\n".join(lines)


def _is_alike(one: Answer, other: Answer) -> bool:
    """Whether the likelihoods are the same; the last listed cause may have been exchanged for an equal one."""
    here, there = (sorted((-round(value, 9), name) for name, value in answer.causes) for answer in (one, other))
    last = max([here[-1][0] if here else 0.0, there[-1][0] if there else 0.0])
    return [c for c in here if c[0] < last] == [c for c in there if c[0] < last] and len(here) == len(there)


def _table(figures: Figures, title: str) -> str:
    """One title."""
    first = next(iter(figures))
    lines = [f"| {title} | " + " | ".join([*figures[first], "mean"]) + " |", "| --- " * (len(figures[first]) + 2) + "|"]
    for name, by_suite in figures.items():
        values = [*(by_suite[suite][title] for suite in by_suite), mean_of(by_suite, title)]
        usual = [*(figures[first][suite][title] for suite in by_suite), mean_of(figures[first], title)]
        cells = [_cell(value, base, is_first=name == first) for value, base in zip(values, usual, strict=True)]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def _cell(value: float, base: float, *, is_first: bool) -> str:
    """A figure and its difference."""
    if is_first:
        return f"{value:.3f}"
    return f"{value:.3f} (=)" if f"{value:.3f}" == f"{base:.3f}" else f"{value:.3f} ({value - base:+.3f})"
