"""What each part of the diagnosis is worth: the same incidents without it.

    .venv/bin/python benchmarks/rca_ablation.py SUITES --settings --jobs 2

SUITES holds directories in the incident case format; names of some of them may follow. A suite whose truth names a test
split is scored on that. --settings halves and doubles every setting as well, which takes twice as long. A run over
everything writes docs/rca-ablation.md; a run over a part of it writes where --page says.
"""

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.rootcause import comovement  # noqa: E402
from analysis.rootcause.settings import RootCauseSettings  # noqa: E402
from benchmarks.rca.differences import failures, figures_of, found, tables  # noqa: E402
from benchmarks.rca.graphs import CALLS, GRAPHS  # noqa: E402
from benchmarks.rca.methods import Ours, collectors  # noqa: E402
from benchmarks.rca.run import Answers, RcaSuite, Variant, answer_all, find_suites  # noqa: E402
from models.errors import ConfigurationError  # noqa: E402

PAGE = ROOT / "docs" / "rca-ablation.md"
SHIPPED = "as shipped"
FACTORS = {"halved": 0.5, "doubled": 2.0}
PREAMBLE = """# What each part of the diagnosis is worth

Each row is the shipped diagnosis with one thing taken away or changed, on the same incidents; in parentheses the
difference to the shipped one (what the figures mean is said in [rca-benchmarks.md](rca-benchmarks.md)).

```
{command}
```

- **without** a collector: it reports that it is switched off; the others still see what it would have seen. Without
  `{comovement}`, no series is discounted for not following the symptom.
- **graph**: what the case declares is taken away, turned or replaced by as many random edges between the same
  components; calls that its traces and alerts show stay. **all calls**: these are spoilt as well.
- **halved, doubled**: one setting of `RootCauseSettings`; shares end at 1, whole numbers stay whole.
"""


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and write."""
    given = _options().parse_args(arguments)
    suites = find_suites(given.suites, given.name)
    known = parts() | graphs() | (settings() if given.settings else {})
    unknown = sorted(set(given.row or []) - known.keys())
    if unknown:
        raise SystemExit(f"no such row: {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [variant for name, variant in known.items() if not given.row or name in given.row]
    answers = answer_all(suites, [Variant(name=SHIPPED, method=Ours()), *chosen], given.jobs)
    text = page(answers, suites, _command(given))
    print(text)
    place = given.page or (None if given.name or given.row else PAGE)
    if place is not None:
        place.write_text(text, encoding="utf-8")


def parts() -> dict[str, Variant]:
    """One row a collector.

    Returns
    -------
    dict of str to Variant
        By name.
    """
    rows = [Variant(name=f"without {name}", method=Ours(off=(name,))) for name in collectors()]
    if comovement.NAME not in collectors():
        off = replace(RootCauseSettings(), comovement_power=0.0)
        rows.append(Variant(name=f"without {comovement.NAME}", method=Ours(settings=off)))
    return {row.name: row for row in rows}


def graphs() -> dict[str, Variant]:
    """Two rows a way to spoil the call graph.

    Returns
    -------
    dict of str to Variant
        By name.
    """
    declared = {name: Variant(name=name, method=Ours(), spoil=spoil) for name, spoil in GRAPHS.items()}
    return declared | {name: Variant(name=name, method=Ours(calls=change)) for name, change in CALLS.items()}


def settings() -> dict[str, Variant]:
    """Two rows a setting.

    Returns
    -------
    dict of str to Variant
        By name; a change that is refused or changes nothing is left out.
    """
    rows = {}
    for name in (field.name for field in fields(RootCauseSettings)):
        for word, factor in FACTORS.items():
            changed = _multiplied(name, factor)
            if changed is not None and changed != RootCauseSettings():
                row = f"{name} {word} ({getattr(changed, name):g})"
                rows[row] = Variant(name=row, method=Ours(settings=changed))
    return rows


def _multiplied(name: str, factor: float) -> RootCauseSettings | None:
    """Another value of one setting, or 1 if that is too much; None if it is no number or is refused."""
    value: Any = getattr(RootCauseSettings(), name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    choices: tuple[Any, ...] = (round(value * factor) if isinstance(value, int) else value * factor, 1.0)
    for choice in choices:
        try:
            return replace(RootCauseSettings(), **{name: choice})
        except ConfigurationError:
            continue
    return None


def page(answers: Answers, suites: list[RcaSuite], command: str) -> str:
    """The whole page.

    Parameters
    ----------
    answers
        By row, suite and case.
    suites
        With their truths.
    command
        That gave them.

    Returns
    -------
    str
        Markdown.
    """
    figures = figures_of(answers, suites)
    structure = {name: rows for name, rows in figures.items() if name not in settings()}
    scaled = {name: rows for name, rows in figures.items() if name == SHIPPED or name in settings()}
    text = [PREAMBLE.format(command=command, comovement=comovement.NAME), "## What was found", found(structure)]
    text += [failures(answers), "## Collectors and graph", tables(structure)]
    if len(scaled) > 1:
        text += ["## Settings halved and doubled", found(scaled), tables(scaled)]
    return "\n\n".join(part.strip() for part in text) + "\n"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("suites", type=Path, help="directory of the suites")
    parser.add_argument("name", nargs="*", help="suites to run, all if none is named")
    parser.add_argument("--row", action="append", help="run this one beside the shipped one only; may be repeated")
    parser.add_argument("--settings", action="store_true", help="halve and double every setting as well")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--page", type=Path, help="where to write; docs/rca-ablation.md for a run over everything")
    return parser


def _command(given: argparse.Namespace) -> str:
    words = [".venv/bin/python benchmarks/rca_ablation.py SUITES", *given.name]
    words += [f'--row "{name}"' for name in given.row or []] + (["--settings"] if given.settings else [])
    return " ".join([*words, f"--jobs {given.jobs}"])


if __name__ == "__main__":
    main()
