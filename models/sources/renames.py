"""Give the tables of a case the present names of renamed components, so that history and incident are one series."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from models.frames import SeriesKey
from models.sources.grids import Points
from models.sources.repairs import Repair


def renamed_key(key: SeriesKey, names: Mapping[str, str]) -> SeriesKey:
    """Give a series the present name of its component.

    Parameters
    ----------
    key
        Of any component.
    names
        Earlier to present name.

    Returns
    -------
    SeriesKey
        The same one if its component kept its name.
    """
    return SeriesKey(names.get(key.component, key.component), key.metric)


def renamed_points(points: Points, names: Mapping[str, str]) -> tuple[Points, tuple[Repair, ...]]:
    """Rename components; the series of the earlier and of the present name become one.

    Parameters
    ----------
    points
        As one file gave them.
    names
        Earlier to present name.

    Returns
    -------
    Points
        The same ones if no component is renamed.
    tuple of Repair
        One for each earlier name that occurs.
    """
    counts = np.bincount(points.codes, minlength=len(points.keys))
    found: dict[str, int] = {}
    for key, count in zip(points.keys, counts, strict=True):
        if key.component in names:
            found[key.component] = found.get(key.component, 0) + int(count)
    if not found:
        return points, ()
    moved = [renamed_key(key, names) for key in points.keys]
    places = {key: at for at, key in enumerate(dict.fromkeys(moved))}
    codes = np.array([places[key] for key in moved], dtype=np.int32)[points.codes]
    return replace(points, keys=tuple(places), codes=codes), _repairs(points.source, found, names)


def renamed_table(
    table: pd.DataFrame, names: Mapping[str, str], source: str
) -> tuple[pd.DataFrame, tuple[Repair, ...]]:
    """Rename components in the columns ``component`` and ``caller``.

    Parameters
    ----------
    table
        Traces, logs or events.
    names
        Earlier to present name.
    source
        The file.

    Returns
    -------
    DataFrame
        The same one if no component is renamed.
    tuple of Repair
        One for each earlier name that occurs.
    """
    columns = [name for name in ("component", "caller") if name in table.columns]
    counts = pd.concat([table[name] for name in columns]).value_counts()
    found = {str(name): int(n) for name, n in counts.items() if name in names}
    if not found:
        return table, ()
    return table.assign(**{name: table[name].replace(dict(names)) for name in columns}), _repairs(source, found, names)


def _repairs(source: str, found: Mapping[str, int], names: Mapping[str, str]) -> tuple[Repair, ...]:
    """What was renamed, by name."""
    return tuple(
        Repair(
            source=source, problem=f"the earlier name {old!r}", action=f"renamed to {names[old]!r}", count=found[old]
        )
        for old in sorted(found)
    )
