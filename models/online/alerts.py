"""From calibrated scores to alerts: one incident is told once.

The first row of a run of strange rows keeps its score. For the rows that follow, up to ``refractory_rows``, another
alert needs ``escalation`` times the score of the last. All other rows are ranked below the boundary by how strange
they look in all features at once, so that a list sorted by score still holds the body of an incident before healthy
rows.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats

ONSET = 0.8
"""Scores from here on are kept as they are."""
BELOW = 0.55
"""Rows that are no onset stay below this."""
FATIGUE = 0.05
"""Each alert of the last day counts this much against the next: who is told often needs stranger rows."""
SMOOTHING = 0.75
"""Weight of the present row in the exponential average of its strangeness."""

STRANGENESS, LAST_SCORE, RECENT = range(3)


class AlertState(NamedTuple):
    """What is remembered of each column."""

    figures: Floats  # (n, 3)
    since: NDArray[np.int64]  # (n,) rows since the last alert


class AlertRules(NamedTuple):
    """When another alert is told; shapes (n,)."""

    unit: Floats  # 98 % quantile of the smoothed strangeness in the history
    refractory_rows: NDArray[np.int64]
    escalation: Floats
    fade: float  # what a row leaves of the weight of an earlier alert


def blank(n: int) -> AlertState:
    """A state in which nothing was told yet.

    Parameters
    ----------
    n
        Number of columns.

    Returns
    -------
    AlertState
        For ``advance``.
    """
    return AlertState(figures=np.zeros((n, 3)), since=np.full(n, np.iinfo(np.int64).max // 2))


@compiled
def advance(state: AlertState, rules: AlertRules, score: Floats, strangeness: Floats, alert: Floats) -> None:
    """Write the alert score of each row.

    ``score`` is calibrated (1.0 is the boundary), ``strangeness`` any measure of the row, not negative; all have shape
    (n, n_rows), NaN = cannot tell, which counts as no row.
    """
    for i in range(score.shape[0]):
        figures = state.figures[i]
        for row in range(score.shape[1]):
            if math.isnan(score[i, row]):
                alert[i, row] = math.nan
                continue
            figures[STRANGENESS] += SMOOTHING * (strangeness[i, row] - figures[STRANGENESS])
            state.since[i] += 1
            now = score[i, row] / (1.0 + FATIGUE * figures[RECENT])
            figures[RECENT] *= rules.fade
            told = state.since[i] < rules.refractory_rows[i] and now <= figures[LAST_SCORE] * rules.escalation[i]
            told = told and not figures[LAST_SCORE] < 1.0 <= now
            if now >= ONSET and not told:
                alert[i, row] = figures[LAST_SCORE] = now
                state.since[i] = 0
                if now >= 1.0:
                    figures[RECENT] += 1.0
            else:
                density = figures[STRANGENESS] / rules.unit[i]
                alert[i, row] = BELOW * density / (density + 1.0)
