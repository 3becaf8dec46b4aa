"""What the ranker sees of a situation, and a resolved incident to learn from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from analysis.ranking.features import compared, features_of
from analysis.ranking.peers import Surroundings, view_surroundings
from analysis.ranking.signs import KINDS, Sign, read_signs
from analysis.ranking.table import FeatureTable, table_of
from analysis.rootcause.fusion import Verdict, judge
from analysis.rootcause.observation import Observation, observe
from analysis.rootcause.settings import RootCauseSettings
from analysis.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """One situation, reduced to what can be learnt from.

    Parameters
    ----------
    features
        Without names; they carry over to other systems.
    words
        Columns for the metrics by their names; they mean something in the same system only.
    signs
        Everything that was seen, with its count.
    ranking
        Of the unlearnt diagnosis.
    """

    features: FeatureTable
    words: FeatureTable
    signs: Mapping[Sign, int]
    ranking: tuple[str, ...]

    @property
    def candidates(self) -> tuple[str, ...]:
        """Every candidate, sorted."""
        return self.features.candidates


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedIncident:
    """A past incident whose cause is known.

    Parameters
    ----------
    name
        Unique among those of its system.
    sight
        What was seen.
    causes
        Any of these components counts as right.
    system
        Which system it happened in; names mean the same within one system only.
    """

    name: str
    sight: Sight
    causes: tuple[str, ...]
    system: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What incidents are sorted by."""
        return self.system, self.name


def look(observation: Observation, verdict: Verdict) -> Sight:
    """Reduce a situation to what can be learnt from.

    Parameters
    ----------
    observation
        The situation, prepared.
    verdict
        What the unlearnt diagnosis makes of it.

    Returns
    -------
    Sight
        Independent of the order of the input.
    """
    signs, around = read_signs(observation), view_surroundings(observation)
    return Sight(
        features=features_of(observation, verdict, signs, around),
        words=_words(observation, signs, around),
        signs=signs,
        ranking=verdict.ranking,
    )


def resolved(
    situation: Situation,
    name: str,
    causes: Iterable[str],
    *,
    system: str = "",
    settings: RootCauseSettings | None = None,
) -> ResolvedIncident:
    """Look at a past incident whose cause is known.

    Parameters
    ----------
    situation
        As it was then.
    name
        Unique among those of its system.
    causes
        Any of these components counts as right.
    system
        Which system it happened in.
    settings
        Of the unlearnt diagnosis; None takes the defaults.

    Returns
    -------
    ResolvedIncident
        To learn from.
    """
    observation = observe(situation)
    sight = look(observation, judge(observation, settings or RootCauseSettings()))
    return ResolvedIncident(name=name, sight=sight, causes=tuple(sorted(set(causes))), system=system)


def _words(observation: Observation, signs: Mapping[Sign, int], around: Surroundings) -> FeatureTable:
    """Metrics by name, for the component itself, against its peers and around it."""
    place = {name: i for i, name in enumerate(observation.candidates)}
    counted: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for sign in sorted(signs):
        if sign.family in KINDS and sign.component in place:
            column = counted.setdefault(f"word {sign.direction} {sign.name}", np.zeros(len(place)))
            column[place[sign.component]] = np.log1p(signs[sign])
    return table_of(observation.candidates, compared(counted, around))
