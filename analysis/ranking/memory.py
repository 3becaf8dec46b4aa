"""What past incidents tell about this system: which signs are usual where, and which incidents were like this one.

What always shows says little, and what usually shows and now does not says something; both need no cause to be known,
so a training incident gives nothing of its own answer away. Names that the past does not know give neutral values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.ranking.sight import ResolvedIncident, Sight
from analysis.ranking.signs import KINDS, Sign
from analysis.ranking.table import FeatureTable, standing, table_of

FEWEST_SEEN = 2
"""Incidents in which a sign must occur to be remembered."""
MOST_SIMILAR = 10
LEAST_SIMILARITY = 0.2
"""Weighted share of common signs from which two incidents are alike."""

Flags = NDArray[np.bool_]
Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """How often incidents like this one had a certain cause.

    Parameters
    ----------
    similar
        Resolved incidents that are like it, most similar first.
    counts
        By cause, how many of the similar incidents.
    """

    similar: tuple[str, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """Which signs were seen in which resolved incident.

    Parameters
    ----------
    incidents
        Their names, sorted.
    components
        Every component that any of them knew, sorted.
    signs
        Those of at least two incidents, sorted.
    seen
        Shape (n_incidents, n_components): who was there.
    shown
        Shape (n_incidents, n_signs).
    caused
        Shape (n_incidents, n_components): who was the cause.
    """

    incidents: tuple[str, ...]
    components: tuple[str, ...]
    signs: tuple[Sign, ...]
    seen: Flags
    shown: Flags
    caused: Flags

    def familiarity(self, candidates: Sequence[str]) -> float:
        """Share of candidates that past incidents knew.

        Parameters
        ----------
        candidates
            Of a situation.

        Returns
        -------
        float
            In [0, 1]; 0 without candidates.
        """
        known = set(self.components)
        return sum(name in known for name in candidates) / max(len(candidates), 1)

    def features(self, sight: Sight, *, apart_from: int | None = None) -> FeatureTable:
        """Columns on what is unusual for each candidate.

        Parameters
        ----------
        sight
            Of the situation.
        apart_from
            Row of the incident that it is itself; its own signs do not count then.

        Returns
        -------
        FeatureTable
            Surprise by group of signs, and usual signs that are absent.
        """
        others = np.ones(len(self.incidents), dtype=bool)
        if apart_from is not None:
            others[apart_from] = False
        rates = _Rates(self, others)
        columns = _by_group(sight, "surprise", {s: rates.surprise(s) for s in sight.signs})
        have = set(sight.signs)
        columns |= _by_group(sight, "absent", {s: rates.absence(s) for s in self.signs if s not in have})
        return table_of(sight.candidates, columns)

    def recall(self, sight: Sight) -> Recollection:
        """Look for similar incidents.

        Parameters
        ----------
        sight
            Of the situation.

        Returns
        -------
        Recollection
            At most ten incidents.
        """
        similarity = self._similarity(sight)
        order = sorted(range(len(similarity)), key=lambda i: (-similarity[i], self.incidents[i]))
        nearest = [i for i in order[:MOST_SIMILAR] if similarity[i] >= LEAST_SIMILARITY]
        counts = self.caused[nearest].sum(axis=0)
        return Recollection(
            similar=tuple(self.incidents[i] for i in nearest),
            counts={self.components[j]: int(counts[j]) for j in np.flatnonzero(counts)},
        )

    def _similarity(self, sight: Sight) -> Column:
        """Weighted share of common signs; rare signs weigh far more."""
        mine = np.array([sign in sight.signs for sign in self.signs], dtype=bool)
        weights = np.log((len(self.incidents) + 1) / (self.shown.sum(axis=0) + 1)) ** 2
        common = (self.shown & mine) @ weights
        either = (self.shown | mine) @ weights
        similarity: Column = np.where(either > 0, common / np.maximum(either, 1e-12), 0.0)
        return similarity


class _Rates:
    """How usual each sign is where it shows, over the incidents that may be remembered."""

    def __init__(self, memory: Memory, others: Flags) -> None:
        self._seen = dict(zip(memory.components, memory.seen[others].sum(axis=0).tolist(), strict=True))
        self._shown = dict(zip(memory.signs, memory.shown[others].sum(axis=0).tolist(), strict=True))

    def surprise(self, sign: Sign) -> float:
        """Information of a sign that shows, in nats; 0 for a component that nobody remembers."""
        seen = self._seen.get(sign.component, 0)
        return -float(np.log((self._shown.get(sign, 0) + 0.5) / (seen + 1.0))) if seen else 0.0

    def absence(self, sign: Sign) -> float:
        """Information of a sign that does not show, in nats; 0 for a component that nobody remembers."""
        seen = self._seen.get(sign.component, 0)
        return -float(np.log1p(-min((self._shown.get(sign, 0) + 0.5) / (seen + 1.0), 0.9999))) if seen else 0.0


def learn_memory(incidents: Sequence[ResolvedIncident]) -> Memory:
    """Remember resolved incidents.

    Parameters
    ----------
    incidents
        Sorted by ``key``; rows of the memory are in this order.

    Returns
    -------
    Memory
        Empty if there are none.
    """
    frequency: dict[Sign, int] = {}
    for incident in incidents:
        for sign in incident.sight.signs:
            frequency[sign] = frequency.get(sign, 0) + 1
    signs = tuple(sorted(sign for sign, n in frequency.items() if n >= FEWEST_SEEN))
    components = tuple(sorted({name for incident in incidents for name in incident.sight.candidates}))
    return Memory(
        incidents=tuple(incident.name for incident in incidents),
        components=components,
        signs=signs,
        seen=_flags([incident.sight.candidates for incident in incidents], components),
        shown=_flags([incident.sight.signs for incident in incidents], signs),
        caused=_flags([incident.causes for incident in incidents], components),
    )


def _flags(rows: Sequence[object], columns: Sequence[object]) -> Flags:
    """Which column each row contains."""
    place = {column: i for i, column in enumerate(columns)}
    flags = np.zeros((len(rows), len(columns)), dtype=bool)
    for i, row in enumerate(rows):
        flags[i, [place[item] for item in row if item in place]] = True  # type: ignore[attr-defined]  # any container
    return flags


def _by_group(sight: Sight, prefix: str, amounts: Mapping[Sign, float]) -> dict[str, Column]:
    """Sum the amounts of each candidate by group; families without a kind of metric are one group each."""
    place = {name: i for i, name in enumerate(sight.candidates)}
    columns: dict[str, Column] = {}
    total, largest = np.zeros(len(place)), np.zeros(len(place))
    for sign in sorted(amounts):
        if (row := place.get(sign.component)) is not None:
            group = sign.group if sign.family in KINDS else sign.family
            columns.setdefault(f"{prefix} {group}", np.zeros(len(place)))[row] += amounts[sign]
            total[row] += amounts[sign]
            largest[row] = max(largest[row], amounts[sign])
    columns |= {prefix: total, f"largest {prefix}": largest}
    return columns | standing(prefix, total) | standing(f"largest {prefix}", largest)
