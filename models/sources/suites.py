"""Suites: directories of incident cases or of labelled series, their description, and their truth.

``read_truth`` is for the commands that score predictions; no algorithm may call it.
"""

from dataclasses import dataclass
from pathlib import Path

from models.errors import CaseError
from models.sources.json_files import read_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What a suite says about itself.

    Parameters
    ----------
    name
        Its name.
    source
        Where the recordings come from.
    licence
        Of the recordings.
    note
        In one sentence.
    step_s
        Seconds between rows; None if it differs or is not stated.
    """

    name: str
    source: str = ""
    licence: str = ""
    note: str = ""
    step_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really caused a case.

    Parameters
    ----------
    components
        Any of them counts as right.
    metrics
        Component and metric; empty if the source names none.
    fault
        The kind of fault; "" if the source names none.
    split
        The source's own split, "train" or "test"; "" if there is none.
    """

    components: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...] = ()
    fault: str = ""
    split: str = ""


def iter_suite(directory: str | Path) -> tuple[Path, ...]:
    """List the cases of a suite.

    Parameters
    ----------
    directory
        Holds one directory a case.

    Returns
    -------
    tuple of Path
        The directories with an ``incident.json``, sorted by name.

    Raises
    ------
    CaseError
        If there is no such directory, or no case in it.
    """
    place = Path(directory)
    if not place.is_dir():
        raise CaseError("there is no such directory", source=str(place), remedy="give the directory of a suite")
    cases = tuple(sorted(path.parent for path in place.glob("*/incident.json")))
    if not cases:
        raise CaseError("there is no case in it", source=str(place), remedy="a case is a directory with incident.json")
    return cases


def read_suite(directory: str | Path) -> Suite:
    """Read ``suite.json``.

    Parameters
    ----------
    directory
        The suite.

    Returns
    -------
    Suite
        With the directory's name if the file states none.
    """
    place = Path(directory)
    content = read_object(place / "suite.json")
    texts = {name: str(content.get(name) or "") for name in ("source", "licence", "note")}
    step_s = content.get("step_s")
    return Suite(
        name=str(content.get("name") or place.name),
        step_s=float(step_s) if isinstance(step_s, int | float) and step_s > 0 else None,
        **texts,
    )


def read_protocol(directory: str | Path) -> dict[str, int]:
    """Read ``protocol.json`` of a suite of labelled series.

    Parameters
    ----------
    directory
        The suite.

    Returns
    -------
    dict of str to int
        Series to the number of rows that may be learnt from.

    Raises
    ------
    CaseError
        If the file is absent, or a number of rows is none.
    """
    path = Path(directory) / "protocol.json"
    content = read_object(path)
    for name, rows in content.items():
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
            raise CaseError(f"{rows!r} is not a number of rows", source=str(path), column=name, remedy="0 or more")
    return content


def read_truth(directory: str | Path) -> dict[str, Truth]:
    """Read ``truth.json`` of a suite of cases; only for scoring.

    Parameters
    ----------
    directory
        The suite.

    Returns
    -------
    dict of str to Truth
        By case.

    Raises
    ------
    CaseError
        If the file is absent, or a case names no component.
    """
    path = Path(directory) / "truth.json"
    truths = {}
    for name, entry in read_object(path).items():
        try:
            truths[name] = Truth(
                components=tuple(str(component) for component in entry["components"]),
                metrics=tuple((str(component), str(metric)) for component, metric in entry.get("metrics") or ()),
                fault=str(entry.get("fault") or ""),
                split=str(entry.get("split") or ""),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise CaseError("not a truth", source=str(path), column=name, remedy="see the case format") from None
    return truths
