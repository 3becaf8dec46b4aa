"""How commands talk: JSON for programs, tables and progress for people (progress on standard error)."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Self

SHOWN = 5
"""So many names of a long list are worth reading."""


def print_json(value: Any) -> None:
    """Write one JSON document to standard output.

    Parameters
    ----------
    value
        JSON-ready; NaN must have been turned into None before.
    """
    sys.stdout.write(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """Write a line for people to standard output, without markup."""
    sys.stdout.write(text + "\n")


def few(things: Sequence[object]) -> str:
    """The first names of a list, and how many more there are.

    Parameters
    ----------
    things
        Anything with a name.

    Returns
    -------
    str
        For example ``a/x, a/y, b/x, b/y, c/x and 7 more``.
    """
    more = len(things) - SHOWN
    return ", ".join(map(str, things[:SHOWN])) + (f" and {more} more" if more > 0 else "")


class Bar:
    """A progress bar on standard error.

    Parameters
    ----------
    title
        What is going on.
    """

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description:<44}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(title, total=1.0)
        self._title = title

    def count(self, done: int, total: int) -> None:
        """Show a number of things done of a known total."""
        self._progress.update(self._task, completed=done / max(total, 1))

    def stage(self, what: str, fraction: float) -> None:
        """Show what is done now and the fraction that is behind it."""
        self._progress.update(self._task, completed=fraction, description=f"{self._title}: {what}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._progress.update(self._task, completed=1.0, description=self._title)
        self._progress.stop()
