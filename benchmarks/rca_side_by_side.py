"""Root causes by Faultline beside other methods, on the same cases, counted alike.

    .venv/bin/python benchmarks/rca_side_by_side.py SUITES --tools TOOLS --trained --jobs 2

SUITES holds directories in the incident case format; names of some of them may follow. TOOLS is a directory with
``score_rca.py``; without it the product counts the hits itself. A suite whose truth names a test split is scored on
that. --trained learns a ranker from the train splits first, which takes a minute or two. A run over everything writes
docs/rca-benchmarks.md; a run over a part of it writes where --page says.
"""

import argparse
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Mapping
from math import comb
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.benchmark import rank_of  # noqa: E402
from benchmarks.rca.calibration import Stated  # noqa: E402
from benchmarks.rca.methods import Answer, Ours, Theirs  # noqa: E402
from benchmarks.rca.rivals import RIVALS  # noqa: E402
from benchmarks.rca.run import RcaSuite, Score, Variant, answer_all, find_suites, load_score, predictions_of  # noqa: E402
from benchmarks.rca.side_by_side_page import CHANCE, OURS, TRAINED, Row, Story, losses, page, table  # noqa: E402
from benchmarks.rca.trained import learn  # noqa: E402
from models.sources.suites import Truth, read_truth  # noqa: E402

PAGE = ROOT / "docs" / "rca-benchmarks.md"


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and write."""
    given = _options().parse_args(arguments)
    suites, score = find_suites(given.suites, given.name), load_score(given.tools)
    rivals = [key for key in RIVALS if not given.rival or key in given.rival]
    variants = [Variant(name=OURS, method=Ours())]
    variants += [Variant(name=RIVALS[key].name, method=Theirs(key=key)) for key in rivals]
    with tempfile.TemporaryDirectory() as scratch:
        ranker = learn(suites, Path(scratch) / "ranker") if given.trained else None
        if ranker is not None:
            variants.insert(1, Variant(name=TRAINED, method=Ours(ranker=ranker)))
        answers = answer_all(suites, variants, given.jobs)
    contest = {
        suite.name: {name: row(suite, found[suite.name], score) for name, found in answers.items()}
        | {CHANCE: chance(suite, answers[OURS][suite.name])}
        for suite in suites
    }
    for name, rows in contest.items():
        print(table(name, rows) + "\n", flush=True)
    reasons = tomllib.loads(given.reasons.read_text(encoding="utf-8")) if given.reasons.exists() else {}
    for suite_name, title, name, theirs, ours in losses(contest):
        if not reasons.get(suite_name, {}).get(title):
            print(f"no reason yet: {suite_name}, {title}: {name} {theirs:.3f}, ours {ours:.3f}", file=sys.stderr)
    place = given.page or (None if given.name or given.rival else PAGE)
    if place is not None:
        story = Story(
            command=_command(given),
            methods={RIVALS[key].name: RIVALS[key].about for key in rivals},
            splits={suite.name: suite.split for suite in suites if suite.split},
            reasons=reasons,
            tool="`score_rca.py`" if given.tools else "`analysis.benchmark`",
        )
        place.write_text(page(contest, story), encoding="utf-8")


def row(suite: RcaSuite, answers: Mapping[str, Answer], score: Score) -> Row:
    """Score one method on one suite.

    Parameters
    ----------
    suite
        With its truth.
    answers
        By case.
    score
        Counts the hits.

    Returns
    -------
    Row
        Without figures if no case could be run.
    """
    reasons = Counter(answer.reason for answer in answers.values() if not answer.ranking)
    if len(answers) == sum(reasons.values()):
        return Row(reasons=reasons)
    figures = score(suite.path, predictions_of(answers), suite.split)
    truth = read_truth(suite.path)
    stated = [
        Stated(
            confidence=answer.confidence,
            is_right=rank_of(answer.ranking, truth[name].components) == 1,
            is_named=bool(answer.is_named),
        )
        for name, answer in answers.items()
        if answer.confidence is not None
    ]
    return Row(
        figures=figures["component"],
        reasons=reasons,
        by_fault=figures["by fault"],
        stated=stated,
        seconds=figures.get("seconds", {}),
        calibration_error=figures.get("calibration error"),
    )


def chance(suite: RcaSuite, answers: Mapping[str, Answer]) -> Row:
    """Expected figures of a random order of the same candidates.

    Parameters
    ----------
    suite
        With its truth.
    answers
        Any method's that ranks all candidates.

    Returns
    -------
    Row
        Exact.
    """
    truth = read_truth(suite.path)
    at = [
        sum(_hit_chance(truth[name], found.ranking, k) for name, found in answers.items()) / len(answers)
        for k in range(1, 6)
    ]
    return Row(figures={"AC@1": at[0], "AC@3": at[2], "AC@5": at[4], "Avg@5": sum(at) / 5, "n": len(answers)})


def _hit_chance(truth: Truth, candidates: tuple[str, ...], k: int) -> float:
    """Probability that the first k of a random order hold a true cause."""
    wrong = len(set(candidates) - set(truth.components))
    return 1.0 - comb(wrong, k) / comb(len(candidates), k) if len(candidates) >= k else float(wrong < len(candidates))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("suites", type=Path, help="directory of the suites")
    parser.add_argument("name", nargs="*", help="suites to run, all if none is named")
    parser.add_argument("--tools", type=Path, help="directory with score_rca.py")
    parser.add_argument("--rival", action="append", choices=[*RIVALS], help="this one only; may be repeated")
    parser.add_argument(
        "--trained", action="store_true", help="show also what a ranker of the train splits makes of it"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--page", type=Path, help="where to write; docs/rca-benchmarks.md for a run over everything")
    parser.add_argument(
        "--reasons",
        type=Path,
        default=ROOT / "benchmarks" / "rca_reasons.toml",
        help="TOML, a table a suite: why another one is the best in a figure",
    )
    return parser


def _command(given: argparse.Namespace) -> str:
    words = [".venv/bin/python benchmarks/rca_side_by_side.py SUITES", *given.name]
    words += ["--tools TOOLS"] if given.tools else []
    words += [f"--rival {key}" for key in given.rival or []] + (["--trained"] if given.trained else [])
    return " ".join([*words, f"--jobs {given.jobs}"])


if __name__ == "__main__":
    main()
