"""Point scores to runs: start, peak and end of what is abnormal, with hysteresis, merging and refractory rows.

Vectorised over series; knows scores only, no metrics.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRules:
    """When a run begins, ends and counts.

    Parameters
    ----------
    leave
        A run begins at the boundary, at 1, and lasts while the calibrated score is at least this; so a score around the
        boundary is one run.
    merge_rows
        Runs with at most so many other rows between them are one; missing scores count as other rows.
    refractory_rows
        For so many rows after an alert another one needs ``escalation`` times its score.
    escalation
        At least 1.
    lasting_rows
        A shorter run without an alert of its own is an echo of the alert before.
    """

    leave: float = 0.7
    merge_rows: int = 3
    refractory_rows: int = 40
    escalation: float = 1.3
    lasting_rows: int = 3


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """Rows ``first`` to ``last`` (exclusive) of one column, with the row of the highest score."""

    column: int
    first: int
    last: int
    peak: int


def find_runs(
    score: Array, alert: Array, rules: SegmentRules, merge_rows: NDArray[np.int64] | None = None
) -> list[Run]:
    """Find the abnormal runs of each column.

    A run without an alert of its own (``alert`` below 1 in all of its rows) goes on with the run before it, if both
    last and the refractory rows are not over; behind a mere blip it is a run of its own, for a blip does not tell of
    what follows it. One that does not last is left out.

    Parameters
    ----------
    score
        Calibrated, shape (n_rows, n_columns); NaN = cannot tell.
    alert
        Same shape: 1 or more in the rows that tell something new.
    rules
        See SegmentRules.
    merge_rows
        Shape (n_columns,); None takes that of the rules.

    Returns
    -------
    list of Run
        By column, then by time; the first of equal scores is the peak.
    """
    columns, rows = np.nonzero(rules.leave <= score.T)
    if len(rows) == 0:
        return []
    merged = np.full(score.shape[1], rules.merge_rows) if merge_rows is None else merge_rows
    is_start = np.diff(columns, prepend=-1).astype(bool) | (np.diff(rows, prepend=0) > merged[columns] + 1)
    first = np.flatnonzero(is_start)
    last = np.append(first[1:], len(rows)) - 1
    values = score[rows, columns]
    tells = np.logical_or.reduceat(alert[rows, columns] >= 1.0, first)
    crosses = np.maximum.reduceat(values, first) >= 1.0
    runs: list[Run] = []
    for place in np.flatnonzero(tells | crosses):
        column, begin, end = int(columns[first[place]]), int(rows[first[place]]), int(rows[last[place]]) + 1
        begin += int(np.argmax(score[begin:end, column] >= 1.0))
        if not tells[place] and end - begin < rules.lasting_rows:
            continue
        if not tells[place] and runs and _goes_on(runs[-1], column, begin, rules):
            runs[-1] = Run(column, runs[-1].first, end, runs[-1].peak)
        else:
            runs.append(Run(column, begin, end, begin + int(np.nanargmax(score[begin:end, column]))))
    return runs


def _goes_on(before: Run, column: int, begin: int, rules: SegmentRules) -> bool:
    near = before.column == column and begin - before.last <= rules.refractory_rows
    return near and before.last - before.first >= rules.lasting_rows
