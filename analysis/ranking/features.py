"""Features that carry over from one system to another: counts, shares, ranks and positions, and never a name."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.ranking.peers import Surroundings, view_surroundings
from analysis.ranking.signs import CALLS, OPERATION, Sign, read_signs
from analysis.ranking.table import FeatureTable, standing, table_of
from analysis.rootcause.fusion import Verdict
from analysis.rootcause.observation import Observation

Column = NDArray[np.float64]

SCORE_COLUMNS = frozenset({"score", "score share", "score exceeds"})
"""What the unlearnt diagnosis makes of all evidence together."""
RIDGE = 0.3
"""Pull to zero of the strangeness that troubled calls are shared out to."""


def features_of(
    observation: Observation,
    verdict: Verdict,
    signs: Mapping[Sign, int] | None = None,
    around: Surroundings | None = None,
) -> FeatureTable:
    """Describe every candidate relative to the others of its situation.

    Parameters
    ----------
    observation
        The situation, prepared.
    verdict
        All evidence; the weights of any collector become a column of their own.
    signs
        Those of the observation, if they are at hand.
    around
        Those of the observation, if they are at hand.

    Returns
    -------
    FeatureTable
        The order of the input does not matter; no name of a component or metric is in it.
    """
    around = view_surroundings(observation) if around is None else around
    signs = read_signs(observation) if signs is None else signs
    counted = counts_by(observation.candidates, signs)
    columns = compared(counted, around)
    total = np.sum(list(counted.values()), axis=0) if counted else np.zeros(len(observation.candidates))
    columns |= {"signs": total, **standing("signs", total)}
    columns |= _calls(observation, around, signs)
    columns |= _evidence(observation.candidates, verdict)
    columns |= _position(around)
    return table_of(observation.candidates, columns)


def counts_by(candidates: tuple[str, ...], signs: Mapping[Sign, int]) -> dict[str, Column]:
    """Logarithmic counts of the signs of each group.

    Parameters
    ----------
    candidates
        One a row.
    signs
        With their counts.

    Returns
    -------
    dict of str to ndarray, shape (n_candidates,)
        By group; operations are left out, as each repeats a call or a span.
    """
    place = {name: i for i, name in enumerate(candidates)}
    counted: dict[str, Column] = {}
    for sign, n in signs.items():
        if sign.family != OPERATION and sign.component in place:
            counted.setdefault(sign.group, np.zeros(len(candidates)))[place[sign.component]] += n
    return {group: np.log1p(counted[group]) for group in sorted(counted)}


def compared(columns: Mapping[str, Column], around: Surroundings) -> dict[str, Column]:
    """Each column itself, against the peers, and on average over the neighbours.

    Parameters
    ----------
    columns
        By name.
    around
        Who is compared with whom.

    Returns
    -------
    dict of str to ndarray
        Three columns for each.
    """
    if not columns:
        return {}
    values = np.array(list(columns.values())).T
    parts = (("", values), (" against peers", around.against_peers(values)), (" around", around.around(values)))
    return {name + suffix: part[:, i] for suffix, part in parts for i, name in enumerate(columns)}


def _calls(observation: Observation, around: Surroundings, signs: Mapping[Sign, int]) -> dict[str, Column]:
    """Whose calls are in trouble: partners on either side, and the strangeness that explains the calls best."""
    place = {name: i for i, name in enumerate(observation.candidates)}
    troubled: Counter[tuple[int, int]] = Counter()
    for sign, n in signs.items():
        if sign.family == CALLS and sign.component in place and sign.name in place:
            troubled[place[sign.component], place[sign.name]] += n
    n = len(place)
    if not troubled:
        return {}
    callers, callees = np.array(sorted(troubled)).T
    called = np.bincount(callees, minlength=n).astype(float)
    calling = np.bincount(callers, minlength=n).astype(float)
    strange = _explain_calls(n, troubled)
    degree = np.maximum(around.n_neighbours, 1.0)
    columns = {
        "troubled callers": called / len(troubled),
        "troubled callees": calling / len(troubled),
        "troubled callers count": called,
        "troubled callees count": calling,
        "troubled neighbours": (called + calling) / degree,
        "strange calls": strange,
        "strange calls share": strange / max(float(strange.sum()), 1e-9),
    }
    against = around.against_peers(np.array(list(columns.values())).T)
    return columns | {f"{name} against peers": against[:, i] for i, name in enumerate(columns)}


def _explain_calls(n: int, troubled: Mapping[tuple[int, int], int]) -> Column:
    """Not negative strangeness of components whose sum over both sides comes closest to the trouble of each call."""
    from scipy.optimize import nnls

    pairs = sorted(troubled)
    involved = sorted({i for pair in pairs for i in pair})
    column = {i: at for at, i in enumerate(involved)}
    sides = np.zeros((len(pairs) + len(involved), len(involved)))
    wanted = np.zeros(len(sides))
    for row, pair in enumerate(pairs):
        sides[row, [column[i] for i in pair]] = 1.0
        wanted[row] = np.log1p(troubled[pair])
    sides[len(pairs) :] = RIDGE * np.eye(len(involved))
    result = np.zeros(n)
    result[involved] = nnls(sides, wanted)[0]
    return result


def _evidence(candidates: tuple[str, ...], verdict: Verdict) -> dict[str, Column]:
    """Supporting and contradicting weight by collector, relative to the largest score, and the standing so far."""
    scores = np.array([verdict.scores[name] for name in candidates])
    largest = max(float(np.abs(scores).max(initial=0.0)), 1e-9)
    place = {name: i for i, name in enumerate(candidates)}
    columns: dict[str, Column] = {}
    for component, collector, weight in _items(verdict):
        name = f"evidence {collector} {'for' if weight >= 0 else 'against'}"
        if component in place:
            columns.setdefault(name, np.zeros(len(candidates)))[place[component]] += weight / largest
    return columns | {"score": scores / largest, **standing("score", scores)}


def _items(verdict: Verdict) -> Iterable[tuple[str, str, float]]:
    """Component, collector and weight of every piece of evidence, in a fixed order."""
    return ((name, e.collector, e.weight) for name in sorted(verdict.evidence) for e in verdict.evidence[name])


def _position(around: Surroundings) -> dict[str, Column]:
    """Neighbours and peers, relative to the number of candidates."""
    n = max(len(around.n_neighbours), 1)
    return {"neighbours": around.n_neighbours / n, "peers": around.n_peers / n}
