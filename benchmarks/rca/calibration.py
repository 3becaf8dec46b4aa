"""Whether the stated confidence can be believed, and what would have been wrong where no cause is named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.benchmark import calibration_error

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One answer with a confidence.

    Parameters
    ----------
    confidence
        In [0, 1].
    is_right
        Whether the first of the ranking is a true cause.
    is_named
        False if the method abstained.
    """

    confidence: float
    is_right: bool
    is_named: bool


def calibration_lines(by_suite: dict[str, Sequence[Stated]]) -> list[str]:
    """Tables of a calibration.

    Parameters
    ----------
    by_suite
        Answers of each suite.

    Returns
    -------
    list of str
        Markdown: errors and abstentions by suite and together, then the reliability of all together.
    """
    together = [item for items in by_suite.values() for item in items]
    rows = [*by_suite.items(), ("all together", together)]
    head = ["suite", "cases", "calibration error", "abstained", "of these wrong", "named", "of these wrong"]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    lines += [_abstention_row(name, items) for name, items in rows]
    head = ["stated confidence", "cases", "mean confidence", "share right"]
    lines += ["", "| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    lines += [_reliability_row(place, inside) for place, inside in enumerate(_bins(together)) if inside]
    return lines


def _abstention_row(name: str, items: Sequence[Stated]) -> str:
    """Error, abstentions and misses of one suite."""
    if not items:
        return f"| {name} | 0 | | | | | |"
    error = calibration_error([(item.confidence, item.is_right) for item in items], BINS)
    silent = [item for item in items if not item.is_named]
    named = [item for item in items if item.is_named]
    cells = [name, f"{len(items)}", f"{error:.3f}", f"{len(silent)}", _wrong(silent), f"{len(named)}", _wrong(named)]
    return "| " + " | ".join(cells) + " |"


def _wrong(items: Sequence[Stated]) -> str:
    """Misses and their share."""
    wrong = sum(not item.is_right for item in items)
    return f"{wrong} ({wrong / len(items):.0%})" if items else ""


def _bins(items: Iterable[Stated]) -> list[list[Stated]]:
    """Answers in bins of equal width; 1.0 belongs to the last."""
    bins: list[list[Stated]] = [[] for _ in range(BINS)]
    for item in items:
        bins[min(int(item.confidence * BINS), BINS - 1)].append(item)
    return bins


def _reliability_row(place: int, inside: Sequence[Stated]) -> str:
    """What one bin stated and what came of it."""
    mean = sum(item.confidence for item in inside) / len(inside)
    right = sum(item.is_right for item in inside) / len(inside)
    return f"| {place / BINS:.1f} to {(place + 1) / BINS:.1f} | {len(inside)} | {mean:.2f} | {right:.2f} |"
