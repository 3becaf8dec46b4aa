"""When it began: a detection may be late or a row early, and then history and incident are mixed up.

The row is looked for where the most series step, next to the detection only.
"""

import numpy as np

from analysis.rootcause.robust import Values, baseline_of, median

ODD_DEVIATION = 3.0
"""Robust deviations from which a row counts as odd."""
LEADING_SERIES = 8
"""Most moved series that vote on the onset."""
ONSET_TRIALS = 8
"""Splits tried on each side of the detection."""
STEP_ROWS = 15
"""Rows before a split that are compared with at most as many behind it."""
CLEAR_STEP = 6.0
"""Robust deviations that a series must step to say in which row."""
CLEARLY, LEAST_STEP = 1.2, 2.0
"""How much higher, as a factor and in points, the step at another split must be before the detection is doubted."""
LEAST_REACH = 3
"""Rows on each side of a split among which the exact row is looked for, at least."""
FEWEST_HISTORY = 4
"""Rows of history that must be left."""


def find_onset(scaled: Values, cut: int, floors: Values) -> int:
    """Where the series step, near the detection.

    Tried are splits up to as many rows before the detection as the incident has behind it, and up to half of the
    incident later; the detection itself stands unless the step at another split is clearly higher.

    Parameters
    ----------
    scaled
        Shape (n_rows, n_series), in units that cannot overflow; NaN means missing.
    cut
        First row at or after the detection.
    floors
        Of every column: its scale is never below this part of its centre.

    Returns
    -------
    int
        First row of the incident.
    """
    splits = _splits(cut, len(scaled))
    if not splits:
        return cut
    _, scale = baseline_of(scaled, min(cut, *splits), floors)
    width = min(STEP_ROWS, max(len(scaled) - cut, 3))
    here = _step_height(scaled, cut, width, scale)
    best, most = cut, max(here * CLEARLY, here + LEAST_STEP)
    for split in splits:
        height = _step_height(scaled, split, width, scale)
        if height > most:
            best, most = split, height
    return _refine(scaled, best, width, scale)


def _refine(scaled: Values, split: int, width: int, scale: Values) -> int:
    """Move a split to the row where the stepping series change sides; medians alone leave it half a window open."""
    low, high = median(scaled[max(0, split - STEP_ROWS) : split]), median(scaled[split : split + width])
    step = np.nan_to_num(np.abs(high - low) / scale)
    leading = [i for i in np.argsort(-step, kind="stable")[:LEADING_SERIES] if step[i] > CLEAR_STEP]
    reach = min(max(width // 2, LEAST_REACH), split - FEWEST_HISTORY, len(scaled) - split - 1)
    if not leading or reach < 1:
        return split
    near = scaled[split - reach : split + reach, leading]
    middle = (low + high)[leading] / 2
    sides = np.nan_to_num(np.sign(near - middle) * np.sign((high - low)[leading])).sum(axis=1)
    # The rows from the split on should lie on the side of the incident, those before it on the other one.
    gain = np.append(np.cumsum(sides[::-1])[::-1], 0.0)
    best = float(gain.max())
    return split if gain[reach] == best else split - reach + int(np.argmax(gain))


def _splits(cut: int, n_rows: int) -> list[int]:
    """Rows to try as the onset, nearest to the detection first."""
    after = n_rows - cut
    steps = {round(after * i / ONSET_TRIALS) for i in range(1, ONSET_TRIALS + 1)}
    early = {cut - step for step in steps if cut - step >= max(FEWEST_HISTORY, cut // 3)}
    late = {cut + max(1, step) for step in steps if 0 < step <= after // 2}
    return sorted(early | late - {cut}, key=lambda row: (abs(row - cut), row))


def _step_height(scaled: Values, split: int, width: int, scale: Values) -> float:
    """How far the series that step most step from the rows before a split to those behind it."""
    before, behind = scaled[max(0, split - STEP_ROWS) : split], scaled[split : split + width]
    step = np.nan_to_num(np.abs(median(behind) - median(before)) / scale)
    return float(np.sort(np.log1p(np.maximum(0.0, step - ODD_DEVIATION)))[-LEADING_SERIES:].sum())
