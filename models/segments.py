"""Point scores to runs: start, peak and end of what is abnormal, with hysteresis and merging.

Vectorised over series; knows scores only, no metrics.
"""

from dataclasses import dataclass

import numpy as np

from models.features import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRules:
    """When a run begins, ends and counts.

    Parameters
    ----------
    enter
        A run needs ``least_rows`` rows with at least this calibrated score.
    leave
        It lasts while the score is at least this; below ``enter``, so that a score around the boundary is one run.
    merge_rows
        Runs with at most so many other rows between them are one; missing scores count as other rows.
    least_rows
        1 reports single rows as soon as they reach ``enter``.
    spike
        A shorter run counts from this calibrated score on: isolated spikes of a row are the commonest oddity of healthy
        metrics. Infinite never reports them.
    """

    enter: float = 1.0
    leave: float = 0.7
    merge_rows: int = 3
    least_rows: int = 2
    spike: float = 1.5


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """Rows ``first`` to ``last`` (exclusive) of one column, with the row of the highest score."""

    column: int
    first: int
    last: int
    peak: int


def find_runs(score: Array, rules: SegmentRules) -> list[Run]:
    """Find the abnormal runs of each column.

    Parameters
    ----------
    score
        Calibrated, shape (n_rows, n_columns); NaN = cannot tell.
    rules
        See SegmentRules.

    Returns
    -------
    list of Run
        By column, then by time; the first of equal scores is the peak.
    """
    columns, rows = np.nonzero(rules.leave <= score.T)
    if len(rows) == 0:
        return []
    is_start = np.diff(columns, prepend=-1).astype(bool) | (np.diff(rows, prepend=0) > rules.merge_rows + 1)
    first = np.flatnonzero(is_start)
    last = np.append(first[1:], len(rows)) - 1
    values = score[rows, columns]
    strong = np.add.reduceat((values >= rules.enter).astype(np.int64), first)
    is_spike = np.maximum.reduceat(values, first) >= max(rules.spike, rules.enter)
    runs = []
    for place in np.flatnonzero((strong >= max(rules.least_rows, 1)) | is_spike):
        column, begin, end = int(columns[first[place]]), int(rows[first[place]]), int(rows[last[place]]) + 1
        peak = begin + int(np.nanargmax(score[begin:end, column]))
        runs.append(Run(column, begin, end, peak))
    return runs
