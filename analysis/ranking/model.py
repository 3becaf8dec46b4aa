"""One forest with the columns that it asks for, and its trial by cross-validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.ranking.features import SCORE_COLUMNS
from analysis.ranking.forest import Forest, fit_forest
from analysis.ranking.gate import Outcome
from analysis.ranking.memory import Memory, learn_memory
from analysis.ranking.settings import RankerSettings
from analysis.ranking.sight import ResolvedIncident, Sight
from analysis.ranking.table import FeatureTable

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A forest and what it looks at.

    Parameters
    ----------
    names
        Columns of the forest.
    forest
        Scores each candidate on its own.
    memory
        Of the system that it was trained in; None for a model without names, which works in any system.
    """

    names: tuple[str, ...]
    forest: Forest
    memory: Memory | None

    def shares(self, sight: Sight) -> NDArray[np.float64]:
        """Score the candidates of a situation.

        Parameters
        ----------
        sight
            Of the situation.

        Returns
        -------
        ndarray, shape (n_candidates,)
            Not negative, summing to 1 (or all zero), in the order of the candidates.
        """
        scores = self.forest.predict(_table(sight, self.memory).aligned(self.names))
        return scores / max(float(scores.sum()), 1e-12)

    def rank(self, sight: Sight, shares: NDArray[np.float64]) -> tuple[str, ...]:
        """Order the candidates; ties go to the unlearnt ranking.

        Parameters
        ----------
        sight
            Of the situation.
        shares
            From ``shares``.

        Returns
        -------
        tuple of str
            Best first.
        """
        place = {name: i for i, name in enumerate(sight.ranking)}
        share = dict(zip(sight.candidates, shares, strict=True))
        return tuple(sorted(sight.candidates, key=lambda name: (-share[name], place[name])))


def fit_model(incidents: Sequence[ResolvedIncident], settings: RankerSettings, *, remembers: bool) -> Model:
    """Learn from resolved incidents.

    Parameters
    ----------
    incidents
        In any order; each of them knows its cause among the candidates.
    settings
        Of the forest.
    remembers
        Whether names may be learnt, too.

    Returns
    -------
    Model
        The same for the same incidents.
    """
    ordered = sorted(incidents, key=lambda incident: incident.key)
    memory = learn_memory(ordered) if remembers else None
    tables = [_table(each.sight, memory, apart_from=i) for i, each in enumerate(ordered)]
    names = tuple(sorted({name for table in tables for name in table.names}))
    is_cause = np.array([name in each.causes for each in ordered for name in each.sight.candidates])
    forest = fit_forest(np.vstack([table.aligned(names) for table in tables]), is_cause, settings)
    return Model(names=names, forest=forest, memory=memory)


def try_out(
    incidents: Sequence[ResolvedIncident],
    folds: Sequence[int],
    settings: RankerSettings,
    *,
    remembers: bool,
    progress: Told | None = None,
) -> tuple[Outcome, ...]:
    """Rank every incident by what the other folds teach.

    Parameters
    ----------
    incidents
        In the order of the folds.
    folds
        Number of the fold of each.
    settings
        Of the forest.
    remembers
        Whether names may be learnt, too.
    progress
        Called with the folds done and the folds in all.

    Returns
    -------
    tuple of Outcome
        In the order of the incidents.
    """
    outcomes: dict[int, Outcome] = {}
    numbers = sorted(set(folds))
    for done, number in enumerate(numbers, start=1):
        learnt = [each for each, fold in zip(incidents, folds, strict=True) if fold != number]
        model = fit_model(learnt, settings, remembers=remembers)
        for i, (each, fold) in enumerate(zip(incidents, folds, strict=True)):
            if fold == number:
                outcomes[i] = _outcome(model, each)
        if progress is not None:
            progress(done, len(numbers))
    return tuple(outcomes[i] for i in range(len(incidents)))


def fold_by_cause(incidents: Sequence[ResolvedIncident], settings: RankerSettings) -> list[int]:
    """Share out the incidents so that each fold has about as many of every cause.

    Parameters
    ----------
    incidents
        Sorted by ``key``.
    settings
        Number of folds, and seed.

    Returns
    -------
    list of int
        One a incident.
    """
    strata: dict[tuple[str, str], list[int]] = {}
    for i, incident in enumerate(incidents):
        strata.setdefault((incident.system, min(incident.causes)), []).append(i)
    generator = np.random.default_rng(settings.seed)
    order = [strata[stratum][j] for stratum in sorted(strata) for j in generator.permutation(len(strata[stratum]))]
    folds = [0] * len(incidents)
    for turn, i in enumerate(order):
        folds[i] = turn % settings.folds
    return folds


def _outcome(model: Model, incident: ResolvedIncident) -> Outcome:
    shares = model.shares(incident.sight)
    return Outcome(
        before=_place(incident.sight.ranking, incident.causes),
        after=_place(model.rank(incident.sight, shares), incident.causes),
        share=float(shares.max(initial=0.0)),
        system=incident.system,
    )


def _place(ranking: Sequence[str], causes: Sequence[str]) -> int:
    """Of the first true cause, from 1."""
    return next(place for place, name in enumerate(ranking, start=1) if name in causes)


def _table(sight: Sight, memory: Memory | None, *, apart_from: int | None = None) -> FeatureTable:
    if memory is None:
        return sight.features
    # A forest leans on the unlearnt score and repeats its mistakes; at home it does better to weigh the evidence.
    own = sight.features.without(SCORE_COLUMNS)
    return own.joined(sight.words).joined(memory.features(sight, apart_from=apart_from))
