"""What each part of the shipped detection is worth: the same suites without it.

    .venv/bin/python benchmarks/ablation.py SUITES --tools TOOLS --jobs 2

SUITES holds directories in the labelled series format; names of some of them may follow. TOOLS is a directory with
``score_nab.py``; without it the NAB columns are left out. Each row is a process of its own, on a copy of the sources
as they are when the run starts. A run over everything writes docs/ablation.md, anew after each row; a run over a part
of it writes where --page says.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.ablation_page import page, table  # noqa: E402
from benchmarks.ablation_parts import SHIPPED, Part, all_parts, copy_models  # noqa: E402

PAGE = ROOT / "docs" / "ablation.md"

Figures = dict[str, dict[str, float]]
"""By suite, then by title."""


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and write."""
    given = _options().parse_args(arguments)
    suites = _suites(given.suites, given.name)
    if given.only is not None:
        print(json.dumps(measure(json.loads(given.only), suites, given.tools, given.models)))
        return
    known = all_parts()
    unknown = [name for name in given.row or [] if name not in known]
    if unknown:
        raise SystemExit(f"no such row: {', '.join(unknown)}; there are {', '.join(known)}")
    parts = [part for name, part in known.items() if not given.row or name in (SHIPPED, *given.row)]
    place = given.page or (None if given.name or given.row else PAGE)
    done: dict[str, Figures] = {}
    for name, figures in _measured(parts, suites, given):
        done[name] = figures
        ordered = {part.name: done[part.name] for part in parts if part.name in done}
        if place is not None and SHIPPED in done:
            missing = [part.name for part in parts if part.name not in done]
            place.write_text(page(ordered, command=_command(given), missing=missing), encoding="utf-8")
    for suite in suites:
        print(table(suite.name, {name: figures[suite.name] for name, figures in ordered.items()}) + "\n")


def measure(part: dict[str, Any], suites: list[Path], tools: Path | None, models: Path) -> Figures:
    """Run one row in this process, which has not imported the detection yet.

    Parameters
    ----------
    part
        The settings of a Part, as a document.
    suites
        Directories in the labelled series format.
    tools
        Directory with ``score_nab.py``, or None.
    models
        Directory of the package to measure.

    Returns
    -------
    dict of str to dict
        Figures by suite.

    Raises
    ------
    RuntimeError
        If another package than the one to measure was imported.
    """
    sys.path.insert(0, str(models))
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

    import models as package
    from benchmarks.rivals.run import figures
    from models.detection_benchmark import detect_suite
    from models.segments import SegmentRules
    from models.training import TrainingSettings

    if Path(str(package.__file__)).parents[1].resolve() != models.resolve():
        raise RuntimeError(f"measures {package.__file__}, not {models}")
    if "rules" in part:
        part["rules"] = SegmentRules(**part["rules"])
    if "detectors" in part:
        part["detectors"] = tuple(part["detectors"])
    result: Figures = {}
    with threadpool_limits(1), tempfile.TemporaryDirectory() as scratch:
        for suite in suites:
            out = Path(scratch) / suite.name
            detect_suite(suite, out, settings=replace(TrainingSettings(), **part))
            result[suite.name] = figures(suite, out, tools)
    return result


def _measured(parts: list[Part], suites: list[Path], given: argparse.Namespace) -> Iterator[tuple[str, Figures]]:
    """Each row as soon as it is through."""
    began = perf_counter()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(given.jobs) as pool:
        copy_models(ROOT, Path(scratch) / "shipped")

        def run(place: int, part: Part) -> Figures:
            models = Path(scratch) / "shipped"
            if part.changes:
                models = Path(scratch) / str(place)
                copy_models(Path(scratch) / "shipped", models, part.changes)
            command = [sys.executable, __file__, str(given.suites), *(suite.name for suite in suites)]
            command += ["--only", json.dumps(asdict(part)["settings"]), "--models", str(models)]
            command += ["--tools", str(given.tools)] if given.tools else []
            ended = subprocess.run(command, check=False, capture_output=True, text=True)
            if ended.returncode:
                raise SystemExit(f"{part.name}: {ended.stderr}")
            return json.loads(ended.stdout)  # type: ignore[no-any-return]  # written by measure

        running = {pool.submit(run, place, part): part.name for place, part in enumerate(parts)}
        for number, future in enumerate(as_completed(running), start=1):
            told = f"{running[future]}: {number} of {len(parts)} rows, {perf_counter() - began:.0f} s"
            if future.exception() is not None:
                pool.shutdown(wait=False, cancel_futures=True)
            figures = future.result()
            print(told, file=sys.stderr, flush=True)
            yield running[future], figures


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("suites", type=Path, help="directory of the suites")
    parser.add_argument("name", nargs="*", help="suites to run, all if none is named")
    parser.add_argument("--tools", type=Path, help="directory with score_nab.py")
    parser.add_argument("--row", action="append", help="run this one beside the shipped one only; may be repeated")
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time, a process each")
    parser.add_argument("--page", type=Path, help="where to write; docs/ablation.md for a run over everything")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--models", type=Path, help=argparse.SUPPRESS)
    return parser


def _suites(directory: Path, names: list[str]) -> list[Path]:
    known = {path.parent.name: path.parent for path in sorted(directory.glob("*/protocol.json"))}
    unknown = sorted(set(names) - known.keys())
    if unknown or not known:
        raise SystemExit(f"no such suite: {', '.join(unknown) or directory}; there are {', '.join(known)}")
    return [known[name] for name in known if not names or name in names]


def _command(given: argparse.Namespace) -> str:
    words = [".venv/bin/python benchmarks/ablation.py SUITES", *given.name]
    words += ["--tools TOOLS"] if given.tools else []
    words += [f'--row "{name}"' for name in given.row or []]
    return " ".join([*words, f"--jobs {given.jobs}"])


if __name__ == "__main__":
    main()
