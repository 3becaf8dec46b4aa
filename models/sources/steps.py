"""Which step a recording has, told from its times alone.

Recorders jitter, drop samples, and sample some series more coarsely than others, so neither the smallest nor the mean
difference is the step. Nothing here looks at values or names.
"""

import numpy as np
from numpy.typing import NDArray

from models.errors import InputError

NICE_STEPS_S = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    60,
    120,
    180,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    21600,
    43200,
    86400,
)
"""Steps that recorders are set to; a jittered estimate within 4 % of one is taken to mean it."""

_LEAST_SHARE = 0.1
_SERIES_LOOKED_AT = 200


def infer_step(times_us: NDArray[np.int64], codes: NDArray[np.integer] | None = None, *, source: str = "") -> float:
    """Tell the step from the differences between neighbouring times of each series.

    The finest step that at least a tenth of all differences follow, jitter allowed: the most frequent difference near
    the tenth percentile of the differences. If no such step stands out the times are irregular, and the median
    difference is taken. An estimate within 4 % of a usual step (1 s, 5 s, 60 s ...) becomes that step.

    Parameters
    ----------
    times_us
        Microseconds since 1970, any order, duplicates allowed, shape (n,).
    codes
        Which series each time belongs to, not negative, shape (n,); None if there is only one.
    source
        Name of the input, for the error.

    Returns
    -------
    float
        Seconds, positive.

    Raises
    ------
    InputError
        If no series has two different times.
    """
    differences = _differences(times_us, codes)
    if not len(differences):
        raise InputError("the step cannot be told from a single time", source=source, remedy="state step_s")
    low = np.quantile(differences, _LEAST_SHARE, method="lower")
    near = differences[(differences >= low) & (differences <= 1.25 * low)]
    cluster = near if len(near) >= _LEAST_SHARE * len(differences) else differences
    sizes, counts = np.unique(cluster, return_counts=True)
    if counts.max() >= 0.5 * len(cluster):
        return float(sizes[counts.argmax()]) / 1e6
    return _nice(float(np.median(cluster)) / 1e6)


def _differences(times_us: NDArray[np.int64], codes: NDArray[np.integer] | None) -> NDArray[np.int64]:
    """Positive differences between neighbouring times of a series, over at most 200 series spread evenly."""
    if codes is None:
        codes = np.zeros(len(times_us), dtype=np.int16)
    n_series = int(codes.max(initial=-1)) + 1
    if n_series > _SERIES_LOOKED_AT:
        looked_at = np.zeros(n_series, dtype=bool)
        looked_at[np.linspace(0, n_series - 1, _SERIES_LOOKED_AT).astype(int)] = True
        kept = looked_at[codes]
        times_us, codes = times_us[kept], codes[kept]
    order = np.lexsort((times_us, codes))
    sorted_times, sorted_codes = times_us[order], codes[order]
    gaps: NDArray[np.int64] = sorted_times[1:] - sorted_times[:-1]
    inside: NDArray[np.int64] = gaps[(gaps > 0) & (sorted_codes[1:] == sorted_codes[:-1])]
    return inside


def _nice(step_s: float) -> float:
    """Snap to a usual step within 4 %, else to a whole second within 4 %, else leave it."""
    nearest = min(NICE_STEPS_S, key=lambda usual: abs(usual - step_s))
    if abs(nearest - step_s) <= 0.04 * nearest:
        return float(nearest)
    whole = round(step_s)
    return float(whole) if whole and abs(whole - step_s) <= 0.04 * whole else step_s
