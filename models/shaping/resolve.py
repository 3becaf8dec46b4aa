"""Rules applied to the series of a bundle: one array an option, ready for vectorised use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.frames import SeriesKey
from models.shaping.options import OPTIONS
from models.shaping.rules import Bools, Floats, SeriesRule, check_range

_DIRECTIONS = {"both": 0, "above": 1, "below": -1}
_SILENCES = {"auto": np.nan, "never": np.inf}
_NUMBERS = (
    "least_deviation",
    "least_relative_deviation",
    "least_value",
    "most_value",
    "false_alarms_per_day",
    "missing_after_s",
    "stuck_after_s",
    "refractory_s",
    "merge_s",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedRules:
    """What holds for each series; every array has shape (n_series,) and NaN means: not set, the default holds.

    Parameters
    ----------
    direction
        0 = both, 1 = only above, -1 = only below the expectation; int8.
    least_deviation, least_relative_deviation, least_value, most_value, false_alarms_per_day, refractory_s, merge_s
        As in SeriesRule.
    missing_after_s, stuck_after_s
        Seconds; inf = never, NaN = auto.
    excluded
        True: never judged.
    time_zone
        None = not set.
    holidays
        None = not set.
    unmatched
        A sentence for each rule that matches no series; to be shown to the user.
    """

    direction: NDArray[np.int8]
    least_deviation: Floats
    least_relative_deviation: Floats
    least_value: Floats
    most_value: Floats
    false_alarms_per_day: Floats
    missing_after_s: Floats
    stuck_after_s: Floats
    refractory_s: Floats
    merge_s: Floats
    excluded: Bools
    time_zone: tuple[str | None, ...]
    holidays: tuple[str | tuple[date, ...] | None, ...]
    unmatched: tuple[str, ...]


def resolve(rules: Sequence[SeriesRule], keys: Sequence[SeriesKey]) -> ResolvedRules:
    """Apply rules to series, later ones over earlier ones, option by option.

    Parameters
    ----------
    rules
        In their order; may be empty.
    keys
        Of the bundle. Rules that together leave one of them an empty data range are refused.

    Returns
    -------
    ResolvedRules
        In the order of ``keys``.
    """
    table = {name: np.full(len(keys), None, dtype=object) for name in OPTIONS}
    unmatched = []
    for place, rule in enumerate(rules):
        columns = np.flatnonzero(rule.selector.matches(keys))
        if not len(columns):
            unmatched.append(f"rules[{place}] ({rule.selector}) matches no series")
        for name, value in rule.options.items():
            _assign(table[name], columns, value)
    resolved = _with_arrays(table, tuple(unmatched))
    for column in np.flatnonzero(resolved.least_value > resolved.most_value):
        check_range(float(resolved.least_value[column]), float(resolved.most_value[column]), str(keys[int(column)]))
    return resolved


def _assign(column: NDArray[np.object_], rows: NDArray[np.intp], value: Any) -> None:
    if isinstance(value, tuple):
        for row in rows:
            column[row] = value
    else:
        column[rows] = value


def _with_arrays(table: dict[str, NDArray[np.object_]], unmatched: tuple[str, ...]) -> ResolvedRules:
    numbers = {name: _numbers(table[name]) for name in _NUMBERS}
    return ResolvedRules(
        **numbers,
        direction=np.array([_DIRECTIONS.get(word, 0) for word in table["direction"]], dtype=np.int8),
        excluded=np.array([bool(flag) for flag in table["excluded"]], dtype=bool),
        time_zone=tuple(table["time_zone"]),
        holidays=tuple(table["holidays"]),
        unmatched=unmatched,
    )


def _numbers(column: NDArray[np.object_]) -> Floats:
    return np.array([np.nan if value is None else _SILENCES.get(value, value) for value in column], dtype=np.float64)
