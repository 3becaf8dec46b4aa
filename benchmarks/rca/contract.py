"""What every method of the comparison is: a function from a case to scores of its components."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.sources.cases import Case

Scores = Mapping[str, float]
"""By component; higher is more suspicious. Candidates that are not in it come last; ties go to the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotRun:
    """The method needs what the case does not have."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RcaRival:
    """A method that is set beside Faultline.

    Parameters
    ----------
    name
        In the table.
    about
        What it does; goes onto the page.
    score
        From the case, which holds no truth, to scores.
    """

    name: str
    about: str
    score: Callable[[Case], Scores | CannotRun]


def candidates_of(case: Case) -> tuple[str, ...]:
    """Every component that the case names.

    Parameters
    ----------
    case
        As read.

    Returns
    -------
    tuple of str
        Sorted, each once.
    """
    names = {name for edge in case.edges or () for name in edge}
    if case.frame is not None:
        names |= set(case.frame.components)
    if case.target is not None:
        names.add(case.target.component)
    for table in (case.traces, case.logs, case.events):
        if table is not None:
            names |= {str(name) for name in table["component"].unique()}
    return tuple(sorted(names - {""}))


def ranked(case: Case, scores: Scores) -> tuple[str, ...]:
    """Order the candidates.

    Parameters
    ----------
    case
        Gives the candidates.
    scores
        By component; NaN counts as absent.

    Returns
    -------
    tuple of str
        Best first, each candidate once.
    """
    known = {name: value for name, value in scores.items() if value == value}  # noqa: PLR0124  # NaN is not itself
    return tuple(sorted(candidates_of(case), key=lambda name: (-known.get(name, float("-inf")), name)))
