"""The shipped detection beside what people use otherwise, on the same rows, fitted on the same history, scored alike.

    .venv/bin/python benchmarks/side_by_side.py SUITES --tools TOOLS --jobs 2

SUITES holds directories in the labelled series format; names of some of them may follow. TOOLS is a directory with
``score_nab.py`` (the scoring rules of the Numenta benchmark); without it the NAB columns are left out. A run over
everything writes docs/benchmarks.md, anew after each suite; a run over a part of it writes where --page says.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rivals import RIVALS  # noqa: E402
from benchmarks.rivals.page import page, summary, table  # noqa: E402
from benchmarks.rivals.run import OURS, Row, measure_suite  # noqa: E402
from models.training import TrainingSettings  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks.md"


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and write."""
    given = _options().parse_args(arguments)
    suites = _suites(given.suites, given.name)
    rivals = [key for key in RIVALS if not given.rival or key in given.rival]
    whole = not (given.name or given.rival or given.rivals_only)
    place = given.page or (PAGE if whole else None)
    reasons = tomllib.loads(given.reasons.read_text(encoding="utf-8")) if given.reasons else {}
    done: dict[str, dict[str, Row]] = {}
    for name, rows in _measured(suites, rivals, given):
        done[name] = rows
        print(table(name, rows) + "\n", flush=True)
        if place is not None:
            text = page(
                done,
                command=_command(given, whole=whole),
                budget=TrainingSettings().false_alarms_per_day,
                missing=sorted({suite.name for suite in suites} - done.keys()),
                reasons=reasons,
            )
            place.write_text(text, encoding="utf-8")
    if all(OURS in rows for rows in done.values()):
        print(summary(done, reasons))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", type=Path, help="directory of the suites")
    parser.add_argument("name", nargs="*", help="suites to run, all if none is named")
    parser.add_argument("--tools", type=Path, help="directory with score_nab.py")
    parser.add_argument("--rival", action="append", choices=[*RIVALS], help="run this one only; may be repeated")
    parser.add_argument("--rivals-only", action="store_true", help="leave Faultline out")
    parser.add_argument("--jobs", type=int, default=1, help="suites at a time, a process each")
    parser.add_argument("--page", type=Path, help="where to write; docs/benchmarks.md for a run over everything")
    parser.add_argument(
        "--reasons",
        type=Path,
        default=ROOT / "benchmarks" / "reasons.toml",
        help="TOML, a table a suite: why another one is the best in a figure",
    )
    return parser


def _suites(directory: Path, names: list[str]) -> list[Path]:
    """The directories, the one with the most data first, so that no process is left with it at the end."""
    known = {path.parent.name: path.parent for path in directory.glob("*/protocol.json")}
    unknown = sorted(set(names) - known.keys())
    if unknown or not known:
        raise SystemExit(f"no such suite: {', '.join(unknown) or directory}; there are {', '.join(sorted(known))}")
    chosen = [known[name] for name in (names or known)]
    return sorted(chosen, key=lambda suite: -sum(path.stat().st_size for path in suite.glob("*.parquet")))


def _measured(suites: list[Path], rivals: list[str], given: argparse.Namespace) -> Iterator[tuple[str, dict[str, Row]]]:
    """Each suite as soon as it is through."""
    how = {"with_ours": not given.rivals_only, "tools": given.tools}
    if given.jobs == 1:
        for suite in suites:
            yield suite.name, measure_suite(suite, rivals, **how)
        return
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(measure_suite, suite, rivals, **how): suite.name for suite in suites}
        for future in as_completed(running):
            yield running[future], future.result()


def _command(given: argparse.Namespace, *, whole: bool) -> str:
    words = [".venv/bin/python benchmarks/side_by_side.py SUITES", *([] if whole else given.name)]
    words += ["--tools TOOLS"] if given.tools else []
    words += [f"--rival {key}" for key in given.rival or []] + (["--rivals-only"] if given.rivals_only else [])
    return " ".join(words)


if __name__ == "__main__":
    main()
