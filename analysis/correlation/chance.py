"""How often chance alone puts incidents together: the null models of the correlations.

Incidents come in rhythms: more by day, more in a bad week. A rate that ignores them finds a relation in every rush
hour, so the expectation for a place in time is the largest of several rates, as MACS does for peaks in a genome.
"""

import numpy as np
from numpy.typing import NDArray

from analysis.correlation.values import DAY_S

Values = NDArray[np.float64]

_LEAST_DAYS = 7
_HALF_RHYTHM_S = 3600.0


def expected_others(onsets: Values, window_s: float, start: float, end: float) -> Values:
    """Other onsets that chance puts into the window that begins with each.

    Parameters
    ----------
    onsets
        Shape (incidents,): seconds since 1970, ascending.
    window_s
        Length of the window.
    start
        Of the time that was watched, seconds since 1970.
    end
        Of the time that was watched, seconds since 1970.

    Returns
    -------
    Values
        Shape (incidents,): the largest of the rate over all the time, that of the two days around (without the window
        itself), and, from seven days on, that of the hour of the day.

    References
    ----------
    Zhang et al. (2008), Model-based Analysis of ChIP-Seq (MACS), Genome Biology 9: the dynamic Poisson rate.
    """
    n, length = len(onsets), max(end - start, window_s)
    overall = np.full(n, (n - 1) * window_s / length)
    here = _between(onsets, onsets, onsets + window_s)
    around = _between(onsets, onsets - DAY_S, onsets + window_s + DAY_S) - here
    reach = np.minimum(onsets + window_s + DAY_S, end) - np.maximum(onsets - DAY_S, start) - window_s
    local = np.where(reach > window_s, around * window_s / np.maximum(reach, window_s), 0.0)
    rates = [overall, local]
    if length >= _LEAST_DAYS * DAY_S:
        at_hour = _at_hour(onsets % DAY_S) - 1
        rates.append(at_hour * window_s / (2 * _HALF_RHYTHM_S * length / DAY_S))
    return np.asarray(np.max(rates, axis=0))


def _between(onsets: Values, first: Values, last: Values) -> NDArray[np.int64]:
    """How many onsets lie in each closed span."""
    return np.searchsorted(onsets, last, "right") - np.searchsorted(onsets, first, "left")


def _at_hour(times: Values) -> NDArray[np.int64]:
    """How many onsets of all days lie within an hour of each time of the day, itself included."""
    ordered = np.sort(times)
    around = np.concatenate([ordered - DAY_S, ordered, ordered + DAY_S])
    return _between(around, times - _HALF_RHYTHM_S, times + _HALF_RHYTHM_S)


def covered_by_chance(onsets: Values, changes: Values, reach_s: float, start: float, end: float) -> Values:
    """Probability that an onset follows a change within reach although neither knows of the other.

    Parameters
    ----------
    onsets
        Shape (incidents,): seconds since 1970.
    changes
        Shape (changes,): seconds since 1970, ascending.
    reach_s
        How long after a change counts.
    start
        Of the time that was watched, seconds since 1970.
    end
        Of the time that was watched, seconds since 1970.

    Returns
    -------
    Values
        Shape (incidents,): the share of all the time that lies within reach of a change; from seven days on at least
        the share of the other days on which the same time of day does.
    """
    length = max(end - start, reach_s)
    gaps = np.diff(changes, append=np.inf)
    share = np.full(len(onsets), min(np.minimum(gaps, reach_s).sum() / length, 1.0))
    n_days = int(length // DAY_S)
    if n_days < _LEAST_DAYS:
        return share
    shifted = start + (onsets[:, None] - start + DAY_S * np.arange(1, n_days)) % (n_days * DAY_S)
    return np.asarray(np.maximum(share, is_covered(shifted, changes, reach_s).mean(axis=1)))


def is_covered(onsets: Values, changes: Values, reach_s: float) -> NDArray[np.bool_]:
    """Whether a change came shortly before.

    Parameters
    ----------
    onsets
        Any shape: seconds since 1970.
    changes
        Shape (changes,): seconds since 1970, ascending.
    reach_s
        What counts as shortly.

    Returns
    -------
    NDArray of bool
        In the shape of the onsets.
    """
    latest = np.searchsorted(changes, onsets, "right") - 1
    before = np.where(latest >= 0, changes[latest] if len(changes) else 0.0, -np.inf)
    return np.asarray(onsets - before <= reach_s)


def at_least(n_seen: Values, n_expected: Values) -> Values:
    """Probability of as many by chance, or more.

    Parameters
    ----------
    n_seen
        Counts.
    n_expected
        Means of the Poisson distribution.

    Returns
    -------
    Values
        In the shape of both; 1 where none was seen.
    """
    from scipy.special import gammainc

    return np.asarray(np.where(n_seen > 0, gammainc(np.maximum(n_seen, 1), n_expected), 1.0))


def adjusted(p_values: Values, n_tests: int) -> Values:
    """Correct p-values for how much was tested.

    Parameters
    ----------
    p_values
        Shape (results,).
    n_tests
        At least the results; tests without a result count as p = 1.

    Returns
    -------
    Values
        Shape (results,).

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the False Discovery Rate, J. R. Statist. Soc. B 57.
    """
    from scipy.stats import false_discovery_control

    if not len(p_values):
        return p_values
    return np.asarray(false_discovery_control(np.append(p_values, np.ones(n_tests - len(p_values)))))[: len(p_values)]
