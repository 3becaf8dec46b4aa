"""What becomes of the diagnosis when a case is spoilt: late detection, holes, wrong graphs, lost files, other names.

    .venv/bin/python benchmarks/rca_robustness.py SUITES --jobs 2

SUITES holds directories in the incident case format; names of some of them may follow. A suite whose truth names a test
split is scored on that. A run over everything writes docs/rca-robustness.md; a run over a part of it writes where
--page says. All random choices are seeded by the name of the case.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rca.differences import changes, failures, figures_of, found, tables  # noqa: E402
from benchmarks.rca.methods import Ours  # noqa: E402
from benchmarks.rca.run import Answers, RcaSuite, Variant, answer_all, find_suites  # noqa: E402
from benchmarks.rca.spoil import SAME, SPOILT  # noqa: E402

PAGE = ROOT / "docs" / "rca-robustness.md"
CLEAN = "clean, detected 0 % late"
PREAMBLE = """# Root causes of spoilt incidents

Each row is the shipped configuration on the same incidents, spoilt in one way; in parentheses the difference to the
clean ones (what the figures mean is said in [rca-benchmarks.md](rca-benchmarks.md)).

```
{command}
```

- **detected late**: `detected_at` is moved by a part of the incident's length, so that its first rows lie in history.
- **points missing**: values of metrics and rows of traces, logs and events are lost at random.
- **an earlier incident**: the incident's rows, or so many of the first, stand in the middle of the history as well.
- **half of the edges removed, reversed**: of the declared call graph; calls that traces show stay.
- **no ... metrics**: every series whose name is of that kind, and the alerts on it, are gone, the target as well if it
  is of that kind. **no traces, no logs**: the file is gone.
"""
ABOUT_NAMES = (
    "Components that tie are ordered by their names, so other names may exchange them (most of those without any "
    "evidence tie); a confidence counts as another one from the last bit on, and the order of names rounds the sums."
)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and write."""
    given = _options().parse_args(arguments)
    suites = find_suites(given.suites, given.name)
    spoils = {name: spoil for name, spoil in (SPOILT | SAME).items() if not given.row or name in given.row}
    variants = [Variant(name=CLEAN, method=Ours())]
    variants += [Variant(name=name, method=Ours(), spoil=spoil) for name, spoil in spoils.items()]
    answers = answer_all(suites, variants, given.jobs)
    text = page(answers, suites, _command(given))
    print(text)
    place = given.page or (None if given.name or given.row else PAGE)
    if place is not None:
        place.write_text(text, encoding="utf-8")


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
    lossy = {name: rows for name, rows in figures.items() if name not in SAME}
    same = [name for name in answers if name in SAME]
    parts = [PREAMBLE.format(command=command), "## What was found", found(lossy), failures(answers)]
    parts += ["## Losses", tables(lossy)]
    if same:
        parts += ["## The same facts in another form", "Cases whose answer is not the same as that of the clean case:"]
        parts += [changes(answers, CLEAN, same)]
        parts += [ABOUT_NAMES]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("suites", type=Path, help="directory of the suites")
    parser.add_argument("name", nargs="*", help="suites to run, all if none is named")
    parser.add_argument("--row", action="append", choices=[*SPOILT, *SAME], help="this one only; may be repeated")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--page", type=Path, help="where to write; docs/rca-robustness.md for a run over everything")
    return parser


def _command(given: argparse.Namespace) -> str:
    words = [".venv/bin/python benchmarks/rca_robustness.py SUITES", *given.name]
    words += [f'--row "{name}"' for name in given.row or []]
    return " ".join([*words, f"--jobs {given.jobs}"])


if __name__ == "__main__":
    main()
