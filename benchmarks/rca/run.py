"""Runs variants over suites, a few cases a process, each case read once."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from analysis.benchmark import score_suite
from benchmarks.rca.methods import Answer, seeded
from models.sources.cases import Case, read_case
from models.sources.suites import iter_suite, read_truth

CASES_A_PIECE = 16
TEST = "test"

Renaming = Mapping[str, str]
"""New component names to the old ones; names that are not in it stayed."""
Spoil = Callable[[Case, np.random.Generator], tuple[Case, Renaming]]
Answers = dict[str, dict[str, dict[str, Answer]]]
"""By variant, suite and case."""
Score = Callable[[Path, dict[str, Any], str | None], dict[str, Any]]
"""From a suite, its predictions and the split to figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One row of a table.

    Parameters
    ----------
    name
        In the table.
    method
        Answers a case.
    spoil
        Changes the case first; None leaves it. Takes a generator that is seeded by the case alone.
    """

    name: str
    method: Callable[[Case], Answer]
    spoil: Spoil | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RcaSuite:
    """A suite and the part of it that is scored.

    Parameters
    ----------
    path
        Its directory.
    split
        "test" if the truth names such a split, else None: the whole suite.
    cases
        Names of the cases that are scored, sorted.
    """

    path: Path
    split: str | None
    cases: tuple[str, ...]

    @property
    def name(self) -> str:
        """That of the directory."""
        return self.path.name


def find_suites(directory: Path, names: Sequence[str] = ()) -> list[RcaSuite]:
    """The suites of a directory.

    Parameters
    ----------
    directory
        Holds one directory a suite.
    names
        Those wanted; all if empty.

    Returns
    -------
    list of RcaSuite
        Sorted by name.

    Raises
    ------
    SystemExit
        If a name is unknown, or there is no suite at all.
    """
    known = {path.parent.name: path.parent for path in sorted(directory.glob("*/truth.json"))}
    unknown = sorted(set(names) - known.keys())
    if unknown or not known:
        raise SystemExit(f"no such suite: {', '.join(unknown) or directory}; there are {', '.join(known)}")
    return [_suite(path) for name, path in known.items() if not names or name in names]


def _suite(path: Path) -> RcaSuite:
    """The truth is looked at for its split and its cases alone."""
    truth = read_truth(path)
    split = TEST if any(entry.split == TEST for entry in truth.values()) else None
    there = {place.name for place in iter_suite(path)}
    cases = sorted(name for name, entry in truth.items() if name in there and split in {None, entry.split})
    return RcaSuite(path=path, split=split, cases=tuple(cases))


def answer_all(suites: Sequence[RcaSuite], variants: Sequence[Variant], jobs: int) -> Answers:
    """Run every variant on every case.

    Parameters
    ----------
    suites
        Where the cases are.
    variants
        Their functions must be importable by name.
    jobs
        Processes; with one, everything runs in this one.

    Returns
    -------
    dict
        Answers by variant, suite and case. A method that fails gives an answer with its error as the reason.
    """
    pieces = [
        (suite, suite.cases[i : i + CASES_A_PIECE])
        for suite in suites
        for i in range(0, len(suite.cases), CASES_A_PIECE)
    ]
    answers: Answers = {variant.name: {suite.name: {} for suite in suites} for variant in variants}
    for (suite, _), piece in zip(pieces, _pieces_done(pieces, variants, jobs), strict=True):
        for name, found in piece.items():
            answers[name][suite.name] |= found
    return answers


def _pieces_done(
    pieces: Sequence[tuple[RcaSuite, Sequence[str]]], variants: Sequence[Variant], jobs: int
) -> list[dict[str, dict[str, Answer]]]:
    """Answers of every piece, in their order."""
    if jobs == 1:
        return [answer_piece(suite.path, names, variants) for suite, names in pieces]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running: list[Future[dict[str, dict[str, Answer]]]] = [
            pool.submit(answer_piece, suite.path, names, variants) for suite, names in pieces
        ]
        return [future.result() for future in running]


def answer_piece(path: Path, names: Sequence[str], variants: Sequence[Variant]) -> dict[str, dict[str, Answer]]:
    """Run every variant on some cases of one suite.

    Parameters
    ----------
    path
        The suite.
    names
        The cases.
    variants
        What to run.

    Returns
    -------
    dict
        Answers by variant and case.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

    answers: dict[str, dict[str, Answer]] = {variant.name: {} for variant in variants}
    with threadpool_limits(1):
        for place, name in enumerate(names):
            case = read_case(path / name)
            for variant in variants if place == 0 else ():
                answer(case, variant)  # what is imported or compiled at the first call is not timed
            for variant in variants:
                answers[variant.name][name] = answer(case, variant)
    return answers


def answer(case: Case, variant: Variant) -> Answer:
    """Run one variant on one case.

    Parameters
    ----------
    case
        As read.
    variant
        What to run.

    Returns
    -------
    Answer
        In the case's own names; if anything was raised, without a ranking and with the error as the reason.
    """
    back: Renaming = {}
    try:
        if variant.spoil is not None:
            case, back = variant.spoil(case, seeded(case.name))
        found = variant.method(case)
    except Exception as fault:  # noqa: BLE001  # that a method breaks on a case is a result, and is shown
        return Answer(reason=f"raised {type(fault).__name__}: {fault}")
    return replace(
        found,
        ranking=tuple(back.get(name, name) for name in found.ranking),
        metrics=tuple((back.get(name, name), metric) for name, metric in found.metrics),
        causes=tuple((back.get(name, name), likelihood) for name, likelihood in found.causes),
    )


def predictions_of(answers: Mapping[str, Answer]) -> dict[str, dict[str, Any]]:
    """Answers in the format of predictions.

    Parameters
    ----------
    answers
        By case.

    Returns
    -------
    dict
        JSON-ready; cases without an answer are left out, so that they count as misses.
    """
    return {
        name: {
            "ranking": list(found.ranking),
            "metrics": [list(item) for item in found.metrics],
            **({"confidence": found.confidence} if found.confidence is not None else {}),
            **({"seconds": found.seconds} if found.seconds is not None else {}),
        }
        for name, found in answers.items()
        if found.ranking
    }


def load_score(tools: Path | None) -> Score:
    """What counts the hits.

    Parameters
    ----------
    tools
        Directory with ``score_rca.py``; None takes the product's own counting.

    Returns
    -------
    callable
        The same figures by either.

    Raises
    ------
    SystemExit
        If there is no such file.
    """
    if tools is None:
        return score_suite
    place = tools / "score_rca.py"
    if not place.is_file():
        raise SystemExit(f"no score_rca.py in {tools}")
    spec = importlib.util.spec_from_file_location("score_rca", place)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{place} is no Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    score: Score = module.score
    return score
